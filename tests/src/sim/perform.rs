//! Begins what an engine wants done: everything that takes time becomes a job, the rest is done at once.

use shoal_engine::effect::{Effect, RecordKey, Tell};
use shoal_engine::event::Event;
use shoal_engine::id::{FolderId, Scope};
use shoal_engine::limits::{APPLY_BATCH_MAX, LOOK_BATCH_MAX};
use shoal_engine::observe::Witness;
use shoal_engine::path::RelPath;
use shoal_engine::request::Request;
use shoal_engine::saved::{FolderRecord, Materialised};

use super::queue::{Due, Job};
use super::world::World;

impl World {
    /// Begins one effect of an engine.
    pub fn perform(&mut self, on: usize, effect: Effect) {
        self.trace.effect(self.now, on, &effect);
        self.check_bounds(on, &effect);
        match effect {
            Effect::Send { to, frame } => self.send(on, to, frame),
            Effect::Disconnect { device, reason: _ } => self.close_link(on, device),
            Effect::SendRecords { to, folder, records } => self.job(on, Job::SendRecords(to, folder, records)),
            Effect::Fetch { fetch, from, request } => self.fetch(on, fetch, from, request),
            Effect::CancelFetch { fetch } => self.cancel_fetch(on, fetch),
            Effect::Serve { ask, scope, items } => self.answer(on, ask, &scope, Some(items)),
            Effect::Refuse { ask } => {
                let scope = Scope::Folder(FolderId([0; 32]));
                self.answer(on, ask, &scope, None);
            }
            Effect::OpenRoot { folder } => self.job(on, Job::OpenRoot(folder)),
            Effect::NoteWitness { folder: _, witness } => self.note_witness(on, witness),
            Effect::CloseRoot { folder } => {
                self.devices[on].open.remove(&folder);
            }
            Effect::Look { folder, work, paths } => self.job(on, Job::Look(folder, work, paths)),
            Effect::Walk { folder, work, dir } => self.job(on, Job::Walk(folder, work, vec![dir], true)),
            Effect::Hash { scope, work, files } => {
                let paths = files.into_iter().map(|(path, _)| path).collect();
                self.job(on, Job::Hash(scope, work, paths));
            }
            Effect::Prepare { scope, content, near } => self.job(on, Job::Prepare(scope, content, near)),
            Effect::Merge { folder, work, path, print, texts } => {
                self.job(on, Job::Merge(folder, work, path, print, texts));
            }
            Effect::Apply { scope, work, changes } => self.begin_apply(on, scope, work, changes),
            Effect::Unstage { scope, content } => {
                if let Some(disk) = self.devices[on].disk_mut(&scope) {
                    disk.stage.remove(&content);
                }
            }
            Effect::Append { folder, work, records } => self.append(on, folder, work, records),
            Effect::Reload { folder } => self.job(on, Job::Reload(folder)),
            Effect::Remember { folder, paths } => self.remember(on, folder, paths),
            Effect::ForgetDisk { folder } => {
                self.devices[on].store.folders.entry(folder).or_default().forget_disk();
            }
            Effect::SaveTrust(record) => {
                self.devices[on].store.trust.insert(record.device, record);
            }
            Effect::DropTrust(device) => {
                self.devices[on].store.trust.remove(&device);
            }
            Effect::SaveFolder(record) => self.save_folder(on, record),
            Effect::DropFolder(folder) => {
                self.devices[on].store.folders.remove(&folder);
            }
            Effect::SaveOffer(record) => {
                self.devices[on].store.offers.insert(record.offer, record);
            }
            Effect::DropOffer(offer) => {
                self.devices[on].store.offers.remove(&offer);
            }
            Effect::Tell(tell) => self.told(on, &tell),
        }
    }

    fn note_witness(&mut self, on: usize, witness: Witness) {
        let home = &mut self.devices[on].home;
        if home.is_here {
            home.witness = Some(witness);
        }
    }

    fn remember(&mut self, on: usize, folder: FolderId, paths: Vec<(RelPath, Option<Materialised>)>) {
        let store = self.devices[on].store.folders.entry(folder).or_default();
        store.remember(paths, &mut self.dice);
    }

