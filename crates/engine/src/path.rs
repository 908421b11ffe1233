//! A path inside a folder: once it exists, it cannot leave the folder.

use std::fmt;
use std::sync::Arc;

use crate::limits::{PATH_BYTES_MAX, PATH_DEPTH_MAX, PATH_PART_BYTES_MAX};

/// The directory at a folder's root that is Shoal's own; refused from peers, never shared.
pub const PRIVATE_DIR: &str = ".shoal";

/// A path inside a folder: relative, `/`-separated, UTF-8, at least one part. The bytes are kept as they were
/// made. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<str>);

/// Why a text from outside is no path inside a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotInside(pub String);

impl RelPath {
    /// Accepts a path that came from outside, or says why not.
    ///
    /// Refuses empty, absolute, `.` and `..` parts, NUL, parts over 255 bytes, more than 512 parts,
    /// more than 4,096 bytes, and anything under Shoal's own directory.
    pub fn parse(path: &str) -> Result<Self, NotInside> {
        let is_plain =
            |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0') && part.len() <= PATH_PART_BYTES_MAX;
        let is_ours = path.split('/').next() == Some(PRIVATE_DIR);
        let fits = path.len() <= PATH_BYTES_MAX && path.split('/').count() <= PATH_DEPTH_MAX;
        if fits && !is_ours && path.split('/').all(is_plain) {
            Ok(RelPath(path.into()))
        } else {
            Err(NotInside(path.chars().take(200).collect()))
        }
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the directory that holds this path, `None` when that is the folder's root.
    pub fn parent(&self) -> Option<RelPath> {
        self.0.rsplit_once('/').map(|(parent, _)| RelPath(parent.into()))
    }

    /// Returns the directories above this path, nearest first, without the root.
    pub fn ancestors(&self) -> impl Iterator<Item = RelPath> {
        std::iter::successors(self.parent(), RelPath::parent)
    }

    /// Returns where the paths inside this directory begin in their order, and the first text after all of them.
    pub(crate) fn span(&self) -> (String, String) {
        // '0' follows '/': exactly the paths that begin with "dir/".
        (format!("{self}/"), format!("{self}0"))
    }

    /// Returns this path with its last part replaced, checked like a path from outside.
    pub fn with_name(&self, name: &str) -> Result<RelPath, NotInside> {
        match self.0.rsplit_once('/') {
            Some((parent, _)) => Self::parse(&format!("{parent}/{name}")),
            None => Self::parse(name),
        }
    }

    /// Returns `part` inside this directory, checked like a path from outside.
    pub fn join(&self, part: &str) -> Result<RelPath, NotInside> {
        Self::parse(&format!("{}/{part}", self.0))
    }

    /// Whether this path lies inside `dir` (and is not `dir` itself).
    pub fn is_inside(&self, dir: &RelPath) -> bool {
        self.0.strip_prefix(&*dir.0).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl std::borrow::Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_would_leave_the_folder_is_refused() {
        for bad in ["", "/", "/etc", "a//b", "..", "a/../b", ".", "a/.", "a\0b", "a/", ".shoal", ".shoal/stage/x"] {
            assert!(RelPath::parse(bad).is_err(), "{bad:?}");
        }
        assert!(RelPath::parse(&"x".repeat(256)).is_err());
        assert!(RelPath::parse(&vec!["d"; 600].join("/")).is_err());
    }

    #[test]
    fn a_plain_path_keeps_its_bytes() {
        for good in ["a", "a/b", "ünï/e\u{301}", "a b\n\u{202e}c", ".shoalignore", "a/.shoal", "...", "con"] {
            assert_eq!(RelPath::parse(good).map(|path| path.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn parents_and_insides_agree() {
        let path = RelPath::parse("a/b/c").expect("plain");
        let parents: Vec<String> = path.ancestors().map(|dir| dir.to_string()).collect();
        assert_eq!(parents, ["a/b", "a"]);
        assert!(path.is_inside(&RelPath::parse("a").expect("plain")));
        assert!(!path.is_inside(&RelPath::parse("a/b/c").expect("plain")));
        assert!(!RelPath::parse("ab").expect("plain").is_inside(&RelPath::parse("a").expect("plain")));
        assert_eq!(path.with_name("d").map(|path| path.to_string()), Ok("a/b/d".to_owned()));
    }
}
