//! Writes every type of the surface as one TypeScript file, so that the page cannot speak another language.

use ts_rs::{Config, TS};

use super::{
    Answer, ChangeKind, Chosen, Clash, Command, DropEvent, DropId, FileEntry, FilePage, FileState, HistoryPage,
    HistoryRow, Inspection, Invitee, Moment, OfferPage, PathHistory, PathIn, PickId, Picked, Purpose, Question,
    Restoration, RestoreAct, RestoreItem, RestoreState, SettingsPage, Source, Verification, Version, VersionBytes, Why,
    WhyBelow, WhyHas, WhyHere, WhyKept, WhyMember, WhyVerdict, WhyVersion,
};
use crate::view::{
    BlockedDevice, Conflict, Device, DeviceWarning, Direction, DryRun, ErrorCode, Folder, FolderKept, FolderState,
    Hold, Invitation, InvitedMember, ItemKind, ItemWarning, KeepFor, KindTotal, Me, Member, MemberState, Network,
    NetworkState, Notice, Offer, OfferItem, Pairing, PairingSide, PairingStage, Param, PathKind, Platform, Presence,
    Problem, Progress, Rates, Request, Role, Sender, Theme, Traffic, Transfer, TransferDevice, TransferState, Trouble,
    Trust, View,
};

/// The file for which this crate is checked.
pub const TYPESCRIPT_FILE: &str = "ui/src/ipc/types.ts";

/// Writes every type of `command` and of `view` as one TypeScript file.
pub fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let mut file = String::from("// Written by shoal_node::command::typescript(). Do not edit.\n");
    for declaration in declarations(&config) {
        file.push_str(&format!("\nexport {declaration}\n"));
    }
    file
}

macro_rules! declare {
    ($($kind:ty),* $(,)?) => {
        fn declarations(config: &Config) -> Vec<String> {
            vec![$(<$kind as TS>::decl(config)),*]
        }
    };
}

declare![
    View,
    Me,
    Platform,
    Theme,
    Network,
    NetworkState,
    Device,
    Traffic,
    Trust,
    Presence,
    PathKind,
    DeviceWarning,
    BlockedDevice,
    Pairing,
    PairingSide,
    PairingStage,
    Request,
    Offer,
    Sender,
    OfferItem,
    ItemKind,
    ItemWarning,
    KindTotal,
    Invitation,
    InvitedMember,
    DryRun,
    Role,
    Folder,
    FolderState,
    FolderKept,
    KeepFor,
    Progress,
    Member,
    MemberState,
    Problem,
    Conflict,
    Hold,
    Transfer,
    Direction,
    TransferDevice,
    TransferState,
    Rates,
    Notice,
    Trouble,
    Param,
    ErrorCode,
    PickId,
    DropId,
    Source,
    PathIn,
    Invitee,
    Chosen,
    Command,
    Question,
    Purpose,
    Answer,
    Picked,
    Inspection,
    Clash,
    FilePage,
    FileEntry,
    FileState,
    OfferPage,
    HistoryPage,
    HistoryRow,
    ChangeKind,
    Verification,
    Moment,
    PathHistory,
    Version,
    VersionBytes,
    Restoration,
    RestoreItem,
    RestoreAct,
    RestoreState,
    SettingsPage,
    Why,
    WhyHere,
    WhyVerdict,
    WhyVersion,
    WhyMember,
    WhyHas,
    WhyKept,
    WhyBelow,
    DropEvent
];
