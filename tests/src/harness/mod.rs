//! Real `shoal serve` processes with homes of their own, asked through their sockets and commands, always ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub mod acts;
mod socket;
pub mod tree;

/// Longest wait for anything: generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// How often is looked whether something happened.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A place for everything of one test, removed at its end.
pub struct World {
    dir: tempfile::TempDir,
}

impl Default for World {
    fn default() -> Self {
        World::new()
    }
}

impl World {
    /// A place on the disk.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("shoal-e2e-").tempdir().expect("a temporary directory");
        World { dir }
    }

    /// A place in memory where there is one: what is synced there costs nothing.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let made = tempfile::Builder::new().prefix("shoal-e2e-").tempdir_in(memory);
        made.map_or_else(|_| World::new(), |dir| World { dir })
    }

    /// A place in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A directory that is there.
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// Starts a Shoal that looks for nobody by itself and listens on loopback.
    pub fn start(&self, name: &'static str) -> Shoal {
        self.start_with(name, &["--no-mdns"])
    }

    /// Starts a Shoal with further arguments of `shoal serve`.
    pub fn start_with(&self, name: &'static str, args: &[&str]) -> Shoal {
        let mut shoal = self.prepare(name, args);
        shoal.start();
        shoal
    }

    /// A Shoal that does not run yet.
    pub fn prepare(&self, name: &'static str, args: &[&str]) -> Shoal {
        Shoal {
            name,
            home: self.dir(&format!("{name}-home")),
            run: self.dir("run"),
            downloads: self.dir(&format!("{name}-received")),
            port: 0,
            is_free: false,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            user: None,
            program: None,
            is_blind: false,
            child: None,
        }
    }
}

/// One person's Shoal.
pub struct Shoal {
    pub name: &'static str,
    pub home: PathBuf,
    /// Where instances of one test find each other, and nobody else.
    pub run: PathBuf,
    pub downloads: PathBuf,
    /// Where it listens; kept over a restart. 0 for any.
    pub port: u16,
    /// It is told nothing about where to listen, as by most people.
    pub is_free: bool,
    /// Further arguments of `shoal serve`.
    pub args: Vec<String>,
    /// Whom it runs as, if that is not who runs the test.
    pub user: Option<u32>,
    /// The program it is, if that is not where it was built.
    pub program: Option<PathBuf>,
    /// It may not watch directories, as where the system's limit is used up.
    pub is_blind: bool,
    child: Option<Child>,
}

impl Shoal {
    /// Starts it and waits until it says that it serves.
    pub fn start(&mut self) {
        let command = self.serve_command();
        assert!(self.try_start(command), "{} did not start: {}", self.name, self.log());
        // It may have taken another one than it was told to.
        self.port = port_of(&self.address());
    }

    /// Starts it by a command that may be [`Shoal::serve_command`] under another program; says whether it serves.
    pub fn try_start(&mut self, mut command: Command) -> bool {
        assert!(self.child.is_none(), "{} runs", self.name);
        let mut child = command.spawn().expect("a command starts");
        let stdout = child.stdout.take().expect("an output");
        self.child = Some(child);
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        if !line.contains("\"serving\"") {
            self.kill();
            return false;
        }
        if self.port == 0 {
            self.port = port_of(&self.address());
        }
        true
    }

    /// `shoal serve` with all its arguments, its words piped.
    pub fn serve_command(&self) -> Command {
        let mut command = self.command(&["serve", "--port", "0", "--name", self.name]);
        if !self.is_free {
            command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        }
        command.arg("--downloads").arg(&self.downloads).args(&self.args);
        // What it says while it runs is in its log; a pipe that nobody reads would fill.
        command.stderr(Stdio::null());
        command
    }

