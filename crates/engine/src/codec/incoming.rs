//! The wire form of messages into messages: every length, number and path is checked here.

use super::{Garbage, id, list, read_chain, read_scope, text, wire};
use crate::id::{ChainId, ContentId};
use crate::limits::{
    CHAINS_MAX, CHUNKS_MAX, NAME_BYTES_MAX, NOTE_BYTES_MAX, OFFER_ITEMS_MAX, RECORDS_MAX, WANT_CONTENTS_MAX,
};
use crate::message::{ChainHead, HaveItem, Message, OfferItem, PairEnd, Part};
use crate::path::RelPath;
use wire::Body;

/// Reads a message from its wire form.
pub(super) fn message(body: Body) -> Result<Message, Garbage> {
    match body {
        Body::Hello(hello) => read_hello(hello),
        Body::PairStart(start) => Ok(Message::PairStart { commitment: id(&start.commitment)? }),
        Body::PairCommit(commit) => Ok(Message::PairCommit { commitment: id(&commit.commitment)? }),
        Body::PairReveal(reveal) => Ok(Message::PairReveal { nonce: id(&reveal.nonce)? }),
        Body::PairMatched(_) => Ok(Message::PairMatched),
        Body::PairAllowed(_) => Ok(Message::PairAllowed),
        Body::PairEnded(ended) => Ok(Message::PairEnded { reason: read_pair_end(ended.reason)? }),
        Body::PairToken(token) => Ok(Message::PairToken { proof: id(&token.proof)?, nonce: id(&token.nonce)? }),
        Body::PairTokenAnswer(token) => {
            Ok(Message::PairTokenAnswer { proof: id(&token.proof)?, nonce: id(&token.nonce)? })
        }
        Body::Unpaired(_) => Ok(Message::Unpaired),
        Body::Invitation(invitation) => read_invitation(invitation),
        Body::InvitationAnswer(answer) => {
            Ok(Message::InvitationAnswer { folder: id(&answer.folder)?, is_accepted: answer.is_accepted })
        }
        Body::Heads(heads) => read_heads(heads),
        Body::Ask(ask) => read_ask(ask),
        Body::Records(records) => read_records(records),
        Body::State(state) => read_state(&state),
        Body::Want(wanted) => {
            Ok(Message::Want { scope: read_scope(wanted.scope)?, contents: read_contents(wanted.contents)? })
        }
        Body::Have(have) => {
            let items = list(have.items, WANT_CONTENTS_MAX, read_have)?;
            Ok(Message::Have { scope: read_scope(have.scope)?, items })
        }
        Body::Enough(wanted) => {
            Ok(Message::Enough { scope: read_scope(wanted.scope)?, contents: read_contents(wanted.contents)? })
        }
        Body::Offer(offer) => read_offer(offer),
        Body::OfferAnswer(answer) => {
            let accepted = ranges(&answer.accepted, OFFER_ITEMS_MAX)?;
            Ok(Message::OfferAnswer { offer: id(&answer.offer)?, accepted })
        }
        Body::OfferReady(ready) => read_ready(ready),
        Body::OfferDone(done) => Ok(Message::OfferDone { offer: id(&done.offer)? }),
        Body::OfferEnded(ended) => Ok(Message::OfferEnded { offer: id(&ended.offer)? }),
    }
}

/// Reads ranges `(first, count)`: ascending, apart, not empty, and none beyond `total`.
pub(super) fn ranges(ranges: &[wire::Range], total: usize) -> Result<Vec<(u32, u32)>, Garbage> {
    let mut next = 0_u64;
    let mut read = Vec::with_capacity(ranges.len());
    for range in ranges {
        let end = u64::from(range.first) + u64::from(range.count);
        if range.count == 0 || u64::from(range.first) < next || end > total as u64 {
            return Err(Garbage("ranges that overlap, are empty or lie outside"));
        }
        next = end;
        read.push((range.first, range.count));
    }
    Ok(read)
}

fn read_hello(hello: wire::Hello) -> Result<Message, Garbage> {
    match hello.platform.as_str() {
        "linux" | "macos" | "windows" | "" => {
            Ok(Message::Hello { name: text(hello.name, NAME_BYTES_MAX)?, platform: hello.platform })
        }
        // A system that is newer than this version is shown without an icon.
        _ => Ok(Message::Hello { name: text(hello.name, NAME_BYTES_MAX)?, platform: String::new() }),
    }
}

