//! One world: devices, links, users and faults in one thread, from one seed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

use shoal_engine::engine::Dice as EngineDice;
use shoal_engine::event::Event;
use shoal_engine::id::{DeviceId, FolderId, OfferId};
use shoal_engine::limits::{FULL_SCAN_EVERY, SETTLE_GRACE};
use shoal_engine::planted::{self, Bug};
use shoal_engine::request::Request;
use shoal_engine::status::Status;

use super::account::Account;
use super::brain::Maker;
use super::cast::Pairing;
use super::content::{Content, Contents};
use super::device::Device;
use super::dice::Dice;
use super::net::Link;
use super::plan::{Plan, Size};
use super::queue::{Due, Queue};
use super::scene::{Act, Scene};
use super::trace::Trace;

/// More happenings than this in one world mean that it never rests.
const HAPPENINGS_MAX: u64 = 400_000;
/// How long after the last fault everything must be calm, beside the engine's own timers.
const CALM_MS: u64 = 60_000;
/// How much longer if homes were set back: what nobody knows any more is waited for, by one after the other.
const BACKUP_MS: u64 = 60_000;
/// How long nothing may change before a world counts as calm.
pub const QUIET_MS: u64 = 15_000;

/// What a world is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Devices pair.
    Pairing,
    /// The folder is shared and joined.
    Sharing,
    /// Users act, and things go wrong.
    Acting,
    /// Faults are over; only time passes.
    Healing,
}

/// What must hold and did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub rule: &'static str,
    /// What was found.
    pub what: String,
}

/// What came of one world.
#[derive(Debug)]
pub struct Report {
    /// Which seed.
    pub seed: u64,
    /// The same for the same seed.
    pub hash: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// What happened, if lines were kept.
    pub lines: Vec<String>,
    /// How many things happened.
    pub happenings: u64,
    /// How many records were appended.
    pub appended: u64,
    /// How many conflicts were settled.
    pub conflicts: u64,
    /// How many edits were merged.
    pub merges: u64,
    /// How many things users did.
    pub deeds: u64,
}

/// How to run a world.
#[derive(Clone, Debug)]
pub struct Options {
    /// Keep lines.
    pub has_trace: bool,
    /// Hash all that happens, to compare it with another run.
    pub has_hash: bool,
    /// How long the history is.
    pub size: Size,
    /// Faults that are left out.
    pub without: Vec<String>,
    /// What decides on each device.
    pub maker: Maker,
    /// A fault that is put in on purpose.
    pub bug: Option<Bug>,
    /// What is done, instead of what the seed draws.
    pub scene: Option<Scene>,
    /// Six to eight devices, whatever the seed draws.
    pub has_crowd: bool,
    /// The disk of the last device ignores the case of names.
    pub folds_names: bool,
}

impl Options {
    /// All faults, and neither lines nor a hash.
    pub fn of(size: Size, maker: Maker) -> Self {
        Options {
            has_trace: false,
            has_hash: false,
            size,
            without: Vec::new(),
            maker,
            bug: None,
            scene: None,
            has_crowd: false,
            folds_names: false,
        }
    }

    /// The words that ask for such worlds on the command line, each with a blank behind it.
    pub fn words(&self) -> String {
        let words = [(self.size == Size::Long, "--long "), (self.has_crowd, "--crowd "), (self.folds_names, "--fold ")];
        words.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, word)| word).collect()
    }
}

