//! Runs one device: one task owns the engine, carries events in and effects out, and shows people what goes on.
//!
//! [`Node`] is the whole of it for the window, the command line and tests.

pub mod command;
pub mod guard;
mod history;
pub mod home;
pub mod log;
mod node;
pub mod page;
mod publish;
pub mod router;
pub mod serve;
mod show;
pub mod snapshot;
pub mod socket;
mod speed;
mod token;
mod transfer;
pub mod view;

pub use home::Home;
pub use node::{Dropped, Node, NodeConfig, NodeError, UploadFile};
