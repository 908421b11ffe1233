//! In which shared folder a path of this computer lies, and where in it.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use shoal_engine::id::FolderId;
use shoal_engine::path::{PRIVATE_DIR, RelPath};

/// Where a path lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    /// In no shared folder.
    Outside,
    /// It is a folder itself.
    Root(FolderId),
    /// In the private directory of a folder.
    Ours(FolderId),
    /// In a folder, under a name that cannot be shared.
    BadName(FolderId),
    /// In a folder.
    At(FolderId, RelPath),
}

/// Says where a path lies; `places` are the folders' directories without links. Reads the disk where names do not tell.
pub(crate) fn find(places: &[(FolderId, PathBuf)], path: &Path) -> Lies {
    let is_plain = path.components().all(|part| !matches!(part, Component::ParentDir | Component::CurDir));
    match is_plain.then(|| by_name(places, path)) {
        Some(Lies::Outside) | None => resolved(path).map_or(Lies::Outside, |path| by_name(places, &path)),
        Some(found) => found,
    }
}

fn by_name(places: &[(FolderId, PathBuf)], path: &Path) -> Lies {
    let inside = places.iter().filter_map(|(folder, place)| Some((*folder, path.strip_prefix(place).ok()?)));
    let Some((folder, rest)) = inside.min_by_key(|(_, rest)| rest.components().count()) else { return Lies::Outside };
    if rest.as_os_str().is_empty() {
        return Lies::Root(folder);
    }
    if rest.starts_with(PRIVATE_DIR) {
        return Lies::Ours(folder);
    }
    match rest.to_str().map(RelPath::parse) {
        Some(Ok(path)) => Lies::At(folder, path),
        Some(Err(_)) | None => Lies::BadName(folder),
    }
}

/// The path with every link above its last part followed; what does not exist stays as it is named.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut rest: Vec<OsString> = Vec::new();
    let mut above = path;
    loop {
        rest.push(above.file_name()?.to_owned());
        above = above.parent()?;
        if let Ok(real) = above.canonicalize() {
            return Some(rest.iter().rev().fold(real, |path, name| path.join(name)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_by_name_and_through_links() {
        let dir = tempfile::tempdir().expect("a directory");
        let base = dir.path().canonicalize().expect("a path");
        let (reef, id) = (base.join("reef"), FolderId([1; 32]));
        std::fs::create_dir_all(reef.join("sub")).expect("made");
        std::os::unix::fs::symlink(&reef, base.join("link")).expect("linked");
        let places = [(id, reef.clone())];
        let at = |path: &str| Lies::At(id, RelPath::parse(path).expect("plain"));
        for (path, lies) in [
            ("reef/sub/a", at("sub/a")),
            ("reef/not/there/a", at("not/there/a")),
            ("reef/sub/../a", at("a")),
            ("link/sub/a", at("sub/a")),
            ("link/not/there", at("not/there")),
            ("reef", Lies::Root(id)),
            ("reef/.shoal/versions", Lies::Ours(id)),
            ("reefs/a", Lies::Outside),
            ("reef/../other", Lies::Outside),
        ] {
            assert_eq!(find(&places, &base.join(path)), lies, "{path}");
        }
    }
}
