//! Looks at a pick before it is used: what is in it, how much room there is, what is in the way.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shoal_disk::{DiskError, Measured, Root};
use shoal_engine::id::FolderId;
use shoal_engine::status::Status;
use tokio::time::timeout;

use crate::act::{not_there, offer_id, recognised, trouble_of};
use crate::command::{Answer, Clash, Inspection, PickId, Purpose};
use crate::node::{Node, blocking};
use crate::places::{free_at, receiving};
use crate::show::number;
use crate::survey::offer_of;
use crate::view::{DryRun, ErrorCode, Trouble};

/// How long a person waits for a count; a large folder is counted on, and the next question finds the answer.
const COUNT_WAIT_MAX: Duration = Duration::from_millis(400);

/// Most counts that are remembered: a person looks at a few places.
const COUNTS_MAX: usize = 16;

/// Counts that are under way or done.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<VecDeque<Count>>>);

/// A pick, and what it holds once that is known.
type Count = (String, Option<Measured>);

impl Counts {
    fn find(&self, pick: &str) -> Option<Option<Measured>> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().find(|(of, _)| of == pick).map(|(_, count)| *count)
    }

    fn set(&self, pick: &str, count: Option<Measured>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|(of, _)| of != pick);
        if counts.len() == COUNTS_MAX {
            counts.pop_front();
        }
        counts.push_back((pick.to_owned(), count));
    }
}

/// Answers `InspectPick`.
pub(crate) async fn inspect(node: &Node, pick: &PickId, purpose: Purpose) -> Result<Answer, Trouble> {
    let paths = node.picks().paths(&pick.0).ok_or_else(not_there)?;
    let status = node.status().await?;
    let inspection = match purpose {
        Purpose::Send => measured(node, pick, &paths).await?,
        Purpose::Share => {
            let mut inspection = measured(node, pick, &paths).await?;
            inspection.trouble = in_the_way(node, one(&paths)?, &status).await?;
            inspection
        }
        Purpose::Join { folder } => join(node, pick, &paths, &folder, &status).await?,
        Purpose::Receive { offer } => receive(one(&paths)?.to_owned(), &offer, &status).await?,
    };
    Ok(Answer::Inspected(inspection))
}

/// Counts what is picked, or says that counting goes on.
async fn measured(node: &Node, pick: &PickId, paths: &[PathBuf]) -> Result<Inspection, Trouble> {
    let counts = node.counts().clone();
    if counts.find(&pick.0).is_none() {
        counts.set(&pick.0, None);
        let (id, all, counts) = (pick.0.clone(), paths.to_vec(), counts.clone());
        let counting = tokio::task::spawn_blocking(move || counts.set(&id, Some(measure(&all))));
        // Past the wait it goes on by itself.
        let _ = timeout(COUNT_WAIT_MAX, counting).await;
    }
    let count = counts.find(&pick.0).flatten();
    let first = paths.first().cloned().unwrap_or_default();
    let found = count.unwrap_or_default();
    Ok(Inspection {
        files: number(found.files),
        bytes: number(found.bytes),
        complete: count.is_some(),
        free: blocking(move || free_at(&first)).await?,
        clashes: Vec::new(),
        dry_run: None,
        trouble: None,
    })
}

fn measure(paths: &[PathBuf]) -> Measured {
    let mut sum = Measured::default();
    for path in paths {
        let Ok(found) = std::fs::metadata(path) else { continue };
        if found.is_dir() {
            let below = shoal_disk::measure(path).unwrap_or_default();
            sum.files += below.files;
            sum.bytes = sum.bytes.saturating_add(below.bytes);
        } else {
            sum.files += 1;
            sum.bytes = sum.bytes.saturating_add(found.len());
        }
    }
    sum
}

/// Why a directory cannot become a folder: it is one, lies in one, or one lies in it.
async fn in_the_way(node: &Node, dir: &Path, status: &Status) -> Result<Option<Trouble>, Trouble> {
    let (dir, hands) = (dir.to_owned(), node.hands().clone());
    let look = move || {
        let (roots, home) = (hands.roots(), &hands.home);
        let found = overlap(&dir, &hands.places(), &[&home.config, &home.data, &home.state]);
        found.or_else(|| Root::look_for_mark(&dir).err().map(|error| recognised(error, &roots)))
    };
    let found = blocking(look).await?;
    Ok(found.map(|error| trouble_of(&error, status)))
}

