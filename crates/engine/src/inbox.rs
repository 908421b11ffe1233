//! What waits for a person's yes, and what follows from it: invitations, offers, and the folders they become.

use std::collections::BTreeMap;

use crate::effect::{Effect, Tell};
use crate::engine::Engine;
use crate::event::WorkId;
use crate::folder::{Counted, Folder};
use crate::id::{DeviceId, FolderId, OfferId};
use crate::ledger::{Learned, Ledger};
use crate::membership::Member;
use crate::message::{Message, OfferItem};
use crate::observe::Stop;
use crate::offer::Offer;
use crate::people::bounded;
use crate::request::Role;
use crate::saved::{FolderRecord, OfferAnswer, OfferRecord};
use crate::status::{FolderState, FolderStatus, InvitationStatus};
use crate::time::Timestamp;
use crate::turn::Turn;

/// Invitations kept from one device: each needs a person.
const INVITATIONS_PER_DEVICE_MAX: usize = 64;
/// Open offers from one stranger.
const STRANGER_OFFERS_MAX: usize = 1;
/// Open offers from all strangers.
const STRANGERS_OFFERS_MAX: usize = 3;
/// Open offers from one verified device.
const OFFERS_PER_DEVICE_MAX: usize = 256;

struct Invitation {
    ledger: Ledger,
    from: DeviceId,
    counted: Counted,
    time: Timestamp,
}

/// Invitations that wait for an answer.
#[derive(Default)]
pub(crate) struct Inbox {
    invitations: BTreeMap<FolderId, Invitation>,
}

impl Inbox {
    /// Forgets what a device asked.
    pub(crate) fn forget(&mut self, device: DeviceId) {
        self.invitations.retain(|_, invitation| invitation.from != device);
    }

    /// What people see.
    pub(crate) fn status(&self, me: DeviceId) -> Vec<InvitationStatus> {
        let show = |(folder, invitation): (&FolderId, &Invitation)| {
            let membership = invitation.ledger.membership();
            let others = membership.members.iter().filter(|(device, _)| **device != me);
            Some(InvitationStatus {
                folder: *folder,
                name: invitation.ledger.name().to_owned(),
                from: invitation.from,
                owner: membership.owner,
                role: invitation.ledger.role(me)?,
                members: others.map(|(device, member)| (*device, member.role, member.name.clone())).collect(),
                files: invitation.counted.files,
                bytes: invitation.counted.bytes,
                is_counting: invitation.counted.is_counting,
                time: invitation.time,
            })
        };
        self.invitations.iter().filter_map(show).collect()
    }
}

/// A folder whose ledger cannot be read, as people see it.
pub(crate) fn unreadable_status(record: &FolderRecord) -> FolderStatus {
    FolderStatus {
        folder: record.folder,
        name: record.place.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
        place: record.place.clone(),
        role: None,
        state: FolderState::Stopped(Stop::LedgerUnreadable),
        files: 0,
        bytes: 0,
        lacking: (0, 0),
        lacking_first: Vec::new(),
        members: Vec::new(),
        problems: Vec::new(),
        problem_count: 0,
        conflicts: Vec::new(),
        conflict_count: 0,
        hold: None,
        merges: true,
    }
}

impl Engine {
    /// Makes a folder of a directory and invites others to it.
    pub(crate) fn share(
        &mut self,
        name: &str,
        place: String,
        root_id: [u8; 16],
        with: Vec<(DeviceId, Role)>,
        turn: &mut Turn<'_>,
    ) {
        let genesis = Ledger::write_genesis(&self.key, turn.dice.bytes(), &bounded(name), turn.wall);
        let Ok(ledger) = Ledger::found(&genesis) else { return };
        let invited: Vec<(DeviceId, Role)> = with
            .into_iter()
            .filter(|(device, role)| *role != Role::Owner && self.people.is_verified(*device))
            .collect();
        let record = FolderRecord {
            folder: ledger.folder(),
            place,
            root_id,
            incarnation: turn.dice.number(),
            is_paused: false,
            invited: invited.iter().map(|(device, _)| *device).collect(),
            never_hold: false,
            never_merge: false,
            is_founding: true,
            mark: BTreeMap::new(),
        };
        let id = record.folder;
        let mut folder = Folder::new(record.clone(), ledger, self.key.clone(), self.me);
        turn.push(Effect::SaveFolder(record));
        folder.append_all(turn);
        let owner = (self.me, Member { role: Role::Owner, name: self.people.name.clone() });
        let people = &self.people;
        let others: Vec<(DeviceId, Member)> = invited
            .iter()
            .map(|(device, role)| (*device, Member { role: *role, name: people.name_of(*device) }))
            .collect();
        folder.set_members(
            |members| {
                members.extend([owner]);
                members.extend(others);
            },
            turn,
        );
        for (device, _) in &invited {
            folder.invited(*device, self.people.is_here(*device), turn);
        }
        folder.open(turn);
        folder.step(turn);
        self.folders.insert(id, folder);
    }

