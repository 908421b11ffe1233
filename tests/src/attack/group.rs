//! A few devices that share one folder, how they come to rest, and whether what they then hold is right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::contents::Id;
use super::trees::{self, Reader};
use super::watching::{Watching, Witnessed};
use crate::harness::acts::{folder, pair, share, text};
use crate::harness::{Shoal, World, json};

const NAMES: [&str; 3] = ["Ana", "Ben", "Cleo"];
/// How often is looked whether all is calm.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long all must agree before it counts: longer than a path is left quiet before it is looked at.
const CALM: Duration = Duration::from_millis(120);
/// What a view must never say after a crash: that a chain has forked, that a home was set back, that a crash was not
/// cleared up, or that we stopped ourselves.
const FORBIDDEN: [&str; 4] = ["HIST-02", "FOLD-06", "FOLD-22", "APP-02"];

/// Devices, their directories of one folder, and who reads them.
pub struct Group {
    pub shoals: Vec<Shoal>,
    pub dirs: Vec<PathBuf>,
    pub witnessed: Arc<Witnessed>,
    reader: Reader,
    /// What the last rest was waited for, and since when.
    waited_for: Vec<(Duration, String)>,
    _watching: Watching,
    world: World,
}

impl Group {
    /// That many devices, all paired with the first, with one folder.
    pub fn new(count: usize) -> Group {
        let world = World::in_memory();
        let shoals: Vec<Shoal> = NAMES[..count].iter().map(|name| world.start(name)).collect();
        let dirs: Vec<PathBuf> = NAMES[..count].iter().map(|name| world.path(name)).collect();
        for (at, one) in shoals.iter().enumerate() {
            shoals[at + 1..].iter().for_each(|other| pair(other, one));
        }
        std::fs::create_dir_all(&dirs[0]).expect("made");
        let others: Vec<(&Shoal, &Path, &str)> =
            shoals[1..].iter().zip(&dirs[1..]).map(|(shoal, dir)| (shoal, dir.as_path(), "editor")).collect();
        share(&shoals[0], &dirs[0], "Reef", &others);
        let witnessed = Arc::new(Witnessed::default());
        let watching = Watching::start(&witnessed, &dirs);
        Group { shoals, dirs, witnessed, reader: Reader::default(), waited_for: Vec::new(), _watching: watching, world }
    }

    /// A directory beside the shared ones, on the same file system.
    pub fn outside(&self) -> PathBuf {
        self.world.dir("outside")
    }

    /// Waits until all say that all are up to date and hold the same; says how long that took, or why it was not so.
    pub fn rest(&mut self, patience: Duration) -> Result<Duration, String> {
        let began = Instant::now();
        let mut calm_since = None;
        self.waited_for.clear();
        loop {
            let trouble = self.unrest();
            let last = self.waited_for.last().map(|(_, last)| last);
            if let Some(trouble) = trouble.as_ref().filter(|trouble| last != Some(trouble)) {
                self.waited_for.push((began.elapsed(), trouble.clone()));
            }
            match (&trouble, calm_since) {
                (Some(_), _) => calm_since = None,
                (None, None) => calm_since = Some(Instant::now()),
                (None, Some(since)) if since.elapsed() >= CALM => return Ok(since.duration_since(began)),
                (None, Some(_)) => {}
            }
            if let Some(trouble) = trouble.filter(|_| began.elapsed() > patience) {
                return Err(format!(
                    "I4: no rest within {} s: {trouble}\n{}",
                    patience.as_secs(),
                    self.why_different()
                ));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What the last rest was waited for, and from when on.
    pub fn waited_for(&self) -> Vec<String> {
        self.waited_for.iter().map(|(from, trouble)| format!("from {:.1} s: {trouble}", from.as_secs_f64())).collect()
    }

    /// What the programs say of the path at which the folders differ.
    fn why_different(&self) -> String {
        let Some(difference) = trees::difference(&self.dirs) else { return String::new() };
        self.why(difference.split(": ").next().unwrap_or_default())
    }

    /// What the programs say of a path.
    pub fn why(&self, path: &str) -> String {
        let ask = |(shoal, dir): (&Shoal, &PathBuf)| {
            let place = dir.join(path);
            format!("  {}: {}\n", shoal.name, json(&shoal.try_run(&["why", text(&place)])))
        };
        self.shoals.iter().zip(&self.dirs).map(ask).collect()
    }

    fn unrest(&self) -> Option<String> {
        for shoal in &self.shoals {
            let view = match shoal.try_view() {
                Ok(view) => view,
                Err(error) => return Some(format!("{} does not answer: {error}", shoal.name)),
            };
            let Some(folder) = view["folders"].get(0) else { return Some(format!("{} has no folder", shoal.name)) };
            let told = |value: &Value| format!("{} shows {value}, problems {}", shoal.name, folder["problems"]);
            if folder["state"]["type"] != "up_to_date" {
                return Some(told(&folder["state"]));
            }
            let members = folder["members"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(member) = members.iter().find(|member| member["state"]["type"] != "up_to_date") {
                return Some(told(member));
            }
        }
        trees::difference(&self.dirs)
            .map(|difference| format!("I3: all say that they are up to date, but {difference}"))
    }

    /// What is wrong with what all hold at rest: contents lost, what nobody wrote, and what the programs must not say.
    pub fn faults(&mut self) -> Vec<String> {
        let mut faults: Vec<String> =
            self.witnessed.take_strange().into_iter().map(|what| format!("I2: {what}")).collect();
        let mut found: BTreeSet<Id> = BTreeSet::new();
        for dir in &self.dirs {
            found.extend(trees::contents(dir, &mut self.reader, &self.witnessed.contents).values().flatten());
            found.extend(trees::kept(dir, &mut self.reader, &self.witnessed.contents));
        }
        // No bytes, nothing to lose.
        found.extend(self.witnessed.contents.recognise(&blake3::hash(b"")));
        for lost in self.witnessed.account.must_survive().difference(&found) {
            let (name, life) = (self.witnessed.contents.name(*lost), self.witnessed.account.life(*lost));
            faults.push(format!("I1: {name} is nowhere: {life}"));
        }
        for shoal in &self.shoals {
            let text = shoal.view().to_string();
            faults.extend(
                FORBIDDEN.iter().filter(|code| text.contains(*code)).map(|code| format!("{} says {code}", shoal.name)),
            );
            let log = shoal.log();
            faults.extend(
                log.lines().find(|line| line.contains("panicked")).map(|line| format!("I21: {}: {line}", shoal.name)),
            );
        }
        faults
    }

    /// The contents at the paths of a device's folder.
    pub fn contents(&mut self, device: usize) -> BTreeMap<String, Option<Id>> {
        trees::contents(&self.dirs[device], &mut self.reader, &self.witnessed.contents)
    }

    /// How many conflicts a device shows.
    pub fn conflicts(&self, device: usize) -> u64 {
        folder(&self.shoals[device].view())["conflict_count"].as_u64().unwrap_or_default()
    }

    /// The ends of all logs, for a person.
    pub fn logs(&self) -> String {
        let last = |shoal: &Shoal| {
            let log = shoal.log();
            let lines: Vec<&str> = log.lines().collect();
            format!("--- {}\n{}\n", shoal.name, lines[lines.len().saturating_sub(12)..].join("\n"))
        };
        self.shoals.iter().map(last).collect()
    }
}
