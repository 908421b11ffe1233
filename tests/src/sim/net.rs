//! Links between devices: ordered and reliable while they are up, broken at any time with what is in flight.

use shoal_engine::event::Event;
use shoal_engine::id::DeviceId;
use shoal_engine::limits::FRAME_BYTES_MAX;

use super::queue::Due;
use super::world::World;

/// The link between two devices, the lower number being side 0.
#[derive(Debug)]
pub struct Link {
    /// The devices.
    pub ends: [usize; 2],
    /// No partition lies between them.
    pub is_reachable: bool,
    /// Counts the lives of the link.
    pub epoch: u64,
    /// It is up in this epoch.
    pub is_up: bool,
    /// Which epoch each end's engine believes in.
    pub told: [Option<u64>; 2],
    /// Since when it is up.
    pub up_since: u64,
    /// When the last frame towards each end arrives.
    last: [u64; 2],
    /// Not dialled again before.
    rests_until: u64,
}

impl Link {
    /// A link that is down.
    pub fn new(ends: [usize; 2]) -> Self {
        Link {
            ends,
            is_reachable: true,
            epoch: 0,
            is_up: false,
            told: [None; 2],
            up_since: 0,
            last: [0; 2],
            rests_until: 0,
        }
    }

    /// Which side a device is.
    pub fn side_of(&self, device: usize) -> usize {
        usize::from(self.ends[1] == device)
    }
}

impl World {
    /// The link between two devices.
    pub fn link_between(&self, a: usize, b: usize) -> usize {
        let ends = [a.min(b), a.max(b)];
        self.links.iter().position(|link| link.ends == ends).unwrap_or(0)
    }

    /// Dials every link that could be up and is not.
    pub fn dial_all(&mut self) {
        for pair in 0..self.links.len() {
            let wait = self.dice.between(5, 400);
            let at = (self.now + wait).max(self.links[pair].rests_until);
            if self.may_dial(pair) {
                self.queue.add(at, Due::Dial(pair));
            }
        }
    }

    fn may_dial(&self, pair: usize) -> bool {
        let link = &self.links[pair];
        let is_running = |end: &usize| self.devices[*end].brain.is_some();
        link.is_reachable && !link.is_up && link.ends.iter().all(is_running)
    }

    /// Brings a link up.
    pub fn dial(&mut self, pair: usize) {
        if !self.may_dial(pair) || self.now < self.links[pair].rests_until {
            return;
        }
        let waits = [self.dice.between(0, 30), self.dice.between(0, 30)];
        let link = &mut self.links[pair];
        link.is_up = true;
        link.epoch += 1;
        link.up_since = self.now;
        let epoch = link.epoch;
        for side in [0, 1] {
            link.last[side] = self.now + waits[side];
            self.queue.add(self.now + waits[side], Due::Up(pair, side, epoch));
        }
    }

    /// One side learns that the link is up; an older one that it still believed in ends first.
    pub fn link_up(&mut self, pair: usize, side: usize, epoch: u64) {
        let link = &self.links[pair];
        if link.epoch != epoch || !link.is_up {
            return;
        }
        let (to, device) = (link.ends[side], self.devices[link.ends[1 - side]].id);
        let had = self.links[pair].told[side].replace(epoch);
        if had.is_some() {
            self.hear(to, Event::Disconnected { device });
        }
        self.hear(to, Event::Connected { device });
    }

    /// Breaks a link: what is in flight is lost, and each side notices in its own time.
    pub fn break_link(&mut self, pair: usize, slowest_ms: u64) {
        if !self.links[pair].is_up {
            return;
        }
        let dead = self.links[pair].epoch;
        self.links[pair].is_up = false;
        self.trace.say(self.now, "net", format_args!("link {:?} breaks", self.links[pair].ends));
        for side in [0, 1] {
            let wait = if self.dice.chance(50) { self.dice.below(50) } else { self.dice.below(slowest_ms + 1) };
            self.queue.add(self.now + wait, Due::Down(pair, side, dead));
        }
        let wait = self.dice.between(100, 3_000);
        self.queue.add(self.now + wait, Due::Dial(pair));
    }

    /// One side learns that the link is gone; its fetches over it end.
    pub fn link_down(&mut self, pair: usize, side: usize, dead: u64) {
        let link = &mut self.links[pair];
        let (to, other) = (link.ends[side], link.ends[1 - side]);
        self.end_fetches(to, other, dead);
        if self.links[pair].told[side] == Some(dead) {
            self.links[pair].told[side] = None;
            let device = self.devices[other].id;
            self.hear(to, Event::Disconnected { device });
        }
    }

    /// A device's program ends: its links break and it forgets them.
    pub fn drop_links(&mut self, device: usize, slowest_ms: u64) {
        for pair in 0..self.links.len() {
            if self.links[pair].ends.contains(&device) {
                let side = self.links[pair].side_of(device);
                self.links[pair].told[side] = None;
                self.break_link(pair, slowest_ms);
            }
        }
    }

    /// An engine wants its links to a device closed.
    pub fn close_link(&mut self, device: usize, to: DeviceId) {
        let Some(other) = self.number_of(to) else { return };
        let pair = self.link_between(device, other);
        self.links[pair].rests_until = self.now + 5_000;
        self.break_link(pair, 50);
        self.queue.add(self.now + 5_000, Due::Dial(pair));
    }

    /// Puts a frame on a link.
    pub fn send(&mut self, from: usize, to: DeviceId, frame: Vec<u8>) {
        if frame.len() > FRAME_BYTES_MAX {
            self.violate("I20", format!("D{from} sends a frame of {} bytes", frame.len()));
        }
        let Some(other) = self.number_of(to) else { return };
        let pair = self.link_between(from, other);
        let delay = self.dice.between(0, self.plan.link_ms_max);
        let link = &mut self.links[pair];
        let side = link.side_of(from);
        if !link.is_up || link.told[side] != Some(link.epoch) {
            return;
        }
        let at = (self.now + delay).max(link.last[1 - side]);
        link.last[1 - side] = at;
        self.queue.add(at, Due::Frame(pair, 1 - side, link.epoch, frame));
    }

    /// A frame arrives, unless the link broke meanwhile.
    pub fn receive(&mut self, pair: usize, side: usize, epoch: u64, frame: Vec<u8>) {
        let link = &self.links[pair];
        if link.is_up && link.epoch == epoch && link.told[side] == Some(epoch) {
            let (to, from) = (link.ends[side], self.devices[link.ends[1 - side]].id);
            self.hear(to, Event::Received { from, frame });
        }
    }
}
