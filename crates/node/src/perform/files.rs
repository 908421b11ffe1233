//! Does what the engine wants of the files of one folder or offer, on the threads of its bench.

use std::collections::BTreeMap;
use std::sync::Arc;

use shoal_disk::{DiskError, Root};
use shoal_engine::chunk::{Level, Manifest};
use shoal_engine::event::{Event, PrepareTrouble, WorkId};
use shoal_engine::id::{ContentId, FolderId, Scope};
use shoal_engine::observe::{
    Act, Change, Code, Fingerprint, HashTrouble, Hashed, Outcome, Seen, Source, Stop, Witness,
};
use shoal_engine::path::{PRIVATE_DIR, RelPath};

use super::Hands;
use super::bench::{Bench, LARGE_BYTES_MIN};
use super::ground::Ground;
use super::merge;
use crate::progress::Work;
use crate::view::{ErrorCode, Trouble};

/// How many bytes are read between two words about it.
const READ_TOLD_BYTES: u64 = 4 << 20;

type Files = Vec<(RelPath, Option<ContentId>)>;
type Near = Vec<(RelPath, Fingerprint, ContentId)>;

impl Hands {
    /// Opens a folder's directory, finishes what a crash left half done, and begins to watch.
    pub(super) fn open_root(self: &Arc<Self>, folder: FolderId) {
        let hands = Arc::clone(self);
        let record = self.folder_record(folder);
        self.benches.put_up(Scope::Folder(folder), &self.crowd, move |bench| {
            let opened = match record {
                Some((place, root_id)) => Root::open(&place, root_id),
                None => Err(Stop::Missing),
            };
            let (ground, result, kept, witness) = match opened {
                Ok(root) => {
                    hands.begin_in(folder, &root, bench);
                    let kept = root.kept_contents().unwrap_or_default();
                    let witness = root.witness();
                    (Some(Ground::Folder(root)), Ok(()), kept, witness)
                }
                Err(stop) => (None, Err(stop), Vec::new(), None),
            };
            hands.answer(Event::RootOpened { folder, result, kept, witness });
            ground
        });
    }

    fn begin_in(self: &Arc<Self>, folder: FolderId, root: &Root, bench: &Bench) {
        if let Err(error) = root.recover() {
            tracing::error!(%folder, %error, "what a crash left half done stays so");
            let place = crate::show::place::shown(root.dir());
            self.trouble(Trouble::plain(ErrorCode::NotClearedUp).text("path", place));
        }
        self.note_unwatched(folder, false);
        match super::hints::watch(self, folder, root) {
            Ok(watcher) => bench.set_watch(watcher),
            Err(trouble) => {
                tracing::warn!(%folder, ?trouble, "cannot watch: changes are found by looking");
                self.note_unwatched(folder, true);
            }
        }
    }

    pub(super) fn note_witness(self: &Arc<Self>, folder: FolderId, witness: Witness) {
        self.on_root(folder, false, move |_, root| {
            if let Err(error) = root.note_witness(witness) {
                // Only a home that is set back to an older copy would miss it.
                tracing::warn!(%folder, ?error, "cannot note how far our records are");
            }
        });
    }

    /// Opens an offer's ground unless it is open.
    pub(super) fn offer_bench(self: &Arc<Self>, scope: Scope) -> Option<Arc<Bench>> {
        let Scope::Offer(offer) = scope else { return self.benches.get(scope) };
        if let Some(bench) = self.benches.get(scope) {
            return Some(bench);
        }
        let noted = self.offers.get(offer)?;
        Some(self.benches.put_up(scope, &self.crowd, move |_| match Ground::open_offer(&noted) {
            Ok(ground) => Some(ground),
            Err(error) => {
                tracing::warn!(%offer, %error, "cannot open the place of an offer");
                None
            }
        }))
    }

