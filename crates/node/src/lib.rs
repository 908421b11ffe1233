//! Runs one device: one task owns the engine, carries events in and effects out, and shows people what goes on.
//!
//! [`Node`] is the whole of it for the window, the command line and tests.

mod act;
mod clock;
pub mod command;
mod contacts;
mod copy_in;
pub mod doctor;
mod gather;
pub mod guard;
mod history;
pub mod home;
mod inspect;
mod lies;
pub mod log;
mod look;
mod node;
mod notices;
mod offers;
pub mod page;
mod perform;
mod picks;
mod places;
mod progress;
mod publish;
pub mod router;
mod run;
pub mod serve;
mod show;
pub mod snapshot;
pub mod socket;
mod speed;
mod start;
mod survey;
mod token;
mod transfer;
mod uploads;
pub mod view;
mod why;
mod worker;

pub use home::Home;
pub use node::{Dropped, Node, NodeConfig, NodeError, UploadFile};
