//! Brains that are wrong are found out.

use shoal_engine::effect::Effect;
use shoal_engine::entry::Kind;
use shoal_engine::path::RelPath;
use shoal_engine::saved::Saved;
use shoal_engine::time::Timestamp;

use super::super::brain::Brain;
use super::*;

struct Lazy;

impl Brain for Lazy {
    fn handle(&mut self, _: Timestamp, _: Event) -> Vec<Effect> {
        Vec::new()
    }
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
    fn status(&self, _: Timestamp) -> Status {
        Status::default()
    }
    fn contents_of(&self, _: FolderId) -> Vec<(RelPath, Kind)> {
        Vec::new()
    }
}

struct Panicky;

impl Brain for Panicky {
    fn handle(&mut self, _: Timestamp, event: Event) -> Vec<Effect> {
        assert!(!matches!(event, Event::Connected { .. }), "no links, please");
        Vec::new()
    }
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
    fn status(&self, _: Timestamp) -> Status {
        Status::default()
    }
    fn contents_of(&self, _: FolderId) -> Vec<(RelPath, Kind)> {
        Vec::new()
    }
}

fn rules(maker: Maker, seed: u64) -> Vec<&'static str> {
    catch_panics();
    let options = Options::of(Size::Long, maker);
    run(seed, &options).violations.iter().map(|found| found.rule).collect()
}

#[test]
fn a_brain_that_does_nothing_is_found_out() {
    let lazy: Maker = |_: [u8; 32], _: EngineDice, _: Saved| Box::new(Lazy);
    assert_eq!(rules(lazy, 1), ["I4"]);
}

#[test]
fn a_brain_that_panics_is_found_out() {
    let panicky: Maker = |_: [u8; 32], _: EngineDice, _: Saved| Box::new(Panicky);
    assert!(rules(panicky, 1).starts_with(&["I21"]));
}
