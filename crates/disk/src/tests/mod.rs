//! Tests on real directories, and what they share.

mod apply;
mod crash;
mod full;
mod hash;
mod merge;
mod races;
mod root;
mod scan;
mod stage;
mod versions;
mod watch;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use shoal_engine::chunk::{Level, Manifest};
use shoal_engine::id::ContentId;
use shoal_engine::observe::{Act, Change, Expected, Fingerprint, Hashed, Outcome, Seen, Source};
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use crate::{Root, cut};

const ROOT_ID: [u8; 16] = [7; 16];
const THEN: Timestamp = Timestamp(1_700_000_000_123);

fn path(text: &str) -> RelPath {
    RelPath::parse(text).expect("a plain path")
}

/// Bytes that look random and are the same for ever.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A folder in a temporary directory, and a second directory outside of it.
struct Place {
    temp: tempfile::TempDir,
    root: Root,
    manifests: HashMap<ContentId, Arc<Manifest>>,
}

impl Place {
    fn new() -> Place {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = Root::create(&temp.path().join("folder"), ROOT_ID).expect("a folder");
        fs::create_dir(temp.path().join("outside")).expect("a directory");
        Place { temp, root, manifests: HashMap::new() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.dir().join(name)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.temp.path().join("outside").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let at = self.at(name);
        fs::create_dir_all(at.parent().expect("a parent")).expect("directories");
        fs::write(at, bytes).expect("a file");
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.at(name)).ok()
    }

    fn hash(&mut self, name: &str) -> Hashed {
        let (hashed, manifest) = self.root.hash(&path(name), None).expect("a file that keeps still");
        self.manifests.insert(hashed.content, Arc::new(manifest));
        hashed
    }

    fn print(&self, name: &str) -> Fingerprint {
        match self.root.look(&path(name)) {
            Ok(Some(Seen::File { print, .. })) => print,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// Names bytes without writing them anywhere.
    fn name(&mut self, bytes: &[u8]) -> (ContentId, Arc<Manifest>) {
        let manifest = Arc::new(cut::manifest_of(bytes, Level::for_size(bytes.len() as u64)));
        let content = manifest.content_id();
        self.manifests.insert(content, manifest.clone());
        (content, manifest)
    }

    /// Puts bytes into the stage as if they had been fetched.
    fn stage(&mut self, bytes: &[u8]) -> ContentId {
        let (content, manifest) = self.name(bytes);
        let staged = self.root.stage().open(content, &manifest).expect("a staged file");
        let mut offset = 0;
        for (index, (chunk, have)) in manifest.chunks.iter().zip(staged.have()).enumerate() {
            let length = usize::try_from(chunk.length).expect("a small file");
            if !have {
                staged.write_chunk(index as u32, &bytes[offset..offset + length]).expect("the right bytes");
            }
            offset += length;
        }
        assert!(staged.is_complete());
        content
    }

    fn publish(&mut self, name: &str, expected: Expected, bytes: &[u8]) -> Change {
        let content = self.stage(bytes);
        Change { path: path(name), expected, act: publication(content, bytes.len(), Source::Stage) }
    }

    fn expected(&mut self, name: &str) -> Expected {
        let hashed = self.hash(name);
        Expected::File { print: hashed.print, content: hashed.content }
    }

    fn apply(&self, changes: &[Change]) -> Vec<Outcome> {
        self.root.apply(changes, &|content| self.manifests.get(&content).cloned())
    }

    fn apply_one(&self, change: Change) -> Outcome {
        self.apply(&[change]).remove(0)
    }

    /// Every file below the root, Shoal's own directory left out, with its bytes.
    fn tree(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        self.root.walk(None, &mut |_, entries, _| {
            for entry in entries.expect("a readable directory") {
                if matches!(entry.seen, Seen::File { .. }) {
                    let name = entry.path.to_string();
                    let bytes = self.read(&name).expect("a readable file");
                    files.push((name, bytes));
                }
            }
        });
        files.sort();
        files
    }

    /// The contents of everything kept.
    fn kept_bytes(&self) -> Vec<Vec<u8>> {
        let objects = fs::read_dir(self.at(".shoal/versions/objects")).expect("objects");
        objects.map(|entry| fs::read(entry.expect("an entry").path()).expect("an object")).collect()
    }

    fn count(&self, own: &str) -> usize {
        fs::read_dir(self.at(".shoal").join(own)).expect("our own directory").count()
    }
}

fn publication(content: ContentId, size: usize, source: Source) -> Act {
    Act::Publish { content, size: size as u64, executable: false, modified: THEN, source }
}

fn done_print(outcome: &Outcome) -> Fingerprint {
    let Outcome::Done { print: Some(print) } = outcome else { panic!("{outcome:?}") };
    *print
}
