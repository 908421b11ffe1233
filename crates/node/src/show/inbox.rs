//! What waits for this person: offers, invitations and pairings, oldest first.

use shoal_engine::status::{InvitationStatus, OfferStatus};

use super::names::Names;
use super::{count, device, item, number, pairing, place, role, trouble};
use crate::snapshot::Snapshot;
use crate::view::{DryRun, Invitation, InvitedMember, Offer, Request};

/// Items of an offer that are shown at once; the others by question.
const ITEMS_SHOWN_MAX: usize = 50;

/// Draws everything that waits.
pub(crate) fn show_all(snapshot: &Snapshot, names: &Names) -> Vec<Request> {
    let status = &snapshot.status;
    let offers = status.offers.iter().filter(|offer| is_asking(snapshot, offer));
    let offers = offers.map(|offer| Request::Offer(show_offer(snapshot, names, offer)));
    let invitations = status.invitations.iter();
    let invitations = invitations.map(|one| Request::Invitation(show_invitation(snapshot, names, one)));
    let pairings = status.pairings.iter().filter(|one| pairing::is_asking(one));
    let pairings = pairings.map(|one| Request::Pairing {
        id: format!("pairing-{}", one.device),
        device: one.device.to_string(),
        name: names.of(one.device),
        asked_at: number(snapshot.now.0),
    });
    let mut all: Vec<Request> = offers.chain(invitations).chain(pairings).collect();
    all.sort_by_key(asked_at);
    all
}

/// Whether an offer of somebody else waits for an answer here.
pub(crate) fn is_asking(snapshot: &Snapshot, offer: &OfferStatus) -> bool {
    let record = &offer.record;
    record.from != snapshot.me && record.place.is_none() && !record.is_over && !offer.is_withdrawn
}

fn asked_at(request: &Request) -> u64 {
    match request {
        Request::Offer(offer) => offer.asked_at,
        Request::Invitation(invitation) => invitation.asked_at,
        Request::Pairing { asked_at, .. } => *asked_at,
    }
}

fn show_offer(snapshot: &Snapshot, names: &Names, status: &OfferStatus) -> Offer {
    let record = &status.record;
    let facts = snapshot.offer_places.get(&record.offer);
    let bytes = record.items.iter().fold(0_u64, |sum, item| sum.saturating_add(item.size));
    let free = facts.and_then(|facts| facts.free);
    let shown = record.items.iter().enumerate().take(ITEMS_SHOWN_MAX);
    Offer {
        id: record.offer.to_string(),
        from: device::sender(snapshot, names, record.from),
        note: Some(record.note.clone()).filter(|note| !note.is_empty()),
        items: shown.map(|(index, one)| item::show(index, one, facts)).collect(),
        item_count: count(record.items.len()),
        bytes: number(bytes),
        kinds: item::totals(&record.items),
        complete: status.is_complete,
        place: place::shown(facts.map_or(&snapshot.settings.downloads, |facts| &facts.place)),
        free: free.map(number),
        trouble: trouble::of_room(bytes, free),
        asked_at: number(record.time.0),
    }
}

fn show_invitation(snapshot: &Snapshot, names: &Names, status: &InvitationStatus) -> Invitation {
    let facts = snapshot.invitation_places.get(&status.folder);
    let free = facts.and_then(|facts| facts.free);
    let is_other = |id| id != snapshot.me;
    let others = status.members.iter().filter(|(id, _, _)| is_other(*id));
    let owner_hint = status.members.iter().find(|(id, _, _)| *id == status.owner);
    Invitation {
        folder: status.folder.to_string(),
        name: status.name.clone(),
        from: device::sender(snapshot, names, status.from),
        owner: owner_hint.map_or_else(|| names.of(status.owner), |(id, _, hint)| called(names, snapshot, *id, hint)),
        role: role(status.role),
        files: number(status.files),
        bytes: number(status.bytes),
        counting: status.is_counting,
        members: others
            .map(|(id, as_role, hint)| InvitedMember { name: called(names, snapshot, *id, hint), role: role(*as_role) })
            .collect(),
        place: facts.map_or_else(String::new, |facts| place::shown(&facts.place)),
        free: free.map(number),
        // The suggested place is empty; how much comes may have been counted further since it was looked at.
        dry_run: facts.and_then(|facts| facts.dry_run).map(|run| DryRun { new: number(status.files), ..run }),
        trouble: trouble::of_room(status.bytes, free),
        asked_at: number(status.time.0),
    }
}

/// What we call a member, or what the membership calls it when we do not know it.
fn called(names: &Names, snapshot: &Snapshot, id: shoal_engine::id::DeviceId, hint: &str) -> String {
    let is_known = snapshot.status.devices.iter().any(|known| known.device == id);
    if is_known || hint.is_empty() { names.of(id) } else { hint.to_owned() }
}
