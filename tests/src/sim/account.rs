//! The account of what users did: which contents they made, gave up, moved and deleted, and where.

use std::collections::{BTreeMap, BTreeSet};

use shoal_engine::id::ContentId;
use shoal_engine::observe::{Act, Change, Expected, Outcome};
use shoal_engine::path::RelPath;

/// What became of one content that a user wrote.
#[derive(Clone, Debug)]
pub struct Fate {
    /// On which device.
    pub writer: usize,
    /// Where.
    pub path: RelPath,
    /// When, in world time.
    pub at: u64,
    /// On which devices a user replaced or deleted it knowingly.
    pub given_up_on: BTreeSet<usize>,
    /// On which devices it was moved, copied, or its mode changed.
    pub moved_on: BTreeSet<usize>,
    /// It was moved, copied, or written a second time: it may stand at several paths.
    pub is_elsewhere: bool,
    /// A power cut took or brought back a file with it.
    pub is_lost: bool,
    /// A user deleted it, on that device.
    pub deleted_by: Option<usize>,
    /// The deletion was forgotten with the index of the device on which it was made.
    pub is_deletion_forgotten: bool,
    /// Another device applied the deletion.
    pub is_removed_elsewhere: bool,
}

/// All deeds of users in one world.
#[derive(Debug, Default)]
pub struct Account {
    /// By content.
    pub fates: BTreeMap<ContentId, Fate>,
    /// How often users acted at each path.
    pub deeds: BTreeMap<RelPath, u32>,
    /// Where the user of each device acted.
    pub touched: BTreeMap<usize, BTreeSet<RelPath>>,
    /// Devices whose role changed, or that were removed.
    pub unsteady: BTreeSet<usize>,
    /// Devices that were removed.
    pub removed: BTreeSet<usize>,
    /// Devices that may only read, from the start.
    pub viewers: BTreeSet<usize>,
    /// Devices that lost their memory of the disk and have not looked at everything since.
    pub forgetful: BTreeSet<usize>,
    /// A hold was answered with "keep the files": deletions may have been taken back.
    pub is_kept_by_hold: bool,
    /// Of contents that were merged of others, those others.
    merged: BTreeMap<ContentId, BTreeSet<ContentId>>,
}

impl Account {
    /// A user acted at a path.
    pub fn deed(&mut self, on: usize, path: &RelPath) {
        *self.deeds.entry(path.clone()).or_default() += 1;
        self.touched.entry(on).or_default().insert(path.clone());
    }

    /// A user wrote a content.
    pub fn wrote(&mut self, on: usize, path: &RelPath, content: ContentId, at: u64) {
        self.deed(on, path);
        let fresh = Fate {
            writer: on,
            path: path.clone(),
            at,
            given_up_on: BTreeSet::new(),
            moved_on: BTreeSet::new(),
            is_elsewhere: false,
            is_lost: false,
            deleted_by: None,
            is_deletion_forgotten: false,
            is_removed_elsewhere: false,
        };
        self.fates.entry(content).and_modify(|fate| fate.is_elsewhere = true).or_insert(fresh);
    }

    /// A user replaced a content by another.
    pub fn replaced(&mut self, on: usize, content: ContentId) {
        self.gave_up(on, content);
    }

    fn gave_up(&mut self, on: usize, content: ContentId) {
        for part in self.parts_of(content) {
            self.with(part, |fate| _ = fate.given_up_on.insert(on));
        }
    }

    /// A user deleted a content at a path.
    pub fn deleted(&mut self, on: usize, path: &RelPath, content: ContentId) {
        self.deed(on, path);
        self.gave_up(on, content);
        if !self.viewers.contains(&on) {
            let is_forgotten = self.forgetful.contains(&on);
            self.with(content, |fate| {
                fate.deleted_by = Some(on);
                fate.is_deletion_forgotten |= is_forgotten;
            });
        }
    }

    /// A user moved, copied or changed the mode of a content.
    pub fn moved(&mut self, on: usize, content: ContentId) {
        for part in self.parts_of(content) {
            self.with(part, |fate| {
                fate.is_elsewhere = true;
                fate.moved_on.insert(on);
            });
        }
    }

    /// Two contents were merged to one.
    pub fn merged(&mut self, merged: ContentId, of: [ContentId; 2]) {
        self.merged.entry(merged).or_default().extend(of);
    }

    /// A content, and all that were merged to it.
    pub fn parts_of(&self, content: ContentId) -> BTreeSet<ContentId> {
        let (mut parts, mut open) = (BTreeSet::new(), vec![content]);
        while let Some(part) = open.pop() {
            if parts.insert(part) {
                open.extend(self.merged.get(&part).into_iter().flatten());
            }
        }
        parts
    }

    /// A power cut undid a change in which this content was.
    pub fn lost(&mut self, content: ContentId) {
        for part in self.parts_of(content) {
            self.with(part, |fate| fate.is_lost = true);
        }
    }

    /// A device forgot what it had materialised: deletions there that nobody else saw may be forgotten.
    pub fn forgot(&mut self, on: usize) {
        self.forgetful.insert(on);
        for fate in self.fates.values_mut() {
            if fate.deleted_by == Some(on) && !fate.is_removed_elsewhere {
                fate.is_deletion_forgotten = true;
            }
        }
    }

    /// Shoal changed a disk.
    pub fn applied(&mut self, on: usize, change: &Change, outcome: &Outcome) {
        if let (Act::Remove, Expected::File { content, .. }, Outcome::Done { .. }) =
            (&change.act, &change.expected, outcome)
        {
            self.with(*content, |fate| fate.is_removed_elsewhere |= fate.deleted_by.is_some_and(|by| by != on));
        }
    }

    /// Whether a device could write from the start to the end.
    pub fn is_steady_writer(&self, device: usize) -> bool {
        !self.unsteady.contains(&device) && !self.viewers.contains(&device)
    }

    /// Whether a device could only read from the start to the end: what it does stays with it.
    fn is_steady_reader(&self, device: usize) -> bool {
        self.viewers.contains(&device) && !self.unsteady.contains(&device)
    }

    /// Contents that nobody gave up: each must be seen at the end.
    pub fn kept(&self) -> impl Iterator<Item = (&ContentId, &Fate)> {
        self.fates.iter().filter(|(_, fate)| {
            let is_given_up = fate.given_up_on.iter().any(|on| !self.is_steady_reader(*on));
            // Of a move that was seen just when the right to write ended, others may know only one half.
            let is_half_moved = fate.moved_on.iter().any(|on| self.unsteady.contains(on));
            !is_given_up && !is_half_moved && !fate.is_lost && self.is_steady_writer(fate.writer)
        })
    }

    /// Contents deleted by someone who knew all there was to know of their path: none may be seen there at the end.
    pub fn gone(&self) -> impl Iterator<Item = (&ContentId, &Fate)> {
        let is_plain = |fate: &Fate| !fate.is_elsewhere && !fate.is_lost && !fate.is_deletion_forgotten;
        self.fates.iter().filter(move |(_, fate)| {
            let by = fate.deleted_by.is_some_and(|by| self.is_steady_writer(by));
            let is_alone = self.deeds.get(&fate.path).is_some_and(|deeds| *deeds == 2);
            by && is_plain(fate) && is_alone && self.is_steady_writer(fate.writer) && !self.is_kept_by_hold
        })
    }

    fn with(&mut self, content: ContentId, act: impl FnOnce(&mut Fate)) {
        if let Some(fate) = self.fates.get_mut(&content) {
            act(fate);
        }
    }
}
