//! Transfers: files that go or come once, from the first question to the last byte.

use shoal_engine::id::DeviceId;
use shoal_engine::message::OfferItem;
use shoal_engine::saved::OfferAnswer;
use shoal_engine::status::OfferStatus;

use super::names::Names;
use super::{count, device, number, place, progress, trouble};
use crate::snapshot::{Snapshot, TransferFacts};
use crate::view::{Direction, Transfer, TransferDevice, TransferState};

/// Draws all transfers, newest first. An offer that waits for an answer here is in the inbox instead.
pub(crate) fn show_all(snapshot: &Snapshot, names: &Names) -> Vec<Transfer> {
    let offers = snapshot.status.offers.iter();
    let mut shown: Vec<Transfer> = offers.filter_map(|offer| show(snapshot, names, offer)).collect();
    shown.sort_by(|a, b| b.started_at.cmp(&a.started_at).then_with(|| a.id.cmp(&b.id)));
    shown
}

fn show(snapshot: &Snapshot, names: &Names, offer: &OfferStatus) -> Option<Transfer> {
    let facts = snapshot.transfers.get(&offer.record.offer).cloned().unwrap_or_default();
    if offer.record.from == snapshot.me {
        Some(sent(snapshot, names, offer, &facts))
    } else {
        // Without a place it was never accepted here.
        offer.record.place.as_ref()?;
        Some(received(snapshot, names, offer, &facts))
    }
}

fn sent(snapshot: &Snapshot, names: &Names, offer: &OfferStatus, facts: &TransferFacts) -> Transfer {
    let record = &offer.record;
    let willing: Vec<(DeviceId, OfferAnswer)> =
        record.to.iter().copied().filter(|(_, answer)| *answer != OfferAnswer::Declined).collect();
    let each = bytes_of(record.items.iter());
    let bytes_total = each.saturating_mul(willing.len().max(1) as u64);
    let gone = |(to, answer): &(DeviceId, OfferAnswer)| match answer {
        OfferAnswer::Done => each,
        // A receiver that helps others, or asks twice, may draw more than the whole.
        OfferAnswer::Accepted => facts.bytes.get(to).copied().unwrap_or(0).min(each),
        OfferAnswer::Waiting | OfferAnswer::Declined => 0,
    };
    let bytes_done: u64 = willing.iter().map(gone).sum();
    let files = count(files_of(record.items.iter()));
    let is_done = willing.iter().all(|(_, answer)| *answer == OfferAnswer::Done) && !willing.is_empty();
    let row = common(offer, facts);
    Transfer {
        direction: Direction::Up,
        files_total: files,
        files_done: if is_done { files } else { 0 },
        bytes_done: number(bytes_done),
        bytes_total: number(bytes_total),
        devices: record.to.iter().map(|(to, _)| named(names, *to)).collect(),
        state: sent_state(snapshot, names, offer, facts, &willing),
        ..row
    }
}

fn sent_state(
    snapshot: &Snapshot,
    names: &Names,
    offer: &OfferStatus,
    facts: &TransferFacts,
    willing: &[(DeviceId, OfferAnswer)],
) -> TransferState {
    let record = &offer.record;
    let with = |wanted: OfferAnswer| willing.iter().filter(move |(_, answer)| *answer == wanted).map(|(to, _)| *to);
    let is_here = |to: &DeviceId| device::is_here(snapshot, *to);
    let open = with(OfferAnswer::Accepted).chain(with(OfferAnswer::Waiting));
    if let Some(state) = ended(offer, facts) {
        return state;
    }
    if willing.is_empty() {
        return TransferState::Declined;
    }
    if willing.iter().all(|(_, answer)| *answer == OfferAnswer::Done) {
        return done(offer, facts);
    }
    if facts.is_paused {
        return TransferState::Paused;
    }
    if with(OfferAnswer::Accepted).any(|to| is_here(&to)) {
        return TransferState::Sending;
    }
    if with(OfferAnswer::Waiting).any(|to| is_here(&to)) {
        return TransferState::Asking { since: number(record.time.0) };
    }
    open.into_iter().next().map_or(TransferState::Sending, |to| waiting(names, to))
}

