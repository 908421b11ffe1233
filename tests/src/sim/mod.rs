//! Whole clusters in one thread from one seed: virtual disks, links, clocks, users and crashes around real engines.
//!
//! A world is set up, lives through its script, heals, and must then be calm, equal everywhere, and account for every
//! write. The same seed gives the same world.

pub mod account;
pub mod apply;
pub mod brain;
mod cast;
pub mod check;
pub mod content;
pub mod device;
pub mod dice;
pub mod disk;
mod faults;
mod fetch;
mod honest;
pub mod net;
mod perform;
pub mod plan;
pub mod queue;
pub mod scene;
mod shorten;
pub mod store;
pub mod trace;
mod user;
pub mod wire;
mod work;
pub mod world;
