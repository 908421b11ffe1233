//! What a home remembers is there again after it was closed, and damage to one part does not reach the others.

use std::fs;
use std::path::{Path, PathBuf};

mod config;
mod crash;
mod index;
mod ledger;
mod manifests;

use shoal_engine::effect::RecordKey;
use shoal_engine::entry::Kind;
use shoal_engine::id::{ChainId, DeviceId, FolderId, OfferId};
use shoal_engine::message::OfferItem;
use shoal_engine::path::RelPath;
use shoal_engine::saved::{FolderRecord, Materialised, OfferAnswer, OfferRecord, Saved, SavedFolder, TrustRecord};
use shoal_engine::time::Timestamp;
use shoal_store::{Opened, Store, StoreDirs};

const ANN: DeviceId = DeviceId([1; 32]);
const BEN: DeviceId = DeviceId([2; 32]);
const FOLDER: FolderId = FolderId([7; 32]);
const OFFER: OfferId = OfferId([3; 16]);
const CHAIN: ChainId = ChainId { device: ANN, incarnation: 0xffff_ffff_ffff_fff0 };

fn dirs(home: &Path) -> StoreDirs {
    StoreDirs { config: home.join("config"), data: home.join("data") }
}

fn open(home: &Path) -> (Store, Opened) {
    Store::open(&dirs(home)).expect("the store opens")
}

/// The engine's codec is not the store's concern; here a value is the target of a link.
fn decode(bytes: &[u8]) -> Option<Materialised> {
    let target = String::from_utf8(bytes.to_vec()).ok()?;
    Some(Materialised { versions: Vec::new(), kind: Kind::Link { target }, print: None })
}

fn load(store: &Store) -> Saved {
    store.load(&decode).expect("the store loads")
}

fn only_folder(store: &Store) -> SavedFolder {
    load(store).folders.pop().expect("one folder")
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a plain path")
}

fn trust(device: DeviceId) -> TrustRecord {
    TrustRecord {
        device,
        name: "Ben's \"laptop\"".to_owned(),
        platform: "linux".to_owned(),
        verified: Some(Timestamp(1_790_000_000_123)),
        secret: [0xab; 32],
        last_seen: Timestamp(5),
    }
}

fn folder() -> FolderRecord {
    FolderRecord {
        folder: FOLDER,
        place: "/home/ann/Work".to_owned(),
        root_id: [9; 16],
        incarnation: CHAIN.incarnation,
        is_paused: true,
        invited: vec![BEN],
        never_hold: false,
        never_merge: true,
        is_founding: true,
        mark: [(CHAIN, 7)].into(),
    }
}

fn offer() -> OfferRecord {
    let item = |name: &str| OfferItem {
        path: path(name),
        size: 10,
        is_directory: false,
        executable: true,
        modified: 1_790_000_000_000,
    };
    OfferRecord {
        offer: OFFER,
        from: ANN,
        to: vec![(BEN, OfferAnswer::Accepted)],
        items: ["a", "b", "c/d"].map(item).to_vec(),
        note: "as promised".to_owned(),
        time: Timestamp(17),
        place: Some("/home/ann/Downloads".to_owned()),
        open: vec![0, 2],
        is_over: false,
    }
}

fn blocks(range: std::ops::Range<u64>) -> Vec<(RecordKey, Vec<u8>)> {
    range.map(|index| (RecordKey::Block(CHAIN, index), format!("block {index}").into_bytes())).collect()
}

/// Copies a directory, so that damage can be tried again and again.
fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Every file below a directory.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Numbers below `below` that are the same in every run.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut count = 0_u64;
    move |below| {
        count += 1;
        let hash = blake3::hash(&[seed.to_le_bytes(), count.to_le_bytes()].concat());
        let number = u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("eight bytes"));
        usize::try_from(number % below as u64).expect("below a usize")
    }
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, opened) = open(home.path());
    assert_eq!(opened, Opened::default());
    let mut settings = store.settings();
    assert_eq!(settings.name, None, "before the first run there is no name");
    settings.name = Some("Ann".to_owned());
    store.save_settings(&settings).expect("saved");
    store.save_trust(&trust(BEN)).expect("saved");
    store.save_folder(&folder()).expect("saved");
    store.save_offer(&offer()).expect("saved");
    store.save_addresses(BEN, vec!["/ip4/10.0.0.2/tcp/4001".to_owned()]).expect("saved");
    let mut records = vec![(RecordKey::Genesis, b"genesis".to_vec()), (RecordKey::Membership(0), b"first".to_vec())];
    store.append(FOLDER, &records).expect("durable");
    store.append(FOLDER, &blocks(0..3)).expect("durable");
    store.remember(FOLDER, &[(path("x/y"), Some(b"there".to_vec())), (path("z"), Some(b"soon gone".to_vec()))]);
    store.remember(FOLDER, &[(path("z"), None)]);
    drop(store);

    let (store, opened) = open(home.path());
    assert_eq!(opened, Opened::default());
    let saved = load(&store);
    assert_eq!((saved.name.as_str(), &saved.trust, &saved.offers), ("Ann", &vec![trust(BEN)], &vec![offer()]));
    assert_eq!(store.addresses_of(BEN), ["/ip4/10.0.0.2/tcp/4001"]);
    let [found] = &saved.folders[..] else { panic!("one folder") };
    records.extend(blocks(0..3));
    let bytes: Vec<Vec<u8>> = records.iter().map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!((&found.record, &found.ledger, found.is_torn), (&folder(), &Some(bytes.clone()), false));
    assert_eq!(found.index, [(path("x/y"), decode(b"there").expect("text"))]);
    assert_eq!(store.reload(FOLDER).expect("sound"), bytes);
    for (key, bytes) in records {
        assert_eq!(store.read(FOLDER, key).expect("sound"), Some(bytes));
    }
}