fn received(snapshot: &Snapshot, names: &Names, offer: &OfferStatus, facts: &TransferFacts) -> Transfer {
    let record = &offer.record;
    let is_accepted = |index: usize| {
        let accepted = facts.accepted.as_ref();
        accepted.is_none_or(|accepted| accepted.contains(&count(index)))
    };
    let taken = || {
        let items = record.items.iter().enumerate();
        items.filter(|(index, _)| is_accepted(*index)).map(|(_, item)| item)
    };
    let bytes_total = bytes_of(taken());
    let row = common(offer, facts);
    Transfer {
        direction: Direction::Down,
        title: title(taken()),
        files_total: count(files_of(taken())),
        files_done: u32::try_from(offer.files_done).unwrap_or(u32::MAX),
        bytes_done: number(offer.bytes_done.min(bytes_total)),
        bytes_total: number(bytes_total),
        devices: vec![named(names, record.from)],
        state: received_state(snapshot, names, offer, facts, bytes_total),
        ..row
    }
}

fn received_state(
    snapshot: &Snapshot,
    names: &Names,
    offer: &OfferStatus,
    facts: &TransferFacts,
    bytes_total: u64,
) -> TransferState {
    let record = &offer.record;
    if let Some(state) = ended(offer, facts) {
        return state;
    }
    let first_failed = offer.failed.first();
    match first_failed {
        Some((index, code))
            if offer.files_done == 0 && offer.failed.len() >= record.open.len() && !record.open.is_empty() =>
        {
            let path = record.items.get(*index as usize).map_or("", |item| item.path.as_str());
            return TransferState::Failed { trouble: trouble::of_path(path, *code) };
        }
        Some(_) | None => {}
    }
    if record.is_over || (record.open.is_empty() && offer.is_complete) {
        return done(offer, facts);
    }
    if facts.is_paused {
        return TransferState::Paused;
    }
    if offer.bytes_done >= bytes_total && bytes_total > 0 {
        return TransferState::Checking;
    }
    if facts.speed == 0 && !device::is_here(snapshot, record.from) {
        return waiting(names, record.from);
    }
    TransferState::Receiving
}

/// What holds for both directions.
fn common(offer: &OfferStatus, facts: &TransferFacts) -> Transfer {
    let record = &offer.record;
    Transfer {
        id: record.offer.to_string(),
        direction: Direction::Up,
        title: title(record.items.iter()),
        files_total: 0,
        files_done: 0,
        bytes_done: 0,
        bytes_total: 0,
        devices: Vec::new(),
        speed: number(facts.speed),
        eta_s: facts.eta_s,
        state: TransferState::Receiving,
        reading: facts.reading.map(progress),
        failed: count(offer.failed.len()),
        place: facts.place.as_deref().map(place::shown),
        started_at: number(record.time.0),
    }
}

fn ended(offer: &OfferStatus, facts: &TransferFacts) -> Option<TransferState> {
    if let Some(trouble) = &facts.trouble {
        let trouble = trouble.clone();
        return Some(TransferState::Failed { trouble });
    }
    offer.is_withdrawn.then_some(TransferState::Withdrawn)
}

fn done(offer: &OfferStatus, facts: &TransferFacts) -> TransferState {
    let at = facts.ended.unwrap_or(offer.record.time);
    TransferState::Done { at: number(at.0) }
}

fn waiting(names: &Names, device: DeviceId) -> TransferState {
    TransferState::Waiting { device: device.to_string(), name: names.of(device) }
}

fn named(names: &Names, device: DeviceId) -> TransferDevice {
    TransferDevice { id: device.to_string(), name: names.of(device) }
}

/// The first part of the first path: the folder, or the file itself.
fn title<'a>(mut items: impl Iterator<Item = &'a OfferItem>) -> String {
    let first = items.next().and_then(|item| item.path.as_str().split('/').next());
    first.unwrap_or_default().to_owned()
}

fn bytes_of<'a>(items: impl Iterator<Item = &'a OfferItem>) -> u64 {
    items.fold(0, |sum, item| sum.saturating_add(item.size))
}

fn files_of<'a>(items: impl Iterator<Item = &'a OfferItem>) -> usize {
    items.filter(|item| !item.is_directory).count()
}
