//! Which permission bits a file gets. They are this computer's own: only the executable bit travels.

use std::collections::BTreeMap;

use shoal_engine::path::RelPath;

use crate::unix;

/// Most removed files whose permissions are remembered: programs that save by removing write few files at a time.
const REMEMBERED_MAX: usize = 4096;

/// What the owner keeps whatever the mask says: without it we could not read our own file again.
const OWNER_READS: u32 = 0o400;

/// The permissions of files that were taken away, for those that come back at the same path.
#[derive(Debug, Default)]
pub(crate) struct Modes(BTreeMap<RelPath, u32>);

impl Modes {
    /// Notes what the file that leaves a path allowed, unless every new file allows just that.
    pub(crate) fn leaves(&mut self, path: &RelPath, mode: u32) {
        self.0.remove(path);
        if with(mode, true) == new_file(true) {
            return;
        }
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_first();
        }
        self.0.insert(path.clone(), mode);
    }

    /// What the file that left this path allowed, if that was something of its own.
    pub(crate) fn of(&self, path: &RelPath) -> Option<u32> {
        self.0.get(path).copied()
    }
}

/// The bits of a file that is new here: what the user's mask leaves of them.
pub(crate) fn new_file(executable: bool) -> u32 {
    let all = if executable { 0o777 } else { 0o666 };
    let own = if executable { OWNER_READS | 0o100 } else { OWNER_READS };
    (all & !unix::mask()) | own
}

/// The bits of a copy: what a new file has, and no reading or writing that its source does not allow.
pub(crate) fn copy_of(source: u32, executable: bool) -> u32 {
    let narrowed = new_file(executable) & (with(source, true) | 0o100);
    with(narrowed | OWNER_READS, executable)
}

/// These permission bits with or without execution, for whoever may read; nothing beyond 0777.
pub(crate) fn with(mode: u32, executable: bool) -> u32 {
    if (mode & 0o100 != 0) == executable {
        return mode & 0o777;
    }
    let plain = mode & 0o666;
    if executable { plain | 0o100 | ((mode & 0o444) >> 2) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_execution_changes_and_only_when_it_must() {
        for (mode, executable, expected) in [
            (0o600, false, 0o600),
            (0o600, true, 0o700),
            (0o4660, true, 0o770),
            (0o710, true, 0o710),
            (0o755, false, 0o644),
            (0o444, true, 0o555),
        ] {
            assert_eq!(with(mode, executable), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_copy_shows_nobody_what_its_source_hides() {
        assert_eq!(copy_of(0o600, false), 0o600);
        assert_eq!(copy_of(0o600, true), 0o700);
        assert_eq!(copy_of(0o666, false), new_file(false));
        assert_eq!(copy_of(0o777, true), new_file(true));
        assert_eq!(copy_of(0o777, false), new_file(false));
        assert_eq!(copy_of(0o200, false) & 0o400, 0o400, "we can read what we made");
    }
}
