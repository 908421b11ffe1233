//! Messages into their wire form.

use super::record::Empty;
use super::{chain, wire};
use crate::id::{ChainId, ContentId, FolderId, OfferId, RecordHash, Scope};
use crate::message::{ChainHead, HaveItem, Message, OfferItem, PairEnd, Part};
use wire::Body;

/// Puts a message into its wire form.
#[rustfmt::skip] // one line per case
pub(super) fn body(message: &Message) -> Body {
    match message {
        Message::Hello { name, platform } => hello(name, platform),
        Message::PairStart { commitment } => Body::PairStart(committed(commitment)),
        Message::PairCommit { commitment } => Body::PairCommit(committed(commitment)),
        Message::PairReveal { nonce } => Body::PairReveal(wire::PairReveal { nonce: nonce.to_vec() }),
        Message::PairMatched => Body::PairMatched(Empty {}),
        Message::PairAllowed => Body::PairAllowed(Empty {}),
        Message::PairEnded { reason } => Body::PairEnded(wire::PairEnded { reason: pair_end(*reason) }),
        Message::PairToken { proof, nonce } => Body::PairToken(token(proof, nonce)),
        Message::PairTokenAnswer { proof, nonce } => Body::PairTokenAnswer(token(proof, nonce)),
        Message::Unpaired => Body::Unpaired(Empty {}),
        Message::Invitation { genesis, memberships, files, bytes, is_counting } => Body::Invitation(wire::Invitation {
            genesis: genesis.clone(),
            memberships: memberships.clone(),
            files: *files,
            bytes: *bytes,
            is_counting: *is_counting,
        }),
        Message::InvitationAnswer { folder, is_accepted } => invitation_answer(*folder, *is_accepted),
        Message::Heads { folder, memberships, is_complete, chains } => heads(*folder, *memberships, *is_complete, chains),
        Message::Ask { folder, memberships_from, chains } => ask(*folder, *memberships_from, chains),
        Message::Records { folder, records, has_more } => given(*folder, records, *has_more),
        Message::State { folder, digest, files, bytes, problems } => state(*folder, *digest, *files, *bytes, *problems),
        Message::Want { scope, contents } => Body::Want(wanted(*scope, contents)),
        Message::Have { scope, items } => having(*scope, items),
        Message::Enough { scope, contents } => Body::Enough(wanted(*scope, contents)),
        Message::Offer { offer, page, pages, note, items } => offered(*offer, (*page, *pages), note, items),
        Message::OfferAnswer { offer, accepted } => offer_answer(*offer, accepted),
        Message::OfferReady { offer, items } => offer_ready(*offer, items),
        Message::OfferDone { offer } => Body::OfferDone(wire::OfferOnly { offer: offer.0.to_vec() }),
        Message::OfferEnded { offer } => Body::OfferEnded(wire::OfferOnly { offer: offer.0.to_vec() }),
    }
}

/// What a transfer belongs to.
pub(super) fn scope(scope: Scope) -> wire::Scope {
    let of = match scope {
        Scope::Folder(folder) => wire::ScopeOf::Folder(folder.0.to_vec()),
        Scope::Offer(offer) => wire::ScopeOf::Offer(offer.0.to_vec()),
    };
    wire::Scope { of: Some(of) }
}

/// Ranges `(first, count)`.
pub(super) fn ranges(ranges: &[(u32, u32)]) -> Vec<wire::Range> {
    ranges.iter().map(|&(first, count)| wire::Range { first, count }).collect()
}

fn hello(name: &str, platform: &str) -> Body {
    Body::Hello(wire::Hello { name: name.to_owned(), platform: platform.to_owned() })
}

fn committed(commitment: &[u8; 32]) -> wire::Commitment {
    wire::Commitment { commitment: commitment.to_vec() }
}

fn token(proof: &[u8; 32], nonce: &[u8; 32]) -> wire::TokenProof {
    wire::TokenProof { proof: proof.to_vec(), nonce: nonce.to_vec() }
}

fn pair_end(reason: PairEnd) -> u32 {
    match reason {
        PairEnd::Cancelled => 1,
        PairEnd::WrongCode => 2,
        PairEnd::Expired => 3,
        PairEnd::TooMany => 4,
        PairEnd::Broken => 5,
        PairEnd::TokenUsed => 6,
    }
}

fn invitation_answer(folder: FolderId, is_accepted: bool) -> Body {
    Body::InvitationAnswer(wire::InvitationAnswer { folder: folder.0.to_vec(), is_accepted })
}

fn heads(folder: FolderId, memberships: u64, is_complete: bool, chains: &[ChainHead]) -> Body {
    let head = |head: &ChainHead| wire::ChainHead {
        chain: Some(chain(head.chain)),
        blocks: head.blocks,
        hash: head.hash.0.to_vec(),
    };
    let chains = chains.iter().map(head).collect();
    Body::Heads(wire::Heads { folder: folder.0.to_vec(), memberships, is_complete, chains })
}

fn ask(folder: FolderId, memberships_from: u64, chains: &[(ChainId, u64)]) -> Body {
    let chains = chains.iter().map(|&(id, from)| wire::ChainFrom { chain: Some(chain(id)), from }).collect();
    Body::Ask(wire::Ask { folder: folder.0.to_vec(), memberships_from, chains })
}

fn given(folder: FolderId, records: &[Vec<u8>], has_more: bool) -> Body {
    Body::Records(wire::Records { folder: folder.0.to_vec(), records: records.to_vec(), has_more })
}

fn state(folder: FolderId, digest: RecordHash, files: u64, bytes: u64, problems: u64) -> Body {
    let (folder, digest) = (folder.0.to_vec(), digest.0.to_vec());
    Body::State(wire::State { folder, digest, files, bytes, problems })
}

fn wanted(of: Scope, contents: &[ContentId]) -> wire::Contents {
    let contents = contents.iter().map(|content| content.0.to_vec()).collect();
    wire::Contents { scope: Some(scope(of)), contents }
}

fn having(of: Scope, items: &[HaveItem]) -> Body {
    let item = |item: &HaveItem| {
        let part = match &item.part {
            Part::All => wire::Part::All(Empty {}),
            Part::Nothing => wire::Part::Nothing(Empty {}),
            Part::Some(bits) => wire::Part::Some(bits.clone()),
        };
        wire::HaveItem { content: item.content.0.to_vec(), part: Some(part) }
    };
    Body::Have(wire::Have { scope: Some(scope(of)), items: items.iter().map(item).collect() })
}

fn offered(offer: OfferId, (page, pages): (u32, u32), note: &str, items: &[OfferItem]) -> Body {
    let item = |item: &OfferItem| wire::OfferItem {
        path: item.path.to_string(),
        size: item.size,
        is_directory: item.is_directory,
        executable: item.executable,
        modified: item.modified,
    };
    let items = items.iter().map(item).collect();
    Body::Offer(wire::Offer { offer: offer.0.to_vec(), page, pages, note: note.to_owned(), items })
}

fn offer_answer(offer: OfferId, accepted: &[(u32, u32)]) -> Body {
    Body::OfferAnswer(wire::OfferAnswer { offer: offer.0.to_vec(), accepted: ranges(accepted) })
}

fn offer_ready(offer: OfferId, items: &[(u32, ContentId, u64)]) -> Body {
    let item =
        |&(item, content, size): &(u32, ContentId, u64)| wire::ReadyItem { item, content: content.0.to_vec(), size };
    Body::OfferReady(wire::OfferReady { offer: offer.0.to_vec(), items: items.iter().map(item).collect() })
}
