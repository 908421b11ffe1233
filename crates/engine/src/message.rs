//! What devices say to each other. `codec` turns these into frames and back.

use crate::id::{ChainId, ContentId, FolderId, OfferId, RecordHash, Scope};
use crate::path::RelPath;

/// One message on the link between two devices. The sender is the device whose key the link proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First on every link, from both sides.
    Hello {
        /// The sender's name for itself; shown, never trusted.
        name: String,
        /// "linux", "macos", "windows" or "".
        platform: String,
    },

    /// Starts a pairing: the starter's commitment.
    PairStart {
        /// `H(domain ‖ role ‖ both ids ‖ nonce)`.
        commitment: [u8; 32],
    },
    /// The other side's commitment.
    PairCommit {
        /// As above, with its own role.
        commitment: [u8; 32],
    },
    /// A nonce, sent only when both commitments are known; the starter reveals first.
    PairReveal {
        /// The nonce.
        nonce: [u8; 32],
    },
    /// The starter's user typed the code and it matched.
    PairMatched,
    /// The other side's user allowed it: both verified.
    PairAllowed,
    /// The pairing is over without success.
    PairEnded {
        /// Why.
        reason: PairEnd,
    },
    /// Proves knowledge of a link's token: a keyed hash over both ids and a role.
    PairToken {
        /// The proof.
        proof: [u8; 32],
        /// A fresh nonce that goes into the pair secret.
        nonce: [u8; 32],
    },
    /// The inviter's proof in answer.
    PairTokenAnswer {
        /// The proof.
        proof: [u8; 32],
        /// A fresh nonce.
        nonce: [u8; 32],
    },
    /// We do not trust you any more (or never did); sent so that both sides show the truth.
    Unpaired,

    /// You are a member of this folder; join if you like.
    Invitation {
        /// The genesis record.
        genesis: Vec<u8>,
        /// Every membership record so far.
        memberships: Vec<Vec<u8>>,
        /// Number of files the sender has.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// The sender still looks at its files: there may be more.
        is_counting: bool,
    },
    /// The answer to an invitation; also sent by a member that leaves.
    InvitationAnswer {
        /// Which folder.
        folder: FolderId,
        /// Yes or no.
        is_accepted: bool,
    },
    /// What the sender knows of a folder's ledger.
    Heads {
        /// Which folder.
        folder: FolderId,
        /// How many membership entries.
        memberships: u64,
        /// The sender knows no other chains than these (else: only those that changed).
        is_complete: bool,
        /// The end of each chain.
        chains: Vec<ChainHead>,
    },
    /// Asks for records.
    Ask {
        /// Which folder.
        folder: FolderId,
        /// Membership entries from this number on.
        memberships_from: u64,
        /// Blocks of each chain from this index on.
        chains: Vec<(ChainId, u64)>,
    },
    /// Ledger records.
    Records {
        /// Which folder.
        folder: FolderId,
        /// Memberships and blocks, each as it was signed.
        records: Vec<Vec<u8>>,
        /// There is more of what was asked; ask again.
        has_more: bool,
    },
    /// How far the sender's disk is, for everybody's honest status.
    State {
        /// Which folder.
        folder: FolderId,
        /// A hash over the chain heads this is about.
        digest: RecordHash,
        /// Files its disk lacks.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Paths it cannot sync.
        problems: u64,
    },

    /// Asks who has these contents, and to be told as more of them arrives.
    Want {
        /// For what.
        scope: Scope,
        /// Which.
        contents: Vec<ContentId>,
    },
    /// What the sender has of contents that were wanted.
    Have {
        /// For what.
        scope: Scope,
        /// Which.
        items: Vec<HaveItem>,
    },
    /// These contents are not wanted any more.
    Enough {
        /// For what.
        scope: Scope,
        /// Which.
        contents: Vec<ContentId>,
    },

    /// A page of an offer; complete when all pages arrived.
    Offer {
        /// Which.
        offer: OfferId,
        /// This page, from 0.
        page: u32,
        /// How many pages there are.
        pages: u32,
        /// A few words.
        note: String,
        /// What.
        items: Vec<OfferItem>,
    },
    /// The receiver's answer.
    OfferAnswer {
        /// Which.
        offer: OfferId,
        /// Accepted items as ranges `(first, count)`; empty to decline.
        accepted: Vec<(u32, u32)>,
    },
    /// The sender has hashed items: they can be fetched.
    OfferReady {
        /// Which.
        offer: OfferId,
        /// Item number, content, size; a content of zeros says that the item cannot be read.
        items: Vec<(u32, ContentId, u64)>,
    },
    /// The receiver has everything it accepted.
    OfferDone {
        /// Which.
        offer: OfferId,
    },
    /// The sender takes the offer back, or the receiver gives up.
    OfferEnded {
        /// Which.
        offer: OfferId,
    },
}

/// Why a pairing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairEnd {
    /// A person said no, or closed the dialog.
    Cancelled,
    /// The code that was typed is not the one that was shown.
    WrongCode,
    /// It took too long.
    Expired,
    /// Too many tries.
    TooMany,
    /// A commitment or proof did not hold: somebody may sit in between.
    Broken,
    /// The link's token is unknown, used or too old.
    TokenUsed,
}

/// The end of a chain as a device knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// Which chain.
    pub chain: ChainId,
    /// How many blocks it has.
    pub blocks: u64,
    /// The hash of the last block's header.
    pub hash: RecordHash,
}

/// What somebody has of one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaveItem {
    /// Which.
    pub content: ContentId,
    /// How much of it.
    pub part: Part,
}

/// How much of a content is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    All,
    /// Nothing yet.
    Nothing,
    /// The chunks whose bit is set, least significant bit first.
    Some(Vec<u8>),
}

/// One thing in an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferItem {
    /// Its path inside the offer.
    pub path: RelPath,
    /// Its length in bytes; 0 for a directory.
    pub size: u64,
    /// An empty directory (others follow from their files).
    pub is_directory: bool,
    /// Whether it may be executed at the sender's.
    pub executable: bool,
    /// Its modified time in milliseconds since 1970.
    pub modified: u64,
}

/// What a stream asks for. The answer comes item by item, in order:
///
/// - one byte: 1 if the item follows, 0 if the sender lacks it (nothing more follows for it);
/// - if the manifest was asked for: its root (4-byte little-endian length, bytes); if the root names pieces, the asker
///   answers with a bitmap of the pieces it lacks (one bit each, least significant first, rounded up to bytes), and the
///   sender sends those, whose lengths the root gives;
/// - each chunk that was asked for, in order: one byte (1 follows, 0 gone: nothing more follows for the item), then its
///   bytes, whose length the manifest gives. Runs of zeros are not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// For what.
    pub scope: Scope,
    /// What.
    pub items: Vec<FetchItem>,
}

/// One content, or part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchItem {
    /// Which.
    pub content: ContentId,
    /// The asker lacks the manifest.
    pub with_manifest: bool,
    /// Which chunks.
    pub chunks: Chunks,
}

/// Which chunks of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// All of them; only asked of files that are one chunk.
    All,
    /// Ranges `(first, count)`, ascending; may be empty.
    Ranges(Vec<(u32, u32)>),
}
