//! Giving a folder another directory. It may be empty, so nothing that is known of the one before may count for it:
//! what is not there was never here, and comes from the others; nothing is taken for removed.

use std::collections::BTreeMap;

use crate::effect::Effect;
use crate::folder::{Folder, Root};
use crate::path::RelPath;
use crate::turn::Turn;

impl Folder {
    /// Goes on in a directory that was marked with `root_id`, as a device that joined there would.
    pub(crate) fn new_place(&mut self, place: String, root_id: [u8; 16], turn: &mut Turn<'_>) {
        self.quiesce(turn);
        if self.root == Root::Open {
            turn.push(Effect::CloseRoot { folder: self.id });
        }
        // Durable before the record: a new root with an old memory would be a folder whose files were all removed.
        turn.push(Effect::ForgetDisk { folder: self.id });
        self.forget_disk();
        self.record.place = place;
        self.record.root_id = root_id;
        self.record.is_paused = false;
        // What our own chain says last of a path would count as seen on this disk.
        self.record.mark = BTreeMap::new();
        self.mark.forget();
        self.new_incarnation(turn);
        self.root = Root::Closed;
        self.open(turn);
    }

    fn forget_disk(&mut self) {
        // What the disk still makes, it makes in the old directory.
        self.planning.forget_disk();
        self.changed.clear();
        let known: Vec<RelPath> = self.index.iter().map(|(path, _)| path.clone()).collect();
        for path in known {
            self.index.set_busy(&path, false);
            self.index.set_problem(&path, None);
            self.index.set_disk(&path, None);
        }
        self.planning.reconsider_all();
    }
}
