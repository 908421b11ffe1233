//! Inviting, and hearing who takes part.

use crate::effect::Effect;
use crate::folder::Folder;
use crate::folder::exchange::Peer;
use crate::id::DeviceId;
use crate::message::Message;
use crate::turn::Turn;

/// How much is in a folder, as an invitation to it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Not everything was looked at yet: there may be more.
    pub(crate) is_counting: bool,
}

impl Folder {
    /// A member is connected, and its Hello came.
    pub(crate) fn connected(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.role().is_none() || self.ledger.role(device).is_none() || self.record.is_founding && !self.is_owner() {
            return;
        }
        self.exchange.peers.insert(device, Peer::default());
        if self.record.invited.contains(&device) {
            self.invite(device, turn);
        } else {
            self.tell_heads(device, turn);
            self.swarm.connected(device);
        }
    }

    /// A member is gone.
    pub(crate) fn disconnected(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        self.exchange.peers.remove(&device);
        self.swarm.disconnected(device, turn);
    }

    /// Members that are connected and take part.
    pub(crate) fn peers(&self) -> Vec<DeviceId> {
        self.exchange.peers.keys().copied().filter(|device| !self.record.invited.contains(device)).collect()
    }

    /// Sends an invitation with everything needed to judge it.
    pub(super) fn invite(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.exchange.durable_memberships().is_some() {
            // Sent when the membership that invites is durable.
            return;
        }
        let Counted { files, bytes, is_counting } = self.counted();
        let message = Message::Invitation {
            genesis: self.ledger.genesis().to_vec(),
            memberships: self.ledger.membership_records(0),
            files,
            bytes,
            is_counting,
        };
        turn.send(device, &message);
    }

    /// What an invitation says of the folder's size.
    pub(super) fn counted(&self) -> Counted {
        let is_counting = self.looking.is_counting() || !self.recording.is_idle();
        Counted { files: self.index.files, bytes: self.index.bytes, is_counting }
    }

    /// Somebody answered our invitation, or says that it takes part after all.
    pub(crate) fn invitation_answered(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        if self.record.invited.contains(&device) {
            self.record.invited.retain(|other| *other != device);
            // What it was told while it was only invited, it did not understand.
            self.exchange.peers.remove(&device);
            turn.push(Effect::SaveFolder(self.record.clone()));
        }
        if self.ledger.role(device).is_some() {
            self.exchange.peers.entry(device).or_default();
            self.tell_heads(device, turn);
            self.swarm.connected(device);
        }
    }
}
