//! The bytes of ledger records and of remembered versions, field by field; `shoal.proto` publishes the same.

use prost::{Message, Oneof};

/// A signed genesis, membership entry or block header. What is signed is `body` as it stands here.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Signed {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) body: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) signature: Vec<u8>,
}

/// What founds a folder.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Genesis {
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) owner: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) nonce: Vec<u8>,
    #[prost(string, tag = "4")]
    pub(crate) name: String,
    #[prost(string, tag = "5")]
    pub(crate) chunker: String,
    #[prost(uint64, tag = "6")]
    pub(crate) time: u64,
    #[prost(bytes = "vec", optional, tag = "7")]
    pub(crate) recovery: Option<Vec<u8>>,
}

/// One whole list of members.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Membership {
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) folder: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) author: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(crate) index: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) previous: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) owner: Vec<u8>,
    #[prost(uint64, tag = "7")]
    pub(crate) epoch: u64,
    #[prost(message, repeated, tag = "8")]
    pub(crate) members: Vec<Member>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) cut_offs: Vec<CutOff>,
    #[prost(uint64, tag = "10")]
    pub(crate) time: u64,
}

/// One member. Roles: 1 owner, 2 editor, 3 viewer, 4 keeper.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Member {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) device: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(crate) role: u32,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
}

/// How many entries of a chain are accepted, for ever.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CutOff {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) device: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub(crate) incarnation: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) entries: u64,
}

/// A block as it is stored and sent: a signed header, then either the entries or their hashes.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Block {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) header: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) signature: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) entries: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) pruned: Vec<u8>,
}

/// What a block's author signs.
///
/// Chains are named by number: 0 is the block's own chain, `n` is `chains[n - 1]`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Header {
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) folder: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) device: Vec<u8>,
    #[prost(fixed64, tag = "4")]
    pub(crate) incarnation: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) index: u64,
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) previous: Vec<u8>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) after: Vec<After>,
    #[prost(uint64, tag = "8")]
    pub(crate) lamport: u64,
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) membership: Vec<u8>,
    #[prost(uint64, tag = "10")]
    pub(crate) time: u64,
    #[prost(uint64, tag = "11")]
    pub(crate) first_sequence: u64,
    #[prost(uint32, tag = "12")]
    pub(crate) count: u32,
    #[prost(bytes = "vec", tag = "13")]
    pub(crate) entries_root: Vec<u8>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) chains: Vec<Chain>,
}

/// The end of a chain that the author knew.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct After {
    #[prost(uint32, tag = "1")]
    pub(crate) chain: u32,
    #[prost(uint64, tag = "2")]
    pub(crate) blocks: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) hash: Vec<u8>,
}

/// A chain by its full name.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Chain {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) device: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub(crate) incarnation: u64,
}

/// One statement about one path.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) supersedes: Vec<Ref>,
    #[prost(message, optional, tag = "3")]
    pub(crate) moved_from: Option<Ref>,
    #[prost(oneof = "Kind", tags = "4, 5, 6, 7")]
    pub(crate) kind: Option<Kind>,
}

/// A version, its chain by number.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Ref {
    #[prost(uint32, tag = "1")]
    pub(crate) chain: u32,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
}

/// What stands at a path.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Kind {
    #[prost(message, tag = "4")]
    File(File),
    #[prost(message, tag = "5")]
    Directory(Empty),
    #[prost(message, tag = "6")]
    Link(Link),
    #[prost(message, tag = "7")]
    Deleted(Empty),
}

/// A file's version.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct File {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) content: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) size: u64,
    #[prost(bool, tag = "3")]
    pub(crate) executable: bool,
    #[prost(uint64, tag = "4")]
    pub(crate) modified: u64,
}

/// A symbolic link's version.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Link {
    #[prost(string, tag = "1")]
    pub(crate) target: String,
}

/// Nothing to say beyond which field this is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Empty {}

/// The proof that somebody signed two things where there can be one: two headers, or two membership entries.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Proof {
    #[prost(message, optional, tag = "1")]
    pub(crate) one: Option<Signed>,
    #[prost(message, optional, tag = "2")]
    pub(crate) other: Option<Signed>,
    #[prost(bool, tag = "3")]
    pub(crate) is_membership: bool,
}

/// What the index remembers of one path; never leaves this device.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Materialised {
    #[prost(message, repeated, tag = "1")]
    pub(crate) versions: Vec<Version>,
    #[prost(message, optional, tag = "2")]
    pub(crate) print: Option<Fingerprint>,
    #[prost(oneof = "Kind", tags = "4, 5, 6, 7")]
    pub(crate) kind: Option<Kind>,
}

/// A version by its full name.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Version {
    #[prost(message, optional, tag = "1")]
    pub(crate) chain: Option<Chain>,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
}

/// A file's fingerprint.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Fingerprint {
    #[prost(uint64, tag = "1")]
    pub(crate) size: u64,
    #[prost(sint64, tag = "2")]
    pub(crate) modified_ns: i64,
    #[prost(sint64, tag = "3")]
    pub(crate) changed_ns: i64,
    #[prost(uint64, tag = "4")]
    pub(crate) inode: u64,
}
