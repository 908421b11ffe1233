//! Who is in a folder: the genesis that founds it and the line of membership entries that follows.
//!
//! The line is a function of the set of entries that are known, in whatever order they came. Each index has the one
//! entry that links to the entry before it and is signed by the owner named there, or by the genesis' recovery key.
//! The recovery key outranks the owner: its entry replaces the owner's at that index and all that follow. Two entries
//! of one rank at one index prove that somebody writes two histories: the line ends before them until the recovery
//! key goes on.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use prost::Message as _;

use crate::block::{FORMAT, GENESIS, Invalid, MEMBERSHIP, NUMBER_MAX, device_of, fixed, hash, sign, verify, with_kind};
use crate::codec::{Garbage, record};
use crate::id::{ChainId, DeviceId, FolderId, RecordHash};
use crate::limits::{CUT_OFFS_MAX, FRAME_BYTES_MAX, MEMBERS_MAX, NAME_BYTES_MAX};
use crate::request::Role;
use crate::time::Timestamp;

mod line;

pub(crate) use line::{Joined, Line};

/// How files are cut in every folder so far.
const CHUNKER: &str = "fastcdc5-v1";

/// A member of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What it may do.
    pub role: Role,
    /// What the owner calls it; shown, never trusted.
    pub name: String,
}

/// One whole list of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// How many membership entries lead to it; 0 for what the genesis alone says: the owner, nobody else.
    pub entries: u64,
    /// Its hash; blocks cite it.
    pub hash: RecordHash,
    /// Who decides about the next one.
    pub owner: DeviceId,
    /// Grows whenever somebody leaves or loses a right.
    pub epoch: u64,
    /// Everybody who is in.
    pub members: BTreeMap<DeviceId, Member>,
    /// How many entries of a chain are accepted, where somebody lost the right to write.
    pub cut_offs: BTreeMap<ChainId, u64>,
    /// When the owner made it; for display.
    pub time: Timestamp,
}

impl Membership {
    /// Returns what a device may do, `None` if it is no member.
    pub fn role(&self, device: DeviceId) -> Option<Role> {
        self.members.get(&device).map(|member| member.role)
    }

    /// Whether entries of a device count.
    pub fn is_writer(&self, device: DeviceId) -> bool {
        self.role(device).is_some_and(Role::may_write)
    }
}

/// What founded the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Genesis {
    /// BLAKE3 of the signed bytes of the genesis: who has the id can check the genesis, and nobody can make another.
    pub(crate) folder: FolderId,
    pub(crate) owner: DeviceId,
    pub(crate) name: String,
    pub(crate) time: Timestamp,
    pub(crate) recovery: Option<DeviceId>,
}

impl Genesis {
    /// Reads a genesis record and checks its signature.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Genesis, Invalid> {
        let signed = read_signed(GENESIS, bytes)?;
        let genesis = record::Genesis::decode(&*signed.body).map_err(|_| Garbage("genesis not readable"))?;
        if genesis.format != FORMAT || genesis.chunker != CHUNKER {
            return Err(Invalid::Newer);
        }
        if genesis.name.len() > NAME_BYTES_MAX || genesis.nonce.len() != 32 {
            return Err(Invalid::Garbage(Garbage("a genesis outside its bounds")));
        }
        let owner = fixed(&genesis.owner, DeviceId::from_slice)?;
        let recovery = genesis.recovery.map(|key| fixed(&key, DeviceId::from_slice)).transpose()?;
        let folder = FolderId(hash(&signed.body).0);
        verify(GENESIS, owner, folder, &signed)?;
        Ok(Genesis { folder, owner, name: genesis.name, time: Timestamp(genesis.time), recovery })
    }

    /// Founds a folder.
    pub(crate) fn seal(
        key: &SigningKey,
        nonce: [u8; 32],
        name: &str,
        time: Timestamp,
        recovery: Option<DeviceId>,
    ) -> Vec<u8> {
        let body = record::Genesis {
            format: FORMAT,
            owner: device_of(key).0.to_vec(),
            nonce: nonce.to_vec(),
            name: name.to_owned(),
            chunker: CHUNKER.to_owned(),
            time: time.0,
            recovery: recovery.map(|key| key.0.to_vec()),
        }
        .encode_to_vec();
        let folder = FolderId(hash(&body).0);
        with_kind(GENESIS, &sign(GENESIS, key, folder, body))
    }

    /// What holds before any membership entry: the owner is alone. Blocks cite it by the genesis' hash.
    fn alone(&self) -> Membership {
        Membership {
            entries: 0,
            hash: RecordHash(self.folder.0),
            owner: self.owner,
            epoch: 0,
            members: BTreeMap::from([(self.owner, Member { role: Role::Owner, name: String::new() })]),
            cut_offs: BTreeMap::new(),
            time: self.time,
        }
    }
}

/// A membership entry whose author signed it; whether the author may, the line knows.
#[derive(Clone, Debug)]
pub(crate) struct SignedMembership {
    pub(crate) index: u64,
    pub(crate) previous: RecordHash,
    pub(crate) author: DeviceId,
    pub(crate) membership: Membership,
    pub(crate) signed: record::Signed,
}

impl SignedMembership {
    /// Reads a membership record of this folder and checks the signature of the author it names.
    pub(crate) fn parse(bytes: &[u8], folder: FolderId) -> Result<SignedMembership, Invalid> {
        Self::parse_signed(read_signed(MEMBERSHIP, bytes)?, folder)
    }

