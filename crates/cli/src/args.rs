//! The commands and their arguments: every act of the window has one here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// What a command ends with, for programs.
const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed: the sentence on stderr says why, with --json also a code on stdout
  2    asked wrongly
  3    waits for somebody's approval
  4    no Shoal runs for this home: start it with shoal serve
  5    a Shoal runs for this home already
  130  interrupted";

/// Shares folders and files between your computers and those of people you trust.
#[derive(Debug, Parser)]
#[command(name = "shoal", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Use this home instead of your own; several can run side by side
    #[arg(long, global = true, env = "SHOAL_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print data as JSON: one object, with --watch one per line
    #[arg(long, global = true, env = "SHOAL_JSON", value_parser = FalseyValueParser::new())]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) act: Act,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Act {
    /// Show everything at a glance
    Status(Watch),
    /// List devices: paired ones and others seen on the network
    #[command(visible_alias = "devices")]
    Peers(Watch),
    /// Pair with a device: you type the code it shows
    Pair(Pair),
    /// Stop trusting a device
    Forget { device: String },
    /// Refuse a device for good, without a sign to it
    Block { device: String },
    /// Take a block back
    Unblock { device: String },
    /// Call a device something else on this computer; an empty name takes its own again
    Rename { device: String, name: String },

    /// Share a folder with others
    Share(Share),
    /// List shared folders
    Folders {
        /// Only this one, with its problems
        folder: Option<String>,
    },
    /// Show or change who is in a folder
    People(People),
    /// Stop sharing a folder on this computer; all files stay
    Unshare { folder: String },
    /// Pause one folder, or all
    Pause { folder: Option<String> },
    /// Go on with one folder, or all; or give a folder that lost its directory another one
    Resume(Resume),
    /// Look through a folder again
    Rescan { folder: String },
    /// List files that two devices changed while apart
    Conflicts { folder: Option<String> },
    /// List held deletions, or answer one
    Held(Held),
    /// Show what happened, or the versions of one path
    History {
        /// A folder's name, or the path of a file
        folder: Option<String>,
        /// Which page, from 1
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        page: u32,
    },
    /// Show or set how long a folder keeps what was replaced or removed
    Keep(Keep),
    /// Show or set whether two edits of one text are merged in a folder, if that leaves no doubt
    Merge {
        folder: String,
        /// If not, one of the two goes to a conflict copy
        #[arg(value_parser = ["on", "off"])]
        set: Option<String>,
    },
    /// Put a file, a directory or a folder back to an earlier state; what stands there is kept
    Restore(Restore),
    /// Say why a file is as it is, or is not here: what stands there, who has it, what it waits for
    Why { path: PathBuf },
    /// Check every signature and link of the history
    Verify { folder: Option<String> },

    /// List what waits for your answer
    Inbox,
    /// Accept files, or an invitation to a folder
    Accept(Accept),
    /// Join a folder you are invited to
    Join(Join),
    /// Decline files or an invitation
    Decline {
        id: String,
        /// Also block the sender
        #[arg(long)]
        block: bool,
    },
    /// Offer files or folders to devices
    Send(Send),
    /// Take an own transfer back, or stop receiving one
    Withdraw { id: String },
    /// List transfers
    Transfers(Watch),
    /// Try the failed files of a transfer again
    Retry { id: String },
    /// Remove finished transfers from the list
    Clear { id: Option<String> },

    /// Show or change settings: name, downloads, port, lan-only, bootstrap, theme
    Config {
        #[command(subcommand)]
        what: ConfigAct,
    },
    /// Run without a window and serve the screens to a browser on this computer
    Serve(Serve),
    /// Find out what is in the way
    Doctor,
    /// Stop the running Shoal of this home
    Quit,
    /// Show everything with two homes on this computer
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Go on and print whenever something changes
    #[arg(long, short)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    /// A name, an address or a link; without one, pairings under way are listed
    #[arg(conflicts_with_all = ["invite", "answer"])]
    pub(crate) target: Option<String>,
    /// The six digits shown on the other screen; asked for when missing
    #[arg(long, requires = "target", value_parser = six_digits)]
    pub(crate) code: Option<String>,
    /// Make a link that pairs one device within five minutes
    #[arg(long, conflicts_with = "answer")]
    pub(crate) invite: bool,
    /// Answer a pairing that another device started: its name or id, and yes or no
    #[arg(long, num_args = 2, value_names = ["ID", "YES|NO"])]
    pub(crate) answer: Option<Vec<String>>,
    /// How long to wait for the other side, in seconds
    #[arg(long, default_value_t = 180, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

