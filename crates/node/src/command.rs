//! What a person can do and ask: the one surface of the window, the browser, the command line and tests.
//!
//! `Command` acts and answers quickly; what comes of it is seen in the `View`. `Question` only looks.
//! Every argument comes from outside and is checked like that. No path crosses, only opaque ids.

#![allow(missing_docs, reason = "most fields and cases say what they are by name")]

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::view::{DryRun, KeepFor, OfferItem, Role, Theme, Trouble};

mod past;
mod typescript;
mod why;

pub use past::{
    ChangeKind, HistoryPage, HistoryRow, Moment, PathHistory, Restoration, RestoreAct, RestoreItem, RestoreState,
    Verification, Version, VersionBytes,
};
pub use typescript::{TYPESCRIPT_FILE, typescript};
pub use why::{Why, WhyBelow, WhyHas, WhyHere, WhyKept, WhyMember, WhyVerdict, WhyVersion};

/// A place or files chosen in a native picker; the path stays in Rust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct PickId(pub String);

/// Files dropped on the window, or uploaded by a browser; the paths stay in Rust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct DropId(pub String);

/// Where files to send or to copy come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    Drop { drop: DropId },
    Pick { pick: PickId },
}

/// A path that a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PathIn {
    /// Anywhere on this computer; the local socket and `shoal serve` only.
    Typed { path: String },
    /// Inside a folder; empty for the folder itself.
    Folder { folder: String, path: String },
}

/// A person and what they may do, for sharing a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Invitee {
    pub device: String,
    pub role: Role,
}

/// Which items of an offer are accepted, by `OfferItem::index`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Chosen {
    All,
    Only { items: Vec<u32> },
}