/// One world.
pub struct World {
    /// World time in milliseconds.
    pub now: u64,
    /// What will happen.
    pub queue: Queue,
    /// Chance.
    pub dice: Dice,
    /// Its shape.
    pub plan: Plan,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Its links, one for each pair.
    pub links: Vec<Link>,
    /// How far each pair's pairing is.
    pub pairings: Vec<Pairing>,
    /// Every content.
    pub contents: Contents,
    /// What users did.
    pub account: Account,
    /// What happened.
    pub trace: Trace,
    /// The folder, once it is shared.
    pub folder: Option<FolderId>,
    /// Offers: which, from whom, to whom.
    pub offers: Vec<(OfferId, usize, usize)>,
    /// What it is at.
    pub phase: Phase,
    /// Faults are over.
    pub is_healing: bool,
    /// Some hint was lost: only a full scan finds the change.
    pub has_lost_hints: bool,
    /// When an engine last appended or applied something.
    pub last_change: u64,
    /// How many records were appended.
    pub appended: u64,
    /// How many conflicts were settled.
    pub conflicts: u64,
    /// How many edits were merged.
    pub merges: u64,
    /// How many things users did.
    pub deeds: u64,
    /// When a user last did something, or a program started.
    pub last_deed: u64,
    /// How many fresh names there are.
    pub fresh_names: u64,
    /// Things that did not hold.
    pub violations: Vec<Violation>,
    /// How far its scene is, if it has one.
    pub scene_act: Act,
    /// The bytes that a scene's people write again and again.
    pub same_content: Option<Rc<Content>>,
    scene: Option<Scene>,
    numbers: BTreeMap<DeviceId, usize>,
    maker: Maker,
    steps_left: u64,
    end: Option<u64>,
    happenings: u64,
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics on this process's threads quiet: worlds report them as violations.
pub fn catch_panics() {
    panic::set_hook(Box::new(|what| {
        let text = format!("{what} {}", std::backtrace::Backtrace::capture());
        PANIC.with(|slot| *slot.borrow_mut() = Some(text));
    }));
}

/// Runs the world of a seed.
pub fn run(seed: u64, options: &Options) -> Report {
    planted::plant(options.bug);
    let mut world = World::new(seed, options);
    world.cast();
    world.queue.add(100, Due::Script);
    while world.violations.is_empty() && world.step() {}
    if world.violations.is_empty() {
        world.check();
        if let Some(scene) = &options.scene {
            world.check_scene(scene);
        }
    }
    if world.trace.has_lines() && !world.violations.is_empty() {
        world.show_end();
    }
    Report {
        seed,
        hash: world.trace.hash(),
        lines: world.trace.lines().to_vec(),
        happenings: world.happenings,
        appended: world.appended,
        conflicts: world.conflicts,
        merges: world.merges,
        deeds: world.deeds,
        violations: world.violations,
    }
}

impl World {
    fn new(seed: u64, options: &Options) -> Self {
        let mut dice = Dice::from_seed(seed);
        let plan = match &options.scene {
            Some(scene) => Plan::quiet(scene.people, &mut dice),
            None => Plan::drawn(&mut dice, options.size).without(&options.without),
        };
        let plan = if options.has_crowd { plan.crowded(seed) } else { plan };
        let plan = if options.folds_names { plan.folding() } else { plan };
        let mut trace = Trace::new(options.has_trace, options.has_hash);
        trace.say(0, "world", format_args!("{plan:?}"));
        World {
            now: 0,
            queue: Queue::default(),
            steps_left: plan.steps,
            plan,
            dice,
            devices: Vec::new(),
            links: Vec::new(),
            pairings: Vec::new(),
            contents: Contents::default(),
            account: Account::default(),
            trace,
            folder: None,
            offers: Vec::new(),
            phase: Phase::Pairing,
            is_healing: false,
            has_lost_hints: false,
            last_change: 0,
            appended: 0,
            conflicts: 0,
            merges: 0,
            deeds: 0,
            last_deed: 0,
            fresh_names: 0,
            violations: Vec::new(),
            scene_act: Act::Before,
            same_content: None,
            scene: options.scene.clone(),
            numbers: BTreeMap::new(),
            maker: options.maker,
            end: None,
            happenings: 0,
        }
    }

    /// The number of a device.
    pub fn number_of(&self, device: DeviceId) -> Option<usize> {
        self.numbers.get(&device).copied()
    }

