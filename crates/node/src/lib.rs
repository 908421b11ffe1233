//! Shoal's node.

pub mod command;
pub mod view;