fn read_pair_end(reason: u32) -> Result<PairEnd, Garbage> {
    match reason {
        1 => Ok(PairEnd::Cancelled),
        2 => Ok(PairEnd::WrongCode),
        3 => Ok(PairEnd::Expired),
        4 => Ok(PairEnd::TooMany),
        5 => Ok(PairEnd::Broken),
        6 => Ok(PairEnd::TokenUsed),
        _ => Err(Garbage("an unknown reason")),
    }
}

fn read_invitation(invitation: wire::Invitation) -> Result<Message, Garbage> {
    Ok(Message::Invitation {
        genesis: invitation.genesis,
        memberships: list(invitation.memberships, RECORDS_MAX, Ok)?,
        files: invitation.files,
        bytes: invitation.bytes,
        is_counting: invitation.is_counting,
    })
}

fn read_heads(heads: wire::Heads) -> Result<Message, Garbage> {
    let head = |head: wire::ChainHead| {
        Ok(ChainHead { chain: named_chain(head.chain.as_ref())?, blocks: head.blocks, hash: id(&head.hash)? })
    };
    Ok(Message::Heads {
        folder: id(&heads.folder)?,
        memberships: heads.memberships,
        is_complete: heads.is_complete,
        chains: list(heads.chains, CHAINS_MAX, head)?,
    })
}

fn read_ask(ask: wire::Ask) -> Result<Message, Garbage> {
    let from = |asked: wire::ChainFrom| Ok((named_chain(asked.chain.as_ref())?, asked.from));
    Ok(Message::Ask {
        folder: id(&ask.folder)?,
        memberships_from: ask.memberships_from,
        chains: list(ask.chains, CHAINS_MAX, from)?,
    })
}

fn named_chain(chain: Option<&super::record::Chain>) -> Result<ChainId, Garbage> {
    read_chain(chain.ok_or(Garbage("a chain without a name"))?)
}

fn read_records(given: wire::Records) -> Result<Message, Garbage> {
    Ok(Message::Records {
        folder: id(&given.folder)?,
        records: list(given.records, RECORDS_MAX, Ok)?,
        has_more: given.has_more,
    })
}

fn read_state(state: &wire::State) -> Result<Message, Garbage> {
    Ok(Message::State {
        folder: id(&state.folder)?,
        digest: id(&state.digest)?,
        files: state.files,
        bytes: state.bytes,
        problems: state.problems,
    })
}

fn read_contents(contents: Vec<Vec<u8>>) -> Result<Vec<ContentId>, Garbage> {
    list(contents, WANT_CONTENTS_MAX, |content| id(&content))
}

fn read_have(item: wire::HaveItem) -> Result<HaveItem, Garbage> {
    let part = match item.part.ok_or(Garbage("a part of an unknown kind"))? {
        wire::Part::All(_) => Part::All,
        wire::Part::Nothing(_) => Part::Nothing,
        wire::Part::Some(bits) if bits.len() <= CHUNKS_MAX / 8 => Part::Some(bits),
        wire::Part::Some(_) => return Err(Garbage("more chunks than a file may have")),
    };
    Ok(HaveItem { content: id(&item.content)?, part })
}

fn read_offer(offer: wire::Offer) -> Result<Message, Garbage> {
    let item = |item: wire::OfferItem| {
        Ok(OfferItem {
            path: RelPath::parse(&item.path).map_err(|_| Garbage("a path that is no path inside"))?,
            size: item.size,
            is_directory: item.is_directory,
            executable: item.executable,
            modified: item.modified,
        })
    };
    if offer.page >= offer.pages || offer.pages as usize > OFFER_ITEMS_MAX {
        return Err(Garbage("a page outside its offer"));
    }
    Ok(Message::Offer {
        offer: id(&offer.offer)?,
        page: offer.page,
        pages: offer.pages,
        note: text(offer.note, NOTE_BYTES_MAX)?,
        items: list(offer.items, OFFER_ITEMS_MAX, item)?,
    })
}

fn read_ready(ready: wire::OfferReady) -> Result<Message, Garbage> {
    let item = |item: wire::ReadyItem| {
        if item.item as usize >= OFFER_ITEMS_MAX {
            return Err(Garbage("an item outside its offer"));
        }
        Ok((item.item, id(&item.content)?, item.size))
    };
    Ok(Message::OfferReady { offer: id(&ready.offer)?, items: list(ready.items, OFFER_ITEMS_MAX, item)? })
}
