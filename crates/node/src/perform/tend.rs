//! Tends what folders put away: what a program wrote to comes back, what is large is packed, what is old goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_disk::{Keep, Root};
use shoal_engine::event::{Event, Noticed};
use shoal_engine::id::{ContentId, FolderId, Scope};
use shoal_store::KeepSetting;

use super::Hands;
use crate::show::number;
use crate::view::{FolderKept, KeepFor};

/// What is known of the kept versions of each folder.
#[derive(Default)]
pub(crate) struct Tending(Mutex<BTreeMap<FolderId, Seen>>);

/// What was last counted in one folder.
#[derive(Clone, Copy, Default)]
struct Seen {
    versions: u64,
    bytes: u64,
    /// Bytes of the folder's own files, as last drawn.
    own_bytes: u64,
}

impl Tending {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<FolderId, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hands {
    /// What is kept in a folder, as last counted; notes how much the folder itself holds.
    pub(crate) fn kept(&self, folder: FolderId, own_bytes: u64) -> FolderKept {
        let mut tending = self.state.tending.lock();
        let seen = tending.entry(folder).or_default();
        seen.own_bytes = own_bytes;
        let KeepSetting { days, forever, bytes } = self.keep_setting(folder);
        let keep = KeepFor { days, forever, bytes };
        FolderKept { versions: number(seen.versions), bytes: number(seen.bytes), keep }
    }

    fn keep_setting(&self, folder: FolderId) -> KeepSetting {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if settings.keep.is_empty() {
            return KeepSetting::default();
        }
        settings.keep.get(&folder.to_string()).copied().unwrap_or_default()
    }

    /// Looks again at what every folder put away, and packs what nobody writes to any more.
    pub(crate) fn revisit_kept(self: &Arc<Self>) {
        for folder in self.folders() {
            self.on_root(folder, false, move |hands, root| {
                let paths = root.revisit_kept().unwrap_or_default();
                if !paths.is_empty() {
                    let paths = paths.into_iter().map(|path| Noticed { path, is_settled: true }).collect();
                    hands.answer(Event::Noticed { folder, paths });
                }
            });
            self.on_root(folder, true, move |hands, root| match root.pack_kept(&|content| hands.manifest(content)) {
                Ok(0) => {}
                Ok(packed) => {
                    tracing::info!(%folder, packed, "kept versions were packed");
                    hands.count_kept(folder, root);
                }
                Err(code) => tracing::warn!(%folder, ?code, "kept versions could not be packed"),
            });
        }
    }

    /// Lets go of what no folder keeps any longer.
    pub(crate) fn let_go_everywhere(self: &Arc<Self>) {
        self.folders().into_iter().for_each(|folder| self.let_go(folder));
    }

    /// Lets go of what a folder keeps no longer, and counts what stays.
    pub(crate) fn let_go(self: &Arc<Self>, folder: FolderId) {
        self.on_root(folder, true, move |hands, root| hands.count_kept(folder, root));
    }

    fn count_kept(&self, folder: FolderId, root: &Root) {
        let set = self.keep_setting(folder);
        let days = if set.forever { None } else { set.days.or(Keep::default().days) };
        let own_bytes = self.state.tending.lock().get(&folder).map_or(0, |seen| seen.own_bytes);
        match root.retain_kept(Keep { days, bytes: set.bytes }, own_bytes) {
            Ok(kept) => {
                if !kept.gone.is_empty() {
                    tracing::info!(%folder, contents = kept.gone.len(), "old versions went");
                    self.answer(Event::KeptGone { folder, contents: kept.gone });
                }
                let mut tending = self.state.tending.lock();
                let seen = tending.entry(folder).or_default();
                (seen.versions, seen.bytes) = (kept.versions, kept.bytes);
                drop(tending);
                self.changed();
            }
            Err(code) => tracing::warn!(%folder, ?code, "kept versions could not be looked through"),
        }
    }

    /// Throws away what was fetched and is of no use to a folder that lacks nothing.
    pub(crate) fn sweep_stage(self: &Arc<Self>, folder: FolderId, needed: Vec<ContentId>) {
        self.on_root(folder, false, move |_, root| {
            let removed = root.stage().sweep(&|content| needed.contains(&content));
            if removed > 0 {
                tracing::info!(%folder, removed, "leftovers of the stage were removed");
            }
        });
    }

    /// Does something in a folder that is open: in turn with its other work, or beside it if that takes long.
    pub(super) fn on_root(
        self: &Arc<Self>,
        folder: FolderId,
        is_long: bool,
        job: impl FnOnce(&Arc<Hands>, &Root) + Send + 'static,
    ) {
        let Some(bench) = self.benches.get(Scope::Folder(folder)) else { return };
        let hands = Arc::clone(self);
        let job = move |ground: Option<&Arc<super::ground::Ground>>| {
            if let Some(root) = ground.and_then(|ground| ground.root())
                && root.check().is_ok()
            {
                job(&hands, root);
            }
        };
        if is_long { bench.large(job) } else { bench.work(job) }
    }
}
