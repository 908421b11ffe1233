//! One person's Shoal in the demo: a child `shoal serve`, spoken to by real commands.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::failure::Failure;

/// How long any one step may take on a slow and busy computer.
const STEP_MAX: Duration = Duration::from_secs(120);

/// How often is looked whether a step is done.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A running `shoal serve` with a home of its own.
pub(super) struct Shoal {
    pub(super) name: &'static str,
    pub(super) home: PathBuf,
    pub(super) url: String,
    downloads: PathBuf,
    /// Kept over a restart, so that the other one finds it again.
    port: u16,
    child: Child,
}

impl Shoal {
    /// Starts one in `dir` on loopback.
    pub(super) async fn start(dir: &Path, name: &'static str) -> Result<Self, Failure> {
        let home = dir.join(format!("{}-home", name.to_lowercase()));
        let downloads = dir.join(format!("{}-received", name.to_lowercase()));
        std::fs::create_dir_all(&downloads)
            .map_err(|error| Failure::said(format!("Cannot make a directory: {error}")))?;
        let (child, url) = serve(&home, &downloads, name, 0).await?;
        let mut shoal = Self { name, home, url, downloads, port: 0, child };
        shoal.port = shoal.tcp_port().await?;
        Ok(shoal)
    }

    /// Starts it again after `quit`.
    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        (self.child, self.url) = serve(&self.home, &self.downloads, self.name, self.port).await?;
        Ok(())
    }

    /// Stops it by its own command.
    pub(super) async fn quit(&mut self) -> Result<(), Failure> {
        self.run(&["quit"]).await?;
        let ended = tokio::time::timeout(STEP_MAX, self.child.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err(Failure::said(format!("{}’s Shoal did not stop well.", self.name))),
        }
    }

    /// A command of this home, not started yet.
    pub(super) fn command(&self, args: &[&str]) -> Result<Command, Failure> {
        let mut command = program()?;
        command.arg("--home").arg(&self.home).arg("--json").args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs a command and reads what it prints.
    pub(super) async fn run(&self, args: &[&str]) -> Result<Value, Failure> {
        let output = self.command(args)?.output().await;
        let output = output.map_err(|error| Failure::said(format!("Cannot run a command: {error}")))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let command = args.join(" ");
            return Err(Failure::said(format!("{}: shoal {command}: {}", self.name, words.trim())));
        }
        Ok(output
            .stdout
            .split(|byte| *byte == b'\n')
            .find_map(|line| serde_json::from_slice(line).ok())
            .unwrap_or_default())
    }

    /// Runs a command again and again until what it prints is as wanted.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        args: &[&str],
        mut is_so: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            let value = self.run(args).await?;
            if let Some(found) = is_so(&value) {
                return Ok(found);
            }
            if start.elapsed() > STEP_MAX {
                return Err(Failure::said(format!("{}: {what} did not happen in time: {value}", self.name)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The address another home on this computer can dial.
    pub(super) async fn address(&self) -> Result<String, Failure> {
        let is_tcp = |address: &&Value| address.as_str().is_some_and(|text| text.contains("/tcp/"));
        self.until("listening", &["status"], |status| {
            let addresses = status["me"]["addresses"].as_array()?;
            addresses.iter().find(is_tcp)?.as_str().map(str::to_owned)
        })
        .await
    }

    async fn tcp_port(&self) -> Result<u16, Failure> {
        let address = self.address().await?;
        let port = address.split('/').skip_while(|part| *part != "tcp").nth(1);
        port.and_then(|port| port.parse().ok()).ok_or(Failure::Strange)
    }
}

fn program() -> Result<Command, Failure> {
    let exe = std::env::current_exe().map_err(|error| Failure::said(format!("Cannot find this program: {error}")))?;
    let mut command = Command::new(exe);
    command.kill_on_drop(true);
    command.env_remove("SHOAL_HOME").env_remove("SHOAL_JSON");
    Ok(command)
}

/// Starts `shoal serve` and waits until it says where.
async fn serve(home: &Path, downloads: &Path, name: &str, port: u16) -> Result<(Child, String), Failure> {
    let listen = format!("127.0.0.1:{port}");
    let mut command = program()?;
    command.arg("--home").arg(home).arg("serve").args(["--port", "0", "--name", name, "--no-mdns"]);
    command.arg("--listen").arg(listen).arg("--downloads").arg(downloads);
    // In a group of its own, Ctrl+C reaches only us, and we stop it in order.
    #[cfg(unix)]
    command.process_group(0);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| Failure::said(format!("Cannot start: {error}")))?;
    let stdout = child.stdout.take().ok_or(Failure::Strange)?;
    let mut lines = BufReader::new(stdout).lines();
    match tokio::time::timeout(STEP_MAX, lines.next_line()).await {
        Ok(Ok(Some(url))) => Ok((child, url)),
        Ok(_) | Err(_) => {
            Err(Failure::said(format!("{name}’s Shoal did not start. See the log in {}", home.display())))
        }
    }
}