    /// A command of this home.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = self.program.clone().unwrap_or_else(program);
        let mut command = if self.is_blind { without_watching(&program) } else { Command::new(program) };
        command.arg("--home").arg(&self.home).arg("--json").args(args);
        command.env_remove("SHOAL_HOME").env_remove("SHOAL_JSON").env("XDG_RUNTIME_DIR", &self.run);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        command
    }

    /// Runs a command to its end, however that is.
    pub fn try_run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("a command runs")
    }

    /// Runs a command that must succeed and reads what it prints.
    pub fn run(&self, args: &[&str]) -> Value {
        let output = self.try_run(args);
        let (said, words) = (json(&output), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "{}: shoal {}: {said} {words}", self.name, args.join(" "));
        said
    }

    /// Starts a command, types a line, and goes on while it works.
    pub fn typing(&self, args: &[&str]) -> Typing {
        let child = self.command(args).stdin(Stdio::piped()).spawn().expect("a command starts");
        Typing { child }
    }

    /// All there is to see.
    pub fn view(&self) -> Value {
        self.try_view().unwrap_or_else(|error| panic!("{} does not answer: {error}\n{}", self.name, self.log()))
    }

    pub fn try_view(&self) -> std::io::Result<Value> {
        socket::get(&self.socket(), "/api/view")
    }

    fn socket(&self) -> PathBuf {
        self.home.join("run/shoal.sock")
    }

    /// Waits until the view shows something.
    pub fn until<T>(&self, what: &str, mut find: impl FnMut(&Value) -> Option<T>) -> T {
        let mut last = Value::Null;
        let found = try_until(PATIENCE, || {
            last = self.view();
            find(&last)
        });
        found.unwrap_or_else(|| panic!("{}: no {what} in time\n{last:#}\n{}", self.name, self.log()))
    }

    /// An address the others can dial.
    pub fn address(&self) -> String {
        self.until("address", |view| {
            let all = view["me"]["addresses"].as_array()?;
            all.iter().filter_map(Value::as_str).find(|text| text.contains("/tcp/")).map(str::to_owned)
        })
    }

    pub fn id(&self) -> String {
        self.view()["me"]["id"].as_str().expect("an id").to_owned()
    }

    /// Stops it like a person does.
    pub fn quit(&mut self) {
        self.run(&["quit"]);
        let mut child = self.child.take().expect("it runs");
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{} did not stop well: {status}\n{}", self.name, self.log());
    }

    /// Ends it without a word, as a power cut does.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let _ = child.kill();
        child.wait().expect("it ended");
    }

    /// Which process it is; none if it was not started.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_none()))
    }

    /// Memory it holds, in bytes; none where the system does not tell.
    pub fn memory(&self) -> Option<u64> {
        let id = self.child.as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }

    fn process_text(&self) -> String {
        self.process().expect("it runs").to_string()
    }

    /// How many file handles it has.
    pub fn handles(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process_text())).expect("a list").count()
    }

    /// Allows it so many file handles from now on.
    pub fn limit_handles(&self, count: usize) {
        let limit = format!("--nofile={count}:4096");
        let done = Command::new("prlimit").args(["--pid", &self.process_text(), &limit]).status();
        assert!(done.is_ok_and(|status| status.success()), "limited");
    }

    /// Asks it to end, as the system does at the end of a session; says how long that took.
    pub fn end(&mut self) -> Duration {
        let begun = Instant::now();
        let asked = Command::new("kill").args(["-TERM", &self.process_text()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "asked");
        let status = self.child.take().expect("it runs").wait().expect("it ended");
        assert!(status.success(), "{} did not end well: {status}\n{}", self.name, self.log());
        begun.elapsed()
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("state/logs/shoal.log")).unwrap_or_default()
    }
}

impl Drop for Shoal {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A command that waits for somebody to type.
pub struct Typing {
    child: Child,
}

impl Typing {
    /// Types a line and waits for the end.
    pub fn type_line(mut self, line: &str) -> Output {
        let mut keyboard = self.child.stdin.take().expect("an input");
        keyboard.write_all(format!("{line}\n").as_bytes()).expect("typed");
        drop(keyboard);
        self.child.wait_with_output().expect("it ends")
    }
}

/// The first line of data that a command printed.
pub fn json(output: &Output) -> Value {
    let mut lines = output.stdout.split(|byte| *byte == b'\n');
    lines.find_map(|line| serde_json::from_slice(line).ok()).unwrap_or_default()
}

/// Waits until something is so.
pub fn until<T>(what: &str, find: impl FnMut() -> Option<T>) -> T {
    try_until(PATIENCE, find).unwrap_or_else(|| panic!("no {what} in time"))
}

/// Waits until something is so, or for as long as is said.
pub fn try_until<T>(longest: Duration, mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let is_late = start.elapsed() > longest;
        let found = find();
        if found.is_some() || is_late {
            return found;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn port_of(address: &str) -> u16 {
    let port = address.split('/').skip_while(|part| *part != "tcp").nth(1);
    port.and_then(|port| port.parse().ok()).expect("a port")
}

/// A command in a user namespace in which nothing can be watched.
fn without_watching(program: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = r#"echo 0 > /proc/sys/user/max_inotify_instances && exec "$0" "$@""#;
    command.args(["--user", "--map-root-user", "sh", "-c", script]).arg(program);
    command
}

/// The `shoal` that was built beside this program, or one directory above it, where tests are built.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("this program's place");
    let name = format!("shoal{}", std::env::consts::EXE_SUFFIX);
    let found = own.ancestors().skip(1).take(2).map(|dir| dir.join(&name)).find(|program| program.is_file());
    found.unwrap_or_else(|| {
        let place = own.display();
        panic!("These tests need the shoal program. Build it first: cargo build -p shoal-cli (none beside {place})")
    })
}

/// Writes a file below a directory, making what is between.
pub fn write(dir: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    std::fs::write(path, bytes).expect("a written file");
}

/// The text of a file below a directory.
pub fn read(dir: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(dir.join(path)).ok()
}

/// Bytes that do not compress, differ by seed, and are the same each time.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    source(seed).fill(&mut bytes);
    bytes
}

/// Writes a large file of such bytes.
pub fn big(path: &Path, seed: u64, length: u64) {
    let file = std::fs::File::create(path).expect("a file");
    std::io::copy(&mut source(seed).take(length), &mut &file).expect("a written file");
}

fn source(seed: u64) -> blake3::OutputReader {
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof()
}

/// The hash of a file's bytes.
pub fn hash(path: &Path) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut file = std::fs::File::open(path).expect("a file");
    std::io::copy(&mut file, &mut hasher).expect("a read file");
    hasher.finalize()
}
