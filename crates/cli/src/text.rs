//! Sizes, times and names, the way people read them and no terminal is fooled by them.

use shoal_node::view::{PathKind, Platform, Role};

/// Longest name from others that is printed, in characters.
const NAME_CHARS_MAX: usize = 120;

/// Makes a text from others safe: nothing in it can move the cursor, change colours or turn the line around.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == NAME_CHARS_MAX {
            safe.push('…');
            break;
        }
        if is_unsafe(letter) {
            safe.push_str(&format!("⟨U+{:04X}⟩", u32::from(letter)));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// A name as it is typed as one argument in a shell; none if that is not safe or would not be the whole name.
pub(crate) fn argument(name: &str) -> Option<String> {
    let is_bare = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/' | '~');
    if name.is_empty() || name.starts_with('-') || name.contains('\'') || plain(name) != name {
        return None;
    }
    Some(if name.chars().all(is_bare) { name.to_owned() } else { format!("'{name}'") })
}

fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A size in decimal units: `8.2 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.5 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How long something takes: `about 33 s`, `about 5 min`.
pub(crate) fn left(seconds: u32) -> String {
    match seconds {
        0..90 => format!("about {seconds} s"),
        90..5400 => format!("about {} min", seconds.div_ceil(60)),
        _ => format!("about {} h", seconds.div_ceil(3600)),
    }
}

/// When something was, by the clock of this place.
pub(crate) fn moment(ms: u64) -> String {
    let stamp = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    match stamp {
        Some(stamp) => stamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => "?".to_owned(),
    }
}

/// When something was, short under a day: `14:02`.
pub(crate) fn since(ms: u64, now: u64) -> String {
    let full = moment(ms);
    let is_today = full.get(..10) == moment(now).get(..10);
    let part = if is_today { full.get(11..16) } else { full.get(..16) };
    part.unwrap_or(&full).to_owned()
}

/// What a member may do.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Editor => "may edit",
        Role::Viewer => "may read",
        Role::Keeper => "keeps sealed copies",
    }
}

/// How a connection goes.
pub(crate) fn path(path: PathKind) -> &'static str {
    match path {
        PathKind::Lan => "LAN",
        PathKind::Direct => "direct",
        PathKind::HolePunched => "hole-punched",
        PathKind::Relayed => "relayed",
    }
}

/// The system a device runs.
pub(crate) fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux => "Linux",
        Platform::Macos => "macOS",
        Platform::Windows => "Windows",
        Platform::Other => "computer",
    }
}

/// The first characters of an id: enough to type.
pub(crate) fn short(id: &str) -> &str {
    // All peer ids begin alike; their end tells them apart.
    if id.starts_with("12D3Koo") {
        id.get(id.len().saturating_sub(8)..).unwrap_or(id)
    } else {
        id.get(..8).unwrap_or(id)
    }
}

/// Lines up columns; the last one is as long as it is.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0))
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let padded = cells.map(|(column, cell)| format!("{cell:width$}", width = widths[column]));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_reaches_the_terminal_as_a_command() {
        assert_eq!(plain("a\x1b[2Jb"), "a⟨U+001B⟩[2Jb");
        assert_eq!(plain("photo\u{202e}gpj.exe"), "photo⟨U+202E⟩gpj.exe");
        assert_eq!(plain("one\ntwo\u{9b}31m"), "one⟨U+000A⟩two⟨U+009B⟩31m");
        assert_eq!(plain("Ünï 日本 👩\u{200d}👧"), "Ünï 日本 👩\u{200d}👧");
        assert!(plain(&"x".repeat(500)).chars().count() <= NAME_CHARS_MAX + 1);
    }

    #[test]
    fn sizes_are_decimal() {
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (8_200_000_000, "8.2 GB"),
            (999_999, "1.0 MB"),
            (214_000_000, "214 MB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "x".to_owned()], vec!["long".to_owned(), "y".to_owned()]];
        assert_eq!(columns(&rows), ["a     x", "long  y"]);
    }
}
