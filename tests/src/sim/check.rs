//! What must hold when a world has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use shoal_engine::effect::RecordKey;
use shoal_engine::id::ContentId;
use shoal_engine::observe::Code;
use shoal_engine::path::RelPath;
use shoal_engine::status::{FolderState, MemberState};

use super::device::Device;
use super::disk::Node;
use super::world::{QUIET_MS, World};

/// Most differences that are told.
const TOLD_MAX: usize = 4;
/// Most records that a user's deed may cost before it counts as two devices rewriting each other.
const RECORDS_PER_DEED_MAX: u64 = 12;

impl World {
    /// Checks everything.
    pub fn check(&mut self) {
        let members: Vec<usize> = (0..self.devices.len()).filter(|on| !self.account.removed.contains(on)).collect();
        for on in &members {
            if !self.has_joined(*on) {
                return self.violate("I4", format!("D{on} has not joined"));
            }
        }
        self.check_rest();
        self.check_ledgers(&members);
        let lost = self.paths_without_bytes(&members);
        self.check_trees(&members, &lost);
        self.check_account(&members, &lost);
        self.check_roles(&members);
        self.check_offers();
        self.check_conflicts();
        self.check_status(&members);
    }

    /// I4: nothing happens any more, and not too much happened.
    fn check_rest(&mut self) {
        if self.last_change + QUIET_MS > self.now {
            self.violate("I4", format!("something was still changed at {} of {} ms", self.last_change, self.now));
        }
        let most = (self.deeds + 50) * RECORDS_PER_DEED_MAX * self.devices.len() as u64;
        if self.appended > most {
            self.violate("I20", format!("{} records for {} deeds", self.appended, self.deeds));
        }
    }

    /// I3 and I15: everybody holds the same records, and no place in a chain has two.
    fn check_ledgers(&mut self, members: &[usize]) {
        let Some(folder) = self.folder else { return };
        let mut all: BTreeMap<RecordKey, (usize, Vec<u8>)> = BTreeMap::new();
        let mut wrong = Vec::new();
        let mut counts = Vec::new();
        for on in members {
            let Some(store) = self.devices[*on].store.folders.get(&folder) else { continue };
            let mut keys = BTreeSet::new();
            for (key, bytes) in store.durable() {
                keys.insert(key);
                let (first, known) = all.entry(key).or_insert_with(|| (*on, bytes.to_vec()));
                if known[..] != bytes[..] {
                    wrong.push(("I15", format!("D{first} and D{on} hold different records at {key:?}")));
                }
            }
            counts.push((*on, keys));
        }
        // What a device wrote after it was removed, or may only read, stays with that device.
        let unsteady: BTreeSet<_> = self.account.unsteady.iter().map(|on| self.devices[*on].id).collect();
        let is_void = |key: &RecordKey| matches!(key, RecordKey::Block(chain, _) if unsteady.contains(&chain.device));
        for (on, keys) in counts {
            let lacks: Vec<_> = all.keys().filter(|key| !keys.contains(key) && !is_void(key)).take(TOLD_MAX).collect();
            if !lacks.is_empty() {
                wrong.push(("I3", format!("D{on} lacks records {lacks:?}")));
            }
        }
        for (rule, what) in wrong {
            self.violate(rule, what);
        }
    }

