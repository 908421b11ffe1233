//! What waits for this person's answer: offers, invitations and pairings.

#![allow(missing_docs, reason = "most fields and cases say what they are by name")]

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{PathKind, Role, Trouble, Trust};

/// Something that waits for this person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    Offer(Offer),
    Invitation(Invitation),
    /// Another device started a pairing; its code is in `pairing`.
    Pairing {
        id: String,
        device: String,
        name: String,
        asked_at: u64,
    },
}

/// Files another device wants to send once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Offer {
    pub id: String,
    pub from: Sender,
    pub note: Option<String>,
    /// The first 50; the others by `OfferItems`.
    pub items: Vec<OfferItem>,
    pub item_count: u32,
    pub bytes: u64,
    pub kinds: Vec<KindTotal>,
    /// False while the list still arrives; it cannot be accepted before.
    pub complete: bool,
    /// Where the files will go, as shown to people.
    pub place: String,
    /// Free space at `place`, when known.
    pub free: Option<u64>,
    /// Why it cannot be accepted as it is, such as DISK-04.
    pub trouble: Option<Trouble>,
    pub asked_at: u64,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Sender {
    pub device: String,
    pub name: String,
    pub suffix: Option<String>,
    pub trust: Trust,
    pub verified_at: Option<u64>,
    pub path: Option<PathKind>,
}

/// One file or folder of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OfferItem {
    /// Its place in the whole list; what `Accept` names.
    pub index: u32,
    /// Its path inside the offer, with `/`.
    pub path: String,
    pub size: u64,
    pub kind: ItemKind,
    pub warnings: Vec<ItemWarning>,
    /// The name it will get instead, because its own exists at the place.
    pub saved_as: Option<String>,
    /// Why it cannot be saved here, such as NAME-01.
    pub trouble: Option<Trouble>,
}

/// A kind by name and first bytes; only for showing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    Folder,
    Picture,
    Video,
    Sound,
    Document,
    Archive,
    Program,
    Other,
}

/// What a person should know about a file before taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ItemWarning {
    /// Runs when opened.
    Program,
    /// Two endings, such as `.pdf.exe`.
    DoubleExtension,
    /// Characters that reorder or hide part of the name.
    HiddenCharacters,
}

/// How much of an offer is of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KindTotal {
    pub kind: ItemKind,
    pub count: u32,
    pub bytes: u64,
}

/// A folder another device wants to share with this one for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Invitation {
    pub folder: String,
    pub name: String,
    pub from: Sender,
    /// Name of the owner, who decides about members.
    pub owner: String,
    /// What this computer may do in it.
    pub role: Role,
    pub files: u64,
    pub bytes: u64,
    /// The other side still looks at its files: there may be more.
    pub counting: bool,
    pub members: Vec<InvitedMember>,
    /// The suggested place, as shown to people; it does not exist yet.
    pub place: String,
    pub free: Option<u64>,
    /// What joining at `place` would do; none until known.
    pub dry_run: Option<DryRun>,
    pub trouble: Option<Trouble>,
    pub asked_at: u64,
}

/// Who else is in a folder one is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InvitedMember {
    pub name: String,
    pub role: Role,
}

/// What joining a folder at a place would do. Nothing is ever removed by joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DryRun {
    /// Files that are there with the same bytes.
    pub already_have: u64,
    /// Files that are there with other bytes; both will be kept.
    pub differ: u64,
    /// Files that will be fetched.
    pub new: u64,
}
