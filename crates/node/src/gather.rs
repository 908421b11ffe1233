//! Walks what was dropped or picked: what it is made of, as items of an offer or as sums.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use shoal_disk::Root;
use shoal_engine::limits::OFFER_ITEMS_MAX;
use shoal_engine::message::OfferItem;
use shoal_engine::observe::{Listed, Seen};
use shoal_engine::path::RelPath;

use crate::offers::numbered;
use crate::view::{ErrorCode, Trouble};

/// What paths are made of.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Files and empty directories, each under the first part of its source.
    pub(crate) items: Vec<OfferItem>,
    /// Which path each first part stands for.
    pub(crate) sources: BTreeMap<String, PathBuf>,
}

impl Gathered {
    pub(crate) fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.size).fold(0, u64::saturating_add)
    }
}

/// Walks paths. Links, special files and what cannot be read are left out. Blocks.
pub(crate) fn gather(paths: &[PathBuf]) -> Result<Gathered, Trouble> {
    let mut gathered = Gathered::default();
    for path in paths {
        let path = path.canonicalize().map_err(|_| gone(path))?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Err(gone(&path));
        };
        let own = RelPath::parse(name).map_err(|_| gone(&path))?;
        let first = free_name(name, &gathered.sources);
        let root = Root::open_plain(parent).map_err(|_| gone(&path))?;
        match root.look(&own) {
            Ok(Some(Seen::File { print, executable })) => {
                let seen = Seen::File { print, executable };
                gathered.items.extend(item(&Listed { path: own, seen }, name, &first));
            }
            Ok(Some(Seen::Directory)) => walk(&root, &own, &first, &mut gathered.items)?,
            Ok(Some(Seen::Link { .. } | Seen::Skipped(_)) | None) | Err(_) => return Err(gone(&path)),
        }
        gathered.sources.insert(first, path);
    }
    Ok(gathered)
}

fn walk(root: &Root, dir: &RelPath, first: &str, items: &mut Vec<OfferItem>) -> Result<(), Trouble> {
    let mut parents = BTreeSet::new();
    let mut dirs = vec![dir.clone()];
    let mut is_too_much = false;
    root.walk(Some(dir), &mut |at, entries, _| {
        let entries = entries.unwrap_or_default();
        if !entries.is_empty() {
            parents.extend(at);
        }
        for entry in &entries {
            if entry.seen == Seen::Directory {
                dirs.push(entry.path.clone());
            }
            if items.len() >= OFFER_ITEMS_MAX {
                is_too_much = true;
                return;
            }
            if entry.seen != Seen::Directory {
                items.extend(item(entry, dir.as_str(), first));
            }
        }
    });
    // A directory with something in it follows from that; only empty ones are said.
    for empty in dirs.into_iter().filter(|below| !parents.contains(below)) {
        items.extend(item(&Listed { path: empty, seen: Seen::Directory }, dir.as_str(), first));
    }
    if is_too_much || items.len() > OFFER_ITEMS_MAX { Err(Trouble::plain(ErrorCode::NotUnderstood)) } else { Ok(()) }
}

/// A file or directory as an item: its own first part, `name`, becomes `first`.
fn item(entry: &Listed, name: &str, first: &str) -> Option<OfferItem> {
    let rest = entry.path.as_str().strip_prefix(name)?;
    let path = RelPath::parse(&format!("{first}{rest}")).ok()?;
    match &entry.seen {
        Seen::File { print, executable } => Some(OfferItem {
            path,
            size: print.size,
            is_directory: false,
            executable: *executable,
            modified: print.modified().0,
        }),
        Seen::Directory => Some(OfferItem { path, size: 0, is_directory: true, executable: false, modified: 0 }),
        Seen::Link { .. } | Seen::Skipped(_) => None,
    }
}

/// A first part that no other source has.
fn free_name(name: &str, sources: &BTreeMap<String, PathBuf>) -> String {
    if !sources.contains_key(name) {
        return name.to_owned();
    }
    numbered(name).find(|name| !sources.contains_key(name)).unwrap_or_else(|| name.to_owned())
}

fn gone(path: &Path) -> Trouble {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Trouble::plain(ErrorCode::SourceGone).text("file", file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_of_one_name_from_two_places_get_two_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("one/deep/empty")).expect("made");
        fs::create_dir_all(at("two")).expect("made");
        fs::write(at("one/a"), "1").expect("written");
        fs::write(at("one/deep/b"), "22").expect("written");
        fs::write(at("two/one"), "333").expect("written");
        let gathered = gather(&[at("one"), at("two/one")]).expect("gathered");
        let mut paths: Vec<_> = gathered.items.iter().map(|item| (item.path.as_str(), item.is_directory)).collect();
        paths.sort_unstable();
        let expected = [("one (1)", false), ("one/a", false), ("one/deep/b", false), ("one/deep/empty", true)];
        assert_eq!(paths, expected);
        assert_eq!(gathered.bytes(), 6);
        let sources: Vec<_> =
            gathered.sources.iter().map(|(first, path)| (first.as_str(), path.ends_with("two/one"))).collect();
        assert_eq!(sources, [("one", false), ("one (1)", true)]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let trouble = gather(&["/nowhere/x".into()]).expect_err("gone");
        assert_eq!(trouble.code, ErrorCode::SourceGone);
    }

    #[test]
    fn an_empty_directory_is_an_item_of_its_own() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("empty")).expect("made");
        let gathered = gather(&[dir.path().join("empty")]).expect("gathered");
        assert_eq!(gathered.items.len(), 1);
        assert!(gathered.items[0].is_directory);
        assert_eq!(gathered.items[0].path.as_str(), "empty");
    }
}