    /// Plans some disk work.
    pub fn job(&mut self, on: usize, job: Job) {
        let wait = self.disk_delay();
        self.queue.add(self.now + wait, Due::Job(on, self.devices[on].life, job));
    }

    /// How long the disk takes this time.
    pub fn disk_delay(&mut self) -> u64 {
        if self.dice.chance(3) {
            self.dice.between(0, 10 * self.plan.disk_ms_max)
        } else {
            self.dice.between(0, self.plan.disk_ms_max)
        }
    }

    fn begin_apply(&mut self, on: usize, scope: Scope, work: u64, changes: Vec<shoal_engine::observe::Change>) {
        if matches!(scope, Scope::Folder(_)) {
            for change in &changes {
                if !self.devices[on].busy.insert(change.path.clone()) {
                    self.violate("one change per path", format!("D{on} has two changes under way at {}", change.path));
                }
            }
        }
        self.devices[on].applies += 1;
        self.job(on, Job::Apply(scope, work, changes));
    }

    fn append(&mut self, on: usize, folder: FolderId, work: u64, records: Vec<(RecordKey, Vec<u8>)>) {
        self.last_change = self.now;
        let percent = self.plan.reads_failed_percent;
        let is_full = !self.is_healing && percent > 0 && self.dice.chance(percent) && self.dice.chance(30);
        let store = self.devices[on].store.folders.entry(folder).or_default();
        if is_full || store.refused.is_some_and(|first| first < work) {
            store.refused.get_or_insert(work);
            return self.job(on, Job::NotAppended(folder, work));
        }
        store.refused = None;
        self.appended += records.len() as u64;
        let length = store.append(records);
        self.job(on, Job::Synced(folder, work, length));
    }

    fn save_folder(&mut self, on: usize, record: FolderRecord) {
        if self.folder.is_none() {
            self.trace.name(&record.folder, "FOLDER".to_owned());
        }
        self.folder.get_or_insert(record.folder);
        let store = self.devices[on].store.folders.entry(record.folder).or_default();
        store.record = Some(record);
    }

    /// Something for people: they may answer.
    fn told(&mut self, on: usize, tell: &Tell) {
        match tell {
            Tell::Invited(folder, _) => {
                let wish = self.join_wish(on, *folder);
                self.wish_soon(on, wish);
            }
            Tell::Held(_) => self.answer_soon(),
            Tell::Offered(_) => self.answer_soon(),
            Tell::Conflict(..) => self.conflicts += 1,
            Tell::Stopped(_)
            | Tell::Paired(_)
            | Tell::Unpaired(_)
            | Tell::OfferReceived(_)
            | Tell::OfferSent(..)
            | Tell::Joined(_)
            | Tell::Refused(..) => {}
        }
    }

    /// The wish to join a folder at this device's directory.
    pub fn join_wish(&self, on: usize, folder: FolderId) -> Request {
        Request::Join { folder, place: "home".to_owned(), root_id: self.devices[on].home.marker }
    }

    /// The user wishes something after a moment of thought.
    pub fn wish_soon(&mut self, on: usize, wish: Request) {
        let at = self.now + self.dice.between(20, 1_500);
        self.queue.add(at, Due::Wish(on, wish));
    }

    fn answer_soon(&mut self) {
        let at = self.now + self.dice.between(50, 2_000);
        self.queue.add(at, Due::Answer);
    }

    /// What is asked for at once has a bound.
    fn check_bounds(&mut self, on: usize, effect: &Effect) {
        let mut within = |name: &str, count: usize, most: usize| {
            if count > most {
                self.violate("I20", format!("D{on}: {name} of {count}, more than {most}"));
            }
        };
        if let Effect::Look { paths, .. } = effect {
            within("Look", paths.len(), LOOK_BATCH_MAX);
        }
        if let Effect::Hash { files, .. } = effect {
            within("Hash", files.len(), LOOK_BATCH_MAX);
        }
        if let Effect::Apply { changes, .. } = effect {
            within("Apply", changes.len(), APPLY_BATCH_MAX);
        }
    }

    /// An engine hears something after a while, unless it is restarted before.
    pub fn plan_hear(&mut self, to: usize, wait: u64, event: Event) {
        self.queue.add(self.now + wait, Due::Hear(to, self.devices[to].life, event));
    }
}
