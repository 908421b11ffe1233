//! After a crash: clears up what a batch had begun. May itself be killed at any step, and run again.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use rustix::io::Errno;
use shoal_engine::path::RelPath;

use crate::apply::{content_in, put_back};
use crate::displaced::{self, Found};
use crate::error::DiskError;
use crate::journal::{self, Intent, Was};
use crate::root::{OwnDirs, Root};
use crate::unix;
use crate::versions::{self, Line, Reason};

impl Root {
    /// Completes or undoes what was under way when the program died; returns the paths that must be looked at.
    ///
    /// Call it once after opening, before anything is applied.
    pub fn recover(&self) -> Result<Vec<RelPath>, DiskError> {
        let _guard = self.lock();
        let fail = |errno| DiskError::new("recover", self.dir(), errno);
        let Some(dirs) = self.own_existing() else { return Ok(Vec::new()) };
        let mut paths = BTreeSet::new();
        let mut over = Vec::new();
        for (tag, intents) in journal::read_all(&dirs).map_err(fail)? {
            for intent in intents.iter().flatten() {
                paths.insert(intent.path.clone());
                paths.extend(settle(self, &dirs, intent).map_err(fail)?);
            }
            over.push(tag);
        }
        for slot in leftovers(&dirs).map_err(fail)? {
            // No intent names it, so its batch never began: it is new, or a copy that was not finished.
            put_back(&dirs, &slot, content_in(&slot));
        }
        if !over.is_empty() {
            unix::sync_all(self.handle()).map_err(fail)?;
        }
        for tag in over {
            journal::clear(&dirs, &tag).map_err(fail)?;
        }
        Ok(paths.into_iter().collect())
    }
}

/// Sees to one change; returns where something stands that nobody had seen.
fn settle(root: &Root, dirs: &OwnDirs, intent: &Intent) -> Result<Option<RelPath>, Errno> {
    let new = Found::look(dirs, &intent.slot)?;
    let old_name = format!("{}.old", intent.slot);
    let old = Found::look(dirs, &old_name)?;
    let is_unpublished = new.as_ref().is_some_and(|found| intent.inode != 0 && found.stat.print.inode == intent.inode);
    if is_unpublished {
        // Without an exchange the old file has a second name, or a copy, while it still stands in its place.
        if old.is_some() {
            unix::unlink(dirs.swap.as_fd(), &old_name)?;
        }
        put_back(dirs, &intent.slot, intent.content);
        return Ok(None);
    }
    let reason = if intent.inode == 0 { Reason::Deleted } else { Reason::Replaced };
    match (new, old) {
        (Some(found), _) => came_out(root, dirs, intent, &intent.slot, &found, reason),
        (None, Some(found)) => came_out(root, dirs, intent, &old_name, &found, reason),
        (None, None) => log_again(dirs, intent, reason).map(|()| None),
    }
}

/// Sees to what a change took out: an unseen edit goes back to its place, or beside what stands there now.
fn came_out(
    root: &Root,
    dirs: &OwnDirs,
    intent: &Intent,
    slot: &str,
    found: &Found,
    reason: Reason,
) -> Result<Option<RelPath>, Errno> {
    if found.is(&intent.was) {
        let line = displaced::keep(dirs, slot, (&intent.path, &intent.was, reason), found)?;
        versions::append(dirs, &line.into_iter().collect::<Vec<_>>())?;
        return Ok(None);
    }
    let swap = (dirs.swap.as_fd(), slot);
    if reason == Reason::Deleted
        && let Ok(parent) = displaced::make_parent(root, &intent.path)
        && unix::rename_new(swap, (parent.as_fd(), intent.path.name())).is_ok()
    {
        return Ok(None);
    }
    displaced::copy_beside(root, swap, &intent.path, &found.stat.print)
}

/// Writes the line for a file that was put among the versions just before the crash.
fn log_again(dirs: &OwnDirs, intent: &Intent, reason: Reason) -> Result<(), Errno> {
    let Was::File { content, .. } = intent.was else { return Ok(()) };
    let logged: BTreeSet<String> =
        versions::read_log(dirs)?.into_iter().filter_map(|line| line.what.into_object()).collect();
    for object in versions::objects_of(dirs, content)?.into_iter().filter(|object| !logged.contains(object)) {
        let stat = unix::stat_at(dirs.objects.as_fd(), object.as_str())?;
        let line = Line::of_object(object, content, &stat, (intent.path.clone(), reason));
        versions::append(dirs, &[line])?;
    }
    Ok(())
}

fn leftovers(dirs: &OwnDirs) -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    let listing = unix::open_listing(dirs.swap.as_fd(), None)?;
    unix::list(listing.as_fd(), |name, _| names.push(name.to_string_lossy().into_owned()))?;
    Ok(names)
}
