//! The shipped program under attack: it is killed, its system calls fail, and nothing that a person wrote may be lost.
//!
//! Every write is a content of its own, so a run is judged by contents: whatever stood in a folder must be found in a
//! folder, a conflict copy or kept versions of somebody, unless the person at that device took the last of it away.

pub mod account;
pub mod blackbox;
pub mod contents;
pub mod group;
pub mod inject;
pub mod kill;
pub mod power;
pub mod summary;
pub mod trees;
pub mod watching;
