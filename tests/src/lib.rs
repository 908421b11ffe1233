//! Whole-system tests.

#[cfg(unix)]
pub mod attack;
pub mod cores;
#[cfg(unix)]
pub mod harness;
pub mod properties;
pub mod sim;
