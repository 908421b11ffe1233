//! Turns what the engine knows into what people see, part by part; pure functions of a snapshot.

pub(crate) mod device;
pub(crate) mod folder;
pub(crate) mod inbox;
pub(crate) mod item;
pub(crate) mod names;
pub(crate) mod pairing;
pub(crate) mod place;
pub(crate) mod transfer;
pub(crate) mod trouble;

use shoal_engine::time::Timestamp;

use crate::view::{Platform, Progress, Role};

/// The largest number that a page can read exactly.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Bounds a number to what a page can read exactly.
pub(crate) fn number(value: u64) -> u64 {
    value.min(NUMBER_MAX)
}

/// Bounds a count.
pub(crate) fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A time, none when it never was.
pub(crate) fn moment(time: Timestamp) -> Option<u64> {
    (time.0 > 0).then(|| number(time.0))
}

/// Work under way, in the view's words.
pub(crate) fn progress(work: crate::progress::Progress) -> Progress {
    Progress { done: number(work.done), total: number(work.total), speed: number(work.speed), eta_s: work.eta_s }
}

/// The system a device says it runs.
pub(crate) fn platform(text: &str) -> Platform {
    match text {
        "linux" => Platform::Linux,
        "macos" => Platform::Macos,
        "windows" => Platform::Windows,
        _ => Platform::Other,
    }
}

/// A role in the view's words.
pub(crate) fn role(role: shoal_engine::request::Role) -> Role {
    match role {
        shoal_engine::request::Role::Owner => Role::Owner,
        shoal_engine::request::Role::Editor => Role::Editor,
        shoal_engine::request::Role::Viewer => Role::Viewer,
        shoal_engine::request::Role::Keeper => Role::Keeper,
    }
}
