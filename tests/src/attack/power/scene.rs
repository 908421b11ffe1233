//! What is recorded: one publication, one replacement, one deletion, a batch of all, and appends to a ledger; and what
//! must hold after any power cut.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use shoal_disk::Root;
use shoal_engine::chunk::{Chunk, Level, Manifest};
use shoal_engine::effect::RecordKey;
use shoal_engine::id::{ChunkHash, FolderId};
use shoal_engine::observe::{Act, Change, Expected, Outcome, Source};
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;
use shoal_store::{Store, StoreDirs};

use super::trace::PROMISE;
use crate::attack::trees;

const ROOT_ID: [u8; 16] = [7; 16];
const FOLDER: FolderId = FolderId([5; 32]);
const THEN: Timestamp = Timestamp(1_700_000_000_123);
/// Records of the ledger before, and those that are appended one by one.
const RECORDS_BEFORE: u64 = 2;
const RECORDS: u64 = 5;

/// One recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A file where nothing was.
    Publication,
    /// A file in another one's place.
    Replacement,
    /// A file is removed.
    Deletion,
    /// Records are appended to a ledger.
    Ledger,
    /// All of the first three at once, also in directories that are made for it.
    Batch,
    /// More files than are synced one by one.
    Many,
}

impl Scene {
    /// All of them, the small ones first.
    pub const ALL: [Scene; 6] =
        [Scene::Publication, Scene::Replacement, Scene::Deletion, Scene::Ledger, Scene::Batch, Scene::Many];

