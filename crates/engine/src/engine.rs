//! The engine: takes an event, says what to do. Only matches and forwards.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;

use crate::codec;
use crate::effect::Effect;
use crate::entry::Kind;
use crate::event::{Event, WorkId};
use crate::folder::Folder;
use crate::id::{DeviceId, FolderId, OfferId, Scope};
use crate::inbox::Inbox;
use crate::offer::Offer;
use crate::path::RelPath;
use crate::people::People;
use crate::request::Request;
use crate::saved::{FolderRecord, Saved};
use crate::status::{FileStatus, Status};
use crate::time::Timestamp;
use crate::turn::Turn;

pub use crate::dice::Dice;

/// Everything one device decides.
pub struct Engine {
    pub(crate) key: SigningKey,
    pub(crate) me: DeviceId,
    dice: Dice,
    next_work: WorkId,
    pub(crate) people: People,
    pub(crate) folders: BTreeMap<FolderId, Folder>,
    /// Folders whose ledger on this device cannot be read: shown as stopped, never touched.
    pub(crate) unreadable: Vec<FolderRecord>,
    /// Folders that were shared or joined a moment before the end, and never began.
    unbegun: Vec<FolderId>,
    pub(crate) inbox: Inbox,
    pub(crate) offers: BTreeMap<OfferId, Offer>,
    is_started: bool,
    /// The latest time, by our own clock that never goes back, and how far that is ahead of the wall's.
    latest: Timestamp,
    ahead: u64,
}

impl Engine {
    /// Continues from what was remembered. `key` is the device's Ed25519 seed; `dice` must be fresh and random.
    /// The first effects (open roots, …) come with the first `Event::Tick`, which the caller sends at once.
    pub fn restore(key: [u8; 32], mut dice: Dice, saved: Saved) -> Self {
        let key = SigningKey::from_bytes(&key);
        let me = DeviceId(key.verifying_key().to_bytes());
        let (mut folders, mut unreadable, mut unbegun) = (BTreeMap::new(), Vec::new(), Vec::new());
        for folder in saved.folders {
            let record = folder.record.clone();
            match Folder::restore(folder, key.clone(), me, dice.number()) {
                Some(folder) if folder.role().is_some() || !record.is_founding => {
                    folders.insert(record.folder, folder);
                }
                Some(_) | None if record.is_founding => unbegun.push(record.folder),
                Some(_) | None => unreadable.push(record),
            }
        }
        let offers = saved.offers.into_iter().map(|record| (record.offer, Offer::new(record, me)));
        Engine {
            key,
            me,
            dice,
            next_work: 0,
            people: People::new(saved.name, saved.trust),
            folders,
            unreadable,
            unbegun,
            inbox: Inbox::default(),
            offers: offers.collect(),
            is_started: false,
            latest: Timestamp(0),
            ahead: 0,
        }
    }

    /// Which device this is.
    pub fn me(&self) -> DeviceId {
        self.me
    }

