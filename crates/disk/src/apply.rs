//! Makes a batch of changes: stage all, write down what will happen, sync once, publish all, sync once.
//!
//! This is the publish protocol of the catalogue of nasty cases. The new file waits in a slot of `.shoal/swap`; it and
//! the old one change places; then what came out is looked at. At every instant the path holds all of the old content,
//! all of the new, or nothing, and whatever came out stands in the slot until it is safe elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use shoal_engine::chunk::Manifest;
use shoal_engine::id::ContentId;
use shoal_engine::observe::{Act, Change, Code, Expected, Outcome, Source};
use shoal_engine::path::RelPath;
use shoal_engine::time::Timestamp;

use crate::copy::copy_checked;
use crate::durable;
use crate::error::code_of;
use crate::journal::{self, Intent, Was};
use crate::mode;
use crate::names;
use crate::root::{self, OwnDirs, Root};
use crate::unix::{self, Stat};
use crate::versions::{self, Line};

/// A batch under way.
pub(crate) struct Batch<'a> {
    pub(crate) root: &'a Root,
    pub(crate) dirs: Arc<OwnDirs>,
    tag: String,
    manifest_of: &'a dyn Fn(ContentId) -> Option<Arc<Manifest>>,
    /// How many publications are still to take each content from the stage.
    stage_uses: BTreeMap<ContentId, u32>,
    /// Directories in which names changed; `None` is the root.
    pub(crate) touched: BTreeSet<Option<RelPath>>,
    /// Lines for the log of versions.
    pub(crate) log: Vec<Line>,
    /// Intents were written.
    is_written_down: bool,
    /// Something stands in a slot that recovery must see to.
    pub(crate) is_unsettled: bool,
}

/// A change that is ready to be made.
pub(crate) enum Ready {
    /// It cannot be made.
    Not(Outcome),
    /// It needs no slot.
    Plain,
    /// It passes through this slot.
    Slot(Slot),
}

/// A name in the swap directory, and what was put there.
pub(crate) struct Slot {
    pub(crate) name: String,
    /// `None` if it only takes what comes out.
    pub(crate) stat: Option<Stat>,
    /// The content put there; `None` for a link.
    pub(crate) content: Option<ContentId>,
}

impl Root {
    /// Makes changes in order; one outcome per change.
    ///
    /// Whatever stood in the way unexpectedly is kept beside its path. Once this returns, what was done is durable.
    pub fn apply(&self, changes: &[Change], manifest_of: &dyn Fn(ContentId) -> Option<Arc<Manifest>>) -> Vec<Outcome> {
        let _guard = self.lock();
        let dirs = match self.check() {
            Ok(()) => self.own(),
            // The folder stops; whoever looks next learns why.
            Err(_) => return changes.iter().map(|_| Outcome::Unexpected).collect(),
        };
        match dirs {
            Ok(dirs) => Batch::new(self, dirs, manifest_of).run(changes),
            Err(code) => changes.iter().map(|_| Outcome::Refused(code)).collect(),
        }
    }
}

