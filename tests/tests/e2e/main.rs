//! Whole processes on one computer: real `shoal serve`, real directories, real connections.
#![cfg(unix)]

mod craft;
mod damage;
mod finding;
mod hostile;
mod memory;
mod past;
mod places;
mod resume;
mod road;
mod swarm;
mod trouble;
mod villain;
mod twin;
mod why;

use shoal_tests::harness;
