//! Faults: killed programs, power cuts, broken links, partitions, vanished directories, clocks that jump.

use shoal_engine::event::Event;
use shoal_engine::id::OfferId;
use shoal_engine::message::OfferItem;
use shoal_engine::path::RelPath;
use shoal_engine::request::{Request, Role};

use super::disk::{By, Disk, Node};
use super::queue::{Due, Mend};
use super::store::{IndexLoss, Store};
use super::world::World;

impl World {
    /// Something goes wrong, or the people in charge change something.
    pub fn fail(&mut self) {
        let on = self.dice.place(self.devices.len());
        let pair = self.dice.place(self.links.len());
        match self.dice.below(12) {
            0..2 if self.plan.has_kills => self.stop_device(on, false),
            2 if self.plan.has_power_cuts => self.stop_device(on, true),
            3..5 if self.plan.has_breaks => self.break_link(pair, 10_000),
            5 if self.plan.has_partitions => self.part(pair),
            6 if self.plan.has_root_loss => self.lose_root(on),
            7 if self.plan.has_clock_jumps => self.jump_clock(on),
            8 if self.plan.has_pauses => self.pause(on),
            9 if self.plan.has_role_changes => self.change_role(),
            10 if self.plan.has_offers => self.offer(on),
            11 if self.plan.has_backups => self.back_up_or_set_back(on),
            _ => {}
        }
    }

    /// Ends the program of a device, or the whole machine; it starts again later.
    pub fn stop_device(&mut self, on: usize, is_power_cut: bool) {
        if self.devices[on].brain.is_none() {
            return;
        }
        self.trace.say(
            self.now,
            &format!("D{on} !!"),
            format_args!("{}", if is_power_cut { "power cut" } else { "killed" }),
        );
        let loss = match self.plan.has_index_loss {
            true => *self.dice.pick(&[IndexLoss::None, IndexLoss::Older, IndexLoss::All]),
            false => IndexLoss::None,
        };
        let device = &mut self.devices[on];
        device.brain = None;
        device.tick = None;
        device.life += 1;
        device.open.clear();
        device.fetches.clear();
        device.asks.clear();
        device.busy.clear();
        // An unanswered change may have been made without the engine remembering it.
        let is_unsure = std::mem::take(&mut device.applies) > 0 || loss != IndexLoss::None;
        for store in device.store.folders.values_mut() {
            store.crash(loss, &mut self.dice);
        }
        if is_unsure {
            self.account.forgot(on);
        }
        if is_power_cut {
            self.cut_power(on);
        }
        self.drop_links(on, 15_000);
        let wait = self.dice.between(50, 15_000);
        self.queue.add(self.now + wait, Due::Start(on));
    }

    /// Makes a backup of a home, or sets the home back to the one that was made; the shared directory stays as it is.
    fn back_up_or_set_back(&mut self, on: usize) {
        match self.devices[on].backup.take() {
            None => self.devices[on].backup = Some(self.devices[on].store.backup()),
            Some(backup) => {
                self.stop_device(on, false);
                self.trace.say(self.now, &format!("D{on} !!"), format_args!("home set back to a backup"));
                // An offer that one side has forgotten is over for the other: that would be another story.
                let offers = std::mem::take(&mut self.devices[on].store.offers);
                self.devices[on].store = Store { offers, ..backup };
                self.account.forgot(on);
            }
        }
    }

    fn cut_power(&mut self, on: usize) {
        let device = &mut self.devices[on];
        device.is_on = false;
        self.last_deed = self.now;
        let disks = std::iter::once(&mut device.home).chain(device.offers.values_mut());
        let mut lost = Vec::new();
        for disk in disks {
            lost.extend(disk.cut_power(self.now, &mut self.dice));
            // Staged chunks are synced only when they are published.
            if self.dice.chance(50) {
                disk.stage.clear();
            }
        }
        for (path, node) in lost {
            let now_there = self.devices[on].home.file(&path).map(|file| file.content.id);
            let was_there = match node {
                Some(Node::File(file)) => Some(file.content.id),
                Some(Node::Directory | Node::Link(_)) | None => None,
            };
            self.account.deed(on, &path);
            for content in [now_there, was_there].into_iter().flatten() {
                self.account.lost(content);
            }
            self.trace.say(self.now, &format!("D{on} !!"), format_args!("power cut undid a change at {path}"));
        }
    }

