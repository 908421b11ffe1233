//! The disk and store adapters at work: looking, listing, reading, staging, changing, syncing.

use std::rc::Rc;
use std::sync::Arc;

use shoal_engine::chunk::ZEROS;
use shoal_engine::effect::{RecordKey, RecordRange, Texts};
use shoal_engine::event::{Event, Noticed, PrepareTrouble, WorkId};
use shoal_engine::id::{ContentId, DeviceId, FolderId, Scope};
use shoal_engine::observe::{Change, Code, Fingerprint, HashTrouble, Hashed, Outcome, Seen, Stop};
use shoal_engine::path::RelPath;
use shoal_engine::planted::{self, Bug};

use super::apply::{self, Begun, Moment};
use super::queue::{Changing, Due, Job, ReadFile};
use super::wire;
use super::world::World;

/// Most bytes of records in one frame: small, so that long answers come in several.
const RECORDS_BYTES_MAX: usize = 3_000;

impl World {
    /// Goes on with a job.
    pub fn work(&mut self, on: usize, job: Job) {
        match job {
            Job::OpenRoot(folder) => self.open_root(on, folder),
            Job::Look(folder, work, paths) => self.look(on, folder, work, paths),
            Job::Walk(folder, work, dirs, was_here) => self.walk(on, folder, work, dirs, was_here),
            Job::Hash(scope, work, paths) => self.begin_hash(on, scope, work, paths),
            Job::Hashed(scope, work, read) => self.end_hash(on, scope, work, read),
            Job::Prepare(scope, content, near) => self.prepare(on, scope, content, &near),
            Job::Merge(folder, work, path, print, texts) => self.merge(on, folder, work, &path, print, texts),
            Job::Apply(scope, work, changes) => self.look_before(on, scope, work, changes),
            Job::Change(changing) => self.next_change(on, changing),
            Job::Synced(folder, work, length) => {
                if let Some(store) = self.devices[on].store.folders.get_mut(&folder) {
                    store.sync(length);
                    self.hear(on, Event::Appended { folder, work, is_durable: true });
                }
            }
            Job::NotAppended(folder, work) => self.hear(on, Event::Appended { folder, work, is_durable: false }),
            Job::SendRecords(to, folder, ranges) => self.send_records(on, to, folder, &ranges),
            Job::Reload(folder) => {
                let records = self.devices[on].store.folders.get(&folder).map(|store| store.records());
                self.hear(on, Event::Reloaded { folder, records: records.unwrap_or_default() });
            }
        }
    }

    fn root_state(&self, on: usize) -> Result<(), Stop> {
        if self.devices[on].home.is_here { Ok(()) } else { Err(Stop::Missing) }
    }

    fn open_root(&mut self, on: usize, folder: FolderId) {
        let device = &mut self.devices[on];
        let wanted = device.store.folders.get(&folder).and_then(|store| store.record.as_ref()).map(|r| r.root_id);
        let result = match wanted {
            _ if !device.home.is_here => Err(Stop::Missing),
            Some(marker) if marker == device.home.marker => Ok(()),
            Some(_) | None => Err(Stop::Replaced),
        };
        if result.is_ok() {
            device.open.insert(folder);
            device.home.hints.clear();
        }
        let kept = if result.is_ok() { self.devices[on].home.kept.keys().copied().collect() } else { Vec::new() };
        let witness = self.devices[on].home.witness.filter(|_| result.is_ok());
        self.hear(on, Event::RootOpened { folder, result, kept, witness });
    }

    fn look(&mut self, on: usize, folder: FolderId, work: WorkId, paths: Vec<RelPath>) {
        let root = self.root_state(on);
        let mut seen = Vec::with_capacity(paths.len());
        for path in paths {
            let fails = self.read_fails();
            let node = self.devices[on].home.get(&path).filter(|_| root.is_ok());
            seen.push((path, if fails { Err(Code::DiskError) } else { Ok(node.map(|node| node.seen())) }));
        }
        let wait = self.disk_delay();
        self.plan_hear(on, wait, Event::Looked { folder, work, seen, root });
    }

    fn walk(&mut self, on: usize, folder: FolderId, work: WorkId, mut dirs: Vec<Option<RelPath>>, was_here: bool) {
        let is_here = was_here && self.root_state(on).is_ok();
        let Some(dir) = dirs.pop() else {
            let root = if is_here { Ok(()) } else { Err(Stop::Missing) };
            self.account.forgetful.remove(&on);
            return self.hear(on, Event::Walked { folder, work, root });
        };
        let fails = self.read_fails();
        let home = &self.devices[on].home;
        let entries = match home.is_here {
            _ if fails => Err(Code::DiskError),
            true => Ok(home.list(dir.as_ref())),
            // An empty mount point shows an empty directory.
            false => Ok(Vec::new()),
        };
        let below = entries.iter().flatten().filter(|entry| entry.seen == Seen::Directory);
        dirs.extend(below.map(|entry| Some(entry.path.clone())));
        self.hear(on, Event::Listing { folder, work, dir, entries, skipped: Vec::new() });
        let wait = if self.dice.chance(70) { 0 } else { self.disk_delay() };
        self.queue.add(self.now + wait, Due::Job(on, self.devices[on].life, Job::Walk(folder, work, dirs, is_here)));
    }

