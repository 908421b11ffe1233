//! One sentence for each trouble: what happened, whether data is safe, what to do.

use shoal_node::view::{ErrorCode, Param, Trouble};

use crate::text;

/// What a sentence may name; anything missing still reads well.
struct Facts<'a>(&'a Trouble);

impl Facts<'_> {
    fn name(&self, key: &str, otherwise: &str) -> String {
        match self.0.params.get(key) {
            Some(Param::Text(value)) if !value.is_empty() => format!("“{}”", text::plain(value)),
            Some(_) | None => otherwise.to_owned(),
        }
    }

    /// A name as an argument of a command; the placeholder where a terminal could not be given it safely.
    fn typed(&self, key: &str, otherwise: &str) -> String {
        match self.0.params.get(key) {
            Some(Param::Text(value)) => text::argument(value).unwrap_or_else(|| otherwise.to_owned()),
            Some(Param::Number(_)) | None => otherwise.to_owned(),
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.0.params.get(key) {
            Some(Param::Number(value)) => Some(*value),
            Some(Param::Text(_)) | None => None,
        }
    }

    fn count(&self, key: &str, one: &str, many: &str) -> String {
        self.number(key).map_or_else(|| format!("some {many}"), |number| text::count(number, one, many))
    }

    fn size(&self, key: &str, otherwise: &str) -> String {
        self.number(key).map_or_else(|| otherwise.to_owned(), text::bytes)
    }
}

/// The sentence for a trouble.
pub(crate) fn of(trouble: &Trouble) -> String {
    let facts = Facts(trouble);
    of_people(trouble.code, &facts)
        .or_else(|| of_folders(trouble.code, &facts))
        .or_else(|| of_files(trouble.code, &facts))
        .unwrap_or_else(|| of_rest(trouble.code, &facts))
}

/// Networks, pairing and transfers.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other sentences are below, and a test looks for all")]
fn of_people(code: ErrorCode, facts: &Facts<'_>) -> Option<String> {
    let device = || facts.name("device", "this device");
    let person = || facts.name("person", "the other side");
    let file = || facts.name("file", "a file");
    Some(match code {
        ErrorCode::NoMulticast => format!(
            "This computer cannot hear announcements on {}. A firewall is the usual reason. Pairing by address or link still works.",
            facts.name("network", "this network")
        ),
        ErrorCode::PortTaken => format!(
            "Port {} is taken by another program. Using {}.",
            facts.number("port").unwrap_or(0),
            facts.number("other").map_or_else(|| "another one".to_owned(), |port| port.to_string())
        ),
        ErrorCode::Unreachable => format!("{} was seen but does not answer.", device()),
        ErrorCode::TooOld => format!("{} runs a version that cannot talk to this one. Nothing was changed.", device()),
        ErrorCode::BadAddress => "That is not an address or a pairing link. Copy it again from the other computer.".to_owned(),
        ErrorCode::WrongCode => format!(
            "That is not the code on {}’s screen. A new one is shown there; {} left.",
            person(),
            facts.count("n", "try", "tries")
        ),
        ErrorCode::KeyChanged => format!(
            "This says it is {}, but its key is not the one you verified. Usually it was reinstalled. It could also be someone pretending.",
            device()
        ),
        ErrorCode::InviteUsed => "This link was used or is older than 5 minutes. Ask for a new one.".to_owned(),
        ErrorCode::SameKey => "Another computer uses this computer’s key: Shoal’s home was copied, and both copies run. Sharing stands still here so that nothing gets mixed up; nothing is lost on either. On one of the two, quit Shoal, remove its home and pair it anew; then restart Shoal here.".to_owned(),
        ErrorCode::PairLocked => format!(
            "The three codes for {} are used up. You can try again {}.",
            person(),
            facts.number("until").map_or_else(|| "in ten minutes".to_owned(), |until| format!("at {}", text::moment(until)))
        ),
        ErrorCode::PairGivenUp => format!("{} gave up. You are not paired.", person()),
        ErrorCode::PairRefused => format!("{} did not allow it. You are not paired.", person()),
        ErrorCode::PairExpired => format!("{} did not answer in time. You are not paired; you can try again.", person()),
        ErrorCode::NotPaired => format!("Pair with {} first.", device()),
        ErrorCode::PairBroken => format!(
            "The pairing with {} was stopped, because a check did not hold. Somebody may sit in between. You are not paired.",
            person()
        ),
        ErrorCode::TheirDiskFull => format!("{}’s disk needs {} more. Nothing was lost.", person(), facts.size("size", "some space")),
        ErrorCode::DeviceAsleep => format!("{} sleeps. It goes on by itself.", device()),
        ErrorCode::ChangedWhileSending => format!("{} changed while being sent. The new version goes instead.", file()),
        ErrorCode::PieceDamaged => format!(
            "{} of {} from {} were damaged and are fetched again.",
            facts.size("size", "Some bytes"),
            file(),
            person()
        ),
        ErrorCode::BiggerThanClaimed => format!("{} sent more than announced. Stopped; nothing was saved.", person()),
        ErrorCode::NoCopyLeft => format!("No device here has {} complete now. What arrived is kept.", file()),
        ErrorCode::SourceGone => format!("{} is not there any more, so it could not be sent.", file()),
        _ => return None,
    })
}