    /// Something did not hold.
    pub fn violate(&mut self, rule: &'static str, what: String) {
        self.trace.say(self.now, "VIOLATION", format_args!("{rule}: {what}"));
        self.violations.push(Violation { rule, what });
    }

    /// Writes what every device shows and holds at the end into the trace.
    fn show_end(&mut self) {
        for on in 0..self.devices.len() {
            let Some(status) = self.status(on) else { continue };
            for folder in &status.folders {
                let said = (folder.state, folder.lacking, &folder.problems, &folder.hold);
                self.trace.say(self.now, &format!("D{on} =="), format_args!("{said:?}"));
            }
            for (path, what) in self.shown_tree(on) {
                self.trace.say(self.now, &format!("D{on} =="), format_args!("{path}: {what}"));
            }
        }
    }

    /// The next thing happens; `false` when the world is over.
    fn step(&mut self) -> bool {
        let is_over = self.end.zip(self.queue.next_at()).is_some_and(|(end, next)| next > end);
        let Some((at, due)) = self.queue.take().filter(|_| !is_over) else {
            self.now = self.end.unwrap_or(self.now);
            return false;
        };
        self.now = self.now.max(at);
        self.happenings += 1;
        if self.happenings > HAPPENINGS_MAX {
            self.violate("I4", format!("{HAPPENINGS_MAX} things happened and the world does not rest"));
        }
        self.happen(due);
        true
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Tick(to) => {
                if self.devices[to].tick == Some(self.now) {
                    self.devices[to].tick = None;
                    self.hear(to, Event::Tick);
                }
            }
            Due::Hear(to, life, event) if self.devices[to].life == life => self.hear(to, event),
            Due::Job(on, life, job) if self.devices[on].life == life => self.work(on, job),
            Due::Hear(..) | Due::Job(..) => {}
            Due::Dial(pair) => self.dial(pair),
            Due::Up(pair, side, epoch) => self.link_up(pair, side, epoch),
            Due::Down(pair, side, dead) => self.link_down(pair, side, dead),
            Due::Frame(pair, side, epoch, frame) => self.receive(pair, side, epoch, frame),
            Due::Ask(on, life, fetch) => self.asked(on, life, fetch),
            Due::Stream(on, life, fetch) => self.stream(on, life, fetch),
            Due::Start(on) => self.start(on),
            Due::Script => self.script(),
            Due::Answer => self.answer_all(),
            Due::Wish(on, wish) => self.wish(on, wish),
            Due::Write(on, write) => self.go_on_writing(on, write),
            Due::Mend(mend) => self.mend(mend),
        }
    }

    /// The next thing in the script.
    fn script(&mut self) {
        match self.phase {
            Phase::Pairing | Phase::Sharing => {
                if self.set_up() {
                    self.phase = Phase::Acting;
                }
                self.queue.add(self.glance_at(), Due::Script);
            }
            Phase::Acting if self.scene.is_some() => {
                if let Some(scene) = self.scene.clone() {
                    self.play(&scene);
                }
            }
            Phase::Acting if self.steps_left == 0 => self.heal(),
            Phase::Acting => {
                self.steps_left -= 1;
                self.check_honesty();
                if self.dice.chance(self.plan.fault_percent) {
                    self.fail();
                } else {
                    let on = self.plan.only_writer.unwrap_or_else(|| self.dice.place(self.devices.len()));
                    self.act(on);
                }
                let longest = if self.dice.chance(60) { 30 } else { self.plan.pause_ms_max };
                let at = self.now + self.dice.between(0, longest);
                self.queue.add(at, Due::Script);
            }
            Phase::Healing => {
                self.check_honesty();
                self.answer_all();
                self.queue.add(self.now + 7_000, Due::Script);
            }
        }
    }