    pub(super) fn look(self: &Arc<Self>, folder: FolderId, work: WorkId, paths: Vec<RelPath>) {
        let Some(bench) = self.benches.get(Scope::Folder(folder)) else {
            return self.answer_soon(Event::Looked { folder, work, seen: Vec::new(), root: Err(Stop::Missing) });
        };
        let hands = Arc::clone(self);
        bench.work(move |ground| {
            let (seen, root) = match ground {
                Some(ground) => within(ground, || paths.into_iter().map(|path| look_at(ground, path)).collect()),
                None => (Vec::new(), Err(Stop::Missing)),
            };
            hands.answer(Event::Looked { folder, work, seen, root });
        });
    }

    pub(super) fn walk(self: &Arc<Self>, folder: FolderId, work: WorkId, dir: Option<RelPath>) {
        let Some(bench) = self.benches.get(Scope::Folder(folder)) else {
            return self.answer_soon(Event::Walked { folder, work, root: Err(Stop::Missing) });
        };
        let hands = Arc::clone(self);
        bench.work(move |ground| {
            let root = match ground.and_then(|ground| ground.root()) {
                Some(root) => root.check().and_then(|()| {
                    root.walk(dir.as_ref(), &mut |dir, entries, skipped| {
                        hands.answer(Event::Listing { folder, work, dir, entries, skipped });
                    });
                    root.check()
                }),
                None => Err(Stop::Missing),
            };
            hands.answer(Event::Walked { folder, work, root });
        });
    }

    pub(super) fn hash(self: &Arc<Self>, scope: Scope, work: WorkId, files: Files) {
        let Some(bench) = self.offer_bench(scope) else {
            let files = files.into_iter().map(|(path, _)| (path, Err(HashTrouble::Gone))).collect();
            return self.answer_soon(Event::Hashed { scope, work, files });
        };
        let hands = Arc::clone(self);
        let next = Arc::clone(&bench);
        bench.hash(move |ground| {
            let bytes: u64 = files.iter().filter_map(|(path, _)| size_of(ground?, path)).sum();
            hands.works.begin(hands.clock.now(), (scope, Work::Reading), bytes);
            if bytes < LARGE_BYTES_MIN {
                hands.hash_now(ground, (scope, work), files, bytes);
            } else {
                next.large(move |ground| hands.hash_now(ground, (scope, work), files, bytes));
            }
        });
    }

    fn hash_now(&self, ground: Option<&Arc<Ground>>, (scope, work): (Scope, WorkId), files: Files, bytes: u64) {
        let (mut answers, mut manifests) = (Vec::with_capacity(files.len()), Vec::new());
        let (mut read, mut told) = (0, 0);
        let mut count = |more: u64| {
            read += more;
            if read - told >= READ_TOLD_BYTES {
                self.works.add(self.clock.now(), (scope, Work::Reading), read - told);
                told = read;
                self.changed();
            }
        };
        for (path, before) in files {
            let level = before.and_then(|content| self.manifest(content)).map(|manifest| manifest.level);
            let hashed = hash_one(ground, &path, level, &mut count).map(|(hashed, manifest)| {
                manifests.push((hashed.content, manifest.encode()));
                hashed
            });
            answers.push((path, hashed));
        }
        self.works.end(self.clock.now(), (scope, Work::Reading), (bytes, told));
        self.store.save_manifests(&manifests);
        let read = answers.iter().filter_map(|(path, hashed)| Some((path, hashed.as_ref().ok()?)));
        let read = merge::few(read.map(|(path, hashed)| (path.clone(), hashed.print, hashed.content)));
        self.answer(Event::Hashed { scope, work, files: answers });
        // Afterwards: nobody waits for these.
        merge::keep_bases(ground, &read);
    }

    pub(super) fn prepare(self: &Arc<Self>, scope: Scope, content: ContentId, near: Near) {
        let refuse = move |trouble| Event::Prepared { scope, content, staged: Err(trouble) };
        let Some(bench) = self.offer_bench(scope) else {
            return self.answer_soon(refuse(PrepareTrouble::Refused(Code::DiskError)));
        };
        let hands = Arc::clone(self);
        let next = Arc::clone(&bench);
        bench.work(move |ground| {
            let Some(manifest) = hands.manifest(content) else {
                return hands.answer(refuse(PrepareTrouble::NoManifest));
            };
            if manifest.size() < LARGE_BYTES_MIN {
                hands.prepare_now(ground, scope, content, (manifest, near));
            } else {
                next.large(move |ground| hands.prepare_now(ground, scope, content, (manifest, near)));
            }
        });
    }

