//! The share of the properties that gates: laws of reconciling, and scenes of the small scope.

use shoal_tests::properties::{laws, scenes};
use shoal_tests::sim::world;

/// Every so many scenes of the whole scope one is played; the whole of it is `make properties WHOLE=1`.
const WHOLE_EVERY: usize = 16;
/// Random scenes.
const RANDOM: u64 = 2_000;
/// Scenes that once showed a fault.
const REGRESSIONS: [(u64, &str); 4] = [
    (3_388, "a file moved away on both sides was replaced by what its old place held then"),
    (11_923, "the same, among three"),
    (32_485, "the same, with two moves"),
    (99_208, "the same, where a pause hid who had moved it"),
];

#[test]
fn reconciling_keeps_its_laws() {
    let failed: Vec<String> = (0..100_000).filter_map(|seed| laws::check(seed).err()).take(3).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn what_few_people_do_apart_comes_together() {
    world::catch_panics();
    let whole = scenes::whole();
    let some = whole.iter().step_by(WHOLE_EVERY).zip(0..).map(|(scene, number)| (scene.clone(), number));
    let seeds = (0..RANDOM).chain(REGRESSIONS.iter().map(|(seed, _)| *seed));
    let all = some.chain(seeds.map(|seed| (scenes::random(seed), seed)));
    let failed: Vec<String> = all.filter_map(|(scene, seed)| scenes::check(&scene, seed).err()).take(3).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
