//! Makes the n-th system call of a program fail, or kills the program there, by strace.
//!
//! strace counts for each thread by itself. So one injection hits the n-th call of every thread that gets so far: an
//! error is met once per such thread, a kill by the first. What was hit is read from what strace wrote down.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::try_until;

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The program is killed just before it.
    Kill,
    /// It fails with this error and does nothing.
    Error(&'static str),
}

/// Which calls, and what happens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    pub call: &'static str,
    /// The first call of each thread to which it happens, counted from 1.
    pub first: u64,
    /// Every how many calls it happens again; once if there is none.
    pub step: Option<u64>,
    pub what: What,
    /// Only calls on these files count; all if there are none.
    pub on: Vec<PathBuf>,
}

impl Injection {
    /// As strace is told, and as a person may tell it too.
    pub fn rule(&self) -> String {
        let what = match self.what {
            What::Kill => "signal=KILL".to_owned(),
            What::Error(name) => format!("error={name}"),
        };
        let step = self.step.map_or(String::new(), |step| format!("+{step}"));
        format!("inject={}:{what}:when={}{step}", self.call, self.first)
    }
}

/// Whether this computer has strace and lets it attach.
pub fn is_there() -> bool {
    let works = Command::new("strace").args(["-f", "-e", "trace=none", "true"]).stderr(Stdio::null()).status();
    works.is_ok_and(|status| status.success())
}

/// strace at work on a running program.
#[derive(Debug)]
pub struct Strace {
    child: Child,
    notes: PathBuf,
}

impl Strace {
    /// Attaches to all threads of a process; what is counted begins here.
    pub fn attach(process: u32, injection: &Injection, notes: &Path) -> Option<Strace> {
        let mut command = words(injection, notes);
        command.args(["-p", &process.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let mut said = BufReader::new(child.stderr.take()?).lines();
        let is_attached = said.any(|line| line.is_ok_and(|line| line.contains("attached")));
        // The rest of what it says must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        let strace = Strace { child, notes: notes.to_owned() };
        is_attached.then_some(strace)
    }

    /// Lets the program go on alone, and says which calls were hit, as strace wrote them.
    pub fn detach(mut self) -> Vec<String> {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if try_until(Duration::from_secs(5), || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        hits(&self.notes)
    }
}

/// Puts strace before a command that is to be started.
pub fn before(command: &Command, injection: &Injection, notes: &Path) -> Command {
    let mut traced = words(injection, notes);
    // The program stays the child of whoever starts it, so that ending the child ends the program.
    traced.args(["-D", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    traced
}

/// The calls that were hit, as strace wrote them down.
pub fn hits(notes: &Path) -> Vec<String> {
    let text = fs::read_to_string(notes).unwrap_or_default();
    let is_hit = |line: &&str| line.contains("(INJECTED)") || line.contains("killed by SIGKILL");
    text.lines().filter(is_hit).map(str::to_owned).collect()
}

fn words(injection: &Injection, notes: &Path) -> Command {
    let _ = fs::remove_file(notes);
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-o"]).arg(notes);
    command.args(["-e", &format!("trace={}", injection.call), "-e", &injection.rule()]);
    for path in &injection.on {
        command.arg("-P").arg(path);
    }
    command
}