    fn prepare_now(
        &self,
        ground: Option<&Arc<Ground>>,
        scope: Scope,
        content: ContentId,
        (manifest, near): (Arc<Manifest>, Near),
    ) {
        let staged = match ground {
            Some(ground) => self.stage_from(ground, content, &manifest, &near),
            None => Err(Code::DiskError),
        };
        if let Err(code) = staged {
            tracing::warn!(?code, "no room was made for a content");
        }
        let staged = staged.map(|have| (manifest, have)).map_err(PrepareTrouble::Refused);
        self.answer(Event::Prepared { scope, content, staged });
    }

    fn stage_from(
        &self,
        ground: &Ground,
        content: ContentId,
        manifest: &Arc<Manifest>,
        near: &Near,
    ) -> Result<Vec<bool>, Code> {
        let root = ground.root().ok_or(Code::DiskError)?;
        let file = root.stage().open(content, manifest)?;
        for (path, print, content) in near {
            if file.is_complete() {
                break;
            }
            let reader = ground.locate(path).and_then(|(root, path)| root.reader(&path, print).ok());
            if let (Some(reader), Some(near)) = (reader, self.manifest(*content)) {
                file.fill_from(&reader, &near);
            }
        }
        Ok(file.have())
    }

    pub(super) fn apply(self: &Arc<Self>, scope: Scope, work: WorkId, changes: Vec<Change>) {
        let Some(bench) = self.offer_bench(scope) else {
            let outcomes = vec![Outcome::Refused(Code::DiskError); changes.len()];
            return self.answer_soon(Event::Applied { scope, work, outcomes, root: Err(Stop::Missing) });
        };
        let hands = Arc::clone(self);
        bench.work(move |ground| {
            let (outcomes, root) = match ground {
                Some(ground) => within(ground, || hands.apply_now(ground, &changes)),
                None => (Vec::new(), Err(Stop::Missing)),
            };
            let outcomes = if root.is_err() && outcomes.is_empty() {
                vec![Outcome::Refused(Code::DiskError); changes.len()]
            } else {
                outcomes
            };
            let put = changes.iter().zip(&outcomes).filter_map(|(change, outcome)| merge::published(change, outcome));
            let put = merge::few(put);
            hands.answer(Event::Applied { scope, work, outcomes, root });
            merge::keep_bases(ground, &put);
        });
    }

    fn apply_now(&self, ground: &Ground, changes: &[Change]) -> Vec<Outcome> {
        let Some(root) = ground.root() else {
            return vec![Outcome::Refused(Code::NotAllowed); changes.len()];
        };
        for change in changes {
            if let Act::Publish { content, source: Source::Copy { from, .. }, .. } = &change.act
                && self.manifest(*content).is_none()
            {
                self.manifest_again(ground, from, *content);
            }
        }
        let placed: Option<Vec<Change>> = changes.iter().map(|change| place(ground, change)).collect();
        let outcomes = match placed {
            Some(changes) => root.apply(&changes, &|content| self.manifest(content)),
            None => vec![Outcome::Refused(Code::NameImpossible); changes.len()],
        };
        log_refused(&outcomes);
        outcomes
    }

    /// Finds a manifest again that the index lost, from a file that has the content, and remembers it.
    ///
    /// An index that the disk refused is replaced by an empty one while we run. What stands in the folder is known all
    /// the same, and whoever asks for it would be told for ever that we have it, and never get it.
    pub(super) fn manifest_again(&self, ground: &Ground, path: &RelPath, content: ContentId) -> Option<Arc<Manifest>> {
        let (root, at) = ground.locate(path)?;
        // The level depends on what the file was before, which is not known any more.
        let levels = std::iter::once(None).chain((1..=Level::MAX.0).map(|level| Some(Level(level))));
        for level in levels {
            let (hashed, manifest) = root.hash(&at, level).ok()?;
            if hashed.content == content {
                self.store.save_manifests(&[(content, manifest.encode())]);
                return Some(Arc::new(manifest));
            }
            if manifest.level == Level(0) {
                break;
            }
        }
        None
    }

