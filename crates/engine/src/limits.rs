//! Every bound in one place, each with its reason. Nothing in Shoal grows without one.

use std::time::Duration;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Longest path inside a folder, in bytes: what Linux accepts in one system call.
pub const PATH_BYTES_MAX: usize = 4096;
/// Longest single name, in bytes: what every common file system stores.
pub const PATH_PART_BYTES_MAX: usize = 255;
/// Most parts in a path: deeper trees cannot be made by ordinary programs.
pub const PATH_DEPTH_MAX: usize = 512;

/// Largest control frame, in bytes, checked before anything is allocated for it.
pub const FRAME_BYTES_MAX: usize = MIB as usize;
/// Most entries in one ledger block: one signature then covers a batch and a block fits a frame.
pub const BLOCK_ENTRIES_MAX: usize = 1024;
/// Most bytes of entries in one block: leaves room in a frame for the header.
pub const BLOCK_BYTES_MAX: usize = 768 * KIB as usize;
/// Most bytes of ledger records asked for at a time: a second on a slow link, little memory.
pub const EXCHANGE_BYTES_MAX: usize = 4 * MIB as usize;
/// Most members of a folder: a membership entry is a full snapshot and must fit a frame.
pub const MEMBERS_MAX: usize = 256;
/// Most chains in a folder: members times the lives a device may have.
pub const CHAINS_MAX: usize = 16_384;
/// Longest device or folder name, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest note on an offer, in bytes.
pub const NOTE_BYTES_MAX: usize = 4 * KIB as usize;
/// Most items in one offer; more go as a directory in a shared folder.
pub const OFFER_ITEMS_MAX: usize = 100_000;
/// Longest link target, in bytes.
pub const LINK_TARGET_BYTES_MAX: usize = 4096;

/// Largest file, in bytes, that is one chunk: smaller pieces cost more to name than to send.
pub const WHOLE_FILE_BYTES_MAX: u64 = 128 * KIB;
/// Most chunk records in one manifest piece; a longer list is itself cut by content.
pub const MANIFEST_PIECE_CHUNKS_MAX: usize = 4096;
/// Largest chunk, in bytes, at any level.
pub const CHUNK_BYTES_MAX: u64 = 16 * MIB;
/// Most chunks in a file: bounds a manifest to 40 MB.
pub const CHUNKS_MAX: usize = 1 << 20;

/// How long a path must stay quiet before it is looked at: editors save in bursts.
pub const QUIET_BEFORE_SCAN: Duration = Duration::from_millis(50);
/// Longest a path that is saved again and again goes unlooked at.
pub const QUIET_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often everything is looked at although nothing was noticed: hints may be lost.
pub const FULL_SCAN_EVERY: Duration = Duration::from_secs(600);
/// Longest text that is merged, in bytes.
pub const MERGE_BYTES_MAX: u64 = 1 << 20;
/// How long settling waits for what merging two texts needs, before it makes a conflict copy.
pub const MERGE_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long other editors leave a conflict to the loser's author.
pub const SETTLE_GRACE: Duration = Duration::from_secs(30);

/// A batch that removes or rewrites more files than this waits for a yes.
pub const HOLD_FILES_MAX: usize = 1000;
/// A batch of at least this many that is more than a quarter of the folder waits too.
pub const HOLD_FILES_MIN: usize = 20;

/// Pairing tries per device in [`PAIRING_WINDOW`].
pub const PAIRING_TRIES_MAX: usize = 3;
/// The time over which pairing tries are counted.
pub const PAIRING_WINDOW: Duration = Duration::from_secs(600);
/// Most codes shown in [`PAIRING_WINDOW`], to all devices together: somebody with many keys has few guesses too.
pub const CODES_SHOWN_MAX: usize = 30;
/// How long a shown code is good.
pub const CODE_LIFE: Duration = Duration::from_secs(180);
/// How long a code that matched waits for the yes: time to walk to the other screen, but no place kept for ever.
pub const CONFIRM_LIFE: Duration = Duration::from_secs(600);

/// Most bytes asked of one peer at a time: fills a 50 ms link at 1 Gbit/s.
pub const FETCH_BYTES_IN_FLIGHT_MAX: u64 = 8 * MIB;
/// Most files in one bundle request.
pub const BUNDLE_FILES_MAX: usize = 256;
/// Most changes in one apply batch: one sync then covers it, and progress is still seen.
pub const APPLY_BATCH_MAX: usize = 256;
/// Most contents named in one `Want` or `Have`.
pub const WANT_CONTENTS_MAX: usize = 1024;
/// Most paths looked at, or hashed, by one effect.
pub const LOOK_BATCH_MAX: usize = 1024;

/// Most ledger records in one message: a frame full of the smallest ones.
pub const RECORDS_MAX: usize = 4096;
/// Largest block header, in bytes: with a full body it still fits a frame.
pub const HEADER_BYTES_MAX: usize = 192 * KIB as usize;
/// Most chain heads one block names; the rest goes into the next one.
pub const AFTER_MAX: usize = 1024;
/// Most chains one block names in all.
pub const BLOCK_CHAINS_MAX: usize = 2048;
/// Most versions one entry supersedes; more are closed by further entries.
pub const SUPERSEDES_MAX: usize = 1024;
/// Most lives of one device in one folder: whoever needs more than a few is broken or means harm.
pub const INCARNATIONS_MAX: usize = 1024;
/// Most cut-offs in a membership entry, so that it fits a frame with its members.
pub const CUT_OFFS_MAX: usize = 8192;
/// Most blocks held until what they name is here: a peer's answers may be shuffled, not endless.
pub const HELD_BLOCKS_MAX: usize = 4096;
/// Most bytes of held blocks: two full answers.
pub const HELD_BYTES_MAX: usize = 2 * EXCHANGE_BYTES_MAX;
/// Most membership entries held until the one before them is here.
pub const HELD_MEMBERSHIPS_MAX: usize = 256;
/// Most refused or contradicting headers of one chain that are remembered, as evidence.
pub const SUSPECTS_MAX: usize = 8;
/// Most ranges in one answer to an ask; the asker asks again.
pub const RANGES_MAX: usize = 4096;
