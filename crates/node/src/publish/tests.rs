//! Tests of `publish`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shoal_engine::id::{DeviceId, FolderId, OfferId};
use shoal_engine::message::{OfferItem, PairEnd};
use shoal_engine::observe::{Code, Stop};
use shoal_engine::path::RelPath;
use shoal_engine::request::Role;
use shoal_engine::saved::{OfferAnswer, OfferRecord};
use shoal_engine::status::{
    DeviceStatus, FolderState, FolderStatus, HoldStatus, OfferStatus, PairingStage, PairingStatus, Status,
};
use shoal_engine::time::Timestamp;

use super::view;
use crate::snapshot::{FolderFacts, FoundFacts, LinkFacts, NetFacts, PlaceFacts, Settings, Snapshot, TransferFacts};
use crate::view as shown;
use crate::view::{DeviceWarning, ErrorCode, NetworkState, PathKind, Presence, Request, TransferState, Trust};

const ME: DeviceId = DeviceId([1; 32]);
const BEN: DeviceId = DeviceId([2; 32]);
const EVE: DeviceId = DeviceId([3; 32]);
const OFFER: OfferId = OfferId([9; 16]);

fn snapshot() -> Snapshot {
    Snapshot {
        now: Timestamp(100_000),
        me: ME,
        status: Status::default(),
        settings: Settings {
            name: "Ana".to_owned(),
            is_set_up: true,
            downloads: PathBuf::from("/srv/in"),
            theme: shown::Theme::System,
        },
        home_label: None,
        net: NetFacts {
            state: NetworkState::Up,
            addresses: Vec::new(),
            links: BTreeMap::new(),
            found: BTreeMap::new(),
            last_addresses: BTreeMap::new(),
            dht_peers: None,
            troubles: Vec::new(),
        },
        transfers: BTreeMap::new(),
        folders: BTreeMap::new(),
        offer_places: BTreeMap::new(),
        invitation_places: BTreeMap::new(),
        rates: (7, u64::MAX),
        traffic: BTreeMap::new(),
        notices: Vec::new(),
        last_used: BTreeMap::new(),
    }
}

fn device(device: DeviceId, name: &str, is_verified: bool, is_here: bool) -> DeviceStatus {
    DeviceStatus {
        device,
        name: name.to_owned(),
        own_name: name.to_owned(),
        platform: "linux".to_owned(),
        verified: is_verified.then_some(Timestamp(5)),
        is_blocked: false,
        is_here,
        last_seen: Timestamp(50_000),
    }
}