/// The code in what was typed: people group it and type what stands between.
pub(crate) fn six_digits(text: &str) -> Result<String, String> {
    let code: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '\n' | '\r' | '\u{a0}')).collect();
    match code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(code),
        false => Err("a code has six digits, such as 402 918; no try was used up".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    /// Reads and writes
    Editor,
    /// Reads only
    Viewer,
    /// Is to hold sealed copies it cannot read
    Keeper,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Its name or id; without one, all
    pub(crate) folder: Option<String>,
    /// Go on in the directory that is there now, though it is not the one that was shared
    ///
    /// For a directory that was removed and made anew. What the others have comes again, what is there already is
    /// compared with it, and nothing is taken for removed.
    #[arg(long, requires = "folder")]
    pub(crate) here: bool,
    /// The same in another directory, for a folder that was moved; made when it is not there
    #[arg(long, value_name = "DIR", requires = "folder", conflicts_with = "here")]
    pub(crate) at: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) mark: TakeOver,
}

#[derive(Debug, Args)]
pub(crate) struct TakeOver {
    /// Use the directory even though it carries the mark of a share that this Shoal does not know
    ///
    /// An earlier installation may have left it, or it came with a copy. Another Shoal that used it stops there. The
    /// files and the kept versions stay.
    #[arg(long)]
    pub(crate) take_over: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    /// The directory to share; made when only its parent is there
    pub(crate) dir: PathBuf,
    /// Whom to invite, by name or id; may be given several times
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) with: Vec<String>,
    /// What they may do
    #[arg(long, value_enum, default_value = "editor")]
    pub(crate) role: RoleArg,
    /// What to call it; otherwise as the directory is called
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Look at the directory and share nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) mark: TakeOver,
}

