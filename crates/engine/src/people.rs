//! Whom we know: names, trust, and who is here.

use std::collections::BTreeMap;

use crate::effect::{Effect, Tell};
use crate::engine::Engine;
use crate::id::DeviceId;
use crate::limits::NAME_BYTES_MAX;
use crate::message::Message;
use crate::pairing::{Pairings, Verified};
use crate::saved::TrustRecord;
use crate::status::DeviceStatus;
use crate::time::Timestamp;
use crate::turn::Turn;

/// A device that a link is up to.
#[derive(Default)]
struct Present {
    hello: Option<(String, String)>,
    /// It was told that we do not trust it, once on this link.
    is_told: bool,
}

/// Everybody we know or see.
pub(crate) struct People {
    pub(crate) name: String,
    trust: BTreeMap<DeviceId, TrustRecord>,
    present: BTreeMap<DeviceId, Present>,
    pub(crate) pairings: Pairings,
}

impl People {
    /// As remembered.
    pub(crate) fn new(name: String, trust: Vec<TrustRecord>) -> Self {
        let trust = trust.into_iter().map(|record| (record.device, record)).collect();
        People { name, trust, present: BTreeMap::new(), pairings: Pairings::default() }
    }

    /// Whether a device was verified and not blocked since.
    pub(crate) fn is_verified(&self, device: DeviceId) -> bool {
        self.trust.get(&device).is_some_and(|record| record.verified.is_some())
    }

    /// Whether we never want to hear of a device.
    pub(crate) fn is_blocked(&self, device: DeviceId) -> bool {
        self.trust.get(&device).is_some_and(|record| record.verified.is_none())
    }

    /// Whether a device is here: a link is up and its Hello came.
    pub(crate) fn is_here(&self, device: DeviceId) -> bool {
        self.present.get(&device).is_some_and(|present| present.hello.is_some())
    }

    /// Verified devices that are here.
    pub(crate) fn verified_here(&self) -> Vec<DeviceId> {
        self.present.keys().copied().filter(|device| self.is_verified(*device) && self.is_here(*device)).collect()
    }

    /// What we call a device, and when it last answered.
    pub(crate) fn known(&self, device: DeviceId) -> Option<(String, Timestamp)> {
        let record = self.trust.get(&device)?;
        Some((record.name.clone(), record.last_seen))
    }

    /// What we call a device: our name for it, else its own.
    pub(crate) fn name_of(&self, device: DeviceId) -> String {
        let own = self.present.get(&device).and_then(|present| present.hello.as_ref()).map(|(name, _)| name.clone());
        self.trust
            .get(&device)
            .map(|record| record.name.clone())
            .filter(|name| !name.is_empty())
            .or(own)
            .unwrap_or_default()
    }

    /// Calls a device something else.
    pub(crate) fn rename(&mut self, device: DeviceId, name: String, turn: &mut Turn<'_>) {
        let own = self.present.get(&device).and_then(|present| present.hello.as_ref()).map(|(name, _)| name.clone());
        if let Some(record) = self.trust.get_mut(&device) {
            record.name = if name.trim().is_empty() { own.unwrap_or_default() } else { bounded(&name) };
            turn.push(Effect::SaveTrust(record.clone()));
        }
    }

    fn seen(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if let Some(record) = self.trust.get_mut(&device).filter(|record| record.verified.is_some()) {
            record.last_seen = turn.wall;
            turn.push(Effect::SaveTrust(record.clone()));
        }
    }

    /// What people see.
    pub(crate) fn status(&self) -> Vec<DeviceStatus> {
        let mut devices: Vec<DeviceId> = self.trust.keys().chain(self.present.keys()).copied().collect();
        devices.sort_unstable();
        devices.dedup();
        let show = |device: DeviceId| {
            let record = self.trust.get(&device);
            let hello = self.present.get(&device).and_then(|present| present.hello.clone());
            let (own_name, platform) = hello.unwrap_or_default();
            DeviceStatus {
                device,
                name: self.name_of(device),
                own_name,
                platform: if platform.is_empty() {
                    record.map(|record| record.platform.clone()).unwrap_or_default()
                } else {
                    platform
                },
                verified: record.and_then(|record| record.verified),
                is_blocked: self.is_blocked(device),
                is_here: self.is_here(device),
                last_seen: record.map(|record| record.last_seen).unwrap_or_default(),
            }
        };
        devices.into_iter().map(show).collect()
    }
}

/// A name as it may be kept.
pub(crate) fn bounded(name: &str) -> String {
    crate::conflict::shortened(name.trim(), NAME_BYTES_MAX).to_owned()
}

impl Engine {
    fn hello(&self) -> Message {
        Message::Hello { name: self.people.name.clone(), platform: std::env::consts::OS.to_owned() }
    }

