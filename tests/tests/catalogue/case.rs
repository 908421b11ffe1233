//! What a case is, and what its checks say.

use std::fs;
use std::path::Path;

pub(crate) use crate::harness::{read, tree, write};

/// What came of a check: why not, if not.
pub(crate) type Check = Result<(), String>;

/// One case of the catalogue.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Its number there.
    pub(crate) number: u32,
    /// What must happen, as the end of a test's name.
    pub(crate) name: &'static str,
    /// What stands in its directory before.
    pub(crate) before: fn(&Path),
    /// What happens.
    pub(crate) act: Act,
    /// Whether it came out right: in the directory where it happened first, and in the other one. That both are equal,
    /// and that both say that they are up to date, is checked for all cases at once.
    pub(crate) check: fn(&Path, &Path) -> Check,
}

/// Who does something.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// One person.
    One(fn(&Path)),
    /// Two, each on their own side, while neither hears of the other.
    Apart(fn(&Path), fn(&Path)),
}

impl Case {
    /// The name of its test.
    pub(crate) fn test_name(&self) -> String {
        format!("case_{}_{}", self.number, self.name)
    }
}

/// Nothing stands there before.
pub(crate) fn nothing(_: &Path) {}

/// Makes sure of something.
pub(crate) fn demand(is_so: bool, why: impl FnOnce() -> String) -> Check {
    if is_so { Ok(()) } else { Err(why()) }
}

/// The names in a directory and below, sorted; what is a link or a directory is not followed.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    tree::look(dir).into_keys().collect()
}

/// Demands exactly these names on the other side.
pub(crate) fn only(dir: &Path, expected: &[&str]) -> Check {
    let found = names(dir);
    demand(found == expected, || format!("found {found:?} instead of {expected:?}"))
}

/// Demands the text of a file.
pub(crate) fn says(dir: &Path, path: &str, expected: &str) -> Check {
    let found = read(dir, path);
    demand(found.as_deref() == Some(expected), || format!("{path} says {found:?} instead of {expected:?}"))
}

/// Demands that exactly these texts are in the files below a directory, wherever.
pub(crate) fn texts(dir: &Path, expected: &[&str]) -> Check {
    let mut found: Vec<String> = names(dir).iter().filter_map(|name| read(dir, name)).collect();
    found.sort();
    demand(found == expected, || format!("the texts are {found:?} instead of {expected:?} in {:?}", names(dir)))
}

/// The names of the conflict copies below a directory.
pub(crate) fn copies(dir: &Path) -> Vec<String> {
    names(dir).into_iter().filter(|name| name.contains(" (Ana, ") || name.contains(" (Ben, ")).collect()
}

pub(crate) fn rename(dir: &Path, from: &str, to: &str) {
    let to = dir.join(to);
    fs::create_dir_all(to.parent().expect("a parent")).expect("made");
    fs::rename(dir.join(from), to).expect("renamed");
}

pub(crate) fn remove(dir: &Path, path: &str) {
    let path = dir.join(path);
    let is_directory = fs::symlink_metadata(&path).expect("something there").is_dir();
    if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
}

pub(crate) fn link(dir: &Path, target: &str, path: &str) {
    std::os::unix::fs::symlink(target, dir.join(path)).expect("linked");
}