    /// Invites a device, or changes what it may do.
    pub(crate) fn set_role(&mut self, folder: FolderId, device: DeviceId, role: Role, turn: &mut Turn<'_>) {
        let (is_verified, is_here, name) =
            (self.people.is_verified(device), self.people.is_here(device), self.people.name_of(device));
        self.in_folder(folder, turn, |folder, turn| {
            let is_new = folder.ledger.role(device).is_none();
            if !folder.is_owner() || role == Role::Owner || is_new && !is_verified || device == turn.me {
                return;
            }
            if is_new {
                // Remembered before the membership is, or a crash in between would leave it a member nobody invites.
                folder.invited(device, is_here, turn);
            }
            folder.set_members(
                |members| {
                    let name = members.get(&device).map_or(name, |member| member.name.clone());
                    members.insert(device, Member { role, name });
                },
                turn,
            );
        });
    }

    /// Takes a member out; what it has stays with it, nothing new goes there.
    pub(crate) fn remove_member(&mut self, folder: FolderId, device: DeviceId, turn: &mut Turn<'_>) {
        self.in_folder(folder, turn, |folder, turn| {
            if folder.is_owner() && device != turn.me && folder.ledger.role(device).is_some() {
                folder.set_members(|members| drop(members.remove(&device)), turn);
            }
        });
    }

    /// Somebody invites us.
    pub(crate) fn invitation(
        &mut self,
        from: DeviceId,
        genesis: &[u8],
        memberships: &[Vec<u8>],
        counted: Counted,
        turn: &mut Turn<'_>,
    ) {
        let Ok(mut ledger) = Ledger::found(genesis) else { return };
        for record in memberships {
            if matches!(ledger.learn(record), Learned::Refused(_) | Learned::Waiting | Learned::Forked(_)) {
                return;
            }
        }
        let folder = ledger.folder();
        if ledger.role(self.me).is_none() || ledger.role(from).is_none() {
            return;
        }
        if let Some(joined) = self.folders.get(&folder) {
            // Told when it is durable, if it is not yet.
            if !joined.record.is_founding {
                turn.send(from, &Message::InvitationAnswer { folder, is_accepted: true });
            }
            return;
        }
        let is_known = self.inbox.invitations.contains_key(&folder);
        let theirs = self.inbox.invitations.values().filter(|invitation| invitation.from == from).count();
        if !is_known && theirs >= INVITATIONS_PER_DEVICE_MAX {
            return;
        }
        self.inbox.invitations.insert(folder, Invitation { ledger, from, counted, time: turn.wall });
        if !is_known {
            turn.tell(Tell::Invited(folder, from));
        }
    }

    /// The user accepts an invitation.
    pub(crate) fn join(&mut self, id: FolderId, place: String, root_id: [u8; 16], turn: &mut Turn<'_>) {
        let Some(invitation) = self.inbox.invitations.remove(&id) else { return };
        let record = FolderRecord {
            folder: id,
            place,
            root_id,
            incarnation: turn.dice.number(),
            is_paused: false,
            invited: Vec::new(),
            never_hold: false,
            never_merge: false,
            is_founding: true,
            mark: BTreeMap::new(),
        };
        turn.push(Effect::SaveFolder(record.clone()));
        let mut folder = Folder::new(record, invitation.ledger, self.key.clone(), self.me);
        folder.append_all(turn);
        folder.open(turn);
        turn.tell(Tell::Joined(id));
        folder.step(turn);
        self.folders.insert(id, folder);
    }

    /// Records of a folder are durable, or cannot be made so. With the first ones a folder has begun for good, and the
    /// other members may hear that this device takes part.
    pub(crate) fn appended(&mut self, id: FolderId, work: WorkId, is_durable: bool, turn: &mut Turn<'_>) {
        let Some(folder) = self.folders.get_mut(&id) else { return };
        folder.appended(work, is_durable, turn);
        if is_durable && folder.begin(turn) {
            for device in self.people.verified_here() {
                if folder.ledger.role(device).is_some() && !folder.is_owner() {
                    turn.send(device, &Message::InvitationAnswer { folder: id, is_accepted: true });
                    folder.connected(device, turn);
                }
            }
        }
        folder.step(turn);
    }

    /// The user declines an invitation.
    pub(crate) fn decline_invitation(&mut self, folder: FolderId, turn: &mut Turn<'_>) {
        if let Some(invitation) = self.inbox.invitations.remove(&folder) {
            turn.send(invitation.from, &Message::InvitationAnswer { folder, is_accepted: false });
        }
    }

    /// Somebody answers our invitation, joins, or leaves.
    pub(crate) fn invitation_answered(
        &mut self,
        from: DeviceId,
        folder: FolderId,
        is_accepted: bool,
        turn: &mut Turn<'_>,
    ) {
        self.in_folder(folder, turn, |folder, turn| {
            if is_accepted {
                folder.invitation_answered(from, turn);
            } else if folder.is_owner() && folder.ledger.role(from).is_some() {
                folder.set_members(|members| drop(members.remove(&from)), turn);
            } else {
                folder.disconnected(from, turn);
            }
        });
    }

