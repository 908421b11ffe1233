//! Properties of reconciling and planning: laws of the pure function, and scenes played by whole engines.

pub mod laws;
pub mod scenes;