impl<'a> Batch<'a> {
    fn new(
        root: &'a Root,
        dirs: Arc<OwnDirs>,
        manifest_of: &'a dyn Fn(ContentId) -> Option<Arc<Manifest>>,
    ) -> Batch<'a> {
        Batch {
            root,
            dirs,
            tag: root::fresh_tag(),
            manifest_of,
            stage_uses: BTreeMap::new(),
            touched: BTreeSet::new(),
            log: Vec::new(),
            is_written_down: false,
            is_unsettled: false,
        }
    }

    fn run(mut self, changes: &[Change]) -> Vec<Outcome> {
        for change in changes {
            if let Act::Publish { content, source: Source::Stage, .. } = &change.act {
                *self.stage_uses.entry(*content).or_default() += 1;
            }
        }
        let mut ready: Vec<Ready> =
            changes.iter().enumerate().map(|(index, change)| self.prepare(index, change)).collect();
        if let Err(errno) = self.write_down(changes, &ready) {
            ready = ready.into_iter().map(|ready| self.give_up(ready, errno)).collect();
        }
        let outcomes = changes.iter().zip(&ready).map(|(change, ready)| self.perform(change, ready)).collect();
        self.finish();
        outcomes
    }

    /// Brings a change so far that only renames are left.
    fn prepare(&mut self, index: usize, change: &Change) -> Ready {
        if names::is_ours(&change.path, self.root.folds_names()) {
            return Ready::Not(Outcome::Refused(Code::OurName));
        }
        let mut slot = Slot { name: format!("{}.{index}", self.tag), stat: None, content: None };
        if let Act::Publish { content, .. } = &change.act {
            slot.name = format!("{}.{content}", slot.name);
        }
        let takes_out = matches!(change.expected, Expected::File { .. } | Expected::Link { .. });
        let prepared = match &change.act {
            Act::Publish { source: Source::Move { .. }, .. } | Act::Touch { .. } => return Ready::Plain,
            Act::Remove | Act::MakeDirectory if takes_out => Ok(slot),
            Act::Remove | Act::MakeDirectory => return Ready::Plain,
            Act::MakeLink { target } if names::link_leaves(&change.path, target) => {
                return Ready::Not(Outcome::Refused(Code::LinkLeaves));
            }
            Act::MakeLink { target } => self.prepare_link(slot, target),
            Act::Publish { content, size, executable, modified, source } => {
                self.prepare_file(slot, *content, *size, source).and_then(|(slot, file, like)| {
                    let mode =
                        like.map_or_else(|| mode::new_file(*executable), |like| mode::copy_of(like, *executable));
                    self.dress(slot, &file, mode, *modified).map_err(|errno| Outcome::Refused(code_of(errno)))
                })
            }
        };
        prepared.map_or_else(Ready::Not, Ready::Slot)
    }

    fn prepare_link(&self, slot: Slot, target: &str) -> Result<Slot, Outcome> {
        let refused = |errno| Outcome::Refused(code_of(errno));
        let swap = self.dirs.swap.as_fd();
        unix::symlink(target, swap, &slot.name).map_err(refused)?;
        let stat = unix::stat_at(swap, slot.name.as_str()).map_err(refused)?;
        Ok(Slot { stat: Some(stat), ..slot })
    }

    /// Puts the whole, checked content into the slot; also says what the file allows of which it is a copy.
    fn prepare_file(
        &mut self,
        slot: Slot,
        content: ContentId,
        size: u64,
        source: &Source,
    ) -> Result<(Slot, OwnedFd, Option<u32>), Outcome> {
        let refused = |errno| Outcome::Refused(code_of(errno));
        let slot = Slot { content: Some(content), ..slot };
        let (file, like) = match source {
            Source::Stage => (self.take_staged(&slot, content)?, None),
            Source::Copy { from, print } => {
                let reader = self.root.reader(from, print).map_err(|_| Outcome::SourceGone)?;
                let file = reader.file().and_then(|file| file.try_clone().ok());
                self.copy_to(&slot, content, file.into_iter().collect())?
            }
            Source::Kept => {
                let kept = versions::candidates(&self.dirs, content).map_err(refused)?;
                let base = || self.root.open_base(content).and_then(|reader| reader.file()?.try_clone().ok());
                let copied = match self.copy_to(&slot, content, kept) {
                    Err(Outcome::SourceGone) => self.unpack_to(&slot, content),
                    other => other,
                };
                match copied {
                    Err(Outcome::SourceGone) => self.copy_to(&slot, content, base().into_iter().collect())?,
                    other => other?,
                }
            }
            // Handled without a slot.
            Source::Move { .. } => return Err(Outcome::SourceGone),
        };
        if unix::stat_of(file.as_fd()).map_err(refused)?.print.size != size {
            return Err(Outcome::SourceGone);
        }
        // All empty files are copies of each other: that one of them is hidden says nothing of the next.
        Ok((slot, file, like.filter(|_| size > 0)))
    }

    fn take_staged(&mut self, slot: &Slot, content: ContentId) -> Result<OwnedFd, Outcome> {
        let stage = self.root.stage();
        let is_complete = stage.is_complete(content, (self.manifest_of)(content)).map_err(Outcome::Refused)?;
        if !is_complete {
            return Err(Outcome::SourceGone);
        }
        let name = content.to_string();
        let open = |errno| if errno == Errno::NOENT { Outcome::SourceGone } else { Outcome::Refused(code_of(errno)) };
        let file = unix::open_own(self.dirs.stage.as_fd(), &name, true).map_err(open)?;
        let uses = self.stage_uses.entry(content).or_insert(1);
        *uses = uses.saturating_sub(1);
        if *uses > 0 {
            return self.copy_to(slot, content, vec![file]).map(|(file, _)| file);
        }
        unix::rename_new((self.dirs.stage.as_fd(), &name), (self.dirs.swap.as_fd(), &slot.name))
            .map_err(|errno| Outcome::Refused(code_of(errno)))?;
        stage.forget(content);
        Ok(file)
    }

    /// Copies the first of these files that holds the content; also says what that one allows.
    fn copy_to(&self, slot: &Slot, content: ContentId, from: Vec<OwnedFd>) -> Result<(OwnedFd, Option<u32>), Outcome> {
        let manifest = (self.manifest_of)(content).ok_or(Outcome::SourceGone)?;
        let swap = self.dirs.swap.as_fd();
        for from in from {
            let copied = unix::create_own(swap, &slot.name)
                .and_then(|to| copy_checked(&from, &to, &manifest).map(|is_right| is_right.then_some(to)));
            match copied {
                Ok(Some(to)) => return Ok((to, unix::stat_of(from.as_fd()).ok().map(|stat| stat.mode))),
                // What is left in the slot is only a copy.
                Ok(None) => _ = unix::unlink(swap, &slot.name),
                Err(errno) => {
                    let _ = unix::unlink(swap, &slot.name);
                    return Err(Outcome::Refused(code_of(errno)));
                }
            }
        }
        Err(Outcome::SourceGone)
    }

    /// Puts a packed version together, every chunk checked; also says what the file allowed that was packed.
    fn unpack_to(&self, slot: &Slot, content: ContentId) -> Result<(OwnedFd, Option<u32>), Outcome> {
        let packed = versions::open_packed(&self.dirs, content).ok_or(Outcome::SourceGone)?;
        let swap = self.dirs.swap.as_fd();
        let written =
            unix::create_own(swap, &slot.name).and_then(|to| packed.write_to(&to).map(|()| (to, Some(packed.mode()))));
        written.map_err(|errno| {
            let _ = unix::unlink(swap, &slot.name);
            match errno {
                Errno::IO | Errno::NOENT => Outcome::SourceGone,
                errno => Outcome::Refused(code_of(errno)),
            }
        })
    }

    /// Gives the new file its mode and time while nobody sees it.
    fn dress(&self, slot: Slot, file: &OwnedFd, mode: u32, modified: Timestamp) -> Result<Slot, Errno> {
        unix::set_mode(file.as_fd(), mode)?;
        unix::set_modified(file.as_fd(), modified_ns(modified))?;
        Ok(Slot { stat: Some(unix::stat_of(file.as_fd())?), ..slot })
    }

    /// Makes the new files and the intents durable; nothing was changed so far that anybody can see.
    fn write_down(&mut self, changes: &[Change], ready: &[Ready]) -> Result<(), Errno> {
        let slots = || ready.iter().zip(changes).filter_map(|(ready, change)| Some((ready.slot()?, change)));
        let files = slots().filter(|(slot, _)| slot.content.is_some());
        let names: Vec<&str> = files.map(|(slot, _)| slot.name.as_str()).collect();
        durable::sync_files(self.dirs.swap.as_fd(), &names)?;
        let intent = |(slot, change): (&Slot, &Change)| Intent {
            slot: slot.name.clone(),
            inode: slot.stat.map_or(0, |stat| stat.print.inode),
            content: slot.content,
            path: change.path.clone(),
            was: Was::of(&change.expected),
        };
        // Where nothing can come out, one rename is all there is, and there is nothing to clear up.
        let intents: Vec<Intent> = slots().map(intent).filter(|intent| intent.was != Was::Nothing).collect();
        if intents.is_empty() {
            return Ok(());
        }
        self.is_written_down = true;
        journal::write(&self.dirs, &self.tag, &intents)
    }

    fn give_up(&self, ready: Ready, errno: Errno) -> Ready {
        match ready {
            Ready::Slot(slot) => {
                self.put_back(&slot);
                Ready::Not(Outcome::Refused(code_of(errno)))
            }
            Ready::Plain | Ready::Not(_) => ready,
        }
    }

    /// Returns a new file that was not published to the stage.
    pub(crate) fn put_back(&self, slot: &Slot) {
        if slot.stat.is_some() {
            put_back(&self.dirs, &slot.name, slot.content);
        }
    }

    /// Makes what was done durable, then forgets the intents.
    fn finish(mut self) {
        let log = std::mem::take(&mut self.log);
        let is_durable = versions::append(&self.dirs, &log).and_then(|()| self.sync_touched()).is_ok();
        // As long as the intents stand, a restart clears up.
        if self.is_written_down && is_durable && !self.is_unsettled {
            let _ = journal::clear(&self.dirs, &self.tag);
        }
    }

    fn sync_touched(&self) -> Result<(), Errno> {
        if durable::sync_whole(self.touched.len()) {
            return unix::sync_all(self.root.handle());
        }
        for dir in &self.touched {
            match unix::open_listing(self.root.handle(), dir.as_ref()) {
                Ok(handle) => unix::sync(handle.as_fd())?,
                // Removed by a later change, or by somebody else.
                Err(errno) if crate::error::is_absent(errno) => {}
                Err(Errno::ACCESS) => return unix::sync_all(self.root.handle()),
                Err(errno) => return Err(errno),
            }
        }
        if !self.is_written_down {
            return Ok(());
        }
        unix::sync(self.dirs.swap.as_fd())?;
        unix::sync(self.dirs.objects.as_fd())
    }
}

