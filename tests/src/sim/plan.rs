//! What kind of world a seed gives: how many devices, which faults, how busy the users are.

use shoal_engine::request::Role;

use super::dice::Dice;

/// How long a world's history is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A few deeds and faults on two or three devices: 50 to 300 things happen on the way, so that millions can be run.
    Short,
    /// Hundreds of deeds on two to five devices.
    Long,
}

/// The shape of one world.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Roles by device; the first is the owner.
    pub roles: Vec<Role>,
    /// How many things users and faults do.
    pub steps: u64,
    /// Devices pair by the real requests; otherwise they trust each other from the start.
    pub has_pairing: bool,
    /// Only this device's user does anything.
    pub only_writer: Option<usize>,
    /// In a hundred things that happen, how many are faults.
    pub fault_percent: u64,
    /// Programs are killed and started again.
    pub has_kills: bool,
    /// Power fails: what was not synced may be lost.
    pub has_power_cuts: bool,
    /// The index may be lost or older after a crash.
    pub has_index_loss: bool,
    /// Homes are set back to an older backup.
    pub has_backups: bool,
    /// Links break and come back.
    pub has_breaks: bool,
    /// Devices cannot reach each other for a while.
    pub has_partitions: bool,
    /// The directory vanishes for a while, as an unmounted disk does.
    pub has_root_loss: bool,
    /// Clocks jump.
    pub has_clock_jumps: bool,
    /// The owner changes roles or removes members.
    pub has_role_changes: bool,
    /// Folders are paused for a while.
    pub has_pauses: bool,
    /// People use names in two spellings, and from this device on disks take both for one.
    pub folds_from: Option<usize>,
    /// Files are offered once.
    pub has_offers: bool,
    /// Some people answer a hold with "keep the files".
    pub has_refusals: bool,
    /// Of a hundred hints, how many are lost.
    pub hints_lost_percent: u64,
    /// Of a hundred hints, how many come late.
    pub hints_late_percent: u64,
    /// Of a hundred reads, how many fail.
    pub reads_failed_percent: u64,
    /// Of a hundred streams, how many stall or break.
    pub streams_broken_percent: u64,
    /// The slowest ordinary disk work, in milliseconds.
    pub disk_ms_max: u64,
    /// The slowest ordinary link, in milliseconds.
    pub link_ms_max: u64,
    /// The longest ordinary pause of users, in milliseconds.
    pub pause_ms_max: u64,
    /// Files on the first device before anything is shared.
    pub files_before: u64,
    /// Of a hundred names, how many are taken from the few that everybody uses.
    pub common_names_percent: u64,
}

/// Faults that can be left out to find out which one matters.
pub const FAULTS: [&str; 14] = [
    "kills",
    "power",
    "index",
    "backups",
    "breaks",
    "partitions",
    "root",
    "clocks",
    "roles",
    "pauses",
    "offers",
    "hints",
    "disk",
    "refusals",
];

impl Plan {
    /// The plan of a seed.
    pub fn drawn(dice: &mut Dice, size: Size) -> Self {
        match size {
            Size::Short => Self::long(dice).shortened(dice),
            Size::Long => Self::long(dice),
        }
    }

    /// A world in which nothing goes wrong, for a scene.
    pub fn quiet(people: usize, dice: &mut Dice) -> Self {
        let plan = Self::long(dice).without(&["all".to_owned()]);
        let mut roles = vec![Role::Editor; people];
        roles[0] = Role::Owner;
        Plan { roles, has_pairing: false, only_writer: None, files_before: 0, ..plan }
    }

    fn long(dice: &mut Dice) -> Self {
        let count = dice.between(2, 5) as usize;
        let mut roles = vec![Role::Editor; count];
        roles[0] = Role::Owner;
        if count > 2 && dice.chance(25) {
            roles[count - 1] = Role::Viewer;
        }
        let mut some = |percent: u64| dice.chance(percent);
        Plan {
            roles,
            has_kills: some(50),
            has_power_cuts: some(25),
            has_index_loss: some(25),
            has_breaks: some(60),
            has_partitions: some(50),
            has_root_loss: some(15),
            has_clock_jumps: some(20),
            has_role_changes: some(10),
            has_pauses: some(20),
            has_offers: some(15),
            has_pairing: some(15),
            has_refusals: some(15),
            only_writer: some(10).then_some(0),
            hints_lost_percent: if some(20) { 10 } else { 0 },
            hints_late_percent: if some(30) { 20 } else { 0 },
            reads_failed_percent: if some(10) { 3 } else { 0 },
            streams_broken_percent: if some(25) { 10 } else { 0 },
            fault_percent: *dice.pick(&[0, 10, 20, 30]),
            disk_ms_max: *dice.pick(&[1, 3, 10, 100]),
            link_ms_max: *dice.pick(&[1, 5, 40, 300]),
            pause_ms_max: *dice.pick(&[20, 200, 1500, 5000]),
            files_before: *dice.pick(&[0, 0, 3, 8, 30]),
            common_names_percent: *dice.pick(&[20, 50, 90]),
            steps: dice.between(50, 300),
            has_backups: dice.chance(15),
            folds_from: None,
        }
    }

    /// The same kind of world with few devices, files and deeds, but no fewer faults for each deed.
    fn shortened(mut self, dice: &mut Dice) -> Self {
        self.roles.truncate(if dice.chance(70) { 2 } else { 3 });
        self.files_before = self.files_before.min(3);
        self.steps = dice.between(2, 12);
        self.has_pairing = false;
        self
    }

    /// The same kind of world with six to eight devices, one of which may only read.
    pub fn crowded(mut self, seed: u64) -> Self {
        self.roles.resize(6 + (seed % 3) as usize, Role::Editor);
        if seed.is_multiple_of(4) {
            self.roles[2] = Role::Viewer;
        }
        self
    }

    /// The same world, but the last device's disk ignores the case of names.
    pub fn folding(mut self) -> Self {
        self.folds_from = Some(self.roles.len() - 1);
        self
    }

    /// The same plan without some of its faults.
    pub fn without(mut self, faults: &[String]) -> Self {
        let all = FAULTS.map(str::to_owned);
        let faults = if faults.iter().any(|fault| fault == "all") { &all[..] } else { faults };
        for fault in faults {
            match fault.as_str() {
                "kills" => self.has_kills = false,
                "power" => self.has_power_cuts = false,
                "index" => self.has_index_loss = false,
                "backups" => self.has_backups = false,
                "breaks" => self.has_breaks = false,
                "partitions" => self.has_partitions = false,
                "root" => self.has_root_loss = false,
                "clocks" => self.has_clock_jumps = false,
                "roles" => self.has_role_changes = false,
                "pauses" => self.has_pauses = false,
                "offers" => self.has_offers = false,
                "refusals" => self.has_refusals = false,
                "hints" => (self.hints_lost_percent, self.hints_late_percent) = (0, 0),
                "disk" => (self.reads_failed_percent, self.streams_broken_percent) = (0, 0),
                _ => {}
            }
        }
        self
    }
}