fn folder(state: FolderState) -> FolderStatus {
    FolderStatus {
        folder: FolderId([4; 32]),
        name: "Work".to_owned(),
        place: "/srv/work".to_owned(),
        role: Some(Role::Owner),
        state,
        files: 10,
        bytes: 1_000,
        lacking: (2, 200),
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

fn offer(from: DeviceId, to: &[(DeviceId, OfferAnswer)]) -> OfferStatus {
    let item = |path: &str, size| OfferItem {
        path: RelPath::parse(path).expect("a path"),
        size,
        is_directory: false,
        executable: false,
        modified: 0,
    };
    OfferStatus {
        record: OfferRecord {
            offer: OFFER,
            from,
            to: to.to_vec(),
            items: vec![item("trip/a.jpg", 60), item("trip/b.sh", 40)],
            note: String::new(),
            time: Timestamp(70_000),
            place: None,
            open: vec![0, 1],
            is_over: false,
        },
        is_complete: true,
        bytes_done: 0,
        files_done: 0,
        failed: Vec::new(),
        is_withdrawn: false,
    }
}

#[test]
fn a_page_reads_every_number_exactly() {
    let view = view(&snapshot());
    assert_eq!(view.rates.up, (1 << 53) - 1);
    assert_eq!(view.rates.down, 7);
}

#[test]
fn a_name_that_is_already_verified_is_warned_of() {
    for (ben_is_here, trust) in [(true, Trust::NotPaired), (false, Trust::KeyChanged)] {
        let mut snapshot = snapshot();
        snapshot.status.devices = vec![device(BEN, "Ben", true, ben_is_here), device(EVE, "ben ", false, true)];
        let devices = view(&snapshot).devices;
        assert_eq!((devices[0].trust, devices[0].warnings.as_slice()), (Trust::Verified, [].as_slice()));
        assert_eq!(
            (devices[1].trust, devices[1].warnings.as_slice()),
            (trust, [DeviceWarning::NameOfVerified].as_slice())
        );
        assert!(devices[0].suffix.is_some() && devices[0].suffix != devices[1].suffix);
    }
}

#[test]
fn presence_comes_from_links_and_not_from_announcements() {
    let found = |since, has_failed| FoundFacts { since: Timestamp(since), has_failed };
    let mut snapshot = snapshot();
    snapshot.status.devices = vec![device(BEN, "Ben", true, false)];
    assert_eq!(view(&snapshot).devices[0].presence, Presence::Away { since: Some(50_000) });

    snapshot.net.found.insert(EVE, found(95_000, true));
    assert_eq!(view(&snapshot).devices[1].presence, Presence::Found { trouble: None });
    snapshot.net.found.insert(EVE, found(80_000, true));
    let Presence::Found { trouble: Some(trouble) } = view(&snapshot).devices[1].presence.clone() else {
        panic!("a reason after ten seconds");
    };
    assert_eq!(trouble.code, ErrorCode::Unreachable);

    let link = LinkFacts { rtt_ms: Some(3), path: PathKind::Relayed };
    snapshot.net.links.insert(BEN, link);
    snapshot.status.devices[0].is_here = true;
    let here = Presence::Here { rtt_ms: Some(3), path: PathKind::Relayed };
    assert_eq!(view(&snapshot).devices[0].presence, here);
}

#[test]
fn a_blocked_device_is_only_in_the_list_of_blocked_ones() {
    let mut snapshot = snapshot();
    let mut eve = device(EVE, "Eve", false, false);
    eve.is_blocked = true;
    snapshot.status.devices = vec![eve];
    let view = view(&snapshot);
    assert!(view.devices.is_empty());
    assert_eq!(view.blocked[0].name, "Eve");
}

#[test]
fn a_folder_says_what_it_does() {
    let syncing =
        shown::FolderState::Syncing { files_left: 2, bytes_left: 200, bytes_total: 500, speed: 30, eta_s: Some(7) };
    let waiting = shown::FolderState::Waiting { files_left: 2, bytes_left: 200 };
    let scanning = shown::FolderState::Scanning { done: 3, total: Some(10), speed: 0, eta_s: None };
    let cases = [
        (FolderState::Syncing, syncing),
        (FolderState::Waiting, waiting),
        (FolderState::Scanning { done: 3 }, scanning),
        (FolderState::UpToDate, shown::FolderState::UpToDate),
        (FolderState::Full, shown::FolderState::NoRoom { files_left: 2, bytes_left: 200 }),
        (FolderState::Held, shown::FolderState::Hold),
        (FolderState::Paused, shown::FolderState::Paused),
    ];
    for (state, expected) in cases {
        let mut snapshot = snapshot();
        snapshot.status.folders = vec![folder(state)];
        let facts = FolderFacts { bytes_down: 300, speed_down: 30, eta_s: Some(7), ..FolderFacts::default() };
        snapshot.folders.insert(FolderId([4; 32]), facts);
        assert_eq!(view(&snapshot).folders[0].state, expected);
    }
}

#[test]
fn a_folder_that_must_not_go_on_says_why() {
    let code = |folder: FolderStatus| {
        let mut snapshot = snapshot();
        snapshot.status.folders = vec![folder];
        let shown::FolderState::Stopped { trouble } = view(&snapshot).folders.remove(0).state else {
            panic!("it goes on");
        };
        trouble.code
    };
    assert_eq!(code(folder(FolderState::Stopped(Stop::Missing))), ErrorCode::FolderMissing);
    assert_eq!(code(folder(FolderState::Stopped(Stop::Bug))), ErrorCode::EngineStopped);
    let mut removed = folder(FolderState::UpToDate);
    removed.role = None;
    assert_eq!(code(removed), ErrorCode::NotMember);
}

#[test]
fn a_held_batch_is_never_up_to_date() {
    let mut held = folder(FolderState::Held);
    held.problems = vec![("a".to_owned(), Code::Busy)];
    held.hold =
        Some(HoldStatus { by: Some(BEN), removes: 30, rewrites: 0, of: 40, examples: Vec::new(), since: Timestamp(9) });
    let mut snapshot = snapshot();
    snapshot.status.devices = vec![device(BEN, "Ben", true, true)];
    snapshot.status.folders = vec![held];
    let folder = view(&snapshot).folders.remove(0);
    assert_eq!(folder.state, shown::FolderState::Hold);
    assert_eq!(folder.hold.and_then(|hold| hold.by).as_deref(), Some("Ben"));
    assert_eq!(folder.problems[0].trouble.code, ErrorCode::BusyFile);
}

#[test]
fn an_offer_waits_in_the_inbox_until_it_is_accepted() {
    let mut snapshot = snapshot();
    snapshot.status.devices = vec![device(BEN, "Ben", true, true)];
    snapshot.status.offers = vec![offer(BEN, &[])];
    let facts = PlaceFacts {
        place: PathBuf::from("/srv/in"),
        free: Some(104),
        saved_as: BTreeMap::from([(0, "a (1).jpg".to_owned())]),
        dry_run: None,
    };
    snapshot.offer_places.insert(OFFER, facts);
    let before = view(&snapshot);
    assert!(before.transfers.is_empty());
    let [Request::Offer(asked)] = before.inbox.as_slice() else {
        panic!("one offer");
    };
    assert_eq!(asked.items[0].saved_as.as_deref(), Some("a (1).jpg"));
    assert_eq!(asked.trouble.as_ref().map(|trouble| trouble.code), Some(ErrorCode::NoRoom));

    snapshot.status.offers[0].record.place = Some("/srv/in".to_owned());
    snapshot.status.offers[0].bytes_done = 60;
    let after = view(&snapshot);
    assert!(after.inbox.is_empty());
    assert_eq!((after.transfers[0].title.as_str(), after.transfers[0].bytes_total), ("trip", 100));
    assert_eq!(after.transfers[0].state, TransferState::Receiving);
}

#[test]
fn a_sent_transfer_says_for_whom_it_waits() {
    use OfferAnswer::{Accepted, Declined, Done, Waiting};
    let waits = |id: DeviceId, name: &str| TransferState::Waiting { device: id.to_string(), name: name.to_owned() };
    type Case<'a> = (&'a [(DeviceId, OfferAnswer)], bool, TransferState);
    let cases: [Case<'_>; 7] = [
        (&[(BEN, Waiting)], true, TransferState::Asking { since: 70_000 }),
        (&[(BEN, Waiting)], false, waits(BEN, "Ben")),
        (&[(BEN, Accepted)], true, TransferState::Sending),
        (&[(BEN, Accepted)], false, waits(BEN, "Ben")),
        (&[(BEN, Declined)], true, TransferState::Declined),
        (&[(BEN, Done), (EVE, Declined)], true, TransferState::Done { at: 80_000 }),
        (&[(BEN, Done), (EVE, Waiting)], true, waits(EVE, "Eve")),
    ];
    for (to, ben_is_here, state) in cases {
        let mut snapshot = snapshot();
        snapshot.status.devices = vec![device(BEN, "Ben", true, ben_is_here), device(EVE, "Eve", true, false)];
        snapshot.status.offers = vec![offer(ME, to)];
        let facts = TransferFacts {
            ended: Some(Timestamp(80_000)),
            bytes: BTreeMap::from([(BEN, 700)]),
            ..TransferFacts::default()
        };
        snapshot.transfers.insert(OFFER, facts);
        let row = view(&snapshot).transfers.remove(0);
        assert_eq!(row.state, state, "{to:?}");
        assert!(row.bytes_done <= row.bytes_total, "{to:?}");
    }
}

#[test]
fn a_code_is_shown_on_one_side_only() {
    for is_typing in [true, false] {
        let mut snapshot = snapshot();
        snapshot.status.devices = vec![device(BEN, "Ben", false, true)];
        snapshot.status.pairings = vec![PairingStatus {
            device: BEN,
            is_typing,
            stage: PairingStage::Matched,
            code: Some("402918".to_owned()),
            tries_left: 2,
            locked_until: None,
        }];
        let view = view(&snapshot);
        assert_eq!(view.pairing[0].code.is_some(), !is_typing);
        assert_eq!(view.inbox.len(), usize::from(!is_typing));
    }
}

#[test]
fn a_failed_pairing_has_its_own_sentence() {
    let cases = [
        (PairEnd::WrongCode, ErrorCode::WrongCode, ErrorCode::WrongCode),
        (PairEnd::Cancelled, ErrorCode::PairRefused, ErrorCode::PairGivenUp),
        (PairEnd::Expired, ErrorCode::PairExpired, ErrorCode::PairExpired),
        (PairEnd::TooMany, ErrorCode::PairLocked, ErrorCode::PairLocked),
        (PairEnd::Broken, ErrorCode::PairBroken, ErrorCode::PairBroken),
        (PairEnd::TokenUsed, ErrorCode::InviteUsed, ErrorCode::InviteUsed),
    ];
    for (end, typing, showing) in cases {
        let code = |is_typing| crate::show::trouble::of_pairing("Ben", is_typing, end, 2, None).code;
        assert_eq!((code(true), code(false)), (typing, showing));
    }
}
