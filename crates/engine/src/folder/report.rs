//! What people and the other members are told of a folder.

use crate::conflict::original_of;
use crate::entry::Kind;
use crate::folder::exchange::TheirState;
use crate::folder::{Folder, Root};
use crate::observe::Code;
use crate::path::RelPath;
use crate::status::{ConflictStatus, FileStatus, FolderState, FolderStatus, MemberState, MemberStatus};
use crate::time::Timestamp;

/// Problems and conflicts shown at a time.
const SHOWN_MAX: usize = 50;

impl Folder {
    /// How far this disk is, for the other members. Nobody is up to date who has not looked at its disk, or who has
    /// changes that are not recorded.
    pub(super) fn our_state(&self) -> TheirState {
        let (files, bytes) = self.open_files();
        let is_sure = self.is_running() && self.looking.is_idle() && self.recording.is_idle() && self.hold.is_empty();
        TheirState {
            digest: self.ledger.digest(),
            files: if planted!(AlwaysUpToDate) { 0 } else { files.max(u64::from(!is_sure || !self.is_settled())) },
            bytes,
            problems: self.problem_count() as u64,
        }
    }

    /// Files this disk lacks and can have, and their bytes. What only has no room comes as soon as there is some.
    fn open_files(&self) -> (u64, u64) {
        let (files, bytes) = self.planning.lacking();
        let stuck = self.index.problems.iter().filter(|path| !self.has_no_room(path));
        let stuck = stuck.filter_map(|path| self.planning.lacking.get(path));
        stuck.fold((files, bytes), |(files, bytes), size| (files - 1, bytes - size))
    }

    /// Files that can come without anybody's doing, and their bytes: what is held back is no file to go.
    fn open_here(&self) -> (u64, u64) {
        let held = self.hold.there().filter(|path| self.index.get(path).is_none_or(|state| state.problem.is_none()));
        let sizes = held.filter_map(|path| self.planning.lacking.get(path));
        sizes.fold(self.open_files(), |(files, bytes), size| (files - 1, bytes - size))
    }

    fn has_no_room(&self, path: &RelPath) -> bool {
        self.planning.lacking.contains_key(path)
            && self.index.get(path).and_then(|state| state.problem) == Some(Code::DiskFull)
    }

    /// Whether nothing is left to do here but what is listed as a problem.
    pub(crate) fn is_settled(&self) -> bool {
        self.looking.is_idle()
            && self.recording.is_idle()
            && self.exchange.is_idle()
            && self.open_paths.is_empty()
            && self.hold.is_empty()
            && self.planning.is_settled()
            && self.open_files().0 == 0
    }

    fn problem_count(&self) -> usize {
        self.index.problems.len() + self.planning.skipped.values().map(Vec::len).sum::<usize>()
    }

    fn problems(&self) -> Vec<(String, Code)> {
        let paths =
            self.index.problems.iter().filter_map(|path| Some((path.to_string(), self.index.get(path)?.problem?)));
        paths.chain(self.planning.skipped.values().flatten().cloned()).take(SHOWN_MAX).collect()
    }

    fn state(&self) -> FolderState {
        match self.root {
            Root::Stopped(stop) => FolderState::Stopped(stop),
            Root::Closed if self.record.is_paused => FolderState::Paused,
            Root::Closed | Root::Opening => FolderState::Scanning { done: 0 },
            Root::Open if self.forgotten.is_some() => FolderState::Waiting,
            Root::Open if !self.looking.is_walked => FolderState::Scanning { done: self.looking.seen },
            Root::Open if self.is_settled() => FolderState::UpToDate,
            Root::Open if self.index.problems.iter().any(|path| self.has_no_room(path)) => FolderState::Full,
            Root::Open if !self.hold.is_empty() && self.open_here().0 == 0 => FolderState::Held,
            Root::Open if self.swarm.is_starved() && self.looking.is_idle() => FolderState::Waiting,
            Root::Open => FolderState::Syncing,
        }
    }

