//! The codec reads back what it writes, refuses what breaks a bound, and never changes a byte.

use proptest::prelude::*;

use super::*;
use crate::entry::Kind;
use crate::id::{ChainId, ChunkHash, ContentId, FolderId, RecordHash};
use crate::limits::{NAME_BYTES_MAX, NOTE_BYTES_MAX, RECORDS_MAX, WANT_CONTENTS_MAX};
use crate::message::{ChainHead, HaveItem, OfferItem, PairEnd, Part};
use crate::path::RelPath;
use crate::time::Timestamp;

mod golden;
mod published;

fn bytes<const LENGTH: usize>(seed: u8) -> [u8; LENGTH] {
    std::array::from_fn(|at| seed.wrapping_add(at as u8))
}

fn chain_id(seed: u8) -> ChainId {
    ChainId { device: DeviceId(bytes(seed)), incarnation: 0x0102_0304_0506_0700 | u64::from(seed) }
}

/// One message of each kind, every field filled; other numbers and lengths for other seeds.
fn every_message(seed: u8) -> Vec<Message> {
    let (folder, offer) = (FolderId(bytes(seed)), OfferId(bytes(seed)));
    let number = u64::from(seed) << (seed % 50);
    let many = usize::from(seed % 5);
    let contents: Vec<ContentId> = (0..many as u8).map(|at| ContentId(bytes(at))).collect();
    let head = |at: u8| ChainHead { chain: chain_id(at), blocks: number + 1, hash: RecordHash(bytes(at)) };
    let part = |at: u8| match at % 3 {
        0 => Part::All,
        1 => Part::Nothing,
        _ => Part::Some(vec![at; many]),
    };
    let item = |at: u8| OfferItem {
        path: RelPath::parse(&format!("dir/ünï {at}")).expect("plain"),
        size: number,
        is_directory: at.is_multiple_of(2),
        executable: !at.is_multiple_of(2),
        modified: number + 5,
    };
    let ranges: Vec<(u32, u32)> = (0..many as u32).map(|at| (at * 10, at + 1)).collect();
    let reasons = [
        PairEnd::Cancelled,
        PairEnd::WrongCode,
        PairEnd::Expired,
        PairEnd::TooMany,
        PairEnd::Broken,
        PairEnd::TokenUsed,
    ];
    let list = |count: usize| (0..count as u8).map(|at| vec![at; usize::from(seed % 7)]).collect::<Vec<_>>();
    let scope = if seed.is_multiple_of(2) { Scope::Folder(folder) } else { Scope::Offer(offer) };
    vec![
        Message::Hello { name: "Ana's laptop".repeat(many), platform: "linux".to_owned() },
        Message::PairStart { commitment: bytes(seed) },
        Message::PairCommit { commitment: bytes(seed) },
        Message::PairReveal { nonce: bytes(seed) },
        Message::PairMatched,
        Message::PairAllowed,
        Message::PairEnded { reason: reasons[usize::from(seed) % reasons.len()] },
        Message::PairToken { proof: bytes(seed), nonce: bytes(seed + 1) },
        Message::PairTokenAnswer { proof: bytes(seed), nonce: bytes(seed + 1) },
        Message::Unpaired,
        Message::Invitation {
            genesis: vec![1, seed],
            memberships: list(many),
            files: number,
            bytes: number + 1,
            is_counting: seed.is_multiple_of(2),
        },
        Message::InvitationAnswer { folder, is_accepted: seed.is_multiple_of(2) },
        Message::Heads { folder, memberships: number, is_complete: true, chains: (0..many as u8).map(head).collect() },
        Message::Ask {
            folder,
            memberships_from: number,
            chains: (0..many as u8).map(|at| (chain_id(at), number)).collect(),
        },
        Message::Records { folder, records: list(many), has_more: true },
        Message::State { folder, digest: RecordHash(bytes(seed)), files: number, bytes: 3, problems: 4 },
        Message::Want { scope, contents: contents.clone() },
        Message::Have {
            scope,
            items: (0..many as u8).map(|at| HaveItem { content: ContentId(bytes(at)), part: part(at) }).collect(),
        },
        Message::Enough { scope, contents },
        Message::Offer {
            offer,
            page: 1,
            pages: 2,
            note: "ciao".to_owned(),
            items: (0..many as u8).map(item).collect(),
        },
        Message::OfferAnswer { offer, accepted: ranges },
        Message::OfferReady { offer, items: (0..many as u32).map(|at| (at, ContentId(bytes(seed)), number)).collect() },
        Message::OfferDone { offer },
        Message::OfferEnded { offer },
    ]
}

fn every_request(seed: u8) -> Vec<FetchRequest> {
    let item = |chunks: Chunks| FetchItem { content: ContentId(bytes(seed)), with_manifest: true, chunks };
    let scope = Scope::Folder(FolderId(bytes(seed)));
    let chunks = [Chunks::All, Chunks::Ranges(Vec::new()), Chunks::Ranges(vec![(0, 1), (1, 3), (9, 1)])];
    let one_each = chunks.clone().map(|chunks| FetchRequest { scope, items: vec![item(chunks)] });
    let all = FetchRequest { scope: Scope::Offer(OfferId(bytes(seed))), items: chunks.map(item).to_vec() };
    one_each.into_iter().chain([all]).collect()
}

