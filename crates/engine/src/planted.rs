//! Faults put in on purpose, one at a time, to see whether the tests notice. Nothing of it is in a program that is built
//! without the feature `planted`, and with it nothing happens until a test plants one.

/// A fault, by what is then wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A deletion wins over an edit, and nothing is kept of the edit.
    DeletionsWin,
    /// What loses gets no copy.
    LosersForgotten,
    /// A file may win a path below which something lives.
    FilesBesideDirectories,
    /// What two edits were merged to replaces a third one too.
    MergesCloseAll,
    /// Nobody settles for an author who is away.
    OnlyAuthorsSettle,
    /// An edit replaces whatever is known of its path, not what stood there.
    EditsReplaceAll,
    /// A file that nobody knew here replaces whatever is known of its path.
    UnknownBaseReplacesAll,
    /// An edit does not say what it replaces.
    EditsReplaceNothing,
    /// A reader tries to publish what it changed.
    ReadersWrite,
    /// An old content that a person puts back is taken for one that was never replaced.
    OldContentsBelieved,
    /// A directory that cannot be read counts as empty.
    FailedListingsAreEmpty,
    /// A walk is believed about what was looked at since it began.
    OldWalksBelieved,
    /// A look is believed although a newer one was asked for.
    OldLooksBelieved,
    /// A directory that is not mounted is taken for one that was emptied.
    MissingRootIsEmpty,
    /// What a walk misses is not looked at.
    MissingNotLookedAt,
    /// A change of the executable bit is no change.
    ModesIgnored,
    /// Directories get no entries.
    DirectoriesUnsaid,
    /// What a person does while the disk is at work is not looked at afterwards.
    BusyHintsForgotten,
    /// What was asked before the disk changed something is believed.
    OldAnswersStand,
    /// A change is made before the record that asks for it is durable.
    AppliesUnsaid,
    /// A change is made where it is not known what stands there.
    AppliesOverNews,
    /// A change that the disk refused, since something else stood there, counts as made.
    UnexpectedIsDone,
    /// What the disk is at work on is forgotten by a pause.
    PauseForgetsWork,
    /// Changes are planned before the disk was looked at.
    PlansOnMemory,
    /// Changes are planned where something is being looked at or recorded.
    PlansOverNews,
    /// What a reader changed on its own disk is written over.
    ReadersOwnForgotten,
    /// A directory is to be removed while something stands in it.
    FullDirectoriesRemoved,
    /// Records are told before they are durable.
    ToldTooEarly,
    /// A question that was not answered is not asked again.
    QuestionsAskedOnce,
    /// A device whose memory was set back goes on under its old numbers.
    IncarnationKept,
    /// A device says that it has everything while it lacks something.
    AlwaysUpToDate,
    /// What the index remembers is believed although the ledger does not know it.
    MemoryBelieved,
    /// What is on its way to the disk is forgotten when the ledger is read anew.
    ReloadForgetsWritten,
    /// A home that was set back is not noticed.
    WitnessIgnored,
    /// The mark says that everything stood here when it did not.
    MarkedTooEarly,
    /// A chain is continued beyond its cut-off.
    ClosedChainsContinued,
    /// A cut-off is forgotten.
    CutOffsForgotten,
    /// Blocks of readers are accepted.
    EverybodyWrites,
    /// Blocks that came too early are dropped.
    HeldForgotten,
    /// Deletions are not remembered.
    TombstonesForgotten,
    /// What moved away still counts where it was.
    MovesStay,
    /// What was replaced is not recognised any more.
    PastForgotten,
    /// What nobody had is not asked for again.
    WantedOnce,
    /// What a broken fetch did not bring is taken for being on its way.
    BrokenFetchesFly,
    /// Nobody hears what arrived here.
    ArrivalsUntold,
    /// Contents that nobody has take the places of others.
    StuckKeepPlaces,
    /// Devices that are gone are still asked.
    GoneGiversAsked,
    /// A record that the disk refused counts as durable.
    RefusedAppendsBelieved,
    /// The disk replaces whatever stands at a path.
    ReplacesUnchecked,
    /// What was published is not synced.
    PublishesUnsynced,
    /// An edit follows a move even if its bytes came from there, or a person put something there.
    FollowsBlindly,
    /// A walk does not miss what waits to be recorded.
    HeldNotMissed,
    /// What was seen in a directory is recorded although the directory is gone.
    HeldBelowKept,
    /// What stands in a directory is told before the file is gone whose place that took.
    DisplacedUnsaid,
    /// A home that was set back takes an edit for one of what stood there by its old memory.
    OldMemoryBelieved,
    /// What two changes were made to is not looked at.
    BasesIgnored,
    /// The bytes that one side left as they were win over those of the side that changed them.
    YieldersWin,
}

impl Bug {
    /// All of them.
    pub const ALL: &[Bug] = &[
        Bug::DeletionsWin,
        Bug::LosersForgotten,
        Bug::FilesBesideDirectories,
        Bug::MergesCloseAll,
        Bug::OnlyAuthorsSettle,
        Bug::EditsReplaceAll,
        Bug::UnknownBaseReplacesAll,
        Bug::EditsReplaceNothing,
        Bug::ReadersWrite,
        Bug::OldContentsBelieved,
        Bug::FailedListingsAreEmpty,
        Bug::OldWalksBelieved,
        Bug::OldLooksBelieved,
        Bug::MissingRootIsEmpty,
        Bug::MissingNotLookedAt,
        Bug::ModesIgnored,
        Bug::DirectoriesUnsaid,
        Bug::BusyHintsForgotten,
        Bug::OldAnswersStand,
        Bug::AppliesUnsaid,
        Bug::AppliesOverNews,
        Bug::UnexpectedIsDone,
        Bug::PauseForgetsWork,
        Bug::PlansOnMemory,
        Bug::PlansOverNews,
        Bug::ReadersOwnForgotten,
        Bug::FullDirectoriesRemoved,
        Bug::ToldTooEarly,
        Bug::QuestionsAskedOnce,
        Bug::IncarnationKept,
        Bug::AlwaysUpToDate,
        Bug::MemoryBelieved,
        Bug::ReloadForgetsWritten,
        Bug::WitnessIgnored,
        Bug::MarkedTooEarly,
        Bug::ClosedChainsContinued,
        Bug::CutOffsForgotten,
        Bug::EverybodyWrites,
        Bug::HeldForgotten,
        Bug::TombstonesForgotten,
        Bug::MovesStay,
        Bug::PastForgotten,
        Bug::WantedOnce,
        Bug::BrokenFetchesFly,
        Bug::ArrivalsUntold,
        Bug::StuckKeepPlaces,
        Bug::GoneGiversAsked,
        Bug::RefusedAppendsBelieved,
        Bug::ReplacesUnchecked,
        Bug::PublishesUnsynced,
        Bug::FollowsBlindly,
        Bug::HeldNotMissed,
        Bug::HeldBelowKept,
        Bug::DisplacedUnsaid,
        Bug::OldMemoryBelieved,
        Bug::BasesIgnored,
        Bug::YieldersWin,
    ];
}

#[cfg(feature = "planted")]
mod field {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a fault in all engines of this thread, or takes it out.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether this fault is planted.
    #[inline]
    pub fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub use field::{is, plant};

/// Whether this fault is planted: never.
#[cfg(not(feature = "planted"))]
#[inline]
pub const fn is(_: Bug) -> bool {
    false
}

/// Whether the fault of that name is planted.
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}
