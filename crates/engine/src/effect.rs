//! What the engine wants done.

use crate::event::WorkId;
use crate::id::{ChainId, ContentId, DeviceId, FolderId, OfferId, Scope};
use crate::message::FetchRequest;
use crate::observe::{Change, Fingerprint, Witness};
use crate::path::RelPath;
use crate::saved::{FolderRecord, Materialised, OfferRecord, TrustRecord};

/// Something to be done outside. Effects of one event are begun in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send an encoded message over the link of that device; dropped if there is none.
    Send {
        /// To whom.
        to: DeviceId,
        /// The encoded message.
        frame: Vec<u8>,
    },
    /// Close the links of a device; the reason goes to the log.
    Disconnect {
        /// Whose.
        device: DeviceId,
        /// Why.
        reason: &'static str,
    },
    /// Read blocks `from..to` of a chain, or membership entries, and send them in `Records` messages of bounded size.
    SendRecords {
        /// To whom.
        to: DeviceId,
        /// Which folder.
        folder: FolderId,
        /// What.
        records: Vec<RecordRange>,
    },
    /// Ask a peer for manifests and chunks over a stream, check them, put them into the stage.
    Fetch {
        /// Numbers it.
        fetch: WorkId,
        /// From whom.
        from: DeviceId,
        /// What.
        request: FetchRequest,
    },
    /// Give up a fetch; `FetchEnded` still comes.
    CancelFetch {
        /// Which.
        fetch: WorkId,
    },
    /// Answer an `Asked` stream with these bytes.
    Serve {
        /// Which.
        ask: WorkId,
        /// The request's scope.
        scope: Scope,
        /// One per item of the request, in its order.
        items: Vec<ServeItem>,
    },
    /// Close an `Asked` stream unanswered.
    Refuse {
        /// Which.
        ask: WorkId,
    },

    /// Open the folder's directory and begin to watch it. Answer: `RootOpened`.
    OpenRoot {
        /// Which folder; its place is in its record.
        folder: FolderId,
    },
    /// Note in the folder's private directory how far our records are. No sync and no answer.
    NoteWitness {
        /// Which folder.
        folder: FolderId,
        /// What to note.
        witness: Witness,
    },
    /// Stop watching and close the directory.
    CloseRoot {
        /// Which.
        folder: FolderId,
    },
    /// Look at single paths. Answer: `Looked`.
    Look {
        /// Where.
        folder: FolderId,
        /// Numbers it.
        work: WorkId,
        /// At what.
        paths: Vec<RelPath>,
    },
    /// List a directory and all below it. Answers: `Listing` per directory, then `Walked`.
    Walk {
        /// Where.
        folder: FolderId,
        /// Numbers it.
        work: WorkId,
        /// From where; `None` for the root.
        dir: Option<RelPath>,
    },
    /// Read files whole, cut and hash them, remember their manifests. Answer: `Hashed`.
    Hash {
        /// In which root.
        scope: Scope,
        /// Numbers it.
        work: WorkId,
        /// Which files, and the content they had before where it is known (its level is kept).
        files: Vec<(RelPath, Option<ContentId>)>,
    },
    /// See what of a content is in the stage, taking what can be had on this device. Answer: `Prepared`.
    Prepare {
        /// For what.
        scope: Scope,
        /// Which content.
        content: ContentId,
        /// Files that probably share chunks with it: the predecessor, or copies.
        near: Vec<(RelPath, Fingerprint, ContentId)>,
    },
    /// Make these changes: stage all, sync once, publish all, sync directories once. Answer: `Applied`.
    Apply {
        /// In which root.
        scope: Scope,
        /// Numbers it.
        work: WorkId,
        /// In this order.
        changes: Vec<Change>,
    },
    /// Merge two texts that were made of one, and put what comes of it among the kept versions, durably. Answer: `Merged`.
    Merge {
        /// In which root.
        folder: FolderId,
        /// Numbers it.
        work: WorkId,
        /// Where the winner stands.
        path: RelPath,
        /// As it was when it was hashed.
        print: Fingerprint,
        /// Which texts.
        texts: Texts,
    },
    /// Throw away what is staged of a content.
    Unstage {
        /// In which root.
        scope: Scope,
        /// Which.
        content: ContentId,
    },

    /// Append records to the folder's ledger and sync. Answer: `Appended`.
    ///
    /// Once one was refused, all that follow for this folder are refused too until that very one is asked for again: a
    /// record must not become durable without those before it.
    Append {
        /// Which folder.
        folder: FolderId,
        /// Numbers it.
        work: WorkId,
        /// The records with their keys.
        records: Vec<(RecordKey, Vec<u8>)>,
    },
    /// Read the folder's whole ledger again. Answer: `Reloaded`.
    Reload {
        /// Which.
        folder: FolderId,
    },
    /// Remember what stands on the disk; need not be durable, since a scan finds it again.
    Remember {
        /// Which folder.
        folder: FolderId,
        /// Per path what it is; `None` to forget it.
        paths: Vec<(RelPath, Option<Materialised>)>,
    },
    /// Forget everything that was remembered of what stands on a folder's disk; durable before the next effect.
    ForgetDisk {
        /// Which folder.
        folder: FolderId,
    },
    /// Remember whom we trust; durable before the next effect.
    SaveTrust(TrustRecord),
    /// Forget a device.
    DropTrust(DeviceId),
    /// Remember a folder; durable before the next effect.
    SaveFolder(FolderRecord),
    /// Forget a folder's record, ledger and index; its files stay.
    DropFolder(FolderId),
    /// Remember an offer; durable before the next effect.
    SaveOffer(OfferRecord),
    /// Forget an offer and close its root.
    DropOffer(OfferId),
    /// Something for the history and perhaps a notification.
    Tell(Tell),
}

