//! Runs one device: one task owns the engine, carries events in and effects out, and shows people what goes on.
//!
//! [`Node`] is the whole of it for the window, the command line and tests.

pub mod command;
pub mod guard;
pub mod home;
pub mod log;
mod node;
mod publish;
mod show;
pub mod snapshot;
mod transfer;
mod speed;
pub mod view;

pub use home::Home;
pub use node::{Dropped, Node, NodeConfig, NodeError, UploadFile};
