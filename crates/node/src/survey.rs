//! Collects what the view is drawn from, out of the engine and of what only the node knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use shoal_engine::engine::Engine;
use shoal_engine::id::{FolderId, OfferId, Scope};
use shoal_engine::status::{FolderState, FolderStatus, OfferStatus, Status};
use shoal_engine::time::Timestamp;

use crate::perform::Hands;
use crate::progress::Work;
use crate::snapshot::{FolderFacts, Settings, Snapshot, TransferFacts};
use crate::transfer::meter::Way;

/// Everything there is to draw, now.
pub(crate) fn snapshot(engine: &Engine, hands: &Arc<Hands>) -> Snapshot {
    let now = hands.clock.now();
    let status = engine.status(now);
    let transfers: BTreeMap<OfferId, TransferFacts> =
        status.offers.iter().map(|offer| (offer.record.offer, transfer(offer, hands, now))).collect();
    hands.places_seen.look_where_needed(hands, &status);
    let (offer_places, invitation_places) = hands.places_seen.facts();
    Snapshot {
        now,
        me: hands.me,
        settings: settings(hands),
        home_label: hands.home.label.clone(),
        net: hands.contacts.facts(),
        transfers,
        folders: status.folders.iter().map(|one| (one.folder, folder(one, hands, now))).collect(),
        offer_places,
        invitation_places,
        rates: (hands.counters.rate(now, Way::Down), hands.counters.rate(now, Way::Up)),
        traffic: hands.counters.devices(),
        notices: hands.notices.list(),
        last_used: hands.last_used(),
        status,
    }
}

/// What the user set, with what takes its place where nothing was set.
pub(crate) fn settings(hands: &Hands) -> Settings {
    let set = hands.settings();
    Settings {
        name: set.name.clone().unwrap_or_else(|| hands.suggested.name.clone()),
        is_set_up: set.name.is_some(),
        downloads: set.downloads.map_or_else(|| hands.suggested.downloads.clone(), PathBuf::from),
        theme: match set.theme.as_str() {
            "light" => crate::view::Theme::Light,
            "dark" => crate::view::Theme::Dark,
            _ => crate::view::Theme::System,
        },
    }
}

fn folder(status: &FolderStatus, hands: &Hands, now: Timestamp) -> FolderFacts {
    let scope = Scope::Folder(status.folder);
    if status.state == FolderState::UpToDate {
        hands.counters.begin_anew(scope, Way::Down);
    }
    let far = match status.state {
        FolderState::Scanning { done } => Some((done, status.files)),
        FolderState::Syncing
        | FolderState::Waiting
        | FolderState::Full
        | FolderState::Held
        | FolderState::UpToDate
        | FolderState::Paused
        | FolderState::Stopped(_) => None,
    };
    hands.works.seen(now, (scope, Work::Looking), far);
    FolderFacts {
        looking: hands.works.get(now, (scope, Work::Looking)),
        reading: hands.works.get(now, (scope, Work::Reading)),
        bytes_down: hands.counters.totals(scope, Way::Down).values().sum(),
        speed_down: hands.counters.speed(now, scope, Way::Down),
        speed_up: hands.counters.speed(now, scope, Way::Up),
        eta_s: hands.counters.seconds_left(now, scope, Way::Down, status.lacking.1),
        copying: hands.works.get(now, (scope, Work::Copying)),
        kept: hands.kept(status.folder, status.bytes),
        is_unwatched: hands.is_unwatched(status.folder),
    }
}

fn transfer(offer: &OfferStatus, hands: &Arc<Hands>, now: Timestamp) -> TransferFacts {
    let record = &offer.record;
    let scope = Scope::Offer(record.offer);
    let is_ours = record.from == hands.me;
    let way = if is_ours { Way::Up } else { Way::Down };
    let noted = hands.offers.get(record.offer).unwrap_or_default();
    if record.is_over && noted.ended.is_none() && hands.offers.note_end(record.offer, now.0) {
        // Written down when it is first seen: a restart must not move it.
        let hands = Arc::clone(hands);
        hands.clone().memory.run(move || hands.offers.save());
    }
    let bytes = hands.counters.totals(scope, way);
    let sizes = record.items.iter().map(|item| item.size);
    let all = sizes.sum::<u64>().saturating_mul(if is_ours { record.to.len() as u64 } else { 1 });
    let done = if is_ours { bytes.values().sum() } else { offer.bytes_done };
    TransferFacts {
        speed: hands.counters.speed(now, scope, way),
        eta_s: hands.counters.seconds_left(now, scope, way, all.saturating_sub(done)),
        bytes,
        reading: hands.works.get(now, (scope, Work::Reading)),
        is_paused: noted.is_paused,
        place: noted.place,
        ended: record.is_over.then_some(Timestamp(noted.ended.unwrap_or(now.0))),
        accepted: noted.accepted,
        trouble: None,
    }
}

/// One folder of the engine's status, by id.
pub(crate) fn folder_of(status: &Status, folder: FolderId) -> Option<&FolderStatus> {
    status.folders.iter().find(|one| one.folder == folder)
}

/// One offer of the engine's status, by id.
pub(crate) fn offer_of(status: &Status, offer: OfferId) -> Option<&OfferStatus> {
    status.offers.iter().find(|one| one.record.offer == offer)
}
