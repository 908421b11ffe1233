//! Merges two edits of one text, and keeps texts aside from which such edits are made.

use std::sync::Arc;

use shoal_disk::Root;
use shoal_engine::effect::Texts;
use shoal_engine::event::{Event, WorkId};
use shoal_engine::id::{ContentId, FolderId, Scope};
use shoal_engine::observe::{Act, Change, Fingerprint, Outcome};
use shoal_engine::path::RelPath;

use super::Hands;
use super::ground::Ground;

/// Most files in one batch of which copies are kept: more at a time is no person writing.
const BATCH_MAX: usize = 64;

/// A file: where it stands, as what, with which content.
type File = (RelPath, Fingerprint, ContentId);

impl Hands {
    pub(super) fn merge(
        self: &Arc<Self>,
        folder: FolderId,
        work: WorkId,
        path: RelPath,
        print: Fingerprint,
        texts: Texts,
    ) {
        let Some(bench) = self.benches.get(Scope::Folder(folder)) else {
            return self.answer_soon(Event::Merged { folder, work, merged: None });
        };
        let hands = Arc::clone(self);
        bench.work(move |ground| {
            let root = ground.and_then(|ground| ground.root());
            let merged = root.and_then(|root| hands.merge_now(root, &path, &print, texts));
            hands.answer(Event::Merged { folder, work, merged });
        });
    }

    /// Removes the copies of texts that are old or too many.
    pub(crate) fn trim_bases(self: &Arc<Self>) {
        for folder in self.folders() {
            self.on_root(folder, true, move |_, root| {
                if let Err(code) = root.trim_bases() {
                    tracing::warn!(%folder, ?code, "old copies of texts could not be removed");
                }
            });
        }
    }

    fn merge_now(&self, root: &Root, path: &RelPath, print: &Fingerprint, texts: Texts) -> Option<(ContentId, u64)> {
        match root.merge((path, print), texts, &|content| self.manifest(content)) {
            Ok(merged) => {
                let (content, manifest) = merged?;
                self.store.save_manifests(&[(content, manifest.encode())]);
                Some((content, manifest.size()))
            }
            Err(code) => {
                tracing::warn!(?code, "two texts were not merged");
                None
            }
        }
    }
}

/// Files that were read or put there, of which copies are to be kept; none if they are too many.
pub(super) fn few(files: impl Iterator<Item = File>) -> Vec<File> {
    let files: Vec<File> = files.take(BATCH_MAX + 1).collect();
    if files.len() <= BATCH_MAX { files } else { Vec::new() }
}

/// Keeps copies of the texts among files of a folder.
pub(super) fn keep_bases(ground: Option<&Arc<Ground>>, files: &[File]) {
    let Some(Ground::Folder(root)) = ground.map(AsRef::as_ref) else { return };
    if let Err(code) = root.keep_bases(files) {
        // Nothing is lost but a merge that could have been made.
        tracing::debug!(?code, "not of every text a copy was kept");
    }
}

/// The file that a change put there, if it did.
pub(super) fn published(change: &Change, outcome: &Outcome) -> Option<File> {
    match (&change.act, outcome) {
        (
            Act::Publish { content, .. },
            Outcome::Done { print: Some(print) } | Outcome::Displaced { print: Some(print), .. },
        ) => Some((change.path.clone(), *print, *content)),
        (Act::Publish { .. } | Act::Touch { .. } | Act::MakeDirectory | Act::MakeLink { .. } | Act::Remove, _) => None,
    }
}