    /// I3: everybody has the same tree. What a viewer changed stays its own.
    fn check_trees(&mut self, members: &[usize], lost: &BTreeSet<RelPath>) {
        let trees: Vec<(usize, BTreeMap<RelPath, String>)> =
            members.iter().map(|on| (*on, self.shown_tree(*on))).collect();
        let Some((first, reference)) = trees.first() else { return };
        for (on, tree) in &trees[1..] {
            let mine = self.account.touched.get(on).cloned().unwrap_or_default();
            let is_viewer = self.account.viewers.contains(on) || self.account.unsteady.contains(on);
            let is_demoted = self.account.unsteady.contains(on);
            // A reader that was set back can know by itself only that something is gone, not that it was told so once.
            let may_list = is_demoted || is_viewer && self.plan.has_backups;
            let unshared = if may_list { self.listed_as(*on, Code::ReadOnlyRole) } else { BTreeSet::new() };
            let is_own =
                |path: &RelPath| is_viewer && (self.is_viewers_own(*on, path, &mine) || unshared.contains(path));
            let mut differences = Vec::new();
            for path in reference.keys().chain(tree.keys()).collect::<BTreeSet<_>>() {
                let (here, there) = (reference.get(path), tree.get(path));
                let is_clash = || self.devices[*on].home.folds_names && clashes(path, &[reference, tree]);
                if here != there && !is_own(path) && !is_clash() && !is_for_lost(path, lost, &[reference, tree]) {
                    differences.push(format!("{path}: D{first} {}, D{on} {}", show(here), show(there)));
                }
            }
            if !differences.is_empty() {
                let count = differences.len();
                differences.truncate(TOLD_MAX);
                return self.violate("I3", format!("{count} paths differ: {}", differences.join("; ")));
            }
        }
    }

    /// The paths that a device lists with a code.
    fn listed_as(&mut self, on: usize, code: Code) -> BTreeSet<RelPath> {
        let status = self.status(on);
        let problems = status.iter().flat_map(|status| &status.folders).flat_map(|folder| &folder.problems);
        problems.filter(|(_, listed)| *listed == code).filter_map(|(path, _)| RelPath::parse(path).ok()).collect()
    }

    /// A device's tree, as text.
    pub fn shown_tree(&self, on: usize) -> BTreeMap<RelPath, String> {
        let show = |node: &Node| match node {
            Node::File(file) => format!("c{}{}", file.content.number, if file.executable { "x" } else { "" }),
            Node::Directory => "dir".to_owned(),
            Node::Link(target) => format!("-> {target}"),
        };
        self.devices[on].home.tree().iter().map(|(path, node)| (path.clone(), show(node))).collect()
    }

    /// Whether a path of a viewer is marked by what its own user did there, above it or below it.
    fn is_viewers_own(&self, on: usize, path: &RelPath, mine: &BTreeSet<RelPath>) -> bool {
        let is_near = |own: &RelPath| own == path || path.is_inside(own) || own.is_inside(path);
        let content = self.devices[on].home.file(path).map(|file| file.content.id);
        let is_written_here =
            content.and_then(|content| self.account.fates.get(&content)).is_some_and(|fate| fate.writer == on);
        // What stood where its user was at work may have been put beside it.
        let is_beside = path.as_str().contains(" (found here ");
        mine.iter().any(is_near) || is_written_here || is_beside
    }

    /// I1 and I5: what nobody gave up is seen everywhere; what was knowingly deleted is not.
    ///
    /// What stands where bytes are wanted that nobody has is no deletion come back.
    fn check_account(&mut self, members: &[usize], lost: &BTreeSet<RelPath>) {
        let mut wrong = Vec::new();
        let writers: Vec<usize> = members.iter().copied().filter(|on| self.account.is_steady_writer(*on)).collect();
        for on in &writers {
            let home = &self.devices[*on].home;
            let mut seen: BTreeSet<ContentId> =
                home.contents().flat_map(|content| self.account.parts_of(content)).collect();
            if home.folds_names {
                seen.extend(self.clashing_contents(*on));
            }
            for (content, fate) in self.account.kept().filter(|(content, _)| !seen.contains(*content)) {
                let number = self.contents.get(*content).map_or(0, |content| content.number);
                let is_kept = self.devices.iter().any(|device| device.home.kept.contains_key(content));
                if is_kept && self.account.is_kept_by_hold {
                    // Somebody said that what was here should stay, against what others wrote.
                    continue;
                }
                let kept = if is_kept { "only in versions" } else { "nowhere" };
                wrong.push((
                    "I1",
                    format!(
                        "c{number}, written by D{} at {} ({} ms), is not seen on D{on}, {kept}",
                        fate.writer, fate.path, fate.at
                    ),
                ));
            }
            for (content, fate) in self.account.gone().filter(|(_, fate)| !lost.contains(&fate.path)) {
                if home.file(&fate.path).is_some_and(|file| file.content.id == *content) {
                    let number = self.contents.get(*content).map_or(0, |content| content.number);
                    wrong.push((
                        "I5",
                        format!("c{number} at {}, deleted by D{:?}, is back on D{on}", fate.path, fate.deleted_by),
                    ));
                }
            }
        }
        wrong.truncate(TOLD_MAX);
        for (rule, what) in wrong {
            self.violate(rule, what);
        }
    }

