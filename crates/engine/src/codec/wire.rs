//! The bytes of messages, field by field; `shoal.proto` publishes the same.

use prost::{Message, Oneof};

use super::record::{Chain, Empty};

/// One frame on a link.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Frame {
    #[prost(
        oneof = "Body",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24"
    )]
    pub(super) body: Option<Body>,
}

/// One message.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Body {
    #[prost(message, tag = "1")]
    Hello(Hello),
    #[prost(message, tag = "2")]
    PairStart(Commitment),
    #[prost(message, tag = "3")]
    PairCommit(Commitment),
    #[prost(message, tag = "4")]
    PairReveal(PairReveal),
    #[prost(message, tag = "5")]
    PairMatched(Empty),
    #[prost(message, tag = "6")]
    PairAllowed(Empty),
    #[prost(message, tag = "7")]
    PairEnded(PairEnded),
    #[prost(message, tag = "8")]
    PairToken(TokenProof),
    #[prost(message, tag = "9")]
    PairTokenAnswer(TokenProof),
    #[prost(message, tag = "10")]
    Unpaired(Empty),
    #[prost(message, tag = "11")]
    Invitation(Invitation),
    #[prost(message, tag = "12")]
    InvitationAnswer(InvitationAnswer),
    #[prost(message, tag = "13")]
    Heads(Heads),
    #[prost(message, tag = "14")]
    Ask(Ask),
    #[prost(message, tag = "15")]
    Records(Records),
    #[prost(message, tag = "16")]
    State(State),
    #[prost(message, tag = "17")]
    Want(Contents),
    #[prost(message, tag = "18")]
    Have(Have),
    #[prost(message, tag = "19")]
    Enough(Contents),
    #[prost(message, tag = "20")]
    Offer(Offer),
    #[prost(message, tag = "21")]
    OfferAnswer(OfferAnswer),
    #[prost(message, tag = "22")]
    OfferReady(OfferReady),
    #[prost(message, tag = "23")]
    OfferDone(OfferOnly),
    #[prost(message, tag = "24")]
    OfferEnded(OfferOnly),
}

/// First on every link.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Hello {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) platform: String,
}

/// A commitment to a nonce.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Commitment {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) commitment: Vec<u8>,
}

/// The nonce that was committed to.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PairReveal {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) nonce: Vec<u8>,
}

/// Reasons: 1 cancelled, 2 wrong code, 3 expired, 4 too many, 5 broken, 6 token used.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PairEnded {
    #[prost(uint32, tag = "1")]
    pub(super) reason: u32,
}

/// Proves knowledge of a link's token.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TokenProof {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) proof: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) nonce: Vec<u8>,
}

/// An invitation to a folder, with the records that prove it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Invitation {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) genesis: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) memberships: Vec<Vec<u8>>,
    #[prost(uint64, tag = "3")]
    pub(super) files: u64,
    #[prost(uint64, tag = "4")]
    pub(super) bytes: u64,
    #[prost(bool, tag = "5")]
    pub(super) is_counting: bool,
}

/// Yes or no to an invitation.
#[derive(Clone, PartialEq, Message)]
pub(super) struct InvitationAnswer {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) folder: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub(super) is_accepted: bool,
}

/// What the sender knows of a ledger.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Heads {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) folder: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) memberships: u64,
    #[prost(bool, tag = "3")]
    pub(super) is_complete: bool,
    #[prost(message, repeated, tag = "4")]
    pub(super) chains: Vec<ChainHead>,
}

/// The end of a chain.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ChainHead {
    #[prost(message, optional, tag = "1")]
    pub(super) chain: Option<Chain>,
    #[prost(uint64, tag = "2")]
    pub(super) blocks: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) hash: Vec<u8>,
}

/// Asks for records.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Ask {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) folder: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) memberships_from: u64,
    #[prost(message, repeated, tag = "3")]
    pub(super) chains: Vec<ChainFrom>,
}

/// Blocks of a chain from an index on.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ChainFrom {
    #[prost(message, optional, tag = "1")]
    pub(super) chain: Option<Chain>,
    #[prost(uint64, tag = "2")]
    pub(super) from: u64,
}

/// Ledger records, each with its leading kind byte.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Records {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) folder: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) records: Vec<Vec<u8>>,
    #[prost(bool, tag = "3")]
    pub(super) has_more: bool,
}

/// How far the sender's disk is.
#[derive(Clone, PartialEq, Message)]
pub(super) struct State {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) folder: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) digest: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) files: u64,
    #[prost(uint64, tag = "4")]
    pub(super) bytes: u64,
    #[prost(uint64, tag = "5")]
    pub(super) problems: u64,
}

/// What a transfer belongs to.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Scope {
    #[prost(oneof = "ScopeOf", tags = "1, 2")]
    pub(super) of: Option<ScopeOf>,
}

/// A shared folder or an offer.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum ScopeOf {
    #[prost(bytes = "vec", tag = "1")]
    Folder(Vec<u8>),
    #[prost(bytes = "vec", tag = "2")]
    Offer(Vec<u8>),
}

/// Contents that are wanted, or not any more.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Contents {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) contents: Vec<Vec<u8>>,
}

/// What the sender has of contents that were wanted.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Have {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) items: Vec<HaveItem>,
}

/// How much of one content is there.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HaveItem {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) content: Vec<u8>,
    #[prost(oneof = "Part", tags = "2, 3, 4")]
    pub(super) part: Option<Part>,
}

/// All, nothing, or the chunks whose bit is set, least significant bit first.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Part {
    #[prost(message, tag = "2")]
    All(Empty),
    #[prost(message, tag = "3")]
    Nothing(Empty),
    #[prost(bytes = "vec", tag = "4")]
    Some(Vec<u8>),
}

/// A page of an offer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Offer {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) offer: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) page: u32,
    #[prost(uint32, tag = "3")]
    pub(super) pages: u32,
    #[prost(string, tag = "4")]
    pub(super) note: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) items: Vec<OfferItem>,
}

/// One thing in an offer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OfferItem {
    #[prost(string, tag = "1")]
    pub(super) path: String,
    #[prost(uint64, tag = "2")]
    pub(super) size: u64,
    #[prost(bool, tag = "3")]
    pub(super) is_directory: bool,
    #[prost(bool, tag = "4")]
    pub(super) executable: bool,
    #[prost(uint64, tag = "5")]
    pub(super) modified: u64,
}

/// The receiver's answer to an offer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OfferAnswer {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) offer: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub(super) accepted: Vec<Range>,
}

/// Consecutive numbers.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Range {
    #[prost(uint32, tag = "1")]
    pub(super) first: u32,
    #[prost(uint32, tag = "2")]
    pub(super) count: u32,
}

/// Items of an offer that can be fetched now.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OfferReady {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) offer: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub(super) items: Vec<ReadyItem>,
}

/// One item that can be fetched now.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadyItem {
    #[prost(uint32, tag = "1")]
    pub(super) item: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) content: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) size: u64,
}

/// Names an offer that is done or over.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OfferOnly {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) offer: Vec<u8>,
}

/// The header of a stream that asks for bytes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FetchRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) items: Vec<FetchItem>,
}

/// One content, or part of it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct FetchItem {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) content: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub(super) with_manifest: bool,
    #[prost(bool, tag = "3")]
    pub(super) all: bool,
    #[prost(message, repeated, tag = "4")]
    pub(super) ranges: Vec<Range>,
}
