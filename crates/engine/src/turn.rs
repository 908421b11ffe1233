//! One turn of the engine: the time, the chance, and the effects collected so far.

use crate::codec;
use crate::effect::{Effect, Tell};
use crate::engine::Dice;
use crate::event::WorkId;
use crate::id::DeviceId;
use crate::message::Message;
use crate::time::Timestamp;

/// What every part of the engine is handed while an event is dealt with.
pub(crate) struct Turn<'a> {
    /// When the event happened, by a clock that never goes back; for deadlines.
    pub(crate) now: Timestamp,
    /// When the event happened, by the clock on the wall; for people.
    pub(crate) wall: Timestamp,
    /// This device.
    pub(crate) me: DeviceId,
    /// Chance.
    pub(crate) dice: &'a mut Dice,
    /// Numbers the work that is asked for.
    pub(crate) next_work: &'a mut WorkId,
    /// What is to be done, in order.
    pub(crate) effects: Vec<Effect>,
}

impl Turn<'_> {
    /// Numbers a piece of work.
    pub(crate) fn work(&mut self) -> WorkId {
        *self.next_work += 1;
        *self.next_work
    }

    /// Wants something done.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, to: DeviceId, message: &Message) {
        self.effects.push(Effect::Send { to, frame: codec::encode(message) });
    }

    /// Tells people.
    pub(crate) fn tell(&mut self, tell: Tell) {
        self.effects.push(Effect::Tell(tell));
    }
}