/// Names one record of a ledger segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKey {
    /// The genesis.
    Genesis,
    /// The how-manieth membership entry, from 0.
    Membership(u64),
    /// A block of a chain, by its index from 0.
    Block(ChainId, u64),
}

/// Consecutive records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordRange {
    /// Membership entries `from..to`.
    Memberships {
        /// First.
        from: u64,
        /// One after the last.
        to: u64,
    },
    /// Blocks `from..to` of a chain.
    Blocks {
        /// Which chain.
        chain: ChainId,
        /// First.
        from: u64,
        /// One after the last.
        to: u64,
    },
}

/// Two texts, and the one that both were made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts {
    /// What both were made of.
    pub base: ContentId,
    /// The one that wins its path; it stands there.
    pub winner: ContentId,
    /// The other one; it stands elsewhere, or is kept.
    pub loser: ContentId,
}

/// One item to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeItem {
    /// Which content.
    pub content: ContentId,
    /// Where its bytes are; `None` if we lack it and say so.
    pub place: Option<Place>,
}

/// Where bytes to be served are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file on the disk that still has this fingerprint.
    Live {
        /// Which.
        path: RelPath,
        /// As it was when it was hashed.
        print: Fingerprint,
    },
    /// The stage.
    Stage,
    /// The versions.
    Kept,
}

/// Something that happened and that a person may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// A device became verified.
    Paired(DeviceId),
    /// A device was forgotten or blocked.
    Unpaired(DeviceId),
    /// An offer arrived.
    Offered(OfferId),
    /// An accepted offer is complete here.
    OfferReceived(OfferId),
    /// Our offer is complete there.
    OfferSent(OfferId, DeviceId),
    /// An invitation arrived.
    Invited(FolderId, DeviceId),
    /// A folder was joined here.
    Joined(FolderId),
    /// A conflict was settled; the copy's path.
    Conflict(FolderId, RelPath, RelPath),
    /// A hold waits for a yes.
    Held(FolderId),
    /// A folder stopped.
    Stopped(FolderId),
    /// A member sent a record that is no part of the ledger: forged, broken, or naming what no folder may hold.
    Refused(FolderId, DeviceId),
}
