//! Scenes at random, and the whole small scope: every tree of the four paths, and one deed for each of three people.

use crate::sim::brain;
use crate::sim::dice::Dice;
use crate::sim::plan::Size;
use crate::sim::scene::{Deed, Scene};
use crate::sim::world::{self, Options};

/// How many cases of the laws there are for one random scene, which takes as long.
pub const LAWS_PER_SCENE: u64 = 50;

/// The trees from which the whole scope begins: by what makes them.
const TREES: [&[Deed]; 7] = [
    &[],
    &[Deed::Write("a")],
    &[Deed::Write("a"), Deed::Write("b")],
    &[Deed::Write("d/a")],
    &[Deed::Write("a"), Deed::Write("d/a")],
    &[Deed::Write("a"), Deed::Write("d")],
    &[Deed::Write("a"), Deed::Write("b"), Deed::Write("d/a")],
];

/// A scene with two or three people and up to three deeds each.
pub fn random(seed: u64) -> Scene {
    let mut dice = Dice::from_seed(seed ^ 0x5ce7e);
    let deeds = Deed::all();
    let before = (0..dice.below(5)).map(|_| *dice.pick(&deeds)).collect();
    let people = if dice.chance(60) { 2 } else { 3 };
    let apart = (0..dice.between(1, 6)).map(|_| (dice.place(people), *dice.pick(&deeds))).collect();
    Scene { people, before, apart, is_paused: dice.chance(50) }
}

/// Every scene of the small scope. Who of three people does what does not matter but for ties, so each set of three deeds
/// is played once, with links down and with the folder paused.
pub fn whole() -> Vec<Scene> {
    let deeds: Vec<Option<Deed>> = std::iter::once(None).chain(Deed::all().into_iter().map(Some)).collect();
    let mut scenes = Vec::new();
    for tree in TREES {
        for one in 0..deeds.len() {
            for two in one..deeds.len() {
                for three in two..deeds.len() {
                    let chosen = [one, two, three].into_iter().enumerate();
                    let apart: Vec<(usize, Deed)> = chosen.filter_map(|(on, deed)| Some((on, deeds[deed]?))).collect();
                    for is_paused in [false, true] {
                        scenes.push(Scene { people: 3, before: tree.to_vec(), apart: apart.clone(), is_paused });
                    }
                }
            }
        }
    }
    scenes
}

/// Plays a scene; what did not hold, if anything.
pub fn check(scene: &Scene, seed: u64) -> Result<(), String> {
    let options = Options { scene: Some(scene.clone()), ..Options::of(Size::Short, brain::engine) };
    let report = world::run(seed, &options);
    match report.violations.first() {
        Some(violation) => Err(format!("{}: {} in {scene:?}", violation.rule, violation.what)),
        None => Ok(()),
    }
}

/// Plays one random scene and tells all that happens; whether something did not hold.
pub fn show(seed: u64) -> bool {
    let scene = random(seed);
    println!("{scene:?}");
    let options = Options { scene: Some(scene), has_trace: true, ..Options::of(Size::Short, brain::engine) };
    let report = world::run(seed, &options);
    report.lines.iter().for_each(|line| println!("{line}"));
    !report.violations.is_empty()
}