    fn read_fails(&mut self) -> bool {
        let fails =
            !self.is_healing && self.plan.reads_failed_percent > 0 && self.dice.chance(self.plan.reads_failed_percent);
        // The engine may not look there again before the next full scan.
        self.has_lost_hints |= fails;
        fails
    }

    fn begin_hash(&mut self, on: usize, scope: Scope, work: WorkId, paths: Vec<RelPath>) {
        let disk = self.devices[on].disk(&scope).filter(|disk| disk.is_here);
        let read_one = |path: RelPath| {
            let file = disk.and_then(|disk| disk.file(&path));
            let read = file.map(|file| ReadFile { print: file.print(), content: Rc::clone(&file.content) });
            (path, read)
        };
        let read = paths.into_iter().map(read_one).collect();
        self.job(on, Job::Hashed(scope, work, read));
    }

    fn end_hash(&mut self, on: usize, scope: Scope, work: WorkId, read: Vec<(RelPath, Option<ReadFile>)>) {
        let mut files = Vec::with_capacity(read.len());
        for (path, before) in read {
            let fails = self.read_fails();
            let device = &mut self.devices[on];
            let after = device.disk(&scope).filter(|disk| disk.is_here).and_then(|disk| disk.file(&path));
            let result = match (before, after) {
                (None, _) | (_, None) => Err(HashTrouble::Gone),
                (Some(_), Some(_)) if fails => Err(HashTrouble::Refused(Code::DiskError)),
                (Some(before), Some(after)) if before.print != after.print() => Err(HashTrouble::Changed),
                (Some(before), Some(after)) => {
                    let executable = after.executable;
                    device.manifests.insert(before.content.id);
                    device.home.bases.insert(before.content.id);
                    Ok(Hashed { print: before.print, content: before.content.id, executable })
                }
            };
            files.push((path, result));
        }
        self.hear(on, Event::Hashed { scope, work, files });
    }

    fn prepare(&mut self, on: usize, scope: Scope, content: ContentId, near: &[(RelPath, Fingerprint, ContentId)]) {
        let known = self.contents.get(content).filter(|_| self.devices[on].manifests.contains(&content)).cloned();
        let staged = match (known, self.devices[on].disk_mut(&scope)) {
            (None, _) => Err(PrepareTrouble::NoManifest),
            (Some(_), None) => Err(PrepareTrouble::Refused(Code::DiskError)),
            (Some(_), Some(disk)) if !disk.is_here => Err(PrepareTrouble::Refused(Code::DiskError)),
            (Some(known), Some(disk)) => {
                let count = known.manifest.chunks.len();
                let mut flags = disk.stage.get(&content).cloned().unwrap_or_else(|| vec![false; count]);
                let files =
                    near.iter().filter_map(|(path, print, _)| disk.file(path).filter(|file| file.print() == *print));
                let here: Vec<_> =
                    files.flat_map(|file| file.content.manifest.chunks.iter().map(|chunk| chunk.hash)).collect();
                let is_kept = disk.kept.contains_key(&content);
                for (flag, chunk) in flags.iter_mut().zip(&known.manifest.chunks) {
                    *flag |= is_kept || chunk.hash == ZEROS || here.contains(&chunk.hash);
                }
                disk.stage.insert(content, flags.clone());
                Ok((Arc::clone(&known.manifest), flags))
            }
        };
        self.hear(on, Event::Prepared { scope, content, staged });
    }

    fn merge(&mut self, on: usize, folder: FolderId, work: WorkId, path: &RelPath, print: Fingerprint, texts: Texts) {
        let home = &self.devices[on].home;
        let is_winner_here = home.file(path).is_some_and(|file| file.print() == print);
        let is_here = |content| home.kept.contains_key(&content) || home.contents().any(|other| other == content);
        let are_here = home.is_here
            && is_winner_here
            && is_here(texts.loser)
            && (is_here(texts.base) || home.bases.contains(&texts.base))
            && !self.read_fails();
        let merged = if are_here { self.contents.merged(texts) } else { None };
        if let Some(merged) = &merged {
            let device = &mut self.devices[on];
            device.manifests.insert(merged.id);
            device.home.kept.insert(merged.id, Rc::clone(merged));
            self.account.merged(merged.id, [texts.winner, texts.loser]);
            self.merges += 1;
        }
        let merged = merged.map(|content| (content.id, content.size));
        let wait = self.disk_delay();
        self.plan_hear(on, wait, Event::Merged { folder, work, merged });
    }

