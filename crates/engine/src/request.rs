//! What the user may ask of the engine. Names and places were resolved to ids before.

use crate::id::{ContentId, DeviceId, FolderId, OfferId};
use crate::message::OfferItem;
use crate::path::RelPath;

/// What a member of a folder may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Decides who is in; reads and writes.
    Owner,
    /// Reads and writes.
    Editor,
    /// Reads and checks.
    Viewer,
    /// Holds sealed chunks it cannot read.
    Keeper,
}

impl Role {
    /// Whether entries by such a member count.
    pub fn may_write(self) -> bool {
        matches!(self, Role::Owner | Role::Editor)
    }
}

/// One wish of the user.
#[derive(Clone, Debug)]
pub enum Request {
    /// Change this device's name.
    SetName(String),
    /// Start a pairing; this side will type the code.
    Pair(DeviceId),
    /// The code as typed.
    EnterCode(DeviceId, String),
    /// The showing side answers whether the other screen says "Matches".
    ConfirmPair(DeviceId, bool),
    /// Give a pairing up.
    CancelPair(DeviceId),
    /// Make a one-time pairing token; a link carries it.
    InviteToPair([u8; 16]),
    /// Pair with the device a link names, proving its token.
    PairByToken(DeviceId, [u8; 16]),
    /// Stop trusting a device.
    Forget(DeviceId),
    /// Never hear of a device again.
    Block(DeviceId),
    /// Call a verified device something else here.
    Rename(DeviceId, String),

    /// Share a directory: make a folder of it. Its root was opened as `root_id` by the node.
    Share {
        /// The folder's name.
        name: String,
        /// Where, as the node understands it.
        place: String,
        /// The marker written into it.
        root_id: [u8; 16],
        /// Whom to invite, as what.
        with: Vec<(DeviceId, Role)>,
    },
    /// Invite a device to a folder of ours, or change its role.
    SetRole(FolderId, DeviceId, Role),
    /// Remove a member, with a cut-off at what we have of it.
    Remove(FolderId, DeviceId),
    /// Join a folder at a place.
    Join {
        /// Which.
        folder: FolderId,
        /// Where, as the node understands it.
        place: String,
        /// The marker written into it.
        root_id: [u8; 16],
    },
    /// Let a folder go on in another directory, or in one that was made anew where the old one was. Nothing that was
    /// known of the old one counts there.
    NewPlace {
        /// Which.
        folder: FolderId,
        /// Where, as the node understands it.
        place: String,
        /// The marker written into it.
        root_id: [u8; 16],
    },
    /// Decline an invitation.
    DeclineInvitation(FolderId),
    /// Stop sharing a folder here; its files stay.
    Leave(FolderId),
    /// Pause or resume a folder.
    Pause(FolderId, bool),
    /// Look at everything again; also tries a stopped folder again.
    Rescan(FolderId),
    /// Answer a hold: `true` goes on with it, `false` keeps the files.
    AnswerHold(FolderId, bool),

    /// Ask no more about mass deletions in a folder.
    NeverHold(FolderId),

    /// Merge two edits of one text in a folder no more, or again.
    NeverMerge(FolderId, bool),

    /// Fetch a content of this many bytes that no path wants, such as an earlier version's.
    Want(FolderId, ContentId, u64),
    /// A content that was asked for so is not needed any more.
    Enough(FolderId, ContentId),
    /// The removal of these paths, which comes in a moment, was agreed to.
    AllowRemoval(FolderId, Vec<RelPath>),
    /// The removal of these paths, which was agreed to, was not made after all: one that comes later is asked about.
    ForgetRemoval(FolderId, Vec<RelPath>),

    /// Offer files to devices.
    Offer {
        /// Random, chosen by the node, which knows the files under it.
        offer: OfferId,
        /// To whom.
        to: Vec<DeviceId>,
        /// What.
        items: Vec<OfferItem>,
        /// A few words.
        note: String,
    },
    /// Accept items of an offer; the node has opened the place as the offer's root.
    AcceptOffer {
        /// Which.
        offer: OfferId,
        /// Which items; `None` for all.
        items: Option<Vec<u32>>,
        /// Where, as the node understands it.
        place: String,
    },
    /// Decline an offer.
    DeclineOffer(OfferId),
    /// Withdraw an offer of ours, or give up receiving one.
    Withdraw(OfferId),
    /// Try the failed items of an offer again.
    RetryOffer(OfferId),
    /// Forget an offer that is over.
    ClearOffer(OfferId),
}
