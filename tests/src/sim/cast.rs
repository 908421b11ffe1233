//! How a world begins and what its people answer: devices are started, paired, a folder is shared and joined.

use shoal_engine::id::FolderId;
use shoal_engine::request::{Request, Role};
use shoal_engine::saved::TrustRecord;
use shoal_engine::status::PairingStage;
use shoal_engine::time::Timestamp;

use super::device::Device;
use super::disk::Disk;
use super::net::Link;
use super::world::{Phase, World};

/// How long setting up may take.
const SETUP_MS_MAX: u64 = 60_000;
/// How often people look at their screens while they set up.
const GLANCE_MS: u64 = 150;

/// How far the pairing of two devices is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Not begun, or it has to begin again.
    Open,
    /// Begun.
    Asked,
    /// The code was typed.
    Typed,
    /// The other side's user allowed it.
    Allowed,
    /// Both verified.
    Done,
}

impl World {
    /// Makes the devices and their links, and starts everything.
    pub fn cast(&mut self) {
        for (number, role) in self.plan.roles.clone().into_iter().enumerate() {
            let (key, marker) = (self.dice.bytes(), self.dice.bytes());
            let mut device = Device::new(key, marker, format!("device {number}"));
            device.home.folds_names = self.plan.folds_from.is_some_and(|first| first <= number);
            device.skew = self.dice.between(0, 20_000) as i64 - 10_000;
            self.trace.name(&device.id, format!("D{number}"));
            if role == Role::Viewer {
                self.account.viewers.insert(number);
            }
            self.devices.push(device);
        }
        for a in 0..self.devices.len() {
            for b in a + 1..self.devices.len() {
                self.links.push(Link::new([a, b]));
                self.pairings.push(Pairing::Open);
                if !self.plan.has_pairing {
                    self.trust_each_other(a, b);
                }
            }
        }
        for _ in 0..self.plan.files_before {
            self.act_before(0);
        }
        if self.dice.chance(30) {
            let other = self.dice.place(self.devices.len());
            for _ in 0..self.plan.files_before.min(4) {
                self.act_before(other);
            }
        }
        for on in 0..self.devices.len() {
            self.start(on);
        }
    }

    /// Files that are there before anything is shared; a viewer's would stay its own.
    fn act_before(&mut self, on: usize) {
        let is_silent = self.plan.only_writer.is_some_and(|only| only != on);
        if !is_silent && !self.account.viewers.contains(&on) {
            self.act(on);
        }
    }

    fn trust_each_other(&mut self, a: usize, b: usize) {
        let secret = self.dice.bytes();
        for (on, other) in [(a, b), (b, a)] {
            let record = TrustRecord {
                device: self.devices[other].id,
                name: self.devices[other].store.name.clone(),
                platform: "linux".to_owned(),
                verified: Some(Timestamp(1)),
                secret,
                last_seen: Timestamp(1),
            };
            self.devices[on].store.trust.insert(record.device, record);
        }
    }

    /// The next glance while setting up; `true` when everything is ready for the script.
    pub fn set_up(&mut self) -> bool {
        if self.now > SETUP_MS_MAX {
            let missing: Vec<usize> = (0..self.devices.len()).filter(|on| !self.has_joined(*on)).collect();
            self.violate(
                "I4",
                format!("setting up took over a minute: pairings {:?}, not joined: {missing:?}", self.pairings),
            );
            return true;
        }
        match self.phase {
            Phase::Pairing => {
                if self.plan.has_pairing {
                    self.glance_at_pairings();
                }
                if !self.plan.has_pairing || self.pairings.iter().all(|pairing| *pairing == Pairing::Done) {
                    self.phase = Phase::Sharing;
                    self.share();
                }
                false
            }
            Phase::Sharing => (0..self.devices.len()).all(|on| self.has_joined(on)),
            Phase::Acting | Phase::Healing => true,
        }
    }

    /// When people look again.
    pub fn glance_at(&self) -> u64 {
        self.now + GLANCE_MS
    }

    fn share(&mut self) {
        let with = self.plan.roles.iter().enumerate().skip(1).map(|(on, role)| (self.devices[on].id, *role)).collect();
        let root_id = self.devices[0].home.marker;
        let wish = Request::Share { name: "things".to_owned(), place: "home".to_owned(), root_id, with };
        self.wish(0, wish);
    }

