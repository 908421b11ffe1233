//! Decides what should happen: every rule of Shoal, and no I/O, clock, randomness or lock.
//!
//! Everything the engine knows arrived in an [`event::Event`]; everything it wants is an [`effect::Effect`].

mod block;
pub mod chunk;
pub mod codec;
pub mod effect;
pub mod engine;
pub mod entry;
pub mod event;
pub mod id;
pub mod ledger;
pub mod limits;
pub mod membership;
pub mod message;
pub mod observe;
pub mod path;
pub mod request;
pub mod saved;
pub mod status;
pub mod time;
