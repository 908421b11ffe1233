//! What is known here of one path, and the one thing that decides what becomes of it: for a person who asks why.

use crate::entry::Kind;
use crate::id::{DeviceId, RecordHash, VersionId};
use crate::observe::{Code, Stop};
use crate::path::RelPath;
use crate::time::Timestamp;
use crate::version::Head;

/// What is known here of one path of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What decides: the first of all reasons that is true.
    pub verdict: Verdict,
    /// The versions that no other replaces; the one that stands, or should, comes first.
    pub heads: Vec<HeadStatus>,
    /// What stood on this disk when it was last looked at.
    pub seen: Option<Kind>,
    /// Whether that is what the first version says.
    pub is_same: bool,
    /// What the other members have of it, as far as they said so.
    pub members: Vec<Holder>,
    /// Conflict copies that stand beside it.
    pub copies: Vec<RelPath>,
    /// The path whose conflict copy it is, and whose change is in it.
    pub copy_of: Option<(RelPath, String)>,
    /// What lies below it, if it is a directory.
    pub below: Below,
}

/// One version that no other replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadStatus {
    /// Which.
    pub id: VersionId,
    /// The hash of its entry: what a person can name it by.
    pub hash: RecordHash,
    /// What it says.
    pub kind: Kind,
    /// When, by its author's clock.
    pub time: Timestamp,
    /// What its author called itself then.
    pub author: String,
}

impl HeadStatus {
    /// What people are told of a head.
    pub(crate) fn of(head: &Head) -> HeadStatus {
        HeadStatus {
            id: head.id,
            hash: head.hash,
            kind: head.kind.clone(),
            time: head.time,
            author: head.author.to_string(),
        }
    }
}

/// Files below a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// That should stand or stand.
    pub files: u64,
    /// That this disk lacks.
    pub lacking: u64,
    /// That cannot go on.
    pub problems: u64,
}

/// Another member, and what it has of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which.
    pub device: DeviceId,
    /// What we call it, or the membership's hint.
    pub name: String,
    /// What it has.
    pub has: Has,
}

/// What another member has of a path, as far as it said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// It is as far as we are.
    All,
    /// Some of the bytes.
    Part,
    /// It was asked for the bytes and has none.
    Nothing,
    /// It has not heard of the newest version.
    NotHeard,
    /// It heard of it, and its disk lacks so many files; this may be one.
    Behind {
        /// How many.
        files: u64,
        /// Paths that cannot go on there.
        problems: u64,
    },
    /// It is here and has not said how far it is.
    Unknown,
    /// It is not here.
    Away {
        /// When it last answered.
        since: Timestamp,
    },
    /// It has not answered the invitation.
    Invited,
}

/// What decides about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// We are not in the folder any more.
    NotMember,
    /// The folder must not go on.
    Stopped(Stop),
    /// The user paused the folder.
    Paused,
    /// The folder has not been looked through since it was opened.
    FirstLook,
    /// Something is in the way.
    Problem(Code),
    /// It waits for a yes of the user: what was taken away here, or would be.
    Held {
        /// It was taken away on this disk; else another device did so.
        is_ours: bool,
    },
    /// It is being looked at or read.
    Looking,
    /// What was seen is being signed and made durable.
    Recording,
    /// The disk is changing it.
    Applying,
    /// Two versions of it are being settled.
    Settling,
    /// A file stands where a directory above it must be.
    Blocked,
    /// Its bytes are not here.
    Lacking {
        /// Connected devices that have some of them.
        sources: usize,
        /// Everybody who is connected was asked, and has none.
        is_nowhere: bool,
    },
    /// The disk refused a moment ago; it is tried again.
    PutOff,
    /// It is next, or waits for something near it.
    Pending,
    /// No entry speaks of it, and nothing was seen.
    Unknown,
    /// It is what the folder says.
    Same,
    /// It is gone, as the folder says.
    Gone,
    /// The directory was removed and stays, since something in it stays.
    StaysForOthers,
}

/// All that a verdict is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) is_out: bool,
    pub(crate) stop: Option<Stop>,
    pub(crate) is_paused: bool,
    pub(crate) is_walked: bool,
    pub(crate) problem: Option<Code>,
    pub(crate) hold: Option<bool>,
    pub(crate) is_looked_at: bool,
    pub(crate) is_recorded_now: bool,
    pub(crate) is_applied_now: bool,
    pub(crate) is_conflict: bool,
    pub(crate) is_blocked: bool,
    /// Sources of the bytes that are lacking, and whether everybody was asked in vain.
    pub(crate) lacking: Option<(usize, bool)>,
    pub(crate) is_put_off: bool,
    pub(crate) seen: Option<Kind>,
    pub(crate) wanted: Option<Kind>,
    pub(crate) has_inside: bool,
}

