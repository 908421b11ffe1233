//! Remembers: ledger segments (the authority), the index (which can be rebuilt), configuration and trust.
//!
//! Everything of one home is below two directories:
//!
//! ```text
//! config/config.json              settings                                        with .bak: the one before
//! config/trust.json               devices we verified or blocked                  with .bak: the same
//! config/folders/<folder>.json    one record per folder                           with .bak: the same
//! config/folders/<folder>.basis   genesis and memberships a second time: see `salvage`
//! data/ledger/<folder>/*.seg      the ledger: `segment` has its format, `ledger_log` its rules
//! data/offers/<offer>.json        offers under way; their items in <offer>.items.json
//! data/addresses.json             where devices were last reached; only a hint
//! data/index/                     sled; may be deleted while Shoal is stopped, and nothing is lost
//! data/index.broken-<n>/          indexes that could not be used
//! data/ledger.broken/             ledgers that were damaged, after what is sound in them was kept
//! data/removed/                   ledgers of folders that were left
//! ```
//!
//! Calls block on the disk. What is said to be saved survives a power cut, but for the index.

mod chunk_places;
mod config;
mod error;
mod files;
mod index_db;
mod json_file;
mod ledger_log;
mod manifest_db;
mod offers;
mod rebuild;
mod record;
mod salvage;
mod segment;
mod store;

pub use config::{KeepSetting, Settings};
pub use error::StoreError;
pub use store::{Opened, Store, StoreDirs};
