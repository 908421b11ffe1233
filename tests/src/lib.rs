//! Whole-system tests.

#[cfg(unix)]
pub mod attack;
#[cfg(unix)]
pub mod harness;
pub mod properties;
pub mod sim;