impl Ready {
    fn slot(&self) -> Option<&Slot> {
        match self {
            Ready::Slot(slot) => Some(slot),
            Ready::Plain | Ready::Not(_) => None,
        }
    }
}

/// Returns a new file from a slot to the stage, or throws it away if it can be had again.
pub(crate) fn put_back(dirs: &OwnDirs, slot: &str, content: Option<ContentId>) {
    // A second name means that it was published, where renaming takes two steps: the stage must not share its inode.
    let is_alone = unix::stat_at(dirs.swap.as_fd(), slot).is_ok_and(|stat| stat.links == 1);
    let is_back = content.filter(|_| is_alone).is_some_and(|content| {
        unix::rename_new((dirs.swap.as_fd(), slot), (dirs.stage.as_fd(), &content.to_string())).is_ok()
    });
    if !is_back {
        // What stays is found by the next recovery.
        let _ = unix::unlink(dirs.swap.as_fd(), slot);
    }
}

/// The content in the name of a slot that was never published.
pub(crate) fn content_in(slot: &str) -> Option<ContentId> {
    ContentId::parse(slot.rsplit('.').next()?)
}

/// The modified time as files carry it.
pub(crate) fn modified_ns(modified: Timestamp) -> i64 {
    i64::try_from(modified.0).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