    fn part(&mut self, pair: usize) {
        self.links[pair].is_reachable = false;
        self.break_link(pair, 10_000);
        let wait = self.dice.between(500, 40_000);
        self.queue.add(self.now + wait, Due::Mend(Mend::Reach(pair)));
    }

    fn lose_root(&mut self, on: usize) {
        if !self.devices[on].home.is_here {
            return;
        }
        self.trace.say(self.now, &format!("D{on} !!"), format_args!("root vanishes"));
        self.devices[on].home.is_here = false;
        if let Some(folder) = self.folder.filter(|folder| self.devices[on].open.contains(folder)) {
            // The watcher may hear of it, or not.
            if self.dice.chance(50) {
                self.plan_hear(on, 5, Event::Noticed { folder, paths: Vec::new() });
            }
        }
        let wait = self.dice.between(100, 30_000);
        self.queue.add(self.now + wait, Due::Mend(Mend::Root(on)));
    }

    fn jump_clock(&mut self, on: usize) {
        let far = self.dice.between(0, 3_600_000) as i64 - 1_800_000;
        self.devices[on].skew += far;
        self.trace.say(self.now, &format!("D{on} !!"), format_args!("clock jumps by {far} ms"));
    }

    fn pause(&mut self, on: usize) {
        if let Some(folder) = self.folder {
            self.wish(on, Request::Pause(folder, true));
            let wait = self.dice.between(100, 20_000);
            self.queue.add(self.now + wait, Due::Mend(Mend::Resume(on)));
        }
    }

    /// The owner changes a role or removes a member.
    fn change_role(&mut self) {
        let Some(folder) = self.folder else { return };
        let on = self.dice.place(self.devices.len());
        if on == 0 || self.account.removed.contains(&on) || self.devices[0].brain.is_none() {
            return;
        }
        let device = self.devices[on].id;
        self.account.unsteady.insert(on);
        match self.dice.below(3) {
            0 if self.devices.len() > 2 => {
                self.account.removed.insert(on);
                self.wish(0, Request::Remove(folder, device));
            }
            1 => self.wish(0, Request::SetRole(folder, device, Role::Viewer)),
            _ => self.wish(0, Request::SetRole(folder, device, Role::Editor)),
        }
    }

    /// A fault ends.
    pub fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Reach(pair) => {
                self.links[pair].is_reachable = true;
                self.dial_all();
            }
            Mend::Root(on) => {
                self.trace.say(self.now, &format!("D{on} !!"), format_args!("root is back"));
                self.devices[on].home.is_here = true;
            }
            Mend::Resume(on) => {
                if let Some(folder) = self.folder {
                    self.wish(on, Request::Pause(folder, false));
                }
            }
        }
    }

    /// A device offers a few files to another.
    fn offer(&mut self, on: usize) {
        let to = self.dice.place(self.devices.len());
        if to == on || self.devices[on].brain.is_none() {
            return;
        }
        let offer = OfferId(self.dice.bytes());
        let mut disk = Disk::new([0; 16]);
        let mut items = Vec::new();
        for number in 0..self.dice.between(1, 4) {
            let Ok(path) = RelPath::parse(&format!("{}o{number}", if number % 2 == 0 { "" } else { "sub/" })) else {
                continue;
            };
            let content = self.contents.fresh(&mut self.dice);
            let modified = self.devices[on].clock(self.now);
            let node = disk.new_file(&content, false, i64::try_from(modified.0).unwrap_or(0) * 1_000_000);
            let mut edits = disk.missing_parents(&path);
            edits.push((path.clone(), Some(node)));
            disk.change(self.now, By::User, edits);
            items.push(OfferItem {
                path,
                size: content.size,
                is_directory: false,
                executable: false,
                modified: modified.0,
            });
        }
        disk.sync();
        self.devices[on].offers.insert(offer, disk);
        self.trace.name(&offer, format!("OFFER{}", self.offers.len()));
        self.offers.push((offer, on, to));
        let device = self.devices[to].id;
        self.wish(on, Request::Offer { offer, to: vec![device], items, note: "for you".to_owned() });
    }
}