    fn look_before(&mut self, on: usize, scope: Scope, work: WorkId, changes: Vec<Change>) {
        let was_here = self.devices[on].has_root(&scope);
        let disk = self.devices[on].disk(&scope).filter(|disk| disk.is_here);
        let nothing = Begun { stood: false, has_bytes: false };
        let begin = |change: Change| {
            let begun = disk.map_or(nothing, |disk| apply::begin(disk, &change, &self.contents));
            (change, begun)
        };
        let changes = changes.into_iter().map(begin).collect();
        self.job(on, Job::Change(Box::new(Changing { scope, work, changes, outcomes: Vec::new(), was_here })));
    }

    fn next_change(&mut self, on: usize, mut changing: Box<Changing>) {
        let scope = changing.scope;
        let is_here = self.devices[on].has_root(&scope);
        changing.was_here &= is_here;
        let at = changing.outcomes.len();
        let Some((change, begun)) = changing.changes.get(at) else {
            return self.end_apply(on, *changing);
        };
        let moment = Moment { now: self.now, contents: &self.contents, begun: *begun };
        let percent = self.plan.reads_failed_percent;
        let is_full = !self.is_healing && percent > 0 && self.dice.chance(percent);
        let outcome = match self.devices[on].disk_mut(&scope) {
            Some(_) if is_full => Outcome::Refused(Code::DiskFull),
            Some(disk) if is_here => apply::make(disk, change, &moment),
            Some(_) | None => Outcome::Refused(Code::DiskError),
        };
        self.account.applied(on, change, &outcome);
        // What is refused for a name that is taken is tried for ever.
        if outcome != Outcome::Refused(Code::NameClash) {
            self.last_change = self.now;
        }
        changing.outcomes.push(outcome);
        self.drain_hints(on);
        let wait = if self.dice.chance(80) { 0 } else { self.disk_delay() };
        self.queue.add(self.now + wait, Due::Job(on, self.devices[on].life, Job::Change(changing)));
    }

    fn end_apply(&mut self, on: usize, changing: Changing) {
        let Changing { scope, work, changes, outcomes, was_here } = changing;
        let device = &mut self.devices[on];
        if let Some(disk) = device.disk_mut(&scope).filter(|_| !planted::is(Bug::PublishesUnsynced)) {
            disk.sync();
        }
        if matches!(scope, Scope::Folder(_)) {
            changes.iter().for_each(|(change, _)| {
                device.busy.remove(&change.path);
            });
        }
        device.applies = device.applies.saturating_sub(1);
        let root = if was_here { Ok(()) } else { Err(Stop::Missing) };
        self.hear(on, Event::Applied { scope, work, outcomes, root });
    }

    fn send_records(&mut self, on: usize, to: DeviceId, folder: FolderId, ranges: &[RecordRange]) {
        let Some(store) = self.devices[on].store.folders.get(&folder) else { return };
        let found: Vec<_> = ranges.iter().flat_map(|range| store.range(range)).collect();
        let me = self.devices[on].id;
        // What others wrote may be passed on at once: if we lose it, they have it.
        let is_own = |key: &RecordKey| match key {
            RecordKey::Block(chain, _) => chain.device == me,
            RecordKey::Genesis | RecordKey::Membership(_) => on == 0,
        };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut frames = Vec::new();
        for (key, record) in found {
            let Some((record, is_durable)) = record else {
                return self.violate("engine", format!("D{on} is to send {key:?}, which was never appended"));
            };
            if is_own(&key) && !is_durable {
                return self
                    .violate("durable first", format!("D{on} is to send its own {key:?}, which is not durable"));
            }
            if bytes + record.len() > RECORDS_BYTES_MAX && !batch.is_empty() {
                frames.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += record.len();
            batch.push(record.to_vec());
        }
        frames.push(batch);
        let count = frames.len();
        for (at, records) in frames.into_iter().enumerate() {
            let frame = wire::records_frame(folder, records, at + 1 < count);
            self.send(on, to, frame);
        }
    }

    /// Delivers what the watcher of a device saw: mostly soon, sometimes late, twice, or not at all.
    pub fn drain_hints(&mut self, on: usize) {
        let hints = std::mem::take(&mut self.devices[on].home.hints);
        let Some(folder) = self.folder.filter(|folder| self.devices[on].open.contains(folder)) else { return };
        let mut paths: Vec<Noticed> = Vec::new();
        for hint in hints {
            if !self.is_healing && self.dice.chance(self.plan.hints_lost_percent) {
                self.has_lost_hints = true;
            } else {
                paths.push(Noticed { path: hint.path, is_settled: hint.is_settled });
            }
        }
        if paths.is_empty() {
            return;
        }
        let is_late = !self.is_healing && self.dice.chance(self.plan.hints_late_percent);
        let wait = if is_late { self.dice.between(100, 5_000) } else { self.dice.between(0, 20) };
        if self.dice.chance(3) {
            self.plan_hear(on, wait, Event::Noticed { folder, paths: paths.clone() });
        }
        // A queue that overflowed says only that something happened.
        if self.dice.chance(2) {
            paths.clear();
        }
        self.plan_hear(on, wait, Event::Noticed { folder, paths });
    }
}
