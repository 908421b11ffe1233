//! The engine's reasons as codes that the interface has a sentence for.

use shoal_engine::message::PairEnd;
use shoal_engine::observe::{Code, Stop};

use crate::view::{ErrorCode, Trouble};

/// Why one path cannot go on.
pub(crate) fn of_path(path: &str, code: Code) -> Trouble {
    let about = |code| Trouble::plain(code).text("file", path);
    match code {
        Code::NotAllowed => about(ErrorCode::NotAllowed).number("n", 1),
        Code::NameImpossible => about(ErrorCode::NameImpossible).text("system", system()),
        Code::NameClash => Trouble::plain(ErrorCode::CaseClash).text("a", path).text("b", path),
        Code::Busy => about(ErrorCode::BusyFile),
        Code::DiskFull => about(ErrorCode::NoRoom),
        Code::DiskError => about(ErrorCode::DiskUnreliable),
        Code::DirectoryInUse => about(ErrorCode::DirectoryInUse),
        Code::NoSource => about(ErrorCode::NoCopyLeft),
        Code::LinkLeaves => about(ErrorCode::LinkLeaves),
        Code::SpecialFile | Code::ForeignMount | Code::NameNotText | Code::OurName | Code::TooLarge => {
            about(ErrorCode::CannotShare)
        }
        Code::ReadOnlyRole => about(ErrorCode::ReadOnlyRole).number("n", 1),
    }
}

/// Why a folder must not go on.
pub(crate) fn of_stop(folder: &str, place: &str, stop: Stop) -> Trouble {
    let about = |code| Trouble::plain(code).text("path", place).text("folder", folder);
    match stop {
        Stop::Missing => about(ErrorCode::FolderMissing),
        Stop::Unmarked => about(ErrorCode::FolderUnmarked),
        Stop::Replaced => about(ErrorCode::FolderReplaced),
        Stop::LedgerUnreadable => Trouble::plain(ErrorCode::DiskUnreliable).text("file", format!("{folder} (history)")),
        Stop::LedgerUnwritable => crate::perform::memory_trouble(),
        Stop::SameKey => Trouble::plain(ErrorCode::SameKey).text("folder", folder),
        Stop::Bug => Trouble::plain(ErrorCode::EngineStopped),
    }
}

/// Why a pairing ended.
pub(crate) fn of_pairing(person: &str, is_typing: bool, end: PairEnd, tries: u32, until: Option<u64>) -> Trouble {
    let about = |code| Trouble::plain(code).text("person", person);
    match end {
        PairEnd::Cancelled if is_typing => about(ErrorCode::PairRefused),
        PairEnd::Cancelled => about(ErrorCode::PairGivenUp),
        PairEnd::WrongCode => about(ErrorCode::WrongCode).number("n", u64::from(tries)),
        PairEnd::Expired => about(ErrorCode::PairExpired),
        PairEnd::TooMany => match until {
            Some(until) => about(ErrorCode::PairLocked).number("until", until),
            None => about(ErrorCode::PairLocked),
        },
        PairEnd::Broken => about(ErrorCode::PairBroken),
        PairEnd::TokenUsed => Trouble::plain(ErrorCode::InviteUsed),
    }
}

/// Too little room, if that is so: 5 % more than the claim must be free.
pub(crate) fn of_room(bytes: u64, free: Option<u64>) -> Option<Trouble> {
    let needed = bytes.saturating_add(bytes / 20);
    let free = free.filter(|free| *free < needed)?;
    Some(Trouble::plain(ErrorCode::NoRoom).number("size", super::number(bytes)).number("free", super::number(free)))
}

/// This system's name in a sentence.
fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "macOS",
        "windows" => "Windows",
        other => other,
    }
}
