//! What one folder says of itself while its disk is looked at: an engine alone, with a disk that answers when asked to.

use crate::codec;
use crate::effect::Effect;
use crate::engine::{Dice, Engine};
use crate::entry::Kind;
use crate::event::{Event, Noticed, WorkId};
use crate::id::{ContentId, DeviceId, FolderId, Scope};
use crate::message::Message;
use crate::observe::{Code, Fingerprint, HashTrouble, Hashed, Listed, Seen};
use crate::path::RelPath;
use crate::request::{Request, Role};
use crate::saved::{Saved, TrustRecord};
use crate::status::{FolderState, FolderStatus};
use crate::time::Timestamp;

const BEN: DeviceId = DeviceId([2; 32]);

/// Ann's engine, whose ledger is durable at once.
struct Ann {
    engine: Engine,
    now: Timestamp,
    folder: FolderId,
    /// What Ben was told.
    sent: Vec<Message>,
    /// What the disk was asked and has not answered.
    asked: Vec<Effect>,
}

impl Ann {
    /// Has shared a folder with Ben, who is here; the first walk is asked for.
    fn sharing() -> Self {
        let trust = TrustRecord {
            device: BEN,
            name: "Ben".to_owned(),
            platform: String::new(),
            verified: Some(Timestamp(1)),
            secret: [7; 32],
            last_seen: Timestamp(1),
        };
        let saved = Saved { name: "Ann".to_owned(), trust: vec![trust], ..Saved::default() };
        let engine = Engine::restore([1; 32], Dice::from_seed([1; 32]), saved);
        let (sent, asked) = (Vec::new(), Vec::new());
        let mut ann = Ann { engine, now: Timestamp(1_000_000), folder: FolderId([0; 32]), sent, asked };
        ann.hear(Event::Tick);
        ann.hear(Event::Connected { device: BEN });
        let hello = Message::Hello { name: "Ben".to_owned(), platform: String::new() };
        ann.hear(Event::Received { from: BEN, frame: codec::encode(&hello) });
        let (name, place) = ("Reef".to_owned(), "/reef".to_owned());
        ann.hear(Event::User(Request::Share { name, place, root_id: [3; 16], with: vec![(BEN, Role::Editor)] }));
        ann
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the other effects are answered later or not at all")]
    fn hear(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in self.engine.handle(self.now, event) {
                match effect {
                    Effect::Send { to: BEN, frame } => self.sent.push(codec::decode(&frame).expect("our own")),
                    Effect::SaveFolder(record) => self.folder = record.folder,
                    Effect::OpenRoot { folder } => {
                        events.push(Event::RootOpened { folder, result: Ok(()), kept: Vec::new(), witness: None });
                    }
                    Effect::Append { folder, work, .. } => {
                        events.push(Event::Appended { folder, work, is_durable: true });
                    }
                    asked => self.asked.push(asked),
                }
            }
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now = Timestamp(self.now.0 + seconds * 1000);
        self.hear(Event::Tick);
    }

    /// The walk that was asked for last.
    fn walk(&self) -> WorkId {
        let walk = |asked: &Effect| if let Effect::Walk { work, .. } = asked { Some(*work) } else { None };
        self.asked.iter().rev().find_map(walk).expect("a walk")
    }

    fn lists(&mut self, dir: Option<&str>, entries: Result<Vec<(&str, Seen)>, Code>) {
        let listed = |(path, seen): (&str, Seen)| Listed { path: path_of(path), seen };
        self.hear(Event::Listing {
            folder: self.folder,
            work: self.walk(),
            dir: dir.map(path_of),
            entries: entries.map(|entries| entries.into_iter().map(listed).collect()),
            skipped: Vec::new(),
        });
    }

    fn walked(&mut self) {
        self.hear(Event::Walked { folder: self.folder, work: self.walk(), root: Ok(()) });
    }

    /// Answers what is asked about one path: a look with `seen`, a reading with `hashed`.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others stay unanswered")]
    fn answers(&mut self, seen: &Seen, hashed: &Result<Hashed, HashTrouble>) {
        let folder = self.folder;
        for asked in std::mem::take(&mut self.asked) {
            match asked {
                Effect::Hash { work, files, .. } => {
                    let files = files.into_iter().map(|(path, _)| (path, *hashed)).collect();
                    self.hear(Event::Hashed { scope: Scope::Folder(folder), work, files });
                }
                Effect::Look { work, paths, .. } => {
                    let seen = paths.into_iter().map(|path| (path, Ok(Some(seen.clone())))).collect();
                    self.hear(Event::Looked { folder, work, seen, root: Ok(()) });
                }
                other => self.asked.push(other),
            }
        }
    }

    fn status(&self) -> FolderStatus {
        self.engine.status(self.now).folders.remove(0)
    }

    fn problems(&self) -> Vec<(String, Code)> {
        self.status().problems
    }

    /// What the last invitation said: files, and whether there may be more.
    fn invited(&self) -> (u64, bool) {
        let figures = |message: &Message| {
            let Message::Invitation { files, is_counting, .. } = message else { return None };
            Some((*files, *is_counting))
        };
        self.sent.iter().rev().find_map(figures).expect("an invitation")
    }
}

fn path_of(path: &str) -> RelPath {
    RelPath::parse(path).expect("a path")
}

fn print(modified_ns: i64) -> Fingerprint {
    Fingerprint { size: 5, modified_ns, changed_ns: modified_ns, inode: 1 }
}

fn file(modified_ns: i64) -> Seen {
    Seen::File { print: print(modified_ns), executable: false }
}

fn hashed(modified_ns: i64) -> Result<Hashed, HashTrouble> {
    Ok(Hashed { print: print(modified_ns), content: ContentId([9; 32]), executable: false })
}

#[test]
fn an_invitation_says_whether_its_figures_are_whole() {
    let mut ann = Ann::sharing();
    assert_eq!(ann.invited(), (0, true), "nothing was looked at yet");
    ann.lists(None, Ok(vec![("a.txt", file(1))]));
    ann.walked();
    ann.wait(2);
    assert!(ann.invited().1, "it is listed, not read");
    ann.answers(&file(1), &hashed(1));
    ann.wait(2);
    ann.wait(2);
    assert_eq!(ann.invited(), (1, false));
}

#[test]
fn a_directory_that_cannot_be_read_is_listed_after_the_first_walk_and_stays_so() {
    let mut ann = Ann::sharing();
    ann.lists(None, Ok(vec![("locked", Seen::Directory)]));
    ann.lists(Some("locked"), Err(Code::NotAllowed));
    ann.walked();
    ann.wait(2);
    let listed = vec![("locked".to_owned(), Code::NotAllowed)];
    assert_eq!(ann.problems(), listed);
    assert_eq!(ann.status().state, FolderState::UpToDate);
    ann.hear(Event::User(Request::Rescan(ann.folder)));
    ann.lists(None, Ok(vec![("locked", Seen::Directory)]));
    assert_eq!(ann.problems(), listed, "that it stands there is no proof that it can be read");
    ann.lists(Some("locked"), Err(Code::NotAllowed));
    ann.walked();
    ann.wait(2);
    assert_eq!(ann.problems(), listed);
    ann.hear(Event::User(Request::Rescan(ann.folder)));
    ann.lists(None, Ok(vec![("locked", Seen::Directory)]));
    ann.lists(Some("locked"), Ok(Vec::new()));
    ann.walked();
    assert_eq!(ann.problems(), []);
}

#[test]
fn what_took_the_place_of_a_shared_file_and_is_left_alone_is_listed() {
    let mut ann = Ann::sharing();
    ann.lists(None, Ok(vec![("a.txt", file(1))]));
    ann.walked();
    ann.answers(&file(1), &hashed(1));
    ann.wait(2);
    for (seen, read, code) in [
        (Seen::Skipped(Code::LinkLeaves), hashed(1), Code::LinkLeaves),
        (file(2), Err(HashTrouble::Refused(Code::NotAllowed)), Code::NotAllowed),
    ] {
        notice(&mut ann, &seen, &read);
        assert_eq!(ann.problems(), vec![("a.txt".to_owned(), code)]);
    }
    notice(&mut ann, &file(3), &hashed(3));
    assert_eq!(ann.problems(), []);
    assert!(matches!(ann.engine.contents_of(ann.folder)[..], [(_, Kind::File { .. })]), "nothing was removed");
}

/// The file changes, and whatever the disk is asked about it is answered.
fn notice(ann: &mut Ann, seen: &Seen, read: &Result<Hashed, HashTrouble>) {
    let paths = vec![Noticed { path: path_of("a.txt"), is_settled: true }];
    ann.hear(Event::Noticed { folder: ann.folder, paths });
    for _ in 0..3 {
        ann.wait(1);
        ann.answers(seen, read);
    }
}

/// Everything is gone; whatever the disk is asked about is answered so.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others stay unanswered")]
fn all_gone(ann: &mut Ann, names: &[String]) {
    let paths = names.iter().map(|name| Noticed { path: path_of(name), is_settled: true }).collect();
    ann.hear(Event::Noticed { folder: ann.folder, paths });
    for _ in 0..4 {
        ann.wait(1);
        for asked in std::mem::take(&mut ann.asked) {
            match asked {
                Effect::Look { folder, work, paths } => {
                    let seen = paths.into_iter().map(|path| (path, Ok(None))).collect();
                    ann.hear(Event::Looked { folder, work, seen, root: Ok(()) });
                }
                other => ann.asked.push(other),
            }
        }
    }
}

#[test]
fn a_yes_to_a_removal_that_was_not_made_is_no_yes_to_a_later_one() {
    for (is_taken_back, is_held) in [(false, false), (true, true)] {
        let mut ann = Ann::sharing();
        let names: Vec<String> = (0..25).map(|number| format!("{number}.txt")).collect();
        ann.lists(None, Ok(names.iter().map(|name| (name.as_str(), file(1))).collect()));
        ann.walked();
        ann.answers(&file(1), &hashed(1));
        ann.wait(2);
        let paths: Vec<RelPath> = names.iter().map(|name| path_of(name)).collect();
        ann.hear(Event::User(Request::AllowRemoval(ann.folder, paths.clone())));
        if is_taken_back {
            ann.hear(Event::User(Request::ForgetRemoval(ann.folder, paths)));
        }
        all_gone(&mut ann, &names);
        assert_eq!(ann.status().hold.is_some(), is_held, "taken back: {is_taken_back}");
    }
}
