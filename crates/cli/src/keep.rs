//! `shoal keep`: how long a folder keeps what was replaced or removed, and what that takes.

use serde_json::json;
use shoal_node::command::Command;
use shoal_node::view::{FolderKept, KeepFor};

use crate::acts::Session;
use crate::args::Keep;
use crate::failure::Failure;
use crate::find;
use crate::text::{self, plain};

/// Shows or changes what a folder keeps.
pub(crate) async fn run(session: &Session, asked: Keep) -> Result<(), Failure> {
    let view = session.client.view().await?;
    let folder = find::folder(&view, &asked.folder)?;
    if asked.days.is_none() && asked.bytes.is_none() {
        let line = format!("{}: {}", plain(&folder.name), line(&folder.kept));
        return session.out.data("keep", json!({"folder": folder.id, "kept": folder.kept}), &[line]);
    }
    let mut keep = folder.kept.keep;
    match asked.days.as_deref() {
        None => {}
        Some("forever") => (keep.days, keep.forever) = (None, true),
        Some("default") => (keep.days, keep.forever) = (None, false),
        Some(days) => {
            let days = days.parse().map_err(|_| Failure::usage("Days are a number, forever or default."))?;
            (keep.days, keep.forever) = (Some(days), false);
        }
    }
    match asked.bytes.as_deref() {
        None => {}
        Some("default") => keep.bytes = None,
        Some(size) => {
            keep.bytes = Some(bytes(size).ok_or_else(|| Failure::usage("A size is like 500MB, 20GB or default."))?)
        }
    }
    let words = format!("Set: {}.", words(keep));
    session.act(Command::SetKeep { folder: folder.id.clone(), keep }, &words).await
}

/// What is kept, in one line.
pub(crate) fn line(kept: &FolderKept) -> String {
    let versions = text::count(kept.versions, "kept version", "kept versions");
    format!("{versions}, {} ({})", text::bytes(kept.bytes), words(kept.keep))
}

fn words(keep: KeepFor) -> String {
    let time = match (keep.forever, keep.days) {
        (true, _) => "for ever".to_owned(),
        (false, days) => format!("for {}", text::count(u64::from(days.unwrap_or(30)), "day", "days")),
    };
    let most = keep.bytes.map_or_else(|| "a quarter of the folder or 10.7 GB".to_owned(), text::bytes);
    format!("{time}, at most {most}")
}

/// A size such as `500MB`, `20 GB` or `1.5GiB`.
fn bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 9] = [
        ("kib", 1024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("tib", 1_099_511_627_776.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("tb", 1e12),
        ("b", 1.0),
    ];
    let text = text.trim().to_lowercase();
    let (number, unit) =
        UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size))).unwrap_or((&text, 1.0));
    let number: f64 = number.trim().parse().ok()?;
    let size = number * unit;
    (0.0..9e15).contains(&size).then_some(size as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, size) in [("500MB", 500_000_000), ("20 GB", 20_000_000_000), ("1.5gib", 1_610_612_736), ("7", 7)] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "GB", "-1MB", "many"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
