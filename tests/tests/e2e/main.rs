//! Whole processes on one computer: real `shoal serve`, real directories, real connections.
#![cfg(unix)]

mod craft;
mod damage;
mod disks;
mod ends;
mod finding;
mod hostile;
mod memory;
mod merging;
mod past;
mod places;
mod resume;
mod road;
mod swarm;
mod trouble;
mod twin;
mod villain;
mod why;

use shoal_tests::harness;
