//! Where the paths of a folder or an offer stand on this disk.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shoal_disk::{DiskError, Root};
use shoal_engine::observe::Stop;
use shoal_engine::path::RelPath;

use crate::offers::{Noted, first_part, with_first};

/// Opened roots and how paths map to them.
pub(crate) enum Ground {
    /// A shared folder: paths are as they are.
    Folder(Root),
    /// The place of a received offer; the engine finds other names for those that are taken.
    Received(Root),
    /// A sent offer: each first part stands for a path of its own.
    Sent(BTreeMap<String, Source>),
}

/// One thing that is sent: a name in an opened directory.
pub(crate) struct Source {
    root: Root,
    name: String,
}

impl Ground {
    /// Opens the place of a received offer, or the directories above what a sent one is made of.
    pub(crate) fn open_offer(noted: &Noted) -> Result<Self, DiskError> {
        if let Some(place) = &noted.place {
            return Ok(Ground::Received(Root::open_plain(place)?));
        }
        let mut parents: BTreeMap<PathBuf, Root> = BTreeMap::new();
        let mut sources = BTreeMap::new();
        for (first, path) in &noted.sources {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
                continue;
            };
            let root = match parents.get(parent) {
                Some(root) => root.clone(),
                None => Root::open_plain(parent)?,
            };
            parents.insert(parent.to_owned(), root.clone());
            sources.insert(first.clone(), Source { root, name: name.to_owned() });
        }
        Ok(Ground::Sent(sources))
    }

    /// The root and the path in it, for a path of the engine.
    pub(crate) fn locate(&self, path: &RelPath) -> Option<(&Root, RelPath)> {
        match self {
            Ground::Folder(root) | Ground::Received(root) => Some((root, path.clone())),
            Ground::Sent(sources) => {
                let source = sources.get(first_part(path))?;
                Some((&source.root, with_first(path, &source.name)?))
            }
        }
    }

    /// The root that is written to; a sent offer has none.
    pub(crate) fn root(&self) -> Option<&Root> {
        match self {
            Ground::Folder(root) | Ground::Received(root) => Some(root),
            Ground::Sent(_) => None,
        }
    }

    /// Whether the directory is still the one that was opened.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        self.root().map_or(Ok(()), Root::check)
    }
}
