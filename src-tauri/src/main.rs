//! The desktop window: draws the screens around one node. It decides nothing.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod args;
mod commands;
mod drops;
mod files;
mod graphics;
mod instance;
mod news;
mod shell;
mod text;
#[cfg(target_os = "linux")]
mod tray;
mod window;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use shoal_node::{Home, log};

use crate::args::Args;
use crate::instance::First;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Shoal cannot start: {error:#}.");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let home = Home::find(args.home.as_deref())?;
    home.make()?;
    match instance::show_first(&home) {
        First::Shown => return Ok(()),
        First::WithoutWindow => {
            instance::open_page(&home);
            return Ok(());
        }
        First::None => {}
    }
    graphics::prepare(args.safe_graphics).context("no screen to draw on; without one, use `shoal serve`")?;
    let _log = log::start(&home.logs()).context("cannot write a log")?;
    shell::run(home, args.hidden).context("cannot open a window")
}