    /// Learns what happened and says what to do about it.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        let (mut dice, mut next_work) = (std::mem::take(&mut self.dice), self.next_work);
        // A wall clock that is set back must not put anything off.
        self.ahead = self.ahead.max(self.latest.0.saturating_sub(now.0));
        self.latest = Timestamp(now.0.saturating_add(self.ahead));
        let mut turn = Turn {
            now: self.latest,
            wall: now,
            me: self.me,
            dice: &mut dice,
            next_work: &mut next_work,
            effects: Vec::new(),
        };
        if !std::mem::replace(&mut self.is_started, true) {
            self.start(&mut turn);
        }
        self.dispatch(event, &mut turn);
        let effects = std::mem::take(&mut turn.effects);
        (self.dice, self.next_work) = (dice, next_work);
        effects
    }

    fn start(&mut self, turn: &mut Turn<'_>) {
        for folder in std::mem::take(&mut self.unbegun) {
            turn.push(Effect::DropFolder(folder));
        }
        for folder in self.folders.values_mut() {
            // Saved again: a torn ledger gave the folder a new incarnation, which must be durable before it is used.
            turn.push(Effect::SaveFolder(folder.record.clone()));
            folder.open(turn);
        }
        self.offers.values_mut().for_each(Offer::resume);
    }

    fn dispatch(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Tick => self.tick(turn),
            Event::User(request) => self.request(request, turn),
            Event::Connected { device } => self.link_up(device, turn),
            Event::Disconnected { device } => self.link_down(device, turn),
            Event::Received { from, frame } => match codec::decode(&frame) {
                Ok(message) => self.receive(from, message, turn),
                Err(_) => turn.push(Effect::Disconnect { device: from, reason: "a frame that is no message" }),
            },
            Event::Asked { from, ask, header } => self.bytes_asked(from, ask, &header, turn),
            Event::ManifestFetched { scope, content, manifest } => {
                self.in_swarm(scope, turn, |swarm, turn| {
                    swarm.manifest_fetched(scope, content, &manifest, turn);
                });
            }
            Event::Prepared { scope, content, staged } => self.prepared(scope, content, staged, turn),
            Event::Fetched { fetch, content, chunks } => self.fetched(fetch, content, &chunks, turn),
            Event::FetchEnded { fetch, end } => self.fetch_ended(fetch, end, turn),
            Event::RootOpened { folder, result, kept, witness } => {
                self.in_folder(folder, turn, |folder, turn| folder.opened(result, kept, witness, turn))
            }
            Event::Noticed { folder, paths } => {
                self.in_folder(folder, turn, |folder, turn| folder.noticed(paths, turn))
            }
            Event::Looked { folder, work, seen, root } => {
                self.in_folder(folder, turn, |folder, turn| folder.looked(work, seen, root, turn))
            }
            Event::Listing { folder, work, dir, entries, skipped } => {
                self.in_folder(folder, turn, |folder, turn| folder.listing(work, dir, entries, skipped, turn));
            }
            Event::Walked { folder, work, root } => {
                self.in_folder(folder, turn, |folder, turn| folder.walked(work, root, turn))
            }
            Event::Hashed { scope: Scope::Folder(id), work, files } => {
                self.in_folder(id, turn, |folder, turn| folder.hashed(work, files, turn))
            }
            Event::Hashed { scope: Scope::Offer(id), work, files } => {
                self.in_offer(id, turn, |offer, turn| offer.hashed(work, files, turn))
            }
            Event::Applied { scope: Scope::Folder(id), work, outcomes, root } => {
                self.in_folder(id, turn, |folder, turn| folder.applied(work, outcomes, root, turn));
            }
            Event::Applied { scope: Scope::Offer(id), work, outcomes, root: _ } => {
                self.in_offer(id, turn, |offer, turn| offer.applied(work, outcomes, turn))
            }
            Event::Merged { folder, work, merged } => {
                self.in_folder(folder, turn, |folder, turn| folder.merged(work, merged, turn))
            }
            Event::KeptGone { folder, contents } => {
                self.in_folder(folder, turn, |folder, _| folder.kept_gone(&contents))
            }
            Event::Appended { folder, work, is_durable } => self.appended(folder, work, is_durable, turn),
            Event::Reloaded { folder, records } => {
                self.in_folder(folder, turn, |folder, turn| folder.reloaded(records, turn))
            }
        }
    }

    fn tick(&mut self, turn: &mut Turn<'_>) {
        self.people.pairings.tick(turn);
        self.folders.values_mut().for_each(|folder| folder.step(turn));
        self.offers.values_mut().for_each(|offer| offer.step(turn));
    }

    /// Lets a folder deal with something, and do what follows.
    pub(crate) fn in_folder(
        &mut self,
        id: FolderId,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Folder, &mut Turn<'_>),
    ) {
        if let Some(folder) = self.folders.get_mut(&id) {
            act(folder, turn);
            folder.step(turn);
        }
    }

    /// Lets an offer deal with something, and do what follows.
    pub(crate) fn in_offer(&mut self, id: OfferId, turn: &mut Turn<'_>, act: impl FnOnce(&mut Offer, &mut Turn<'_>)) {
        if let Some(offer) = self.offers.get_mut(&id) {
            act(offer, turn);
            offer.step(turn);
        }
    }

    fn request(&mut self, request: Request, turn: &mut Turn<'_>) {
        match request {
            Request::SetName(name) => self.set_name(name, turn),
            Request::Pair(device) => self.people.pairings.start(device, turn),
            Request::EnterCode(device, code) => self.people.pairings.enter(device, &code, turn),
            Request::ConfirmPair(device, is_yes) => self.confirm_pair(device, is_yes, turn),
            Request::CancelPair(device) => self.people.pairings.cancel(device, turn),
            Request::InviteToPair(token) => self.people.pairings.invite(token, turn.now),
            Request::PairByToken(device, token) => self.people.pairings.start_by_token(device, token, turn),
            Request::Forget(device) => self.forget(device, turn),
            Request::Block(device) => self.block(device, turn),
            Request::Rename(device, name) => self.people.rename(device, name, turn),
            Request::Share { name, place, root_id, with } => self.share(&name, place, root_id, with, turn),
            Request::SetRole(folder, device, role) => self.set_role(folder, device, role, turn),
            Request::Remove(folder, device) => self.remove_member(folder, device, turn),
            Request::Join { folder, place, root_id } => self.join(folder, place, root_id, turn),
            Request::NewPlace { folder, place, root_id } => {
                self.in_folder(folder, turn, |folder, turn| folder.new_place(place, root_id, turn))
            }
            Request::DeclineInvitation(folder) => self.decline_invitation(folder, turn),
            Request::Leave(folder) => self.leave(folder, turn),
            Request::Pause(folder, is_paused) => {
                self.in_folder(folder, turn, |folder, turn| folder.pause(is_paused, turn))
            }
            Request::Rescan(folder) => self.in_folder(folder, turn, Folder::rescan),
            Request::AnswerHold(folder, is_yes) => {
                self.in_folder(folder, turn, |folder, turn| folder.answer_hold(is_yes, turn))
            }
            Request::NeverHold(folder) => self.in_folder(folder, turn, Folder::never_hold),
            Request::NeverMerge(folder, is_off) => {
                self.in_folder(folder, turn, |folder, turn| folder.never_merge(is_off, turn))
            }
            Request::Want(folder, content, size) => {
                self.in_folder(folder, turn, |folder, _| folder.want_content(content, size));
            }
            Request::Enough(folder, content) => {
                self.in_folder(folder, turn, |folder, turn| folder.enough_of(content, turn));
            }
            Request::AllowRemoval(folder, paths) => {
                self.in_folder(folder, turn, |folder, _| folder.allow_removal(paths));
            }
            Request::ForgetRemoval(folder, paths) => {
                self.in_folder(folder, turn, |folder, _| folder.forget_removal(&paths));
            }
            Request::Offer { offer, to, items, note } => self.offer(offer, &to, items, note, turn),
            Request::AcceptOffer { offer, items, place } => self.accept_offer(offer, items, place, turn),
            Request::DeclineOffer(offer) => self.decline_offer(offer, turn),
            Request::Withdraw(offer) => self.in_offer(offer, turn, Offer::withdraw),
            Request::RetryOffer(offer) => self.in_offer(offer, turn, |offer, _| offer.retry()),
            Request::ClearOffer(offer) => self.clear_offer(offer, turn),
        }
    }

    /// Everything at a glance.
    pub fn status(&self, now: Timestamp) -> Status {
        let known = |device: DeviceId| self.people.known(device);
        let unreadable = self.unreadable.iter().map(crate::inbox::unreadable_status);
        Status {
            devices: self.people.status(),
            pairings: self.people.pairings.status(self.me, Timestamp(now.0.saturating_add(self.ahead))),
            invitations: self.inbox.status(self.me),
            folders: self.folders.values().map(|folder| folder.status(&known)).chain(unreadable).collect(),
            offers: self.offers.values().map(Offer::status).collect(),
        }
    }

    /// What stands in a directory of a folder, directories first: `max` lines from the `from`th, and how many there are.
    pub fn files_in(
        &self,
        folder: FolderId,
        dir: Option<&RelPath>,
        from: usize,
        max: usize,
    ) -> (Vec<FileStatus>, usize) {
        self.folders.get(&folder).map(|folder| folder.files_in(dir, from, max)).unwrap_or_default()
    }

    /// Every live path of a folder with what should stand there, for a dry run; also of one we are invited to.
    pub fn contents_of(&self, folder: FolderId) -> Vec<(RelPath, Kind)> {
        self.folders.get(&folder).map(Folder::contents).unwrap_or_default()
    }

    /// When `Event::Tick` is wanted next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let folders = self.folders.values().filter_map(Folder::deadline);
        let offers = self.offers.values().filter_map(Offer::deadline);
        let next = folders.chain(offers).chain(self.people.pairings.deadline()).min()?;
        Some(Timestamp(next.0.saturating_sub(self.ahead)))
    }
}
