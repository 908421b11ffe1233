//! What a person asks for beyond what the folder wants: contents of earlier versions, and what they are put over.

use crate::folder::Folder;
use crate::id::{ContentId, Scope};
use crate::observe::Fingerprint;
use crate::path::RelPath;
use crate::saved::Materialised;
use crate::turn::Turn;

/// Most files that hold a content named to somebody who looks for it.
const PLACES_MAX: usize = 8;

/// How far a content is that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// All of it is staged.
    pub is_complete: bool,
    /// Connected devices that have some of it.
    pub sources: usize,
    /// Everybody who is connected was asked, and has none.
    pub is_nowhere: bool,
}

/// What stands at a path as this disk was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What.
    pub disk: Materialised,
    /// It is recorded, and nothing about it is being looked at or changed.
    pub is_sure: bool,
}

impl Folder {
    /// Fetches a content that no path wants, such as an earlier version's.
    pub(crate) fn want_content(&mut self, content: ContentId, size: u64) {
        if self.is_running() {
            self.swarm.want(content, size, Vec::new());
        }
    }

    /// Nobody asks for a content any more: what is staged of it goes, unless a path waits for it.
    pub(crate) fn enough_of(&mut self, content: ContentId, turn: &mut Turn<'_>) {
        if self.planning.waiting_for(content).is_empty() {
            self.swarm.forget(Scope::Folder(self.id), content, turn);
        }
    }

    /// How far a content is that somebody asked for; `None` if nobody did.
    pub(crate) fn fetching(&self, content: ContentId) -> Option<Fetching> {
        let (sources, is_nowhere) = self.swarm.sources_of(content);
        let is_complete = self.swarm.is_complete(content);
        self.swarm.wants(content).then_some(Fetching { is_complete, sources, is_nowhere })
    }

    /// What stands at a path and below it, or in the whole folder.
    pub(crate) fn standing(&self, within: Option<&RelPath>) -> Vec<(RelPath, Standing)> {
        let own = within.and_then(|path| Some((path, self.index.get(path)?)));
        let all = own.into_iter().chain(self.index.below(within));
        let standing = all.filter(|(_, state)| state.standing().is_some()).filter_map(|(path, state)| {
            let disk = state.disk.clone()?;
            let is_moving = state.is_busy || self.is_unsure(path);
            let is_sure = !is_moving && !disk.versions.is_empty();
            Some((path.clone(), Standing { disk, is_sure }))
        });
        standing.collect()
    }

    /// Files on this disk that hold a content.
    pub(crate) fn files_with(&self, content: ContentId) -> Vec<(RelPath, Fingerprint)> {
        let places = self.index.places_of(content).filter_map(|(path, disk)| Some((path.clone(), disk.print?)));
        places.take(PLACES_MAX).collect()
    }

    /// Contents that are not among the kept versions any more: nobody is promised them, and no plan takes them.
    pub(crate) fn kept_gone(&mut self, contents: &[ContentId]) {
        for content in contents {
            self.planning.kept.remove(content);
        }
    }

    /// Contents that are being fetched, or were fetched and do not stand in their place yet.
    pub(crate) fn staged(&self) -> Vec<ContentId> {
        self.swarm.all_wanted()
    }

    /// A person said yes to the removal of these paths before it was made.
    pub(crate) fn allow_removal(&mut self, paths: Vec<RelPath>) {
        self.hold.allow(paths);
    }

    /// What a person said yes to was not made.
    pub(crate) fn forget_removal(&mut self, paths: &[RelPath]) {
        self.hold.forget_allowed(paths);
    }
}
