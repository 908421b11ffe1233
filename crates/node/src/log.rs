//! Logs: structured, rolling, and without names unless `SHOAL_LOG` asks for them.

use std::fmt::{self, Debug};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing::field::{Field, Visit};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// The environment's way to ask for more: a filter such as `debug` or `shoal_node=trace`.
pub const LOG_VARIABLE: &str = "SHOAL_LOG";

/// Largest log file, in bytes: one can still be opened in an editor.
const FILE_BYTES_MAX: u64 = 10 * 1000 * 1000;

/// Most log files: some days of an ordinary life.
const FILES_MAX: usize = 5;

/// What is logged when nobody asks for more.
const USUAL_FILTER: &str = "warn,shoal_node=info,shoal_net=info,shoal_disk=info,shoal_store=info,libp2p_mdns=error";

/// Texts that are never about a person; every other text is masked.
const PLAIN_FIELDS: [&str; 12] = [
    "code",
    "kind",
    "state",
    "reason",
    "stage",
    "event",
    "effect",
    "version",
    "transport",
    "role",
    "direction",
    "trace",
];

/// Keeps the log going; what is left is written when it is dropped.
pub struct Log {
    _worker: WorkerGuard,
}

/// Starts the log of this process in `dir`. Later calls in one process change nothing.
pub fn start(dir: &Path) -> io::Result<Log> {
    let wanted = std::env::var(LOG_VARIABLE).ok().filter(|text| !text.is_empty());
    let file = Rolling::open(dir, FILE_BYTES_MAX)?;
    let (writer, worker) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::new(wanted.as_deref().unwrap_or(USUAL_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    // A second start in one process (tests) keeps the first log; that is no failure.
    let _ = if wanted.is_some() { builder.try_init() } else { builder.fmt_fields(Masked).try_init() };
    Ok(Log { _worker: worker })
}

/// Writes fields without anything that names a person, a file or a place.
struct Masked;

impl<'writer> FormatFields<'writer> for Masked {
    fn format_fields<R: RecordFields>(&self, out: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line { out, is_begun: false, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

/// Fields on their way into one line.
struct Line<'writer> {
    out: Writer<'writer>,
    is_begun: bool,
    result: fmt::Result,
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let gap = if self.is_begun { " " } else { "" };
        self.is_begun = true;
        self.result = self
            .result
            .and_then(|()| self.out.write_str(gap))
            .and_then(|()| write_field(&mut self.out, field.name(), &format!("{value:?}")));
    }
}

fn write_field(out: &mut dyn fmt::Write, name: &str, value: &str) -> fmt::Result {
    if name == "message" {
        return out.write_str(&mask(value));
    }
    let is_number = value.parse::<f64>().is_ok() || matches!(value, "true" | "false" | "None");
    if is_number || PLAIN_FIELDS.contains(&name) {
        write!(out, "{name}={value}")
    } else {
        write!(out, "{name}=‹masked›")
    }
}

/// Hides each word that looks like a path, an address, an id or a quoted name.
fn mask(text: &str) -> String {
    let hide = |word: &str| {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '/');
        bare.contains('/')
            || bare.contains('\\')
            || bare.starts_with("12D3Koo")
            || word.contains(['"', '“', '”'])
            || bare.parse::<std::net::IpAddr>().is_ok()
            || bare.parse::<std::net::SocketAddr>().is_ok()
    };
    let words = text.split(' ').map(|word| if hide(word) { "‹masked›" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A file that starts anew when it is full and keeps its last few predecessors.
struct Rolling {
    dir: PathBuf,
    file: File,
    written: u64,
    bytes_max: u64,
}

impl Rolling {
    fn open(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let file = OpenOptions::new().create(true).append(true).open(Self::path(dir, 0))?;
        Ok(Self { written: file.metadata()?.len(), dir: dir.to_owned(), file, bytes_max })
    }

    fn path(dir: &Path, age: usize) -> PathBuf {
        match age {
            0 => dir.join("shoal.log"),
            _ => dir.join(format!("shoal.{age}.log")),
        }
    }

    fn roll(&mut self) -> io::Result<()> {
        for age in (0..FILES_MAX - 1).rev() {
            let from = Self::path(&self.dir, age);
            if from.exists() {
                fs::rename(from, Self::path(&self.dir, age + 1))?;
            }
        }
        self.file = File::create(Self::path(&self.dir, 0))?;
        self.written = 0;
        Ok(())
    }
}

impl Write for Rolling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written > 0 && self.written + bytes.len() as u64 > self.bytes_max {
            self.roll()?;
        }
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_names_no_person_file_or_address() {
        let line = |name: &str, value: &str| {
            let mut out = String::new();
            write_field(&mut out, name, value).expect("text");
            out
        };
        assert_eq!(line("count", "12"), "count=12");
        assert_eq!(line("code", "NET-01"), "code=NET-01");
        assert_eq!(line("name", "\"Ben\""), "name=‹masked›");
        assert_eq!(line("path", "\"/home/ben/secret\""), "path=‹masked›");
        assert_eq!(
            line("message", "dialed 192.168.1.4:4001 of 12D3KooWabc via /ip4/1.2.3.4, 3 ms"),
            "dialed ‹masked› of ‹masked› via ‹masked› 3 ms"
        );
        assert_eq!(line("message", "cannot read \"a.txt\""), "cannot read ‹masked›");
    }

    #[test]
    fn a_full_log_starts_anew_and_keeps_four_old_ones() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut log = Rolling::open(dir.path(), 10).expect("a log");
        for number in 0..9 {
            log.write_all(format!("line {number}.\n").as_bytes()).expect("written");
        }
        let newest = fs::read_to_string(dir.path().join("shoal.log")).expect("a log");
        assert_eq!(newest, "line 8.\n");
        let oldest = fs::read_to_string(dir.path().join("shoal.4.log")).expect("a log");
        assert_eq!(oldest, "line 4.\n");
        assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), FILES_MAX);
    }
}
