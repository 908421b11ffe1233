//! I22 while a world lives: whoever says "up to date with B" in a calm moment has the same tree as B.

use std::collections::BTreeSet;

use shoal_engine::observe::Code;
use shoal_engine::path::RelPath;
use shoal_engine::status::{FolderState, MemberState};

use super::check::is_for_lost;
use super::world::World;

/// How long nobody may have done anything for a moment to count as calm.
const CALM_MS: u64 = 6_000;

impl World {
    /// Looks at what every device shows, if the moment is calm and nothing can be hidden from the engines.
    pub fn check_honesty(&mut self) {
        let plan = &self.plan;
        let can_hide =
            plan.has_pauses || plan.has_root_loss || plan.hints_late_percent > 0 || plan.reads_failed_percent > 0;
        if can_hide || plan.folds_from.is_some() || self.has_lost_hints || self.last_deed + CALM_MS > self.now {
            return;
        }
        for pair in 0..self.links.len() {
            let link = &self.links[pair];
            let is_old = link.is_up && link.told == [Some(link.epoch); 2] && link.up_since + CALM_MS < self.now;
            let [a, b] = link.ends;
            if is_old && self.has_joined(a) && self.has_joined(b) {
                self.compare_claim(a, b);
                self.compare_claim(b, a);
            }
        }
    }

    fn compare_claim(&mut self, on: usize, other: usize) {
        let may_differ =
            |device: &usize| !self.account.is_steady_writer(*device) || self.account.removed.contains(device);
        if [on, other].iter().any(may_differ) {
            return;
        }
        let Some(status) = self.status(on) else { return };
        let Some(folder) = status.folders.first() else { return };
        let id = self.devices[other].id;
        let claims =
            |member: &shoal_engine::status::MemberStatus| member.device == id && member.state == MemberState::UpToDate;
        if folder.state == FolderState::UpToDate && folder.members.iter().any(claims) {
            // It says so of everything but what it lists as bytes that nobody has.
            let listed = |(path, code): &(String, Code)| (*code == Code::NoSource).then(|| RelPath::parse(path).ok());
            let nowhere: BTreeSet<RelPath> = folder.problems.iter().filter_map(listed).flatten().collect();
            let (mine, theirs) = (self.shown_tree(on), self.shown_tree(other));
            let is_false = |path: &&RelPath| {
                mine.get(*path) != theirs.get(*path) && !is_for_lost(path, &nowhere, &[&mine, &theirs])
            };
            let path = mine.keys().find(is_false).or_else(|| theirs.keys().find(is_false));
            if let Some(path) = path {
                let (here, there) = (mine.get(path), theirs.get(path));
                self.violate("I22", format!("D{on} says that D{other} is up to date, but {path}: {here:?} {there:?}"));
            }
        }
    }
}
