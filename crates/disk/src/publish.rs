//! Makes one change of a batch: checks what stands there, swaps, looks at what came out.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use shoal_engine::observe::{Act, Change, Code, Expected, Fingerprint, Outcome, Source};
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use crate::apply::{Batch, Ready, Slot, modified_ns};
use crate::copy::copy_plain;
use crate::displaced::{self, Found};
use crate::error::{code_of, is_absent};
use crate::journal::Was;
use crate::mode;
use crate::unix::{self, Dir, Kind, Stat};
use crate::versions::Reason;

/// A directory and a name in it.
type Place<'a> = (BorrowedFd<'a>, &'a str);
/// How a change ended; `Err` ends it early.
type Tried<T> = Result<T, Outcome>;

impl Batch<'_> {
    /// Makes a change that is ready.
    pub(crate) fn perform(&mut self, change: &Change, ready: &Ready) -> Outcome {
        let tried = match (&change.act, ready) {
            (_, Ready::Not(outcome)) => return outcome.clone(),
            (Act::Publish { .. } | Act::MakeLink { .. }, Ready::Slot(slot)) => self.put(change, slot),
            (Act::Publish { source, executable, modified, .. }, Ready::Plain) => {
                self.move_here(change, source, *executable, *modified)
            }
            (Act::Touch { executable, modified }, _) => self.touch(change, *executable, *modified),
            (Act::MakeDirectory, Ready::Slot(slot)) => {
                self.take_out(change, slot, Reason::Replaced).and_then(|_| self.make_directory(change))
            }
            (Act::MakeDirectory, Ready::Plain) => self.make_directory(change),
            (Act::Remove, Ready::Slot(slot)) => self.take_out(change, slot, Reason::Deleted),
            (Act::Remove | Act::MakeLink { .. }, Ready::Plain) => self.remove_plain(change),
        };
        tried.unwrap_or_else(|outcome| outcome)
    }

    /// Publishes what waits in the slot.
    fn put(&mut self, change: &Change, slot: &Slot) -> Tried<Outcome> {
        let root = self.root.clone();
        let tried = self.parent(&root, &change.path, true).and_then(|parent| {
            let place = (parent.as_fd(), change.path.name());
            let there = self.check(place, &change.expected)?;
            match there {
                Some(there) => self.take_over_mode(slot, &there)?,
                None => self.take_over_mode_of_last(change, slot)?,
            }
            let swap = (self.dirs.swap.as_fd(), slot.name.as_str());
            match &change.expected {
                Expected::Absent => unix::rename_new(swap, place).map_err(outcome_of)?,
                Expected::Directory => {
                    unix::rmdir(place.0, place.1).map_err(outcome_of_rmdir)?;
                    unix::rename_new(swap, place).map_err(outcome_of)?;
                }
                Expected::File { .. } | Expected::Link { .. } => return self.replace(change, slot, place),
            }
            Ok(Outcome::Done { print: print_after(place, slot) })
        });
        match &tried {
            Ok(_) => _ = self.touched.insert(change.path.parent()),
            Err(_) if self.is_new_in(slot) => self.put_back(slot),
            Err(_) => {}
        }
        tried
    }

    /// Whether the slot still, or again, holds the new file.
    fn is_new_in(&self, slot: &Slot) -> bool {
        let stat = unix::stat_at(self.dirs.swap.as_fd(), slot.name.as_str());
        stat.is_ok_and(|stat| slot.stat.is_some_and(|new| new.print.inode == stat.print.inode))
    }

    fn replace(&mut self, change: &Change, slot: &Slot, place: Place<'_>) -> Tried<Outcome> {
        let dirs = self.dirs.clone();
        let swap = (dirs.swap.as_fd(), slot.name.as_str());
        match unix::exchange(swap, place) {
            Ok(()) => {}
            Err(Errno::NOSYS) => return self.replace_by_link(change, slot, place),
            Err(errno) => return Err(outcome_of(errno)),
        }
        match self.settle(change, &slot.name, Reason::Replaced) {
            Ok(None) => Ok(Outcome::Done { print: print_after(place, slot) }),
            Ok(Some(copy)) => Ok(Outcome::Displaced { print: print_after(place, slot), copy }),
            Err(errno) => {
                // The old file goes back to its place. If that fails too, or if somebody replaced the new one
                // meanwhile, whatever is in the slot waits for the next recovery.
                self.is_unsettled |= unix::exchange(swap, place).is_err() || !self.is_new_in(slot);
                Err(Outcome::Refused(code_of(errno)))
            }
        }
    }

    /// Sees to what came out into a slot; returns where it stands now if it was not what was expected.
    fn settle(&mut self, change: &Change, slot: &str, reason: Reason) -> Result<Option<RelPath>, Errno> {
        let was = Was::of(&change.expected);
        let found = Found::look(&self.dirs, slot)?.ok_or(Errno::NOENT)?;
        if found.is(&was) {
            let line = displaced::keep(&self.dirs, slot, (&change.path, &was, reason), &found)?;
            self.log.extend(line);
            return Ok(None);
        }
        let from = (self.dirs.swap.as_fd(), slot);
        displaced::copy_beside(self.root, from, &change.path, &found.stat.print)
    }

    /// Replaces where the file system cannot exchange: gives the old file a second name first, then renames over it.
    fn replace_by_link(&mut self, change: &Change, slot: &Slot, place: Place<'_>) -> Tried<Outcome> {
        let dirs = self.dirs.clone();
        let swap = dirs.swap.as_fd();
        let old = format!("{}.old", slot.name);
        let refused = |errno| Outcome::Refused(code_of(errno));
        match unix::link(place, (swap, &old)) {
            Ok(()) => {}
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => self.copy_old(change, place, &old)?,
            Err(errno) => return Err(outcome_of(errno)),
        }
        let tried = self
            .check_old(change, &old, place)
            .and_then(|()| unix::rename_over((swap, &slot.name), place).map_err(refused));
        if let Err(outcome) = tried {
            // The old file still stands in its place; this was a second name or a copy.
            let _ = unix::unlink(swap, &old);
            return Err(outcome);
        }
        match self.settle_old(change, &old) {
            Ok(()) => {}
            Err(_) => self.is_unsettled = true,
        }
        Ok(Outcome::Done { print: print_after(place, slot) })
    }

    fn copy_old(&self, change: &Change, place: Place<'_>, old: &str) -> Tried<()> {
        let refused = |errno| Outcome::Refused(code_of(errno));
        let Expected::File { print, .. } = &change.expected else { return Err(Outcome::Refused(Code::DiskError)) };
        let reader = self.root.reader(&change.path, print).map_err(|_| Outcome::Unexpected)?;
        let copied = unix::create_own(self.dirs.swap.as_fd(), old).and_then(|to| {
            copy_plain(reader.file().ok_or(Errno::INVAL)?, &to)?;
            unix::set_modified(to.as_fd(), print.modified_ns)?;
            unix::sync(to.as_fd())
        });
        copied.map_err(refused)?;
        self.check(place, &change.expected).map(drop)
    }

    /// Whether the second name, or the copy, is what was expected.
    fn check_old(&self, change: &Change, old: &str, place: Place<'_>) -> Tried<()> {
        let refused = |errno| Outcome::Refused(code_of(errno));
        let found = Found::look(&self.dirs, old).map_err(refused)?.ok_or(Outcome::Unexpected)?;
        let there = unix::stat_at(place.0, place.1).map_err(outcome_of)?;
        let is_same_inode = there.print.inode == found.stat.print.inode;
        let is_copy = !is_same_inode && there.print.size == found.stat.print.size;
        if (is_same_inode && found.is(&Was::of(&change.expected))) || is_copy {
            Ok(())
        } else {
            Err(Outcome::Unexpected)
        }
    }

    fn settle_old(&mut self, change: &Change, old: &str) -> Result<(), Errno> {
        let found = Found::look(&self.dirs, old)?.ok_or(Errno::NOENT)?;
        let was = Was::of(&change.expected);
        let line = displaced::keep(&self.dirs, old, (&change.path, &was, Reason::Replaced), &found)?;
        self.log.extend(line);
        Ok(())
    }

    /// Moves the file or link at the path away, to the versions.
    fn take_out(&mut self, change: &Change, slot: &Slot, reason: Reason) -> Tried<Outcome> {
        let root = self.root.clone();
        let parent = self.parent(&root, &change.path, false)?;
        let place = (parent.as_fd(), change.path.name());
        let there = self.check(place, &change.expected)?;
        let dirs = self.dirs.clone();
        let swap = (dirs.swap.as_fd(), slot.name.as_str());
        unix::rename_new(place, swap).map_err(outcome_of)?;
        if let Some(there) = there.filter(|there| there.kind == Kind::File) {
            self.root.modes().leaves(&change.path, there.mode);
        }
        self.touched.insert(change.path.parent());
        let is_expected = Found::look(&self.dirs, &slot.name)
            .map(|found| found.is_some_and(|found| found.is(&Was::of(&change.expected))));
        let trouble = match is_expected {
            Ok(true) => match self.settle(change, &slot.name, reason) {
                Ok(_) => return Ok(Outcome::Done { print: None }),
                Err(errno) => Outcome::Refused(code_of(errno)),
            },
            Ok(false) => Outcome::Unexpected,
            Err(errno) => Outcome::Refused(code_of(errno)),
        };
        // An edit nobody had seen outlives the deletion: it goes back, or beside whatever stands there by now.
        match unix::rename_new(swap, place) {
            Ok(()) => Err(trouble),
            Err(_) => match self.settle(change, &slot.name, reason) {
                Ok(Some(copy)) => Err(Outcome::Displaced { print: None, copy }),
                Ok(None) => Ok(Outcome::Done { print: None }),
                Err(errno) => {
                    self.is_unsettled = true;
                    Err(Outcome::Refused(code_of(errno)))
                }
            },
        }
    }

    /// Removes an empty directory, or agrees that nothing is there.
    fn remove_plain(&mut self, change: &Change) -> Tried<Outcome> {
        let root = self.root.clone();
        let parent = match self.parent(&root, &change.path, false) {
            Err(Outcome::Unexpected) if change.expected == Expected::Absent => {
                return Ok(Outcome::Done { print: None });
            }
            other => other?,
        };
        let place = (parent.as_fd(), change.path.name());
        if self.check(place, &change.expected)?.is_some() {
            unix::rmdir(place.0, place.1).map_err(outcome_of_rmdir)?;
            self.touched.insert(change.path.parent());
        }
        Ok(Outcome::Done { print: None })
    }

    fn make_directory(&mut self, change: &Change) -> Tried<Outcome> {
        let root = self.root.clone();
        let parent = self.parent(&root, &change.path, true)?;
        let place = (parent.as_fd(), change.path.name());
        match unix::mkdir(place.0, place.1) {
            Ok(()) => self.touched.insert(change.path.parent()),
            // One that an earlier change of the batch made for a file in it will do.
            Err(Errno::EXIST) => return self.check(place, &Expected::Directory).map(|_| Outcome::Done { print: None }),
            Err(errno) => return Err(outcome_of(errno)),
        };
        Ok(Outcome::Done { print: None })
    }

    fn move_here(&mut self, change: &Change, source: &Source, executable: bool, modified: Timestamp) -> Tried<Outcome> {
        let Source::Move { from, print } = source else { return Err(Outcome::SourceGone) };
        if change.expected != Expected::Absent {
            // The engine tries again with a copy.
            return Err(Outcome::SourceGone);
        }
        let root = self.root.clone();
        let gone = |_| Outcome::SourceGone;
        let old_parent = self.parent(&root, from, false).map_err(gone)?;
        let old = (old_parent.as_fd(), from.name());
        let is_same = |stat: &Stat| stat.kind == Kind::File && stat.print == *print && !stat.is_mount;
        let source = unix::stat_at(old.0, old.1).ok().filter(is_same).ok_or(Outcome::SourceGone)?;
        let parent = self.parent(&root, &change.path, true)?;
        let new = (parent.as_fd(), change.path.name());
        self.check(new, &Expected::Absent)?;
        match unix::rename_new(old, new) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Err(Outcome::SourceGone),
            Err(errno) => return Err(outcome_of(errno)),
        }
        self.touched.extend([from.parent(), change.path.parent()]);
        let moved = unix::stat_at(new.0, new.1).ok();
        let survived = |now: &Stat| survives(&now.print, print);
        if moved.as_ref().is_some_and(survived) {
            self.root.modes().leaves(from, source.mode);
            let is_it = |now: &Fingerprint| survives(now, print);
            let print = self.set_bits(&change.path, executable, modified, is_it).or(moved.map(|stat| stat.print));
            return Ok(Outcome::Done { print });
        }
        // It was written to at the last moment: an edit of the old path.
        let _ = unix::rename_new(new, old);
        Err(Outcome::SourceGone)
    }

    fn touch(&mut self, change: &Change, executable: bool, modified: Timestamp) -> Tried<Outcome> {
        let root = self.root.clone();
        let parent = self.parent(&root, &change.path, false)?;
        let there = self.check((parent.as_fd(), change.path.name()), &change.expected)?;
        if there.is_none_or(|stat| stat.kind != Kind::File) {
            return Err(Outcome::Unexpected);
        }
        let is_it = |now: &Fingerprint| there.is_some_and(|stat| stat.print == *now);
        match self.set_bits(&change.path, executable, modified, is_it) {
            Some(print) => Ok(Outcome::Done { print: Some(print) }),
            None => Err(Outcome::Refused(Code::NotAllowed)),
        }
    }

    /// Sets mode and time of a file where they differ; `None` if that is not allowed.
    ///
    /// A program may write at that very moment. What it leaves is left alone, and the answer matches nothing on the disk,
    /// so that the next look reads the file.
    fn set_bits(
        &self,
        path: &RelPath,
        executable: bool,
        modified: Timestamp,
        is_it: impl Fn(&Fingerprint) -> bool,
    ) -> Option<Fingerprint> {
        let unsure = |print: Fingerprint| Fingerprint { changed_ns: 0, ..print };
        let file = unix::open_file(self.root.handle(), path).ok()?;
        let stat = unix::stat_of(file.as_fd()).ok()?;
        if !is_it(&stat.print) {
            return Some(unsure(stat.print));
        }
        if stat.executable() != executable {
            unix::set_mode(file.as_fd(), mode::with(stat.mode, executable)).ok()?;
        }
        if stat.print.modified() != modified {
            unix::set_modified(file.as_fd(), modified_ns(modified)).ok()?;
        }
        let after = unix::stat_of(file.as_fd()).ok()?.print;
        let is_untouched = after.size == stat.print.size && after.modified() == modified;
        Some(if is_untouched { after } else { unsure(after) })
    }

    /// Lets the new file keep the permissions that the user gave the old one.
    fn take_over_mode(&self, slot: &Slot, there: &Stat) -> Tried<()> {
        let Some(new) = slot.stat.filter(|new| new.kind == Kind::File && there.kind == Kind::File) else {
            return Ok(());
        };
        self.allow(slot, new, there.mode)
    }

    /// Lets the new file keep the permissions of the one that stood there lately.
    fn take_over_mode_of_last(&self, change: &Change, slot: &Slot) -> Tried<()> {
        let last = self.root.modes().of(&change.path);
        match slot.stat.filter(|new| new.kind == Kind::File).zip(last) {
            Some((new, mode)) => self.allow(slot, new, mode),
            None => Ok(()),
        }
    }

    fn allow(&self, slot: &Slot, new: Stat, mode: u32) -> Tried<()> {
        let mode = mode::with(mode, new.executable());
        if mode == new.mode & 0o777 {
            return Ok(());
        }
        let file = unix::open_own(self.dirs.swap.as_fd(), &slot.name, false);
        file.and_then(|file| unix::set_mode(file.as_fd(), mode)).map_err(|errno| Outcome::Refused(code_of(errno)))
    }

    fn parent<'r>(&mut self, root: &'r crate::root::Root, path: &RelPath, is_making: bool) -> Tried<Dir<'r>> {
        let opened = match root.parent_exact(path) {
            // A directory has another name, which this disk takes for the same.
            Ok(None) => return Err(Outcome::Refused(Code::NameClash)),
            Err(Errno::NOENT) if is_making => {
                self.touched.extend(path.ancestors().map(|dir| dir.parent()));
                displaced::make_parent(root, path).map(Some)
            }
            other => other,
        };
        let opened = opened.and_then(|dir| dir.ok_or(Errno::NOENT));
        opened.map_err(|errno| if is_absent(errno) { Outcome::Unexpected } else { Outcome::Refused(code_of(errno)) })
    }

    /// Whether what is expected stands there.
    fn check(&self, place: Place<'_>, expected: &Expected) -> Tried<Option<Stat>> {
        let stat = match self.root.stat_exact(place.0, place.1) {
            Ok(Some(stat)) => stat,
            // Another name, which this disk takes for the same.
            Ok(None) => return Err(Outcome::Refused(Code::NameClash)),
            Err(Errno::NOENT) if *expected == Expected::Absent => return Ok(None),
            Err(errno) if is_absent(errno) => return Err(Outcome::Unexpected),
            Err(errno) => return Err(Outcome::Refused(code_of(errno))),
        };
        if stat.is_mount || (stat.kind == Kind::Directory && stat.device != self.root.device()) {
            return Err(Outcome::Refused(Code::ForeignMount));
        }
        let is_expected = match expected {
            Expected::Absent => false,
            Expected::File { print, .. } => stat.kind == Kind::File && stat.print == *print,
            Expected::Directory => stat.kind == Kind::Directory,
            Expected::Link { target } => {
                let text = || unix::read_link(place.0, place.1).ok();
                stat.kind == Kind::Link && text().as_deref() == Some(target.as_bytes())
            }
        };
        if is_expected { Ok(Some(stat)) } else { Err(Outcome::Unexpected) }
    }
}

/// The fingerprint of what was just published.
///
/// If the user wrote to it already, the fingerprint of what was published is given, so that the next look notices.
fn print_after(place: Place<'_>, slot: &Slot) -> Option<Fingerprint> {
    let new = slot.stat.filter(|new| new.kind == Kind::File)?.print;
    let now = unix::stat_at(place.0, place.1).ok().map(|stat| stat.print);
    Some(now.filter(|now| survives(now, &new)).unwrap_or(Fingerprint { changed_ns: 0, ..new }))
}

/// Whether two fingerprints are one but for the changed time, which a rename sets.
fn survives(now: &Fingerprint, before: &Fingerprint) -> bool {
    Fingerprint { changed_ns: before.changed_ns, ..*now } == *before
}

fn outcome_of(errno: Errno) -> Outcome {
    match errno {
        Errno::EXIST | Errno::NOTEMPTY => Outcome::Unexpected,
        errno if is_absent(errno) => Outcome::Unexpected,
        errno => Outcome::Refused(code_of(errno)),
    }
}

fn outcome_of_rmdir(errno: Errno) -> Outcome {
    if is_absent(errno) { Outcome::Unexpected } else { Outcome::Refused(code_of(errno)) }
}
