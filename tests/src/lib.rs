//! Whole-system tests.

#[cfg(unix)]
pub mod harness;
pub mod sim;
