//! Decides what should happen: every rule of Shoal, and no I/O, clock, randomness or lock.
//!
//! Everything the engine knows arrived in an [`event::Event`]; everything it wants is an [`effect::Effect`].

#[macro_use]
pub mod planted;
mod block;
pub mod chunk;
pub mod codec;
pub mod conflict;
mod dice;
pub mod effect;
pub mod engine;
pub mod entry;
pub mod event;
pub mod explain;
mod folder;
pub mod id;
mod inbox;
mod index;
pub mod ledger;
pub mod limits;
pub mod membership;
pub mod message;
pub mod observe;
mod offer;
mod pairing;
pub mod past;
pub mod path;
mod people;
mod questions;
mod receive;
pub mod reconcile;
pub mod request;
pub mod saved;
pub mod status;
mod swarm;
pub mod text_merge;
pub mod time;
mod turn;
pub mod version;