    /// Its name in figures and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Scene::Publication => "publication",
            Scene::Replacement => "replacement",
            Scene::Deletion => "deletion",
            Scene::Ledger => "ledger",
            Scene::Batch => "batch",
            Scene::Many => "many",
        }
    }

    /// The scene of that name.
    pub fn named(name: &str) -> Option<Scene> {
        Scene::ALL.into_iter().find(|scene| scene.name() == name)
    }

    /// The files that are written anew.
    fn fresh(self) -> &'static [&'static str] {
        match self {
            Scene::Publication => &["new"],
            Scene::Replacement => &["replaced"],
            Scene::Deletion | Scene::Ledger => &[],
            Scene::Batch => &["replaced", "d/e/new", "d/another"],
            Scene::Many => &["replaced", "replaced too", "sub/replaced", "a", "b/b", "c/c", "d/d", "e/e", "f", "g"],
        }
    }

    /// The files that are removed.
    fn removed(self) -> &'static [&'static str] {
        match self {
            Scene::Deletion => &["removed"],
            Scene::Batch => &["removed", "sub/removed"],
            Scene::Many => &["removed", "sub/removed", "sub/removed too"],
            Scene::Publication | Scene::Replacement | Scene::Ledger => &[],
        }
    }

    /// The files that stand before.
    fn old(self) -> Vec<&'static str> {
        let replaced = self.fresh().iter().filter(|name| name.contains("replaced"));
        replaced.chain(self.removed()).copied().chain(["bystander"]).collect()
    }

    /// Puts everything where it stands before, all of it durable.
    pub fn prepare(self, place: &Path) {
        if self == Scene::Ledger {
            let store = open_store(place).expect("a store");
            (0..RECORDS_BEFORE).for_each(|number| append(&store, number));
            return;
        }
        let root = Root::create(&place.join("folder"), ROOT_ID).expect("a folder");
        for name in self.old() {
            let at = root.dir().join(name);
            fs::create_dir_all(at.parent().expect("a parent")).expect("made");
            fs::write(at, old_bytes(name)).expect("written");
        }
        // Every directory of our own is there after the first batch; what is in it must not matter here.
        let (content, manifest) = named(b"first");
        stage(&root, b"first", &manifest);
        let act = publication(content, 5);
        let change = Change { path: path("first"), expected: Expected::Absent, act };
        root.apply(&[change], &|_| Some(Arc::clone(&manifest)));
        fs::remove_file(root.dir().join("first")).expect("removed");
    }

    /// Does the deeds. What is promised is said by removing a file that is not there, which strace sees.
    pub fn act(self, place: &Path) {
        if self == Scene::Ledger {
            let store = open_store(place).expect("a store");
            for number in RECORDS_BEFORE..RECORDS_BEFORE + RECORDS {
                append(&store, number);
                promise(place, &number.to_string());
            }
            return;
        }
        let root = Root::open(&place.join("folder"), ROOT_ID).expect("our folder");
        let expected = |name: &str| match root.hash(&path(name), None) {
            Ok((hashed, _)) => Expected::File { print: hashed.print, content: hashed.content },
            Err(_) => Expected::Absent,
        };
        let mut manifests = Vec::new();
        let mut changes = Vec::new();
        for name in self.fresh() {
            let bytes = new_bytes(name);
            let (content, manifest) = named(&bytes);
            stage(&root, &bytes, &manifest);
            manifests.push((content, manifest));
            let act = publication(content, bytes.len());
            changes.push(Change { path: path(name), expected: expected(name), act });
        }
        for name in self.removed() {
            changes.push(Change { path: path(name), expected: expected(name), act: Act::Remove });
        }
        let known =
            |wanted| manifests.iter().find(|(content, _)| *content == wanted).map(|(_, known)| Arc::clone(known));
        let outcomes = root.apply(&changes, &known);
        let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
        assert!(outcomes.iter().all(is_done), "{outcomes:?}");
        promise(place, "applied");
    }

    /// What is wrong after a power cut, once the real code has recovered from it.
    pub fn faults(self, place: &Path, promises: &[String]) -> Vec<String> {
        if self == Scene::Ledger {
            return ledger_faults(place, promises).err().into_iter().collect();
        }
        self.disk_faults(place, !promises.is_empty()).err().into_iter().collect()
    }

    fn disk_faults(self, place: &Path, is_applied: bool) -> Result<(), String> {
        let dir = place.join("folder");
        let first = recovered(&dir)?;
        let again = recovered(&dir)?;
        if first != again {
            return Err(format!("I12: a second recovery makes {again:?} of {first:?}"));
        }
        if first.kept.0 != first.kept.1 {
            return Err(format!("I1: {} kept contents, and {} of them are listed", first.kept.0, first.kept.1));
        }
        for name in self.old() {
            let bytes = old_bytes(name);
            if !first.everywhere.contains(&bytes) {
                return Err(format!("I1: the old content of {name} is nowhere"));
            }
        }
        let whole: Vec<Vec<u8>> =
            self.old().into_iter().map(old_bytes).chain(self.fresh().iter().map(|name| new_bytes(name))).collect();
        if let Some((name, _)) = first.tree.iter().find(|(_, bytes)| !whole.contains(bytes)) {
            return Err(format!("I2: {name} is half"));
        }
        let at = |name: &str| first.tree.iter().find(|(path, _)| path == name).map(|(_, bytes)| bytes.clone());
        if at("bystander").is_none() {
            return Err("I1: a file that nobody touched is gone".to_owned());
        }
        for name in self.fresh().iter().filter(|_| is_applied) {
            if at(name) != Some(new_bytes(name)) {
                return Err(format!("promised: {name} holds its new content"));
            }
        }
        match self.removed().iter().find(|name| is_applied && at(name).is_some()) {
            Some(name) => Err(format!("promised: {name} is gone")),
            None => Ok(()),
        }
    }
}

/// What is there after a recovery.
#[derive(Debug, PartialEq, Eq)]
struct Recovered {
    tree: Vec<(String, Vec<u8>)>,
    /// All contents, kept ones too.
    everywhere: BTreeSet<Vec<u8>>,
    /// Kept contents, and how many of them the list of versions names.
    kept: (usize, usize),
}