/// What of our own a directory is, lies in, or has in it.
pub(crate) fn overlap(dir: &Path, folders: &[PathBuf], own: &[&PathBuf]) -> Option<DiskError> {
    // A place that is not there yet is as good as the directory it will be made in.
    let there = dir.ancestors().find_map(|above| above.canonicalize().ok().map(|found| (found, above)))?;
    let rest = dir.strip_prefix(there.1).ok()?;
    let path = there.0.join(rest);
    let own = own
        .iter()
        .filter_map(|own| own.canonicalize().ok())
        .any(|own| path.starts_with(&own) || own.starts_with(&path));
    let is_home = std::env::home_dir().and_then(|home| home.canonicalize().ok()).is_some_and(|home| home == path);
    if own || is_home || path.parent().is_none() {
        return Some(DiskError::TooMuch { path });
    }
    let identity = identity(&path);
    for folder in folders {
        let other = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let is_same = identity.is_some() && identity == self::identity(&other);
        if is_same || path == other {
            return Some(DiskError::AlreadyShared { path: other });
        }
        if path.starts_with(&other) || other.starts_with(&path) {
            return Some(DiskError::Overlaps { path, other });
        }
    }
    None
}

/// What tells one directory from another, by whatever path.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

async fn join(
    node: &Node,
    pick: &PickId,
    paths: &[PathBuf],
    folder: &str,
    status: &Status,
) -> Result<Inspection, Trouble> {
    let id = FolderId::parse(folder).ok_or_else(not_there)?;
    let invitation = status.invitations.iter().find(|one| one.folder == id).ok_or_else(not_there)?;
    let mut inspection = measured(node, pick, paths).await?;
    inspection.trouble = in_the_way(node, one(paths)?, status).await?;
    // What the folder's files are is known only to members: with files at the place, nothing can be compared before.
    if inspection.complete && inspection.files == 0 {
        inspection.dry_run = Some(DryRun { already_have: 0, differ: 0, new: invitation.files });
    }
    Ok(inspection)
}

async fn receive(dir: PathBuf, offer: &str, status: &Status) -> Result<Inspection, Trouble> {
    let offer = offer_of(status, offer_id(offer)?).ok_or_else(not_there)?;
    let items = offer.record.items.clone();
    blocking(move || {
        let facts = receiving(&dir, &items);
        let clashes = facts.saved_as.into_iter().map(|(index, saved_as)| Clash { index, saved_as }).collect();
        let bytes = items.iter().map(|item| item.size).fold(0, u64::saturating_add);
        let is_file = dir.exists() && !dir.is_dir();
        let trouble =
            is_file.then(|| Trouble::plain(ErrorCode::NotDirectory).text("path", crate::show::place::shown(&dir)));
        Inspection {
            files: number(items.iter().filter(|item| !item.is_directory).count() as u64),
            bytes: number(bytes),
            complete: true,
            free: facts.free,
            clashes,
            dry_run: None,
            trouble: trouble.or_else(|| crate::show::trouble::of_room(bytes, facts.free)),
        }
    })
    .await
}

fn one(paths: &[PathBuf]) -> Result<&Path, Trouble> {
    match paths {
        [path] => Ok(path),
        _ => Err(Trouble::plain(ErrorCode::NotUnderstood)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_may_not_hold_each_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |path: &str| dir.path().canonicalize().expect("there").join(path);
        std::fs::create_dir_all(at("shared/in")).expect("made");
        let folders = [at("shared")];
        let found = |path: &str| overlap(&at(path), &folders, &[]);
        assert!(matches!(found("shared"), Some(DiskError::AlreadyShared { .. })));
        assert!(matches!(found("shared/in"), Some(DiskError::Overlaps { .. })));
        assert!(matches!(found("shared/new"), Some(DiskError::Overlaps { .. })));
        assert!(matches!(found(""), Some(DiskError::Overlaps { .. })));
        assert!(found("other").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn another_path_to_the_same_directory_is_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let shared = dir.path().join("shared");
        std::fs::create_dir(&shared).expect("made");
        std::os::unix::fs::symlink(&shared, dir.path().join("link")).expect("linked");
        let found = overlap(&dir.path().join("link"), &[shared], &[]);
        assert!(matches!(found, Some(DiskError::AlreadyShared { .. })));
    }
}