    pub(super) fn unstage(self: &Arc<Self>, scope: Scope, content: ContentId) {
        let Some(bench) = self.offer_bench(scope) else { return };
        bench.work(move |ground| {
            if let Some(root) = ground.and_then(|ground| ground.root()) {
                root.stage().remove(content);
            }
        });
    }

    /// Takes the marker away, so that the directory can be shared again. Its files and kept versions stay.
    pub(super) fn unmark(&self, folder: FolderId) {
        let Some((place, root_id)) = self.folder_record(folder) else { return };
        self.memory.run(move || {
            if Root::open(&place, root_id).is_ok() {
                let _ = std::fs::remove_file(place.join(PRIVATE_DIR).join("marker"));
            }
        });
    }

    /// Takes the bench of an offer down and removes our directory from its place.
    pub(super) fn close_offer(&self, scope: Scope) {
        let Some(bench) = self.benches.take_down(scope) else { return };
        bench.work(|ground| {
            if let Some(root) = ground.and_then(|ground| ground.root()) {
                root.stage().sweep(&|_| false);
                root.forget_private();
            }
        });
    }
}

/// Says why changes were not made: one line for each reason, however many paths it has.
fn log_refused(outcomes: &[Outcome]) {
    let mut paths: BTreeMap<Code, usize> = BTreeMap::new();
    for outcome in outcomes {
        if let Outcome::Refused(code) = outcome {
            *paths.entry(*code).or_default() += 1;
        }
    }
    for (code, paths) in paths {
        tracing::warn!(?code, paths, "changes were refused by the disk");
    }
}

/// Reads a manifest as the store keeps it.
pub(super) fn decoded(encoded: &shoal_engine::chunk::Encoded) -> Option<Arc<Manifest>> {
    Manifest::decode(&encoded.root, &encoded.pieces).ok().map(Arc::new)
}

/// Does something only while the root is ours, before and after.
fn within<T>(ground: &Ground, act: impl FnOnce() -> Vec<T>) -> (Vec<T>, Result<(), Stop>) {
    match ground.check() {
        Ok(()) => {
            let done = act();
            (done, ground.check())
        }
        Err(stop) => (Vec::new(), Err(stop)),
    }
}

fn look_at(ground: &Ground, path: RelPath) -> (RelPath, Result<Option<Seen>, Code>) {
    let seen = match ground.locate(&path) {
        Some((root, at)) => root.look(&at),
        None => Ok(None),
    };
    (path, seen)
}

fn size_of(ground: &Ground, path: &RelPath) -> Option<u64> {
    let (root, at) = ground.locate(path)?;
    match root.look(&at) {
        Ok(Some(Seen::File { print, .. })) => Some(print.size),
        Ok(Some(Seen::Directory | Seen::Link { .. } | Seen::Skipped(_)) | None) | Err(_) => None,
    }
}

fn hash_one(
    ground: Option<&Arc<Ground>>,
    path: &RelPath,
    level: Option<Level>,
    count: &mut dyn FnMut(u64),
) -> Result<(Hashed, Manifest), HashTrouble> {
    let (root, at) = ground.and_then(|ground| ground.locate(path)).ok_or(HashTrouble::Gone)?;
    root.hash_counted(&at, level, count)
}

/// A change as it stands on this disk.
fn place(ground: &Ground, change: &Change) -> Option<Change> {
    let locate = |path: &RelPath| ground.locate(path).map(|(_, path)| path);
    let mut placed = change.clone();
    placed.path = locate(&change.path)?;
    if let Act::Publish { source: Source::Copy { from, .. } | Source::Move { from, .. }, .. } = &mut placed.act {
        *from = locate(from)?;
    }
    Some(placed)
}

/// Whether a directory can be an offer's destination; makes it if it is not there.
pub(crate) fn destination(dir: &std::path::Path) -> Result<Root, DiskError> {
    std::fs::create_dir_all(dir).map_err(|source| DiskError::Io { what: "make", path: dir.to_owned(), source })?;
    Root::open_plain(dir)
}