/// Decides: the first reason that is true, from the folder down to the path.
pub(crate) fn decide(facts: &Facts) -> Verdict {
    match facts {
        Facts { is_out: true, .. } => Verdict::NotMember,
        Facts { is_paused: true, .. } => Verdict::Paused,
        Facts { stop: Some(stop), .. } => Verdict::Stopped(*stop),
        Facts { is_walked: false, .. } => Verdict::FirstLook,
        Facts { hold: Some(is_ours), .. } => Verdict::Held { is_ours: *is_ours },
        Facts { is_looked_at: true, .. } => Verdict::Looking,
        Facts { is_recorded_now: true, .. } => Verdict::Recording,
        Facts { problem: Some(code), .. } => Verdict::Problem(*code),
        Facts { is_applied_now: true, .. } => Verdict::Applying,
        Facts { is_conflict: true, .. } => Verdict::Settling,
        Facts { is_blocked: true, lacking: Some(_), .. } => Verdict::Blocked,
        Facts { is_put_off: true, .. } => Verdict::PutOff,
        Facts { lacking: Some((sources, is_nowhere)), .. } => {
            Verdict::Lacking { sources: *sources, is_nowhere: *is_nowhere }
        }
        Facts { seen, wanted, has_inside, .. } => compare(seen.as_ref(), wanted.as_ref(), *has_inside),
    }
}

/// Nothing is in the way and nothing goes on: what stands here, and what the folder says.
fn compare(seen: Option<&Kind>, wanted: Option<&Kind>, has_inside: bool) -> Verdict {
    let seen = seen.filter(|kind| kind.is_live());
    match (seen, wanted) {
        (None, None) => Verdict::Unknown,
        (None, Some(Kind::Deleted)) => Verdict::Gone,
        (Some(seen), Some(wanted)) if seen.is_same(wanted) => Verdict::Same,
        (Some(Kind::Directory), Some(Kind::Deleted) | None) if has_inside => Verdict::StaysForOthers,
        (Some(_), _) | (None, Some(_)) => Verdict::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;

    fn file(content: u8) -> Kind {
        let modified = Timestamp(u64::from(content));
        Kind::File { content: ContentId([content; 32]), size: 1, executable: false, modified }
    }

    fn calm() -> Facts {
        Facts { is_walked: true, ..Facts::default() }
    }

    #[test]
    fn where_nothing_goes_on_the_disk_is_compared_with_the_folder() {
        let cases = [
            (None, None, false, Verdict::Unknown),
            (None, Some(Kind::Deleted), false, Verdict::Gone),
            (Some(Kind::Deleted), Some(Kind::Deleted), false, Verdict::Gone),
            (Some(file(1)), Some(file(1)), false, Verdict::Same),
            (Some(file(1)), Some(file(2)), false, Verdict::Pending),
            (Some(file(1)), None, false, Verdict::Pending),
            (None, Some(file(1)), false, Verdict::Pending),
            (Some(Kind::Directory), Some(Kind::Deleted), true, Verdict::StaysForOthers),
            (Some(Kind::Directory), Some(Kind::Deleted), false, Verdict::Pending),
            (Some(Kind::Directory), Some(Kind::Directory), true, Verdict::Same),
        ];
        for (seen, wanted, has_inside, verdict) in cases {
            let facts = Facts { seen, wanted, has_inside, ..calm() };
            assert_eq!(decide(&facts), verdict, "{facts:?}");
        }
    }

    #[test]
    fn what_holds_the_whole_folder_is_said_before_what_holds_the_path() {
        let all = Facts {
            is_out: true,
            stop: Some(Stop::Missing),
            is_paused: true,
            is_walked: false,
            problem: Some(Code::NotAllowed),
            hold: Some(true),
            is_looked_at: true,
            is_recorded_now: true,
            is_applied_now: true,
            is_conflict: true,
            is_blocked: true,
            lacking: Some((0, true)),
            is_put_off: true,
            ..Facts::default()
        };
        type Step = (fn(&mut Facts), Verdict);
        let steps: [Step; 13] = [
            (|facts| facts.is_out = false, Verdict::NotMember),
            (|facts| facts.is_paused = false, Verdict::Paused),
            (|facts| facts.stop = None, Verdict::Stopped(Stop::Missing)),
            (|facts| facts.is_walked = true, Verdict::FirstLook),
            (|facts| facts.hold = None, Verdict::Held { is_ours: true }),
            (|facts| facts.is_looked_at = false, Verdict::Looking),
            (|facts| facts.is_recorded_now = false, Verdict::Recording),
            (|facts| facts.problem = None, Verdict::Problem(Code::NotAllowed)),
            (|facts| facts.is_applied_now = false, Verdict::Applying),
            (|facts| facts.is_conflict = false, Verdict::Settling),
            (|facts| facts.is_blocked = false, Verdict::Blocked),
            (|facts| facts.is_put_off = false, Verdict::PutOff),
            (|facts| facts.lacking = None, Verdict::Lacking { sources: 0, is_nowhere: true }),
        ];
        let mut facts = all;
        for (mend, verdict) in steps {
            assert_eq!(decide(&facts), verdict);
            mend(&mut facts);
        }
        assert_eq!(decide(&facts), Verdict::Unknown);
    }
}