    /// As [`SignedMembership::parse`], without the kind byte.
    pub(crate) fn parse_signed(signed: record::Signed, folder: FolderId) -> Result<SignedMembership, Invalid> {
        let body = record::Membership::decode(&*signed.body).map_err(|_| Garbage("membership not readable"))?;
        if body.format != FORMAT {
            return Err(Invalid::Newer);
        }
        if fixed(&body.folder, FolderId::from_slice)? != folder {
            return Err(Invalid::OtherFolder);
        }
        let is_bounded = body.members.len() <= MEMBERS_MAX && body.cut_offs.len() <= CUT_OFFS_MAX;
        if !is_bounded || body.index >= 1 << 40 || body.epoch >= NUMBER_MAX {
            return Err(Invalid::Garbage(Garbage("a membership outside its bounds")));
        }
        let author = fixed(&body.author, DeviceId::from_slice)?;
        let owner = fixed(&body.owner, DeviceId::from_slice)?;
        verify(MEMBERSHIP, author, folder, &signed)?;
        let membership = Membership {
            entries: body.index + 1,
            hash: hash(&signed.body),
            owner,
            epoch: body.epoch,
            members: read_members(body.members, owner)?,
            cut_offs: read_cut_offs(body.cut_offs)?,
            time: Timestamp(body.time),
        };
        let previous = fixed(&body.previous, RecordHash::from_slice)?;
        Ok(SignedMembership { index: body.index, previous, author, membership, signed })
    }

    /// The record as it is stored and sent.
    pub(crate) fn record(&self) -> Vec<u8> {
        with_kind(MEMBERSHIP, &self.signed)
    }
}

/// What the owner has decided, for [`seal`].
pub(crate) struct Decided {
    pub(crate) members: BTreeMap<DeviceId, Member>,
    pub(crate) owner: DeviceId,
    pub(crate) epoch: u64,
    pub(crate) cut_offs: BTreeMap<ChainId, u64>,
    pub(crate) time: Timestamp,
}

/// Writes the entry that follows `previous`; `None` if it does not fit a frame.
pub(crate) fn seal(key: &SigningKey, folder: FolderId, previous: &Membership, decided: Decided) -> Option<Vec<u8>> {
    let member = |(device, member): (&DeviceId, &Member)| record::Member {
        device: device.0.to_vec(),
        role: write_role(member.role),
        name: member.name.clone(),
    };
    let cut_off = |(chain, &entries): (&ChainId, &u64)| record::CutOff {
        device: chain.device.0.to_vec(),
        incarnation: chain.incarnation,
        entries,
    };
    let body = record::Membership {
        format: FORMAT,
        folder: folder.0.to_vec(),
        author: device_of(key).0.to_vec(),
        index: previous.entries,
        previous: previous.hash.0.to_vec(),
        owner: decided.owner.0.to_vec(),
        epoch: decided.epoch,
        members: decided.members.iter().map(member).collect(),
        cut_offs: decided.cut_offs.iter().map(cut_off).collect(),
        time: decided.time.0,
    };
    let bytes = with_kind(MEMBERSHIP, &sign(MEMBERSHIP, key, folder, body.encode_to_vec()));
    // A message around it needs some room, too.
    (bytes.len() <= FRAME_BYTES_MAX - 1024).then_some(bytes)
}

/// Reads what is signed out of a record of that kind.
pub(crate) fn read_signed(kind: u8, bytes: &[u8]) -> Result<record::Signed, Garbage> {
    match bytes.split_first() {
        Some((&first, body)) if first == kind && bytes.len() <= FRAME_BYTES_MAX => {
            record::Signed::decode(body).map_err(|_| Garbage("record not readable"))
        }
        Some(_) | None => Err(Garbage("a record of another kind")),
    }
}

fn read_members(listed: Vec<record::Member>, owner: DeviceId) -> Result<BTreeMap<DeviceId, Member>, Invalid> {
    let count = listed.len();
    let mut members = BTreeMap::new();
    for member in listed {
        if member.name.len() > NAME_BYTES_MAX {
            return Err(Invalid::Garbage(Garbage("a text too long")));
        }
        let device = fixed(&member.device, DeviceId::from_slice)?;
        members.insert(device, Member { role: read_role(member.role)?, name: member.name });
    }
    let owners = members.iter().filter(|(_, member)| member.role == Role::Owner).map(|(&device, _)| device);
    if members.len() == count && owners.eq([owner]) { Ok(members) } else { Err(Invalid::Members) }
}

fn read_cut_offs(listed: Vec<record::CutOff>) -> Result<BTreeMap<ChainId, u64>, Invalid> {
    let count = listed.len();
    let mut cut_offs = BTreeMap::new();
    for cut_off in listed {
        let device = fixed(&cut_off.device, DeviceId::from_slice)?;
        cut_offs.insert(ChainId { device, incarnation: cut_off.incarnation }, cut_off.entries);
    }
    if cut_offs.len() == count { Ok(cut_offs) } else { Err(Invalid::Members) }
}

fn write_role(role: Role) -> u32 {
    match role {
        Role::Owner => 1,
        Role::Editor => 2,
        Role::Viewer => 3,
        Role::Keeper => 4,
    }
}

fn read_role(role: u32) -> Result<Role, Invalid> {
    match role {
        1 => Ok(Role::Owner),
        2 => Ok(Role::Editor),
        3 => Ok(Role::Viewer),
        4 => Ok(Role::Keeper),
        _ => Err(Invalid::Newer),
    }
}