    fn member(&self, device: crate::id::DeviceId, last_seen: Option<Timestamp>) -> MemberState {
        if self.record.invited.contains(&device) {
            return MemberState::Invited;
        }
        let Some(peer) = self.exchange.peers.get(&device) else {
            return MemberState::Away { since: last_seen.unwrap_or_default() };
        };
        match peer.state {
            None => MemberState::Unknown,
            Some(state) if state.digest == self.ledger.digest() && state.files == 0 => MemberState::UpToDate,
            Some(state) => MemberState::Behind { files: state.files, bytes: state.bytes },
        }
    }

    /// Everything at a glance. `known` gives another device's name here and when it last answered.
    pub(crate) fn status(&self, known: &dyn Fn(crate::id::DeviceId) -> Option<(String, Timestamp)>) -> FolderStatus {
        let members = self.ledger.membership().members.iter().filter(|(device, _)| **device != self.me);
        let members = members.map(|(device, member)| {
            let known = known(*device);
            let last_seen = known.as_ref().map(|(_, seen)| *seen);
            MemberStatus {
                device: *device,
                name: known.map_or_else(|| member.name.clone(), |(name, _)| name),
                role: member.role,
                state: self.member(*device, last_seen),
            }
        });
        let (conflicts, conflict_count) = self.conflict_copies();
        FolderStatus {
            folder: self.id,
            name: self.ledger.name().to_owned(),
            place: self.record.place.clone(),
            role: self.role(),
            state: self.state(),
            files: self.index.files,
            bytes: self.index.bytes,
            lacking: self.open_here(),
            lacking_first: self.planning.lacking.keys().take(20).cloned().collect(),
            members: members.collect(),
            problems: self.problems(),
            problem_count: self.problem_count(),
            conflicts,
            conflict_count,
            hold: self.hold_status(),
            merges: !self.record.never_merge,
        }
    }

    /// Conflict copies that still stand beside the file they belong to.
    fn conflict_copies(&self) -> (Vec<ConflictStatus>, usize) {
        let copies = self.index.copies.iter().filter_map(|copy| {
            let (path, by) = original_of(copy)?;
            self.index.get(&path)?.standing()?;
            Some(ConflictStatus { path, copy: copy.clone(), by })
        });
        let all: Vec<ConflictStatus> = copies.collect();
        let count = all.len();
        (all.into_iter().take(SHOWN_MAX).collect(), count)
    }

    /// What stands, or should stand, in a directory: directories first, then by name.
    pub(crate) fn files_in(&self, dir: Option<&RelPath>, from: usize, max: usize) -> (Vec<FileStatus>, usize) {
        let depth = dir.map_or(0, |dir| dir.as_str().len() + 1);
        let mut found: std::collections::BTreeMap<(bool, String), FileStatus> = std::collections::BTreeMap::new();
        for (path, state) in self.index.below(dir) {
            let is_wanted = self.index.reconciled(path).winner.is_some_and(|head| head.kind.is_live());
            if !is_wanted && state.standing().is_none() && state.problem.is_none() {
                continue;
            }
            let rest = &path.as_str()[depth..];
            let (name, is_below) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            let kind = state.standing().or_else(|| self.index.reconciled(path).winner.map(|head| &head.kind));
            let is_directory = is_below || kind == Some(&Kind::Directory);
            let (size, modified) = match kind {
                Some(Kind::File { size, modified, .. }) if !is_below => (*size, *modified),
                Some(_) | None => (0, Timestamp(0)),
            };
            let line = FileStatus {
                name: name.to_owned(),
                is_directory,
                size,
                modified,
                is_here: state.standing().is_some() && !self.planning.lacking.contains_key(path),
                problem: state.problem.filter(|_| !is_below),
            };
            found.entry((!is_directory, name.to_owned())).or_insert(line);
        }
        let total = found.len();
        (found.into_values().skip(from).take(max).collect(), total)
    }

    /// Every live path with what should stand there.
    pub(crate) fn contents(&self) -> Vec<(RelPath, Kind)> {
        let live =
            |path: &RelPath| self.index.reconciled(path).winner.map(|head| head.kind.clone()).filter(Kind::is_live);
        self.index.iter().filter_map(|(path, _)| Some((path.clone(), live(path)?))).collect()
    }
}