fn recovered(dir: &Path) -> Result<Recovered, String> {
    let root = Root::open(dir, ROOT_ID).map_err(|stop| format!("I12: the folder does not open: {stop:?}"))?;
    root.recover().map_err(|error| format!("I12: recovery fails: {error}"))?;
    let listed: BTreeSet<_> = root.kept_contents().map_err(|code| format!("I12: {code:?}"))?.into_iter().collect();
    drop(root);
    let mut tree: Vec<(String, Vec<u8>)> =
        trees::files(dir).into_iter().map(|(name, place)| (name, fs::read(place).expect("read"))).collect();
    tree.sort();
    let count = |own: &str| fs::read_dir(dir.join(".shoal").join(own)).map_or(0, |found| found.count());
    if count("swap") + count("journal") > 0 {
        return Err("I12: something is left in the swap directory or the journal".to_owned());
    }
    let kept = fs::read_dir(dir.join(".shoal/versions/objects")).into_iter().flatten().flatten();
    let kept: Vec<Vec<u8>> = kept.map(|object| fs::read(object.path()).expect("read")).collect();
    let is_listed = |bytes: &&Vec<u8>| listed.contains(&named(bytes).0);
    let count = (kept.len(), kept.iter().filter(is_listed).count());
    let everywhere = tree.iter().map(|(_, bytes)| bytes.clone()).chain(kept).collect();
    Ok(Recovered { tree, everywhere, kept: count })
}

fn ledger_faults(place: &Path, promises: &[String]) -> Result<(), String> {
    let store = open_store(place).map_err(|error| format!("I13: the store does not open: {error}"))?;
    let records = store.reload(FOLDER).map_err(|error| format!("I13: the ledger cannot be read: {error}"))?;
    let least = RECORDS_BEFORE as usize + promises.len();
    if records.len() < least {
        return Err(format!("I1: {} records of {least} that were promised", records.len()));
    }
    if records.iter().enumerate().any(|(at, bytes)| *bytes != record(at as u64)) {
        return Err("I2: a record is not what was appended".to_owned());
    }
    let next = records.len() as u64;
    store.append(FOLDER, &[(RecordKey::Membership(next), record(next))]).map_err(|error| format!("I4: {error}"))?;
    drop(store);
    let store = open_store(place).map_err(|error| format!("I13: the store does not open again: {error}"))?;
    let again = store.reload(FOLDER).map_err(|error| format!("I13: the ledger cannot be read again: {error}"))?;
    if again.len() == records.len() + 1 { Ok(()) } else { Err(format!("I12: then {} records", again.len())) }
}

fn open_store(place: &Path) -> Result<Store, shoal_store::StoreError> {
    let dirs = StoreDirs { config: place.join("config"), data: place.join("data") };
    Store::open(&dirs).map(|(store, _)| store)
}

fn append(store: &Store, number: u64) {
    store.append(FOLDER, &[(RecordKey::Membership(number), record(number))]).expect("appended");
}

fn record(number: u64) -> Vec<u8> {
    crate::harness::noise(number, 150)
}

fn promise(place: &Path, text: &str) {
    let _ = fs::remove_file(place.join(format!("{PROMISE}{text}")));
}

fn old_bytes(name: &str) -> Vec<u8> {
    [b"the old content of ", name.as_bytes()].concat()
}

fn new_bytes(name: &str) -> Vec<u8> {
    [b"the new content of ", name.as_bytes(), b" is longer than that"].concat()
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a plain path")
}

fn named(bytes: &[u8]) -> (shoal_engine::id::ContentId, Arc<Manifest>) {
    let chunk = Chunk { hash: ChunkHash(*blake3::hash(bytes).as_bytes()), length: bytes.len() as u64 };
    let manifest = Arc::new(Manifest { level: Level(0), chunks: vec![chunk] });
    (manifest.content_id(), manifest)
}

fn stage(root: &Root, bytes: &[u8], manifest: &Arc<Manifest>) {
    let staged = root.stage().open(manifest.content_id(), manifest).expect("a staged file");
    staged.write_chunk(0, bytes).expect("the right bytes");
}

fn publication(content: shoal_engine::id::ContentId, size: usize) -> Act {
    Act::Publish { content, size: size as u64, executable: false, modified: THEN, source: Source::Stage }
}
