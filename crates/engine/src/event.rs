//! What the outside tells the engine.

use std::sync::Arc;

use crate::chunk::Manifest;
use crate::id::{ContentId, DeviceId, FolderId, Scope};
use crate::observe::{Code, HashTrouble, Hashed, Listed, Outcome, Seen, Stop, Witness};
use crate::path::RelPath;
use crate::request::Request;

/// Numbers a piece of work that the engine asked for, so that the answer finds it again.
pub type WorkId = u64;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time passed; sent when `next_deadline` is reached.
    Tick,
    /// The user wants something.
    User(Request),

    /// A secure link to a device is up.
    Connected {
        /// Whose key the link proved.
        device: DeviceId,
    },
    /// The last link to a device is gone.
    Disconnected {
        /// Which device.
        device: DeviceId,
    },
    /// A frame came over the link of that device.
    Received {
        /// Whose key the link proved.
        from: DeviceId,
        /// The encoded message.
        frame: Vec<u8>,
    },
    /// A device opened a stream and asks for bytes; answer with `Serve` or `Refuse`.
    Asked {
        /// Who asks.
        from: DeviceId,
        /// Which stream.
        ask: WorkId,
        /// The encoded `FetchRequest`.
        header: Vec<u8>,
    },

    /// A manifest that was asked for is here, checked against its content id and remembered.
    ManifestFetched {
        /// For what.
        scope: Scope,
        /// Which content.
        content: ContentId,
        /// Its chunks.
        manifest: Arc<Manifest>,
    },
    /// The answer to `Prepare`: which chunks are in the stage already. `None` if the manifest is not known here.
    Prepared {
        /// For what.
        scope: Scope,
        /// Which content.
        content: ContentId,
        /// One flag per chunk, in order, and the manifest they belong to.
        staged: Result<(Arc<Manifest>, Vec<bool>), PrepareTrouble>,
    },
    /// Chunks arrived from a peer, matched their hash and are in the stage.
    Fetched {
        /// The `Fetch` they belong to.
        fetch: WorkId,
        /// Which content.
        content: ContentId,
        /// Which chunks, by their place in the manifest.
        chunks: Vec<u32>,
    },
    /// A `Fetch` is over; what did not arrive will not.
    FetchEnded {
        /// Which.
        fetch: WorkId,
        /// How it ended.
        end: FetchEnd,
    },

    /// The folder's directory was opened (or not), after `OpenRoot`.
    RootOpened {
        /// Which folder.
        folder: FolderId,
        /// Whether it is the one we know.
        result: Result<(), Stop>,
        /// Contents in the folder's versions on this disk, newest last.
        kept: Vec<ContentId>,
        /// What was noted there last by `Effect::NoteWitness`.
        witness: Option<Witness>,
    },
    /// Something may have changed at these paths; a hint only.
    Noticed {
        /// Which folder.
        folder: FolderId,
        /// Where; empty when hints were lost and everything must be looked at.
        paths: Vec<Noticed>,
    },
    /// The answer to `Look`.
    Looked {
        /// Which folder.
        folder: FolderId,
        /// Which `Look`.
        work: WorkId,
        /// What stands at each path; `None` for nothing, `Err` if that cannot be told.
        seen: Vec<(RelPath, Result<Option<Seen>, Code>)>,
        /// The root was still ours before and after.
        root: Result<(), Stop>,
    },
    /// One directory's whole listing, in answer to `Walk`. Directories below follow as events of their own.
    Listing {
        /// Which folder.
        folder: FolderId,
        /// Which `Walk`.
        work: WorkId,
        /// The directory; `None` for the root.
        dir: Option<RelPath>,
        /// Everything in it but our own directory, or why it cannot be read.
        entries: Result<Vec<Listed>, Code>,
        /// Names that are no paths for us, as text made fit to show, and why.
        skipped: Vec<(String, Code)>,
    },
    /// A `Walk` is over.
    Walked {
        /// Which folder.
        folder: FolderId,
        /// Which `Walk`.
        work: WorkId,
        /// The root was still ours before and after.
        root: Result<(), Stop>,
    },
    /// The answer to `Hash`; the manifests are remembered.
    Hashed {
        /// For what.
        scope: Scope,
        /// Which `Hash`.
        work: WorkId,
        /// What came of each path.
        files: Vec<(RelPath, Result<Hashed, HashTrouble>)>,
    },
    /// The answer to `Apply`, one outcome per change, in order.
    Applied {
        /// For what.
        scope: Scope,
        /// Which `Apply`.
        work: WorkId,
        /// One per change.
        outcomes: Vec<Outcome>,
        /// The root was still ours before and after.
        root: Result<(), Stop>,
    },

    /// The answer to `Merge`.
    Merged {
        /// In which root.
        folder: FolderId,
        /// Which `Merge`.
        work: WorkId,
        /// The merged text, which is among the kept versions now, and its length in bytes; `None` if one of the three
        /// could not be had or is no text, or both had changed one place.
        merged: Option<(ContentId, u64)>,
    },

    /// Contents that are not among the kept versions any more: they were old, or too much.
    KeptGone {
        /// Of which folder.
        folder: FolderId,
        /// Which.
        contents: Vec<ContentId>,
    },

    /// Ledger records are on the disk and will survive a power cut.
    Appended {
        /// Which folder.
        folder: FolderId,
        /// Which `Append`.
        work: WorkId,
        /// Whether that succeeded; if not, the folder stops.
        is_durable: bool,
    },
    /// The answer to `Reload`: every record of the folder in the order in which it was appended.
    Reloaded {
        /// Which folder.
        folder: FolderId,
        /// The records.
        records: Vec<Vec<u8>>,
    },
}

/// One hint of the watcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Where.
    pub path: RelPath,
    /// The file was closed after writing or renamed into place: no need to wait until it is quiet.
    pub is_settled: bool,
}

/// Why `Prepare` could not say what is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrepareTrouble {
    /// The manifest is not remembered here; fetch it.
    NoManifest,
    /// The stage cannot be made.
    Refused(Code),
}

/// How a `Fetch` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchEnd {
    /// Everything that was asked for was answered; some items may have been refused by the peer.
    Done,
    /// The link broke, stalled or could not be opened.
    Broken,
    /// The peer sent bytes that do not match their hash.
    Lied,
    /// Our own disk refused.
    Refused(Code),
}
