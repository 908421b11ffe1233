//! Whole-system tests.

pub mod sim;