/// Every act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Ends the first run; from here on this computer is announced. Without a pick the suggested place is used.
    SetUp {
        name: String,
        downloads: Option<PickId>,
    },
    SetName {
        name: String,
    },
    SetDownloads {
        downloads: PickId,
    },
    SetTheme {
        theme: Theme,
    },
    /// Looks around more often while Nearby is open.
    SetNearbyOpen {
        open: bool,
    },

    /// Starts a pairing with a device that is seen; this side types the code.
    Pair {
        device: String,
    },
    /// The same with a device at a typed address.
    PairAddress {
        address: String,
    },
    /// Pairs by a link another device made.
    PairLink {
        link: String,
    },
    /// Makes a link for one device, valid for five minutes. Answers `PairLink`.
    MakePairLink,
    EnterCode {
        device: String,
        code: String,
    },
    /// The showing side's answer, once the other reports a match.
    ConfirmPair {
        device: String,
        yes: bool,
    },
    /// Ends a pairing at any stage, and dismisses one that ended.
    CancelPair {
        device: String,
    },
    /// Unpairs. Folders shared with it stop going there.
    Forget {
        device: String,
    },
    Block {
        device: String,
    },
    Unblock {
        device: String,
    },
    /// Gives a device another name on this computer; an empty one takes its own again.
    Rename {
        device: String,
        name: String,
    },

    /// Answers `Shared`. `take_over` replaces the mark of a share that this Shoal does not know (FOLD-15).
    ShareFolder {
        pick: PickId,
        name: String,
        invite: Vec<Invitee>,
        #[serde(default)]
        #[ts(as = "Option<bool>", optional)]
        take_over: bool,
    },
    Invite {
        folder: String,
        device: String,
        role: Role,
    },
    SetRole {
        folder: String,
        device: String,
        role: Role,
    },
    RemoveMember {
        folder: String,
        device: String,
    },
    /// Without a pick the suggested place is used; `take_over` as for sharing.
    AcceptInvitation {
        folder: String,
        pick: Option<PickId>,
        #[serde(default)]
        #[ts(as = "Option<bool>", optional)]
        take_over: bool,
    },
    DeclineInvitation {
        folder: String,
        block: bool,
    },
    /// Stops sharing on this computer; all files stay where they are.
    StopSharing {
        folder: String,
    },
    Pause {
        folder: String,
    },
    /// Goes on with a folder that is paused or stopped, or says why it cannot.
    Resume {
        folder: String,
    },
    /// Lets a folder whose directory is not the one it was go on in the directory that is there now, or in another one.
    /// What the others have comes again, what is there already is compared, nothing is taken for removed.
    NewPlace {
        folder: String,
        /// None for the place it has.
        pick: Option<PickId>,
        #[serde(default)]
        #[ts(as = "Option<bool>", optional)]
        take_over: bool,
    },
    Rescan {
        folder: String,
    },
    /// How long, and how much, a folder keeps of what was replaced or removed.
    SetKeep {
        folder: String,
        keep: KeepFor,
    },
    /// Whether two edits of one text are merged in a folder.
    SetMerging {
        folder: String,
        is_on: bool,
    },
    /// Yes lets the held batch happen, no puts the files back; `always` asks no more for this folder.
    AnswerHold {
        folder: String,
        yes: bool,
        always: bool,
    },
    /// Puts a file, a directory or a folder back to an earlier state, as a change by this computer; what stands there
    /// is kept. Answers `Restored`.
    Restore {
        at: PathIn,
        to: Moment,
    },
    /// Copies files in; `dir` is a path inside the folder, empty for its root. An existing name gets " (1)".
    AddToFolder {
        source: Source,
        folder: String,
        dir: String,
    },

    /// One offer to each device; they swarm. Answers `Sent`.
    Send {
        source: Source,
        devices: Vec<String>,
        note: Option<String>,
    },
    /// Without a pick the place shown in the offer is used.
    Accept {
        offer: String,
        items: Chosen,
        pick: Option<PickId>,
    },
    Decline {
        offer: String,
        block: bool,
    },
    /// Takes an own transfer back at any stage, or stops receiving one; what arrived is removed.
    Withdraw {
        transfer: String,
    },
    PauseTransfer {
        transfer: String,
    },
    ResumeTransfer {
        transfer: String,
    },
    /// Tries the failed files again.
    Retry {
        transfer: String,
    },
    /// Removes a finished row; files stay.
    ClearTransfer {
        transfer: String,
    },
    /// Removes all finished rows.
    ClearFinished,

    /// Opens the system's file manager at what arrived. Done by the window's shell; a browser gets APP-06.
    ShowTransfer {
        transfer: String,
    },
    /// Opens the system's file manager at a folder. Done by the window's shell; a browser gets APP-06.
    ShowFolder {
        folder: String,
    },
    /// Throws away a drop or upload that is not wanted any more.
    ForgetDrop {
        drop: DropId,
    },
    DismissNotice {
        notice: String,
    },
    /// Changes how this computer reaches others; what is none stays. The port counts from the next start.
    SetNetwork {
        /// 0 for any that is free.
        port: Option<u16>,
        lan_only: Option<bool>,
        bootstrap: Option<Vec<String>>,
    },
    Quit,
}

/// Everything that can be asked without changing anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Question {
    /// One page of what is in a folder. Answers `Files`.
    FilesIn { folder: String, dir: String, page: u32 },
    /// One page of an offer's items. Answers `OfferItems`.
    OfferItems { offer: String, page: u32 },
    /// Opens the native picker for one folder. Answers `Picked`; the window only.
    PickFolder,
    /// Opens the native picker for files. Answers `Picked`; the window only.
    PickFiles,
    /// Turns a typed path into a pick. Answers `Picked`; the local socket and `shoal serve` only.
    PickTyped { path: String },
    /// Turns a dropped folder into a place that can be shared. Answers `Picked`; the window only.
    PickDrop { drop: DropId },
    /// One page of what happened in one folder, or in all, newest first. Answers `History`.
    History { folder: Option<String>, page: u32 },
    /// Checks every signature and link of one folder's history, or of all. Answers `Verified`.
    Verify { folder: Option<String> },
    /// Every version of one path. Answers `PathHistory`.
    PathHistory { at: PathIn },
    /// What `Restore` would do. Answers `Restored`.
    RestorePlan { at: PathIn, to: Moment },
    /// Everything known of one path. Answers `Why`.
    Why { at: PathIn },
    /// What is set. Answers `Settings`.
    Settings,
    /// The same for several files and folders that are there, to be sent.
    PickTypedFiles { paths: Vec<String> },
    /// Looks at a pick before using it. Answers `Inspected`.
    InspectPick { pick: PickId, purpose: Purpose },
}

