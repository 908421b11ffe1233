//! Power cuts: what the real disk and store code did is recorded by strace, and every state that a power cut may leave
//! is built and recovered from by the same code.
//!
//! A state is a moment, everything that was synced before it, and any part of the rest: each rename, creation and
//! removal on its own, and each write whole, torn, as zeros, or not at all.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub mod image;
pub mod scene;
pub mod trace;

use super::summary::Summary;
use crate::sim::dice::Dice;
use image::Disk;
use scene::Scene;
use trace::Recorded;

/// Choices of one moment that are all tried; beyond, so many are drawn.
const EXHAUSTIVE_MAX: u64 = 4096;

/// Draws for each image that is wanted: many come out the same.
const DRAWS_PER_IMAGE: u64 = 3;

/// Violations that are told of one scene: hundreds of images show the same fault.
const TOLD_MAX: usize = 5;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most images in all. Small scenes are finished before; the rest goes to the large one.
    pub images: u64,
    pub seed: u64,
    /// Says what was recorded.
    pub is_told: bool,
    /// The program that does a scene's deeds when it is asked to.
    pub program: PathBuf,
}

/// Records every scene and recovers from its images.
pub fn run(options: &Options) -> Summary {
    let mut summary = Summary::new("power-loss images");
    let mut dice = Dice::from_seed(options.seed);
    for (at, scene) in Scene::ALL.iter().enumerate() {
        let share = options.images.saturating_sub(summary.runs) / (Scene::ALL.len() - at) as u64;
        run_scene(options, *scene, share, &mut dice, &mut summary);
    }
    summary
}

fn run_scene(options: &Options, scene: Scene, share: u64, dice: &mut Dice, summary: &mut Summary) {
    let world = crate::harness::World::in_memory();
    let place = world.dir("recorded");
    scene.prepare(&place);
    let before = Disk::read(&place);
    let Some(recorded) = trace::record(&options.program, scene.name(), &place, &world.path("trace"), &before) else {
        return summary.violation(format!("{}: nothing was recorded", scene.name()));
    };
    if options.is_told {
        recorded.ops.iter().for_each(|op| println!("{}: {op:?}", scene.name()));
    }
    let mut seen = HashSet::new();
    let (mut built, mut is_complete) = (0, true);
    let moments = recorded.ops.len() + 1;
    for moment in 0..moments {
        let choices = recorded.choices(moment);
        let count = choices.iter().try_fold(1_u64, |all, choice| all.checked_mul(choice.variants));
        let is_all = count.is_some_and(|count| count <= EXHAUSTIVE_MAX);
        let left = share.saturating_sub(built) / (moments - moment) as u64;
        let tries = if is_all { count.unwrap_or(0) } else { left * DRAWS_PER_IMAGE };
        is_complete &= is_all;
        for number in 0..tries {
            if built >= share {
                is_complete = false;
                break;
            }
            let picks = choices.iter().scan(number, |rest, choice| {
                let pick = if is_all { *rest % choice.variants } else { dice.below(choice.variants) };
                *rest /= choice.variants;
                Some(pick)
            });
            let disk = recorded.disk_at(&before, moment, &choices, &picks.collect::<Vec<_>>());
            if !seen.insert((recorded.promises(moment).len(), disk.digest())) {
                continue;
            }
            built += 1;
            judge(scene, &recorded, moment, (&disk, &world.path("image")), summary);
        }
    }
    summary.count(scene.name(), built);
    summary.count("scenes_complete", u64::from(is_complete));
}

fn judge(scene: Scene, recorded: &Recorded, moment: usize, (disk, place): (&Disk, &Path), summary: &mut Summary) {
    let _ = std::fs::remove_dir_all(place);
    disk.build(place, recorded);
    summary.runs += 1;
    let faults = scene.faults(place, &recorded.promises(moment));
    if !faults.is_empty() {
        summary.count("bad_images", 1);
    }
    let told = summary.violations.iter().filter(|text| text.starts_with(scene.name())).count();
    if !faults.is_empty() && told < TOLD_MAX {
        let last: Vec<String> = recorded.ops[..moment].iter().rev().take(6).rev().map(|op| format!("{op:?}")).collect();
        let (name, faults, last) = (scene.name(), faults.join("; "), last.join("\n    "));
        summary.violation(format!(
            "{name} cut after {moment} calls: {faults}\n  on the disk:\n{disk}  the last calls:\n    {last}"
        ));
    }
}
