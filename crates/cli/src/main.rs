//! The `shoal` program: every act of the window as a command, `serve` and `demo`.

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::failure::{DONE, INTERRUPTED};
use crate::print::Out;

mod acts;
mod args;
mod client;
mod demo;
mod doctor;
mod failure;
mod find;
mod folders;
mod keep;
mod lists;
mod merge;
mod pair;
mod print;
mod restore;
mod send;
mod sentence;
mod serve;
mod settings;
mod text;
mod when;
mod why;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let out = Out { is_json: cli.json };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.failure(&failure::Failure::said(format!("Cannot start: {error}")));
            return ExitCode::from(failure::FAILED);
        }
    };
    let code = runtime.block_on(run(cli, out));
    // A prompt may still block on the keyboard; nobody waits for it.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(cli: Cli, out: Out) -> u8 {
    // `serve` and `demo` end tidily by themselves.
    let ends_itself = matches!(cli.act, args::Act::Serve(_) | args::Act::Demo(_));
    let interrupted = async {
        if ends_itself || tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        done = acts::run(cli, out) => match done {
            Ok(()) => DONE,
            Err(failure) => {
                out.failure(&failure);
                failure.exit_code()
            }
        },
        () = interrupted => INTERRUPTED,
    }
}