    /// Stops sharing a folder here; its files stay.
    pub(crate) fn leave(&mut self, id: FolderId, turn: &mut Turn<'_>) {
        self.unreadable.retain(|record| record.folder != id);
        if let Some(mut folder) = self.folders.remove(&id) {
            for device in folder.peers() {
                turn.send(device, &Message::InvitationAnswer { folder: id, is_accepted: false });
                folder.disconnected(device, turn);
            }
            turn.push(Effect::CloseRoot { folder: id });
        }
        turn.push(Effect::DropFolder(id));
    }

    /// The user offers files.
    pub(crate) fn offer(
        &mut self,
        id: OfferId,
        to: &[DeviceId],
        items: Vec<OfferItem>,
        note: String,
        turn: &mut Turn<'_>,
    ) {
        let record = OfferRecord {
            offer: id,
            from: self.me,
            to: to.iter().map(|device| (*device, OfferAnswer::Waiting)).collect(),
            items,
            note,
            time: turn.wall,
            place: None,
            open: Vec::new(),
            is_over: false,
        };
        turn.push(Effect::SaveOffer(record.clone()));
        let mut offer = Offer::new(record, self.me);
        for device in to.iter().filter(|device| self.people.is_here(**device)) {
            offer.send_list(*device, turn);
        }
        offer.step(turn);
        self.offers.insert(id, offer);
    }

    /// A page of somebody's offer.
    pub(crate) fn offered(
        &mut self,
        from: DeviceId,
        id: OfferId,
        page: (u32, u32),
        note: String,
        items: Vec<OfferItem>,
        turn: &mut Turn<'_>,
    ) {
        if let Some(offer) = self.offers.get_mut(&id) {
            if offer.record.from == from && offer.page(page.0, page.1, items) {
                self.offer_is_here(id, turn);
            }
            return;
        }
        let open =
            |offer: &&Offer| offer.record.from != self.me && !offer.record.is_over && offer.record.place.is_none();
        let theirs = self.offers.values().filter(open).filter(|offer| offer.record.from == from).count();
        let is_verified = self.people.is_verified(from);
        let strangers =
            self.offers.values().filter(open).filter(|offer| !self.people.is_verified(offer.record.from)).count();
        let is_welcome = if is_verified {
            theirs < OFFERS_PER_DEVICE_MAX
        } else {
            theirs < STRANGER_OFFERS_MAX && strangers < STRANGERS_OFFERS_MAX
        };
        if !is_welcome {
            return;
        }
        let record = OfferRecord {
            offer: id,
            from,
            to: Vec::new(),
            items: Vec::new(),
            note,
            time: turn.wall,
            place: None,
            open: Vec::new(),
            is_over: false,
        };
        let mut offer = Offer::new(record, self.me);
        let is_complete = offer.page(page.0, page.1, items);
        self.offers.insert(id, offer);
        if is_complete {
            self.offer_is_here(id, turn);
        }
    }

    fn offer_is_here(&mut self, id: OfferId, turn: &mut Turn<'_>) {
        if let Some(offer) = self.offers.get(&id) {
            turn.push(Effect::SaveOffer(offer.record.clone()));
            turn.tell(Tell::Offered(id));
        }
    }

    /// The user accepts an offer.
    pub(crate) fn accept_offer(&mut self, id: OfferId, items: Option<Vec<u32>>, place: String, turn: &mut Turn<'_>) {
        let is_here = self.offers.get(&id).is_some_and(|offer| self.people.is_here(offer.record.from));
        self.in_offer(id, turn, |offer, turn| offer.accept(items, place, is_here, turn));
    }

    /// The user declines an offer.
    pub(crate) fn decline_offer(&mut self, id: OfferId, turn: &mut Turn<'_>) {
        if self.offers.get(&id).is_some_and(|offer| offer.record.from != self.me && offer.record.place.is_none())
            && let Some(mut offer) = self.offers.remove(&id)
        {
            offer.decline(turn);
            turn.push(Effect::DropOffer(id));
        }
    }

    /// Forgets an offer that is over.
    pub(crate) fn clear_offer(&mut self, id: OfferId, turn: &mut Turn<'_>) {
        if self.offers.get(&id).is_some_and(|offer| offer.record.is_over) {
            self.offers.remove(&id);
            turn.push(Effect::DropOffer(id));
        }
    }

    /// Forgets what a blocked device offers.
    pub(crate) fn drop_offers_from(&mut self, device: DeviceId, turn: &mut Turn<'_>) {
        let theirs: Vec<OfferId> =
            self.offers.values().filter(|offer| offer.record.from == device).map(|offer| offer.record.offer).collect();
        for id in theirs {
            self.offers.remove(&id);
            turn.push(Effect::DropOffer(id));
        }
    }

    /// The sender takes an offer back, or a receiver gives it up.
    pub(crate) fn offer_ended(&mut self, from: DeviceId, id: OfferId, turn: &mut Turn<'_>) {
        let Some(offer) = self.offers.get(&id) else { return };
        if offer.record.from == from && offer.record.place.is_none() {
            self.offers.remove(&id);
            turn.push(Effect::DropOffer(id));
        } else {
            self.in_offer(id, turn, |offer, turn| offer.ended(from, turn));
        }
    }
}