/// Folders as a whole, and places for them.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other sentences are below, and a test looks for all")]
fn of_folders(code: ErrorCode, facts: &Facts<'_>) -> Option<String> {
    let folder = || facts.name("folder", "this folder");
    let path = || facts.name("path", "this place");
    let typed = || facts.typed("folder", "FOLDER");
    Some(match code {
        ErrorCode::FolderMissing => format!(
            "{} is not there. If the drive is unplugged, plug it in. Sharing is paused so that nobody’s files get removed. If the folder lies elsewhere now: shoal resume {} --at DIR",
            path(),
            typed()
        ),
        ErrorCode::FolderUnmarked => format!(
            "{} is there, but it is not the directory that was shared: its mark is missing. Perhaps a drive is not mounted, or the directory was removed and made anew. Nothing is removed anywhere. To go on in what is there now: shoal resume {} --here",
            path(),
            typed()
        ),
        ErrorCode::FolderReplaced => format!(
            "{} is not the directory that was shared: it carries the mark of another share. Nothing is removed anywhere. To go on in what is there now: shoal resume {} --here --take-over",
            path(),
            typed()
        ),
        ErrorCode::FolderIsThere => {
            format!("{} is at {}, where it was, and needs no other place. Nothing was changed.", folder(), path())
        }
        ErrorCode::UnknownMark => format!(
            "{} carries the mark of a share that this Shoal does not know. An earlier installation or another home may use it. Nothing was changed. If nothing else uses it, add --take-over; its files and kept versions stay.",
            path()
        ),
        ErrorCode::SharedByAnother => format!(
            "{} is shared by another Shoal that runs on this computer. Stop sharing it there first. Nothing was changed.",
            path()
        ),
        ErrorCode::Overlaps => format!(
            "{} is, or lies in or around, {}, which is shared already. Choose another directory.",
            path(),
            facts.name("other", "another folder")
        ),
        ErrorCode::BadPlace => {
            format!("{} cannot be used: it is a home folder, a disk root or one of Shoal’s own folders.", path())
        }
        ErrorCode::NotDirectory => format!("{} is a file. A directory is needed here.", path()),
        ErrorCode::PlaceMissing => format!("There is no {}, nor a directory to make it in.", path()),
        ErrorCode::PlaceNotWritable => format!("Shoal may not write to {}.", path()),
        ErrorCode::NotClearedUp => format!(
            "What a crash left half done in {} could not be cleared up. What was displaced is safe in its .shoal directory. Make room or mend the disk; it is tried again when the folder is opened next.",
            path()
        ),
        ErrorCode::LooksRolledBack => {
            format!("{} looks like an old copy put back. Newer files elsewhere would be changed.", folder())
        }
        ErrorCode::MembershipFrozen => format!(
            "Who is in {} was decided in two contradicting ways. Nothing changes there until that is settled.",
            folder()
        ),
        ErrorCode::NotMember => format!("You are not in {} any more. Your files stay on this computer.", folder()),
        _ => return None,
    })
}

