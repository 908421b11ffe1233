//! Gathers what this folder knows of one path, for a person who asks why.

use crate::conflict::original_of;
use crate::entry::Kind;
use crate::explain::{Below, Explanation, Facts, Has, HeadStatus, Holder, decide};
use crate::folder::{Folder, Root};
use crate::id::DeviceId;
use crate::observe::Code;
use crate::path::RelPath;
use crate::time::Timestamp;
use crate::version::Head;

/// Most conflict copies named for one path: each takes a line.
const COPIES_MAX: usize = 50;

impl Folder {
    /// Everything known of a path. `known` gives another device's name here and when it last answered.
    pub(crate) fn explain(
        &self,
        path: &RelPath,
        known: &dyn Fn(DeviceId) -> Option<(String, Timestamp)>,
    ) -> Explanation {
        let facts = self.facts(path);
        let winner = self.index.reconciled(path).winner;
        let others = self.index.heads(path).iter();
        let others = others.filter(|head| winner.is_none_or(|winner| winner.id != head.id));
        let members = self.ledger.membership().members.iter().filter(|(device, _)| **device != self.me);
        let members = members.map(|(device, member)| {
            let known = known(*device);
            let seen = known.as_ref().map(|(_, seen)| *seen).unwrap_or_default();
            let name = known.map_or_else(|| member.name.clone(), |(name, _)| name);
            Holder { device: *device, name, has: self.has(*device, winner, seen) }
        });
        let is_of_path = |copy: &&RelPath| original_of(copy).is_some_and(|(original, _)| original == *path);
        Explanation {
            verdict: decide(&facts),
            heads: winner.into_iter().chain(others).map(HeadStatus::of).collect(),
            is_same: facts.seen.as_ref().zip(facts.wanted.as_ref()).is_some_and(|(seen, wanted)| seen.is_same(wanted)),
            seen: facts.seen,
            members: members.collect(),
            copies: self.index.copies.iter().filter(is_of_path).take(COPIES_MAX).cloned().collect(),
            copy_of: original_of(path).filter(|_| self.index.copies.contains(path)),
            below: self.below(path),
        }
    }

    fn facts(&self, path: &RelPath) -> Facts {
        let state = self.index.get(path);
        let wanted = self.index.reconciled(path).winner.map(|head| head.kind.clone());
        let content = wanted.as_ref().and_then(Kind::content);
        let lacking = self.planning.lacking.contains_key(path);
        let versions = self.index.disk(path).map(|disk| disk.versions.as_slice()).unwrap_or_default();
        Facts {
            is_out: self.role().is_none(),
            stop: match self.root {
                Root::Stopped(stop) => Some(stop),
                Root::Closed | Root::Opening | Root::Open => None,
            },
            is_paused: self.record.is_paused,
            is_walked: self.root == Root::Open && self.looking.is_walked,
            problem: state.and_then(|state| state.problem).or_else(|| self.skipped(path)),
            hold: self.hold.holds(path),
            is_looked_at: self.looking.has(path),
            is_recorded_now: self.recording.has(path)
                || versions.iter().any(|version| !self.exchange.is_durable(*version)),
            is_applied_now: state.is_some_and(|state| state.is_busy) || self.planning.ready.contains_key(path),
            is_conflict: self.open_paths.contains_key(path),
            is_blocked: self.is_blocked(path),
            lacking: lacking.then(|| content.map_or((0, false), |content| self.swarm.sources_of(content))),
            is_put_off: self.planning.retry.get(path).is_some_and(|(_, due)| *due > self.stepped),
            seen: state.and_then(|state| state.standing()).cloned(),
            wanted,
            has_inside: self.index.has_standing_below(path),
        }
    }

    /// Why a name is no path for us.
    fn skipped(&self, path: &RelPath) -> Option<Code> {
        let names = self.planning.skipped.get(&path.parent())?;
        names.iter().find(|(name, _)| name == path.name() || name == path.as_str()).map(|(_, code)| *code)
    }

    /// What another member has of a version.
    fn has(&self, device: DeviceId, head: Option<&Head>, last_seen: Timestamp) -> Has {
        if self.record.invited.contains(&device) {
            return Has::Invited;
        }
        let Some(peer) = self.exchange.peers.get(&device) else { return Has::Away { since: last_seen } };
        let told = head.and_then(|head| head.kind.content()).and_then(|content| self.swarm.told_of(content, device));
        if let Some(has) = told {
            return has;
        }
        let is_as_we = |digest| digest == self.ledger.digest();
        match peer.state {
            None => Has::Unknown,
            Some(state) if is_as_we(state.digest) && (state.files, state.problems) == (0, 0) => Has::All,
            Some(state) if !is_as_we(state.digest) && head.is_some_and(|head| !self.has_heard(peer, head.id)) => {
                Has::NotHeard
            }
            Some(state) => Has::Behind { files: state.files, problems: state.problems },
        }
    }

    fn below(&self, dir: &RelPath) -> Below {
        let mut below = Below::default();
        for (path, state) in self.index.below(Some(dir)) {
            let is_file = |kind: &Kind| matches!(kind, Kind::File { .. } | Kind::Link { .. });
            let wanted = self.index.reconciled(path).winner.map(|head| &head.kind);
            below.files += u64::from(state.standing().or(wanted).is_some_and(is_file));
            below.lacking += u64::from(self.planning.lacking.contains_key(path));
            below.problems += u64::from(state.problem.is_some());
        }
        below
    }
}
