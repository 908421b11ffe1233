//! What decides on a device: the engine, or something simpler that tests the harness itself.

use shoal_engine::effect::Effect;
use shoal_engine::engine::{Dice, Engine};
use shoal_engine::entry::Kind;
use shoal_engine::event::Event;
use shoal_engine::id::FolderId;
use shoal_engine::path::RelPath;
use shoal_engine::saved::Saved;
use shoal_engine::status::Status;
use shoal_engine::time::Timestamp;

/// The four calls of an engine.
pub trait Brain {
    /// Learns what happened and says what to do about it.
    fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect>;
    /// When `Event::Tick` is wanted next.
    fn next_deadline(&self) -> Option<Timestamp>;
    /// Everything at a glance.
    fn status(&self, now: Timestamp) -> Status;
    /// What should stand at every path of a folder.
    fn contents_of(&self, folder: FolderId) -> Vec<(RelPath, Kind)>;
}

/// Makes a brain from a key, chance and what was remembered.
pub type Maker = fn([u8; 32], Dice, Saved) -> Box<dyn Brain>;

/// Makes the real engine.
pub fn engine(key: [u8; 32], dice: Dice, saved: Saved) -> Box<dyn Brain> {
    Box::new(Engine::restore(key, dice, saved))
}

impl Brain for Engine {
    fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        Engine::handle(self, now, event)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Engine::next_deadline(self)
    }

    fn status(&self, now: Timestamp) -> Status {
        Engine::status(self, now)
    }

    fn contents_of(&self, folder: FolderId) -> Vec<(RelPath, Kind)> {
        Engine::contents_of(self, folder)
    }
}