#[derive(Debug, Args)]
pub(crate) struct People {
    pub(crate) folder: String,
    #[command(subcommand)]
    pub(crate) change: Option<PeopleAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeopleAct {
    /// Invite a device
    Add {
        device: String,
        #[arg(long, value_enum, default_value = "editor")]
        role: RoleArg,
    },
    /// Change what a device may do
    Role {
        device: String,
        #[arg(value_enum)]
        role: RoleArg,
    },
    /// Remove a device: it gets nothing new and keeps what it has
    Remove { device: String },
}

#[derive(Debug, Args)]
pub(crate) struct Held {
    /// The folder whose held batch is answered
    #[arg(requires = "answer")]
    pub(crate) folder: Option<String>,
    #[arg(value_enum)]
    pub(crate) answer: Option<HeldAnswer>,
    /// Do not ask again for this folder
    #[arg(long, requires = "answer")]
    pub(crate) always: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HeldAnswer {
    /// Put the files back for everyone
    Keep,
    /// Let them be removed here; they stay among the kept versions
    Remove,
}

#[derive(Debug, Args)]
pub(crate) struct Keep {
    pub(crate) folder: String,
    /// For so many days: a number, forever, or default (30)
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<String>,
    /// At most so much: a size such as 20GB, or default (a quarter of the folder or 10 GiB, whichever is more)
    #[arg(long, value_name = "SIZE")]
    pub(crate) bytes: Option<String>,
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct Restore {
    pub(crate) path: PathBuf,
    /// The version shown by `shoal history PATH`
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    pub(crate) version: Option<String>,
    /// As of this time: "2026-11-23 14:02", 14:02, "2h ago"
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Say what would change and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask before a directory or a folder is put back
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Accept {
    /// The id shown by `shoal inbox`, or the name of the sender
    pub(crate) id: String,
    /// Only items whose path matches; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Where to; made when it is not there
    #[arg(long, value_name = "DIR", visible_alias = "at")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// The id shown by `shoal inbox`, or the name of the folder
    pub(crate) id: String,
    /// Where to; made when it is not there
    #[arg(long, value_name = "DIR", visible_alias = "to")]
    pub(crate) at: Option<PathBuf>,
    /// Say what joining would do and join nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) mark: TakeOver,
}

#[derive(Debug, Args)]
#[command(override_usage = "shoal send <PATH>... --to <NAME>... [OPTIONS]")]
pub(crate) struct Send {
    /// Files and directories
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// To whom, by name or id; may be given several times
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub(crate) to: Vec<String>,
    /// A few words that go with it
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// Wait until everything has arrived
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait, in seconds
    #[arg(long, requires = "wait", value_name = "SECONDS")]
    pub(crate) timeout: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAct {
    /// Show all settings
    List,
    /// Show one setting
    Get { key: Key },
    /// Change one setting; several values make a list
    Set {
        key: Key,
        #[arg(required = true, allow_hyphen_values = true)]
        values: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Key {
    /// What others see
    Name,
    /// Where received files go
    Downloads,
    /// The port to listen on, 0 for any; counts from the next start
    Port,
    /// Talk to nobody beyond the local network: true or false
    LanOnly,
    /// Addresses of devices through which others are found
    Bootstrap,
    /// system, light or dark
    Theme,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port of the page on this computer, 0 for any
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Listen for other devices here; may be given several times, with one port
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// What others see, when no name was set yet
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where received files go, when no place was set yet
    #[arg(long, value_name = "DIR")]
    pub(crate) downloads: Option<PathBuf>,
    /// A device through which others are found; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bootstrap: Vec<String>,
    /// Neither announce this computer on the local network nor look around, not even on this computer itself
    #[arg(long)]
    pub(crate) no_mdns: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Show no windows: do everything, compare, and tell the story
    #[arg(long)]
    pub(crate) headless: bool,
    /// Leave the homes and folders where they are
    #[arg(long)]
    pub(crate) keep: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("shoal").chain(line.split(' ')))
    }

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_people_type_is_understood() {
        for line in [
            "status --watch --json",
            "peers",
            "devices",
            "pair",
            "pair ben",
            "pair ben --code 123456",
            "pair --invite",
            "pair --answer ben yes",
            "share ~/Work --with ben --with ana --role viewer",
            "share ~/Work --with ben ana",
            "send a b --to ben --text hello --wait --timeout 5",
            "accept 1a2b --only *.pdf --to /tmp/x",
            "join Work --at /srv/work",
            "held",
            "held Work keep",
            "history Work --page 2",
            "verify",
            "why ~/Work/a.txt",
            "keep Work --days forever --bytes 20GB",
            "restore ~/Work/a.txt",
            "restore ~/Work/a.txt --version 1a2b3c4d",
            "restore ~/Work --at 14:02 --dry-run",
            "restore ~/Work --at yesterday --yes",
            "config set lan-only true",
            "config set bootstrap a b",
            "config get name",
            "serve --port 0 --listen 127.0.0.1:0 --name Ana --no-mdns",
            "people Work add ben --role viewer",
            "people Work remove ben",
            "pair ben --code 402-918",
            "resume",
            "resume Work",
            "resume Work --here",
            "resume Work --at /srv/work --take-over",
            "share ~/Work --take-over",
            "join Work --at /srv/work --take-over",
            "demo --headless",
            "--home /tmp/a quit",
            "quit --home /tmp/a",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn what_makes_no_sense_is_wrong_usage() {
        for line in [
            "",
            "burn",
            "pair ben --invite",
            "pair --answer ben",
            "pair --code 123456",
            "pair ben --code 123",
            "pair ben --code 12345x",
            "resume --here",
            "resume Work --here --at /srv/work",
            "held Work",
            "held Work burn",
            "share ~/Work --role owner",
            "history --page 0",
            "restore a --version 1a2b --at 14:02",
            "serve --listen nowhere",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
