//! Copies files into a shared folder: under a private name first, so that the folder never shows half a file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shoal_engine::id::{FolderId, Scope};
use shoal_engine::path::{PRIVATE_DIR, RelPath};
use shoal_engine::request::Request;

use crate::act::{known_folder, not_there, source_paths};
use crate::command::{Answer, Source};
use crate::gather::{Gathered, gather};
use crate::node::{Node, blocking};
use crate::offers::{first_part, numbered};
use crate::perform::Hands;
use crate::picks::random_text;
use crate::progress::Work;
use crate::view::{ErrorCode, Trouble};

/// Bytes copied at a time: large enough to be fast, small enough that progress is seen.
const COPY_BYTES: usize = 1 << 20;

/// Copies a drop or pick into a directory of a folder; returns when all of it is there.
pub(crate) async fn add(node: &Node, source: Source, folder: &str, dir: &str) -> Result<Answer, Trouble> {
    let (folder, _) = known_folder(node, folder).await?;
    let (id, paths) = source_paths(node, &source)?;
    let dir = match dir {
        "" => None,
        dir => Some(RelPath::parse(dir).map_err(|_| Trouble::plain(ErrorCode::NotUnderstood))?),
    };
    let (root, _) = node.hands().folder_record(folder).ok_or_else(not_there)?;
    let hands = Arc::clone(node.hands());
    blocking(move || copy_all(&hands, folder, &root, dir.as_ref(), &paths)).await??;
    if let Some(upload) = node.picks().forget(&id) {
        blocking(move || crate::uploads::remove(&upload)).await?;
    }
    // The watcher has told of the files; where nothing is watched, this finds them.
    if node.hands().is_unwatched(folder) {
        node.request(Request::Rescan(folder)).await?;
    }
    Ok(Answer::Done)
}

fn copy_all(
    hands: &Hands,
    folder: FolderId,
    root: &Path,
    dir: Option<&RelPath>,
    paths: &[PathBuf],
) -> Result<(), Trouble> {
    let gathered = gather(paths)?;
    let inside = dir.map_or_else(|| root.to_owned(), |dir| root.join(dir.as_str()));
    // Links could lead out of the folder.
    let is_inside =
        inside.canonicalize().ok().zip(root.canonicalize().ok()).is_some_and(|(dir, root)| dir.starts_with(root));
    if !is_inside {
        return Err(not_there());
    }
    let (all, mut done) = (gathered.bytes(), 0);
    let work = (Scope::Folder(folder), Work::Copying);
    hands.works.begin(hands.clock.now(), work, all);
    let copied = gathered.sources.iter().try_for_each(|(first, source)| {
        copy_one(&gathered, first, source, (root, &inside), &mut |bytes| {
            done += bytes;
            hands.works.add(hands.clock.now(), work, bytes);
            hands.changed();
        })
    });
    hands.works.end(hands.clock.now(), work, (all, done));
    hands.changed();
    copied.map_err(|error| {
        tracing::warn!(%error, %folder, "a copy into a folder failed");
        let kind = error.kind();
        if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Trouble::plain(ErrorCode::NoRoom).number("size", all).number("free", 0);
        }
        let place = crate::show::place::shown(&inside);
        if matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
            return Trouble::plain(ErrorCode::PlaceNotWritable).text("path", place);
        }
        Trouble::plain(ErrorCode::DiskUnreliable).text("file", place)
    })
}

/// Copies one file or tree under a private name, then gives it its own, or the next that is free.
fn copy_one(
    gathered: &Gathered,
    first: &str,
    source: &Path,
    (root, inside): (&Path, &Path),
    count: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let private = root.join(PRIVATE_DIR).join("incoming");
    fs::create_dir_all(&private)?;
    let aside = private.join(random_text());
    let mut copy = || -> io::Result<()> {
        for item in gathered.items.iter().filter(|item| first_part(&item.path) == first) {
            let rest = item.path.as_str().strip_prefix(first).unwrap_or_default().trim_start_matches('/');
            let (from, to) = if rest.is_empty() {
                (source.to_owned(), aside.clone())
            } else {
                (source.join(rest), aside.join(rest))
            };
            if item.is_directory {
                fs::create_dir_all(&to)?;
            } else {
                copy_file(&from, &to, count)?;
            }
        }
        // A tree of nothing but links is still a directory.
        if !aside.exists() {
            fs::create_dir_all(&aside)?;
        }
        Ok(())
    };
    let published = copy().and_then(|()| publish(&aside, inside, source_name(first, source)));
    if published.is_err() {
        let _ = if aside.is_dir() { fs::remove_dir_all(&aside) } else { fs::remove_file(&aside) };
    }
    let _ = fs::remove_dir(&private);
    published
}

/// The name to copy under: the source's own; two of one name meet the number rule like any other.
fn source_name<'a>(first: &'a str, source: &'a Path) -> &'a str {
    source.file_name().and_then(|name| name.to_str()).unwrap_or(first)
}

fn copy_file(from: &Path, to: &Path, count: &mut dyn FnMut(u64)) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut source = File::open(from)?;
    let before = source.metadata()?;
    let mut target = File::create_new(to)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        target.write_all(&buffer[..read])?;
        count(read as u64);
    }
    target.set_permissions(before.permissions())?;
    if let Ok(modified) = before.modified() {
        target.set_modified(modified)?;
    }
    target.sync_all()
}

/// Moves what was copied to its name without replacing anything.
fn publish(aside: &Path, inside: &Path, name: &str) -> io::Result<()> {
    for name in std::iter::once(name.to_owned()).chain(numbered(name)) {
        let target = inside.join(&name);
        match rename_to_free(aside, &target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            renamed => {
                renamed?;
                return File::open(inside)?.sync_all();
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Renames without replacing. A file is linked, which never replaces; an empty directory made first holds a tree's name.
fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        // Renaming a directory replaces only an empty one: the one just made.
        fs::create_dir(to)?;
        return fs::rename(from, to);
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::Unsupported || error.kind() == io::ErrorKind::PermissionDenied => {
            // Without links the name is taken first, then filled by the rename.
            File::create_new(to)?;
            fs::rename(from, to)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(names: &[&str]) -> (tempfile::TempDir, Vec<String>) {
        let dir = tempfile::tempdir().expect("a directory");
        let (root, from) = (dir.path().join("root"), dir.path().join("from"));
        fs::create_dir_all(root.join("sub")).expect("made");
        fs::create_dir_all(from.join("tree/deep")).expect("made");
        fs::write(from.join("tree/deep/x"), "x").expect("written");
        fs::write(from.join("a.txt"), "a").expect("written");
        for name in names {
            let path = from.join(name);
            let gathered = gather(&[path]).expect("gathered");
            let (first, source) = gathered.sources.iter().next().expect("one");
            copy_one(&gathered, first, source, (&root, &root.join("sub")), &mut |_| ()).expect("copied");
        }
        let mut found: Vec<String> = fs::read_dir(root.join("sub"))
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        found.sort();
        (dir, found)
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let (dir, found) = copied(&["a.txt", "a.txt", "tree", "tree"]);
        assert_eq!(found, ["a (1).txt", "a.txt", "tree", "tree (1)"]);
        let text = fs::read_to_string(dir.path().join("root/sub/tree (1)/deep/x"));
        assert_eq!(text.expect("there"), "x");
        assert!(!dir.path().join("root/.shoal/incoming").exists());
    }
}