/// Files, names and disks.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other sentences are below, and a test looks for all")]
fn of_files(code: ErrorCode, facts: &Facts<'_>) -> Option<String> {
    let folder = || facts.name("folder", "this folder");
    let file = || facts.name("file", "a file");
    Some(match code {
        ErrorCode::NotAllowed => {
            format!("Shoal may not read {}, such as {}.", facts.count("n", "file", "files"), file())
        }
        ErrorCode::ManyDeletions => format!(
            "{} in {} wait for your yes before they are removed. See: shoal held",
            facts.count("n", "file", "files"),
            folder()
        ),
        ErrorCode::WatchLimit => format!(
            "Linux lets Shoal watch too few folders for {}. Changes are found by looking from time to time.",
            folder()
        ),
        ErrorCode::ReadOnlyRole => {
            format!("You may read this folder but not edit it. Your changes ({}) stay on this computer.", file())
        }
        ErrorCode::BusyFile => format!("{} is held open by a program. It goes out when it is closed.", file()),
        ErrorCode::CannotShare => format!("{} is of a kind that cannot be shared. It stays on this computer.", file()),
        ErrorCode::LinkLeaves => {
            format!("{} is not synced because it is a link that leads outside this folder.", file())
        }
        ErrorCode::DirectoryInUse => {
            format!("{} was removed elsewhere, but something in it here is not shared, so it stays.", file())
        }
        ErrorCode::NameImpossible => format!("{} cannot exist on {}.", file(), facts.name("system", "this system")),
        ErrorCode::CaseClash => format!(
            "{} and {} are one file on this computer. Both are kept.",
            facts.name("a", "one"),
            facts.name("b", "another")
        ),
        ErrorCode::AlmostFull => "This disk is almost full. Receiving waits until there is room.".to_owned(),
        ErrorCode::DiskUnreliable => format!("The disk reported an error at {}. The old version is intact.", file()),
        ErrorCode::BitRot => format!("{} changed without being edited. It was not sent to others.", file()),
        ErrorCode::NoRoom if facts.number("size").is_none() => {
            format!("There is no room for {} on this disk. Free some space and it goes on by itself.", file())
        }
        ErrorCode::NoRoom => {
            format!("{} are needed and {} are free.", facts.size("size", "More bytes"), facts.size("free", "fewer"))
        }
        _ => return None,
    })
}

/// The history and Shoal itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other sentences are above, and a test looks for all")]
fn of_rest(code: ErrorCode, facts: &Facts<'_>) -> String {
    let device = || facts.name("device", "some device");
    match code {
        ErrorCode::EntryInvalid => {
            format!("An entry signed as {} does not check. It was refused; your files are unchanged.", device())
        }
        ErrorCode::Forked => format!("{} signed two histories. Its changes are frozen until you decide.", device()),
        ErrorCode::IndexRebuilt => "The local index was damaged and is being rebuilt. Nothing is lost.".to_owned(),
        ErrorCode::FolderForgotten => format!(
            "What was remembered of a shared folder ({}) cannot be read, so the folder is not shared here now. Its files are where they were, and nothing is removed anywhere. Quit Shoal and put that file back from a backup, or ask the folder’s owner to invite this computer again.",
            facts.name("file", "its record")
        ),
        ErrorCode::HistoryMended => format!(
            "The history of {} was damaged on this disk. What is sound in it was kept, the rest comes from the others. Files are not touched by it. The damaged one is kept beside it.",
            facts.name("path", "a folder")
        ),
        ErrorCode::NoVersion => "There is no such version. See which there are: shoal history PATH".to_owned(),
        ErrorCode::NotNow => format!(
            "{} is paused or still being looked through, so it is not known what stands there. Try again when it runs.",
            facts.name("folder", "The folder")
        ),
        ErrorCode::AlreadyRunning => "Shoal runs already for this home.".to_owned(),
        ErrorCode::EngineStopped => "Shoal stopped because of a fault of its own. Your files are untouched.".to_owned(),
        ErrorCode::NotUnderstood => "Shoal did not understand that.".to_owned(),
        ErrorCode::NotThere => "That is not there (any more).".to_owned(),
        ErrorCode::OwnerOnly => format!("Only {} may do this.", facts.name("owner", "the owner")),
        ErrorCode::NotHere => "This cannot be done from here.".to_owned(),
        ErrorCode::SessionEnded => "This browser is not signed in. Open the address printed by: shoal serve".to_owned(),
        ErrorCode::ConnectionLost => "The connection to Shoal was lost.".to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_a_sentence() {
        // The names of the codes, as the page's types list them.
        let types = shoal_node::command::typescript();
        let list =
            types.split("export type ErrorCode = ").nth(1).and_then(|rest| rest.split(';').next()).expect("codes");
        let codes: Vec<&str> = list.split('|').map(|code| code.trim().trim_matches('"')).collect();
        assert!(codes.len() > 40, "{codes:?}");
        for code in codes {
            let parsed: ErrorCode = serde_json::from_value(serde_json::json!(code)).expect(code);
            let sentence = of(&Trouble::plain(parsed));
            let ends_well = sentence.ends_with('.') || sentence.contains(": shoal ");
            assert!(sentence.contains(' ') && ends_well, "{code}: {sentence}");
            assert_ne!(sentence, format!("{parsed:?}"), "{code}");
        }
    }

    #[test]
    fn names_in_a_sentence_are_safe() {
        let trouble = Trouble::plain(ErrorCode::BusyFile).text("file", "a\x1b[31m");
        assert_eq!(of(&trouble), "“a⟨U+001B⟩[31m” is held open by a program. It goes out when it is closed.");
    }
}
