//! Remembers what was picked and dropped: paths stay here, only ids go out.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use shoal_engine::limits::PATH_BYTES_MAX;

use crate::command::{DropId, PickId, Picked};
use crate::node::Dropped;
use crate::show::place::shown;

/// Most picks and drops that are remembered; the oldest goes. A person has a few open at a time.
const REMEMBERED_MAX: usize = 256;

/// Most names that are shown of a pick.
const NAMES_MAX: usize = 50;

/// Every pick and drop of this run.
#[derive(Default)]
pub(crate) struct Picks(Mutex<VecDeque<Remembered>>);

struct Remembered {
    id: String,
    paths: Vec<PathBuf>,
    /// An upload's own directory, removed when it is forgotten.
    owned: Option<PathBuf>,
}

impl Picks {
    /// Remembers paths chosen in a picker or typed.
    pub(crate) fn pick(&self, paths: Vec<PathBuf>) -> Picked {
        let place = paths.first().map(|path| shown(path)).unwrap_or_default();
        let (names, count) = (names_of(&paths), count_of(&paths));
        Picked { pick: PickId(self.remember(paths, None)), place, names, count }
    }

    /// Remembers dropped paths.
    pub(crate) fn drop(&self, paths: Vec<PathBuf>) -> Dropped {
        let found: Vec<_> = paths.iter().filter_map(|path| path.metadata().ok()).collect();
        let bytes = found.iter().filter(|found| found.is_file()).map(|found| found.len()).sum();
        let has_folder = found.iter().any(|found| found.is_dir());
        let (names, count) = (names_of(&paths), count_of(&paths));
        Dropped { drop: DropId(self.remember(paths, None)), names, count, bytes, has_folder }
    }

    /// Remembers an upload, whose files will stand in a directory of our own.
    pub(crate) fn upload(&self, paths: Vec<PathBuf>, owned: PathBuf) -> DropId {
        DropId(self.remember(paths, Some(owned)))
    }

    /// What a pick or drop stands for.
    pub(crate) fn paths(&self, id: &str) -> Option<Vec<PathBuf>> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.iter().find(|one| one.id == id).map(|one| one.paths.clone())
    }

    /// The directory of an upload.
    pub(crate) fn upload_dir(&self, id: &str) -> Option<PathBuf> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.iter().find(|one| one.id == id).and_then(|one| one.owned.clone())
    }

    /// An upload that was sent stays on the disk until its offer is over: its files have another owner now.
    pub(crate) fn disown(&self, id: &str) -> Option<PathBuf> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.iter_mut().find(|one| one.id == id).and_then(|one| one.owned.take())
    }

    /// Throws a pick or drop away; the caller removes the directory of an upload.
    pub(crate) fn forget(&self, id: &str) -> Option<PathBuf> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = remembered.iter().position(|one| one.id == id)?;
        remembered.remove(at).and_then(|one| one.owned)
    }

    fn remember(&self, paths: Vec<PathBuf>, owned: Option<PathBuf>) -> String {
        let id = random_text();
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() == REMEMBERED_MAX
            && let Some(Remembered { owned: Some(dir), .. }) = remembered.pop_front()
        {
            crate::uploads::remove(&dir);
        }
        remembered.push_back(Remembered { id: id.clone(), paths, owned });
        id
    }
}

/// Sixteen random bytes; the system's dice do not fail once they have been thrown at the start.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "no randomness");
    }
    bytes
}

/// A random id that nobody guesses.
pub(crate) fn random_text() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path as a person types it: absolute, or below `~`.
pub(crate) fn typed(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    let path = match text.strip_prefix('~') {
        Some("") => std::env::home_dir()?,
        Some(rest) => std::env::home_dir()?.join(rest.strip_prefix('/')?),
        None => PathBuf::from(text),
    };
    let is_fine = path.is_absolute() && !text.contains('\0') && text.len() <= PATH_BYTES_MAX;
    is_fine.then_some(path)
}

fn names_of(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    paths.iter().take(NAMES_MAX).map(name).collect()
}

fn count_of(paths: &[PathBuf]) -> u32 {
    u32::try_from(paths.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pick_is_known_by_its_id_until_it_is_forgotten() {
        let picks = Picks::default();
        let picked = picks.pick(vec!["/a/b".into(), "/a/c".into()]);
        assert_eq!((picked.count, picked.names), (2, vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(picks.paths(&picked.pick.0), Some(vec!["/a/b".into(), "/a/c".into()]));
        assert_eq!(picks.paths("guess"), None);
        picks.forget(&picked.pick.0);
        assert_eq!(picks.paths(&picked.pick.0), None);
    }

    #[test]
    fn the_oldest_pick_makes_room() {
        let picks = Picks::default();
        let first = picks.pick(vec!["/a".into()]);
        for _ in 0..REMEMBERED_MAX {
            picks.pick(vec!["/b".into()]);
        }
        assert_eq!(picks.paths(&first.pick.0), None);
    }
}