    /// Whether a device has the folder.
    pub fn has_joined(&self, on: usize) -> bool {
        self.folder.is_some_and(|folder| self.folder_of(on, folder).is_some())
    }

    fn folder_of(&self, on: usize, folder: FolderId) -> Option<&super::store::FolderStore> {
        self.devices[on].store.folders.get(&folder).filter(|store| store.record.is_some())
    }

    /// People read codes off one screen and type them on the other. One pairing of each device at a time.
    fn glance_at_pairings(&mut self) {
        for pair in 0..self.links.len() {
            let [a, b] = self.links[pair].ends;
            let link = &self.links[pair];
            if !link.is_up || link.told != [Some(link.epoch); 2] {
                continue;
            }
            let (a_id, b_id) = (self.devices[a].id, self.devices[b].id);
            let (Some(at_a), Some(at_b)) = (self.status(a), self.status(b)) else { continue };
            let trusts = |status: &shoal_engine::status::Status, id| {
                status.devices.iter().any(|device| device.device == id && device.verified.is_some())
            };
            let typing = at_a.pairings.iter().find(|pairing| pairing.device == b_id);
            let showing = at_b.pairings.iter().find(|pairing| pairing.device == a_id);
            let code =
                showing.filter(|showing| showing.stage == PairingStage::Code).and_then(|showing| showing.code.clone());
            let can_type = typing.is_some_and(|typing| typing.stage == PairingStage::Code);
            let is_matched = showing.is_some_and(|showing| showing.stage == PairingStage::Matched);
            match self.pairings[pair] {
                _ if trusts(&at_a, b_id) && trusts(&at_b, a_id) => self.pairings[pair] = Pairing::Done,
                Pairing::Open => {
                    self.pairings[pair] = Pairing::Asked;
                    self.wish(a, Request::Pair(b_id));
                }
                Pairing::Asked => {
                    if let (Some(code), true) = (code, can_type) {
                        self.pairings[pair] = Pairing::Typed;
                        self.wish(a, Request::EnterCode(b_id, code));
                    }
                }
                Pairing::Typed if is_matched => {
                    self.pairings[pair] = Pairing::Allowed;
                    self.wish(b, Request::ConfirmPair(a_id, true));
                }
                Pairing::Typed | Pairing::Allowed | Pairing::Done => {}
            }
        }
    }

    /// People look at what waits for an answer and give one.
    pub fn answer_all(&mut self) {
        for on in 0..self.devices.len() {
            let Some(status) = self.status(on) else { continue };
            for invitation in &status.invitations {
                let wish = self.join_wish(on, invitation.folder);
                self.wish(on, wish);
            }
            for folder in status.folders.iter().filter(|folder| folder.hold.is_some()) {
                let goes_on = self.is_healing || !self.plan.has_refusals || self.dice.chance(60);
                self.account.is_kept_by_hold |= !goes_on;
                self.wish(on, Request::AnswerHold(folder.folder, goes_on));
            }
            for offer in &status.offers {
                let is_open = offer.record.place.is_none() && !offer.record.is_over && !offer.is_withdrawn;
                if is_open && offer.is_complete && offer.record.from != self.devices[on].id {
                    let id = offer.record.offer;
                    self.devices[on].offers.entry(id).or_insert_with(|| Disk::new([0; 16]));
                    self.wish(on, Request::AcceptOffer { offer: id, items: None, place: "received".to_owned() });
                }
            }
        }
    }

    /// The contents of an offer that its receiver lacks at the end.
    pub fn lacks_of_offer(&self, from: usize, to: usize, offer: shoal_engine::id::OfferId) -> Vec<String> {
        let (Some(sent), Some(got)) = (self.devices[from].offers.get(&offer), self.devices[to].offers.get(&offer))
        else {
            return Vec::new();
        };
        let lacks = |item: &&shoal_engine::path::RelPath| {
            let wanted = sent.file(item).map(|file| file.content.id);
            wanted.is_some() && got.file(item).map(|file| file.content.id) != wanted
        };
        sent.tree().keys().filter(lacks).map(ToString::to_string).collect()
    }
}
