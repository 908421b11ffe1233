//! What happened in folders, and what comes of it: the surface's own types.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::view::Trouble;

/// One page of what happened, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HistoryPage {
    pub rows: Vec<HistoryRow>,
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

/// One change, as its author signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HistoryRow {
    /// By its author's clock.
    pub time: u64,
    /// Name of the device that made the change.
    pub device: String,
    pub folder: String,
    pub folder_name: String,
    pub path: String,
    pub kind: ChangeKind,
    /// Bytes of the file after the change.
    pub size: Option<u64>,
    /// Where it was before, when it was moved.
    pub from: Option<String>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Created,
    Changed,
    Removed,
    Moved,
    /// Closed a conflict: several versions before, one after.
    Settled,
}

/// What checking one folder's whole history found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Verification {
    pub folder: String,
    pub name: String,
    pub entries: u64,
    /// Devices that wrote any of them.
    pub devices: u32,
    pub memberships: u32,
    /// Every signature and every link holds.
    pub ok: bool,
    pub troubles: Vec<Trouble>,
}