    /// Faults end. From now on only time passes, and people answer what they are asked.
    pub(super) fn heal(&mut self) {
        self.trace.say(self.now, "world", format_args!("heals"));
        self.phase = Phase::Healing;
        self.is_healing = true;
        self.links.iter_mut().for_each(|link| link.is_reachable = true);
        for on in 0..self.devices.len() {
            self.devices[on].home.is_here = true;
            if self.devices[on].brain.is_none() {
                self.start(on);
            }
            if let Some(folder) = self.folder {
                self.wish(on, Request::Pause(folder, false));
            }
        }
        self.dial_all();
        let scan_ms = if self.has_lost_hints { FULL_SCAN_EVERY.as_millis() as u64 } else { 0 };
        let backup_ms = if self.plan.has_backups { BACKUP_MS } else { 0 };
        // What is refused for a name that is taken is tried again once a minute.
        let clash_ms = if self.plan.folds_from.is_some() { 2 * 60_000 } else { 0 };
        self.end =
            Some(self.now + CALM_MS + SETTLE_GRACE.as_millis() as u64 + scan_ms + backup_ms + clash_ms + QUIET_MS);
        self.queue.add(self.now + 1_000, Due::Script);
    }

    /// Starts a device's program.
    pub fn start(&mut self, on: usize) {
        if self.devices[on].brain.is_some() {
            return;
        }
        let seed = self.dice.bytes();
        let maker = self.maker;
        // What it has to tell is news, as a deed would be.
        self.last_deed = self.now;
        let device = &mut self.devices[on];
        device.is_on = true;
        device.life += 1;
        self.numbers.insert(device.id, on);
        let (key, saved) = (device.key, device.store.saved());
        self.trace.say(self.now, &format!("D{on} !!"), format_args!("starts"));
        match panic::catch_unwind(AssertUnwindSafe(|| maker(key, EngineDice::from_seed(seed), saved))) {
            Ok(brain) => {
                self.devices[on].brain = Some(brain);
                self.hear(on, Event::Tick);
                self.dial_all();
            }
            Err(_) => self.panicked(on, "restore"),
        }
    }

    /// A user wishes something, if the program runs.
    pub fn wish(&mut self, on: usize, wish: Request) {
        self.hear(on, Event::User(wish));
    }

    /// An engine hears something, and what it wants is begun.
    pub fn hear(&mut self, to: usize, event: Event) {
        let device = &mut self.devices[to];
        let clock = device.clock(self.now);
        let Some(brain) = device.brain.as_mut() else { return };
        self.trace.event(self.now, to, &event);
        let handled = panic::catch_unwind(AssertUnwindSafe(|| (brain.handle(clock, event), brain.next_deadline())));
        let Ok((effects, deadline)) = handled else {
            self.devices[to].brain = None;
            return self.panicked(to, "handle");
        };
        for effect in effects {
            self.perform(to, effect);
        }
        let device = &mut self.devices[to];
        if let Some(deadline) = deadline {
            // A deadline that is over is served in the next millisecond, not in this one for ever.
            let at = device.when(deadline).max(self.now + 1);
            if device.tick.is_none_or(|tick| at < tick) {
                device.tick = Some(at);
                self.queue.add(at, Due::Tick(to));
            }
        }
    }

    /// What a device shows.
    pub fn status(&mut self, on: usize) -> Option<Status> {
        let device = &self.devices[on];
        let clock = device.clock(self.now);
        let brain = device.brain.as_ref()?;
        let shown = panic::catch_unwind(AssertUnwindSafe(|| brain.status(clock)));
        if shown.is_err() {
            self.panicked(on, "status");
        }
        shown.ok()
    }

    fn panicked(&mut self, on: usize, call: &str) {
        let text = PANIC.with(|slot| slot.borrow_mut().take()).unwrap_or_default();
        let short: String = text
            .lines()
            .filter(|line| line.contains("shoal_engine") || line.contains("crates/engine") || line.contains("panicked"))
            .take(12)
            .collect::<Vec<_>>()
            .join(" | ");
        let first: String = text.lines().take(3).collect::<Vec<_>>().join(" ");
        self.violate("I21", format!("D{on} panics in {call}: {first} {short}"));
    }
}

#[cfg(test)]
mod tests;