    /// Contents at names that a device's disk cannot tell from others, as the first device has them.
    fn clashing_contents(&self, on: usize) -> BTreeSet<ContentId> {
        let trees = [&self.shown_tree(0), &self.shown_tree(on)];
        let nodes = self.devices[0].home.tree().iter().filter(|(path, _)| clashes(path, &trees));
        let contents = nodes.filter_map(|(_, node)| node.content());
        contents.flat_map(|content| self.account.parts_of(content)).collect()
    }

    /// Whether something stands elsewhere that a device's disk cannot hold beside what it has; it lists that then.
    fn has_clash(&mut self, on: usize) -> bool {
        let trees = [&self.shown_tree(0), &self.shown_tree(on)];
        let is_there = self.devices[on].home.folds_names && trees[0].keys().any(|path| clashes(path, &trees));
        if is_there && trees[0] != trees[1] && self.listed_as(on, Code::NameClash).is_empty() {
            self.violate("I22", format!("D{on} does not list the names that it cannot hold"));
        }
        is_there
    }

    /// I16: what a viewer wrote is on no other disk.
    fn check_roles(&mut self, members: &[usize]) {
        let mut wrong = Vec::new();
        for on in members {
            let home = &self.devices[*on].home;
            for (path, file) in home.tree().keys().filter_map(|path| Some((path, home.file(path)?))) {
                let fate = self.account.fates.get(&file.content.id);
                let by_viewer = fate.filter(|fate| fate.writer != *on && self.account.viewers.contains(&fate.writer));
                if let Some(fate) =
                    by_viewer.filter(|fate| !fate.is_elsewhere && !self.account.unsteady.contains(&fate.writer))
                {
                    wrong.push(format!("{path} on D{on} holds what viewer D{} wrote", fate.writer));
                }
            }
        }
        for what in wrong.into_iter().take(TOLD_MAX) {
            self.violate("I16", what);
        }
    }

    /// I23: where one person alone writes, on one device whose memory holds, nothing can conflict.
    fn check_conflicts(&mut self) {
        let plan = &self.plan;
        let is_certain = plan.only_writer.is_some()
            && !(plan.has_power_cuts || plan.has_index_loss || plan.has_backups || plan.has_role_changes);
        if is_certain && self.conflicts + self.merges > 0 {
            self.violate(
                "I23",
                format!("{} conflicts, {} merges, though only one person wrote", self.conflicts, self.merges),
            );
        }
    }

    fn check_offers(&mut self) {
        for (offer, from, to) in self.offers.clone() {
            let lacks = self.lacks_of_offer(from, to, offer);
            if !lacks.is_empty() {
                self.violate("I4", format!("D{to} accepted an offer of D{from} and lacks {lacks:?}"));
            }
        }
    }