fn every_materialised(seed: u8) -> Vec<Materialised> {
    let kinds = [
        Kind::File { content: ContentId(bytes(seed)), size: 5, executable: true, modified: Timestamp(77) },
        Kind::Directory,
        Kind::Link { target: "../there".to_owned() },
        Kind::Deleted,
    ];
    let print = Fingerprint { size: 5, modified_ns: -3, changed_ns: i64::MAX, inode: u64::MAX };
    let versions = vec![
        VersionId { chain: chain_id(seed), sequence: 9 },
        VersionId { chain: chain_id(seed + 1), sequence: u64::MAX },
    ];
    let full = kinds.clone().map(|kind| Materialised { versions: versions.clone(), kind, print: Some(print) });
    let bare = kinds.map(|kind| Materialised { versions: Vec::new(), kind, print: None });
    full.into_iter().chain(bare).collect()
}

#[test]
fn every_message_reads_back() {
    for seed in 0..250 {
        for message in every_message(seed) {
            assert_eq!(decode(&encode(&message)), Ok(message));
        }
    }
}

#[test]
fn every_request_and_every_remembered_version_reads_back() {
    for seed in 0..250 {
        for request in every_request(seed) {
            assert_eq!(decode_request(&encode_request(&request)), Ok(request));
        }
        for materialised in every_materialised(seed) {
            assert_eq!(decode_materialised(&encode_materialised(&materialised)), Some(materialised));
        }
    }
}

#[test]
fn what_breaks_a_bound_is_refused_whole() {
    let (folder, offer) = (FolderId([1; 32]), OfferId([2; 16]));
    let scope = Scope::Folder(folder);
    let content = ContentId(ChunkHash([3; 32]).0);
    let item = |path: &str| wire::OfferItem { path: path.to_owned(), ..Default::default() };
    let page = |page, pages, items| {
        wire::Body::Offer(wire::Offer { offer: offer.0.to_vec(), page, pages, note: String::new(), items })
    };
    let bad: Vec<Vec<u8>> = vec![
        vec![0; FRAME_BYTES_MAX + 1],
        Vec::new(),
        encode(&Message::Hello { name: "x".repeat(NAME_BYTES_MAX + 1), platform: String::new() }),
        encode(&Message::Want { scope, contents: vec![content; WANT_CONTENTS_MAX + 1] }),
        encode(&Message::Records { folder, records: vec![Vec::new(); RECORDS_MAX + 1], has_more: false }),
        encode(&Message::OfferAnswer { offer, accepted: vec![(0, 5), (4, 1)] }),
        encode(&Message::OfferAnswer { offer, accepted: vec![(3, 0)] }),
        encode(&Message::OfferAnswer { offer, accepted: vec![(u32::MAX, u32::MAX)] }),
        encode(&Message::OfferReady { offer, items: vec![(u32::MAX, content, 1)] }),
        encode(&Message::Offer { offer, page: 0, pages: 1, note: "n".repeat(NOTE_BYTES_MAX + 1), items: Vec::new() }),
        frame(wire::Body::PairEnded(wire::PairEnded { reason: 7 })),
        frame(wire::Body::PairReveal(wire::PairReveal { nonce: vec![0; 31] })),
        frame(wire::Body::OfferDone(wire::OfferOnly { offer: vec![0; 17] })),
        frame(wire::Body::Want(wire::Contents { scope: None, contents: Vec::new() })),
        frame(page(1, 1, Vec::new())),
        frame(page(0, 1, vec![item("fine"), item("../evil")])),
        frame(page(0, 1, vec![item("/etc/passwd")])),
        frame(page(0, 1, vec![item(".shoal/stage")])),
    ];
    for (place, frame) in bad.iter().enumerate() {
        assert!(decode(frame).is_err(), "number {place} was taken");
    }
}

#[test]
fn a_request_that_asks_twice_or_for_nothing_is_refused() {
    let item = |all, ranges: &[(u32, u32)]| wire::FetchItem {
        content: vec![1; 32],
        with_manifest: false,
        all,
        ranges: outgoing::ranges(ranges),
    };
    let request = |items| {
        let scope = Some(outgoing::scope(Scope::Folder(FolderId([1; 32]))));
        wire::FetchRequest { scope, items }.encode_to_vec()
    };
    assert!(decode_request(&request(vec![item(false, &[(0, 2)])])).is_ok());
    assert!(decode_request(&request(vec![item(true, &[(0, 2)])])).is_err());
    assert!(decode_request(&request(vec![item(false, &[(2, 2), (0, 1)])])).is_err());
    assert!(decode_request(&request(vec![item(false, &[(CHUNKS_MAX as u32, 1)])])).is_err());
    assert!(decode_request(&request(vec![item(true, &[]); BUNDLE_FILES_MAX + 1])).is_err());
}

#[test]
fn fields_of_a_newer_version_are_skipped() {
    for message in every_message(7) {
        let mut newer = encode(&message);
        newer.extend([0xfa, 0x7f, 2, 1, 1]);
        assert_eq!(decode(&newer), Ok(message));
    }
}

fn frame(body: wire::Body) -> Vec<u8> {
    wire::Frame { body: Some(body) }.encode_to_vec()
}

proptest! {
    #[test]
    fn random_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
        let _ = decode_request(&bytes);
        let _ = decode_materialised(&bytes);
    }

    #[test]
    fn damaged_messages_are_read_without_harm(
        seed in 0..250_u8,
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
    ) {
        let messages = every_message(seed);
        let mut frame = encode(which.get(&messages));
        for (place, byte) in damage {
            let place = place.index(frame.len());
            frame[place] = byte;
        }
        if let Ok(message) = decode(&frame) {
            // Whatever is taken keeps every bound, so it can be said again.
            prop_assert_eq!(decode(&encode(&message)), Ok(message));
        }
        let _ = decode(&frame[..length.index(frame.len())]);
        let mut remembered = encode_materialised(which.get(&every_materialised(seed)));
        let place = length.index(remembered.len());
        remembered[place] ^= 0x55;
        let _ = decode_materialised(&remembered);
    }
}
