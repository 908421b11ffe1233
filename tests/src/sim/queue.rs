//! What will happen in a world, in order of time and then of planning.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use shoal_engine::effect::{RecordRange, Texts};
use shoal_engine::event::{Event, WorkId};
use shoal_engine::id::{ContentId, DeviceId, FolderId, Scope};
use shoal_engine::observe::{Change, Fingerprint, Outcome, Seen};
use shoal_engine::path::RelPath;
use shoal_engine::request::Request;

use super::apply::Begun;
use super::content::Content;

/// Something that will happen.
#[derive(Debug)]
pub enum Due {
    /// An engine wanted to be called.
    Tick(usize),
    /// An engine hears something, unless it was restarted meanwhile.
    Hear(usize, u32, Event),
    /// A device goes on with some work, unless it was restarted meanwhile.
    Job(usize, u32, Job),
    /// Two devices try to link.
    Dial(usize),
    /// One side of a link (0 or 1) learns that it is up.
    Up(usize, usize, u64),
    /// One side of a link learns that it is gone.
    Down(usize, usize, u64),
    /// A frame arrives at a side of a link.
    Frame(usize, usize, u64, Vec<u8>),
    /// A fetch of a device reaches the peer.
    Ask(usize, u32, WorkId),
    /// The next piece of a stream reaches the asker.
    Stream(usize, u32, WorkId),
    /// A device is started again.
    Start(usize),
    /// The next thing in the script.
    Script,
    /// Users look at what their devices ask them.
    Answer,
    /// A user's wish.
    Wish(usize, Request),
    /// A user's program goes on with writing.
    Write(usize, UserWrite),
    /// A fault ends.
    Mend(Mend),
}

/// The second half of what a user's program does.
#[derive(Debug)]
pub enum UserWrite {
    /// The rest of the bytes go into the file with that inode.
    Rest(RelPath, u64, Rc<Content>),
    /// The temporary file is renamed over the real one.
    Rename(RelPath, RelPath),
}

/// A fault that ends.
#[derive(Clone, Copy, Debug)]
pub enum Mend {
    /// Two devices can reach each other again.
    Reach(usize),
    /// The directory is there again.
    Root(usize),
    /// The user resumes the folder.
    Resume(usize),
}

/// Work of a device that takes time.
#[derive(Debug)]
pub enum Job {
    /// Opens the root.
    OpenRoot(FolderId),
    /// Looks at paths.
    Look(FolderId, WorkId, Vec<RelPath>),
    /// Lists the directories on the stack; the flag says that the root was there so far.
    Walk(FolderId, WorkId, Vec<Option<RelPath>>, bool),
    /// Begins to read files.
    Hash(Scope, WorkId, Vec<RelPath>),
    /// Ends reading files.
    Hashed(Scope, WorkId, Vec<(RelPath, Option<ReadFile>)>),
    /// Looks into the stage.
    Prepare(Scope, ContentId, Vec<(RelPath, Fingerprint, ContentId)>),
    /// Merges two texts.
    Merge(FolderId, WorkId, RelPath, Fingerprint, Texts),
    /// Looks at what changes expect.
    Apply(Scope, WorkId, Vec<Change>),
    /// Makes the next change.
    Change(Box<Changing>),
    /// A ledger is durable up to a length.
    Synced(FolderId, WorkId, usize),
    /// The disk refused records.
    NotAppended(FolderId, WorkId),
    /// Reads records and sends them.
    SendRecords(DeviceId, FolderId, Vec<RecordRange>),
    /// Reads a ledger.
    Reload(FolderId),
}

/// A file as it was when reading it began.
#[derive(Debug)]
pub struct ReadFile {
    /// Its fingerprint then.
    pub print: Fingerprint,
    /// Its bytes then.
    pub content: Rc<Content>,
}

/// A batch of changes under way.
#[derive(Debug)]
pub struct Changing {
    /// In which root.
    pub scope: Scope,
    /// Which `Apply`.
    pub work: WorkId,
    /// All of them, with what the first look found.
    pub changes: Vec<(Change, Begun)>,
    /// What came of those that were made.
    pub outcomes: Vec<Outcome>,
    /// The root was there all the time.
    pub was_here: bool,
}

/// What a look found, as events carry it.
pub type Looks = Vec<(RelPath, Result<Option<Seen>, shoal_engine::observe::Code>)>;

struct Item {
    at: u64,
    number: u64,
    due: Due,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    // Reversed: the heap gives its greatest, we want the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// Everything that will happen.
#[derive(Default)]
pub struct Queue {
    heap: BinaryHeap<Item>,
    count: u64,
}

impl Queue {
    /// Plans something.
    pub fn add(&mut self, at: u64, due: Due) {
        self.count += 1;
        self.heap.push(Item { at, number: self.count, due });
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|item| item.at)
    }

    /// Takes the next thing.
    pub fn take(&mut self) -> Option<(u64, Due)> {
        self.heap.pop().map(|item| (item.at, item.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order_of_time_and_then_of_planning() {
        let mut queue = Queue::default();
        for (at, which) in [(5, 0), (3, 1), (5, 2), (3, 3)] {
            queue.add(at, Due::Tick(which));
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.take()).map(|(at, due)| format!("{at} {due:?}")).collect();
        assert_eq!(order, ["3 Tick(1)", "3 Tick(3)", "5 Tick(0)", "5 Tick(2)"]);
    }
}