/// What a pick is meant for, which decides what is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Purpose {
    /// To be shared: overlap, count and size.
    Share,
    /// As the place for an invitation: free space and the dry run.
    Join { folder: String },
    /// As the place for an offer: free space and existing names.
    Receive { offer: String },
    /// To be sent: count and size.
    Send,
}

/// What a command or a question comes back with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer {
    Done,
    Shared {
        folder: String,
    },
    Sent {
        transfers: Vec<String>,
    },
    PairLink {
        link: String,
        expires_at: u64,
    },
    /// None when the person closed the picker.
    Picked {
        picked: Option<Picked>,
    },
    Inspected(Inspection),
    Files(FilePage),
    OfferItems(OfferPage),
    History(HistoryPage),
    Verified {
        folders: Vec<Verification>,
    },
    Settings(SettingsPage),
    Why(Box<Why>),
    PathHistory(PathHistory),
    Restored(Restoration),
}

/// What was picked, as shown to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Picked {
    pub pick: PickId,
    /// The place (`~/Pictures/2026`), or the first of several files.
    pub place: String,
    /// The last part of each picked path, at most 50.
    pub names: Vec<String>,
    /// How many were picked.
    pub count: u32,
}

/// What was found at a pick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Inspection {
    pub files: u64,
    pub bytes: u64,
    /// False while counting goes on; ask again.
    pub complete: bool,
    /// Free space on its disk.
    pub free: Option<u64>,
    /// For `Receive`: items that would get another name there.
    pub clashes: Vec<Clash>,
    /// For `Join`, when `complete`.
    pub dry_run: Option<DryRun>,
    /// Why it cannot be used, such as FOLD-05.
    pub trouble: Option<Trouble>,
}

/// An item that gets another name because its own is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Clash {
    pub index: u32,
    pub saved_as: String,
}

/// One page of a folder's content, folders first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FilePage {
    pub entries: Vec<FileEntry>,
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

/// A file or folder inside a shared folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileEntry {
    pub name: String,
    pub is_folder: bool,
    pub size: u64,
    pub modified: Option<u64>,
    pub state: FileState,
}

/// Whether a file is on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    Here,
    /// On its way, or no device that has it is reachable.
    Coming,
    Conflict,
    Problem,
}

/// One page of an offer's items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OfferPage {
    pub items: Vec<OfferItem>,
    pub page: u32,
    pub pages: u32,
}

/// What a person set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingsPage {
    pub name: String,
    /// Where received files go, as shown to people.
    pub downloads: String,
    /// 0 for any that is free.
    pub port: u16,
    pub lan_only: bool,
    pub bootstrap: Vec<String>,
    pub theme: Theme,
}

/// What the window's shell tells the page while files are dragged over it. Positions are CSS pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DropEvent {
    Over {
        names: Vec<String>,
        count: u32,
        bytes: Option<u64>,
        x: f64,
        y: f64,
    },
    Leave,
    /// `names` are at most 50 of `count`.
    Drop {
        drop: DropId,
        names: Vec<String>,
        count: u32,
        bytes: u64,
        has_folder: bool,
        x: f64,
        y: f64,
    },
}

#[cfg(test)]
mod tests;