    /// Paths whose bytes nobody has any more: a power cut took them, or a user overwrote them, after others had heard.
    ///
    /// Whoever says so of bytes that somebody has does not say the truth.
    fn paths_without_bytes(&mut self, members: &[usize]) -> BTreeSet<RelPath> {
        let Some(folder) = self.folder else { return BTreeSet::new() };
        let (mut lost, mut wrong) = (BTreeSet::new(), Vec::new());
        for on in members {
            let Some(status) = self.status(*on) else { continue };
            let Some(brain) = &self.devices[*on].brain else { continue };
            let listed =
                status.folders.iter().flat_map(|folder| &folder.problems).filter(|(_, code)| *code == Code::NoSource);
            let listed: BTreeSet<&str> = listed.map(|(path, _)| path.as_str()).collect();
            if listed.is_empty() {
                continue;
            }
            for (path, kind) in brain.contents_of(folder) {
                if !listed.contains(path.as_str()) {
                    continue;
                }
                match kind.content().and_then(|content| self.holder_of(members, content)) {
                    Some(holder) => {
                        wrong.push(format!("D{on} says that nobody has the bytes of {path}, but D{holder} has"))
                    }
                    None => {
                        lost.insert(path);
                    }
                }
            }
        }
        wrong.into_iter().take(TOLD_MAX).for_each(|what| self.violate("I22", what));
        lost
    }

    /// A member on whose disk a content is, so that it can give it; what a reader changed for itself it does not give.
    fn holder_of(&self, members: &[usize], content: ContentId) -> Option<usize> {
        let has = |device: &Device| {
            device.home.kept.contains_key(&content) || device.home.contents().any(|other| other == content)
        };
        members.iter().copied().find(|on| self.account.is_steady_writer(*on) && has(&self.devices[*on]))
    }

    /// I22: at rest everybody says that everything is everywhere, and nothing waits.
    fn check_status(&mut self, members: &[usize]) {
        for on in members {
            let Some(status) = self.status(*on) else { return self.violate("I4", format!("D{on} does not run")) };
            let Some(folder) = status.folders.first() else {
                return self.violate("I22", format!("D{on} shows no folder"));
            };
            if folder.hold.is_some() {
                return self.violate("I4", format!("D{on} still holds {:?}", folder.hold));
            }
            let may_differ =
                self.account.viewers.contains(on) || self.account.unsteady.contains(on) || self.has_clash(*on);
            // What nobody has any more is a problem, and lacked by everybody alike.
            let is_nowhere = |(_, code): &(String, Code)| *code == Code::NoSource;
            if let Some((path, code)) =
                folder.problems.iter().find(|problem| !is_nowhere(problem)).filter(|_| !may_differ)
            {
                return self.violate("I22", format!("D{on} lists {path}: {code:?}"));
            }
            if folder.state != FolderState::UpToDate && !may_differ {
                return self.violate(
                    "I22",
                    format!(
                        "D{on} shows {:?}, lacking {:?} {:?}, problems {:?}",
                        folder.state, folder.lacking, folder.lacking_first, folder.problems
                    ),
                );
            }
            for member in &folder.members {
                let number = self.number_of(member.device);
                let may_lag = number.is_none_or(|number| {
                    !members.contains(&number) || !self.account.is_steady_writer(number) || self.has_clash(number)
                });
                if member.state != MemberState::UpToDate && !may_lag {
                    return self.violate("I22", format!("D{on} shows {:?} as {:?}", member.device, member.state));
                }
            }
        }
    }
}

/// Whether a disk that ignores case takes a path, or a directory above it, for another one in these trees.
fn clashes(path: &RelPath, trees: &[&BTreeMap<RelPath, String>]) -> bool {
    let is_other =
        |part: &RelPath, other: &RelPath| other != part && other.as_str().eq_ignore_ascii_case(part.as_str());
    let has_other = |part: RelPath| trees.iter().any(|tree| tree.keys().any(|other| is_other(&part, other)));
    path.ancestors().chain([path.clone()]).any(has_other)
}

/// Whether a path differs because nobody has the bytes that should stand there, or because what stood there before is
/// still in it on one of the disks.
pub fn is_for_lost(path: &RelPath, lost: &BTreeSet<RelPath>, trees: &[&BTreeMap<RelPath, String>]) -> bool {
    let is_in_it = |lost: &RelPath| lost.is_inside(path) && trees.iter().any(|tree| tree.contains_key(lost));
    lost.contains(path) || lost.iter().any(is_in_it)
}

fn show(what: Option<&String>) -> &str {
    what.map_or("nothing", String::as_str)
}