    /// A link is up.
    pub(crate) fn link_up(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.people.is_blocked(device) {
            return turn.push(Effect::Disconnect { device, reason: "blocked" });
        }
        self.people.present.insert(device, Present::default());
        turn.send(device, &self.hello());
    }

    /// The last link is gone.
    pub(crate) fn link_down(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.people.present.remove(&device).is_none() {
            return;
        }
        self.people.seen(device, turn);
        for folder in self.folders.values_mut() {
            folder.disconnected(device, turn);
            folder.step(turn);
        }
        for offer in self.offers.values_mut() {
            offer.disconnected(device, turn);
            offer.step(turn);
        }
    }

    /// A Hello came: now we know its name, and the rest may begin.
    pub(crate) fn greeted(&mut self, device: DeviceId, name: &str, platform: &str, turn: &mut Turn<'_>) {
        let Some(present) = self.people.present.get_mut(&device) else { return };
        let is_first = present.hello.replace((bounded(name), bounded(platform))).is_none();
        if let Some(record) =
            self.people.trust.get_mut(&device).filter(|record| record.platform != platform || record.name.is_empty())
        {
            record.platform = bounded(platform);
            if record.name.is_empty() {
                record.name = bounded(name);
            }
        }
        self.people.seen(device, turn);
        if is_first {
            self.begin_with(device, turn);
        }
    }

    /// Begins everything that is to be done with a device that is here.
    fn begin_with(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        self.people.pairings.reconnected(device, turn);
        if self.people.is_verified(device) {
            for folder in self.folders.values_mut() {
                folder.connected(device, turn);
                folder.step(turn);
            }
        }
        for offer in self.offers.values_mut() {
            offer.connected(device, turn);
            offer.step(turn);
        }
    }

    /// Changes our own name and tells everybody here.
    pub(crate) fn set_name(&mut self, name: String, turn: &mut Turn<'_>) {
        self.people.name = bounded(&name);
        let hello = self.hello();
        for device in self.people.present.keys() {
            turn.send(*device, &hello);
        }
    }

    /// The showing side's answer to a pairing.
    pub(crate) fn confirm_pair(&mut self, device: DeviceId, is_yes: bool, turn: &mut Turn<'_>) {
        if let Some(verified) = self.people.pairings.confirm(device, is_yes, turn) {
            self.verified(verified, turn);
        }
    }

    /// A message about pairing.
    pub(crate) fn pairing_message(&mut self, from: DeviceId, message: &Message, turn: &mut Turn<'_>) {
        if let Some(verified) = self.people.pairings.received(from, message, turn) {
            self.verified(verified, turn);
        }
    }

    fn verified(&mut self, verified: Verified, turn: &mut Turn<'_>) {
        let Verified { device, secret } = verified;
        let (name, platform) =
            self.people.present.get(&device).and_then(|present| present.hello.clone()).unwrap_or_default();
        let record = TrustRecord { device, name, platform, verified: Some(turn.wall), secret, last_seen: turn.wall };
        self.people.trust.insert(device, record.clone());
        turn.push(Effect::SaveTrust(record));
        turn.tell(Tell::Paired(device));
        if self.people.is_here(device) {
            self.begin_with(device, turn);
        }
    }

    /// Stops trusting a device.
    pub(crate) fn forget(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.people.trust.remove(&device).is_some() {
            turn.push(Effect::DropTrust(device));
            turn.send(device, &Message::Unpaired);
            turn.tell(Tell::Unpaired(device));
            self.part_with(device, turn);
        }
    }

    /// Stops everything with a device that is not trusted any more.
    fn part_with(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        self.people.pairings.cancel(device, turn);
        self.inbox.forget(device);
        for folder in self.folders.values_mut() {
            folder.disconnected(device, turn);
            folder.step(turn);
        }
    }

    /// Never hears of a device again.
    pub(crate) fn block(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        let name = self.people.name_of(device);
        let record = TrustRecord {
            device,
            name,
            platform: String::new(),
            verified: None,
            secret: [0; 32],
            last_seen: turn.wall,
        };
        self.people.trust.insert(device, record.clone());
        turn.push(Effect::SaveTrust(record));
        self.part_with(device, turn);
        self.drop_offers_from(device, turn);
        turn.push(Effect::Disconnect { device, reason: "blocked" });
    }

    /// The other side does not trust us any more.
    pub(crate) fn unpaired_by(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.people.is_verified(device) {
            self.people.trust.remove(&device);
            turn.push(Effect::DropTrust(device));
            turn.tell(Tell::Unpaired(device));
            self.part_with(device, turn);
        }
    }

    /// Somebody unverified said what only verified devices may say: it is told so, once.
    pub(crate) fn refuse_stranger(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if let Some(present) = self.people.present.get_mut(&device)
            && !std::mem::replace(&mut present.is_told, true)
        {
            turn.send(device, &Message::Unpaired);
        }
    }
}
