//! Names: what conflict copies are called, which links leave the folder, how a path is written on one line.

use shoal_engine::limits::PATH_PART_BYTES_MAX;
use shoal_engine::observe::Fingerprint;
use shoal_engine::path::{PRIVATE_DIR, RelPath};
use shoal_engine::time::civil;

/// The name beside `path` under which a file that nobody had seen is kept: `budget (found here, 2026-11-23 09.40, a1b2).ods`.
///
/// A later `attempt` gives another name, for when the first is taken.
pub(crate) fn conflict_copy(path: &RelPath, print: &Fingerprint, attempt: u32) -> Option<RelPath> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(path.as_str().as_bytes());
    for number in [print.size, print.modified_ns.cast_unsigned(), print.inode, u64::from(attempt)] {
        hasher.update(&number.to_le_bytes());
    }
    let tag = hasher.finalize().to_hex();
    let suffix = format!(" (found here, {}, {})", minute(print.modified_ns), &tag.as_str()[..4]);
    let (stem, extension) = split_extension(path.name());
    let room = PATH_PART_BYTES_MAX.saturating_sub(suffix.len() + extension.len());
    let cut = (0..=room.min(stem.len())).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or(0);
    let stem = &stem[..cut];
    path.with_name(&format!("{stem}{suffix}{extension}")).ok()
}

/// Whether a link at `path` with this text could lead out of the folder, or into Shoal's own directory.
///
/// `..` is only taken at the front: behind another part it could climb out of wherever a second link leads.
pub(crate) fn link_leaves(path: &RelPath, target: &str) -> bool {
    let depth = path.as_str().split('/').count() - 1;
    let parts: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let climbs = parts.iter().take_while(|part| **part == "..").count();
    let rest = &parts[climbs..];
    let is_ours = climbs == depth && rest.first() == Some(&PRIVATE_DIR);
    target.is_empty() || target.starts_with('/') || climbs > depth || rest.contains(&"..") || is_ours
}

/// Whether some part of the path is our own private name: such paths are listed, never touched.
///
/// A disk that folds names may also take `.SHOAL`, or a name with invisible characters in it, for ours.
pub(crate) fn is_ours(path: &RelPath, folds_names: bool) -> bool {
    let is_invisible = |char: &char| matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let is_taken_for_it = |part: &str| {
        let folded = part.chars().filter(|char| !is_invisible(char)).flat_map(char::to_lowercase);
        folds_names && folded.eq(PRIVATE_DIR.chars())
    };
    path.as_str().split('/').any(|part| part == PRIVATE_DIR || is_taken_for_it(part))
}

/// Text that goes on one line between tabs; [`unescape`] reads it back.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '%' | '\t' | '\n' | '\r' => escaped.push_str(&format!("%{:02x}", u32::from(char))),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// The text that [`escape`] wrote.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        plain.push(char::from(u8::from_str_radix(code, 16).ok()?));
        plain.push_str(rest);
    }
    Some(plain)
}

fn split_extension(name: &str) -> (&str, &str) {
    const EXTENSION_BYTES_MAX: usize = 16;
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= EXTENSION_BYTES_MAX => name.split_at(at),
        Some(_) | None => (name, ""),
    }
}

/// `2026-11-23 09.40`, in universal time.
fn minute(time_ns: i64) -> String {
    let minutes = time_ns.div_euclid(60 * 1_000_000_000);
    let (days, minute) = (minutes.div_euclid(24 * 60), minutes.rem_euclid(24 * 60));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}.{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("a plain path")
    }

    const PRINT: Fingerprint = Fingerprint { size: 5, modified_ns: 1_795_426_800_000_000_000, changed_ns: 0, inode: 7 };

    #[test]
    fn a_conflict_copy_says_when_and_keeps_the_extension() {
        let copy = conflict_copy(&path("a/budget.ods"), &PRINT, 0).expect("a name");
        assert!(copy.as_str().starts_with("a/budget (found here, 2026-11-23 09.40, "), "{copy}");
        assert!(copy.as_str().ends_with(").ods"));
        assert_ne!(conflict_copy(&path("a/budget.ods"), &PRINT, 1), Some(copy));
    }

    #[test]
    fn case_11_a_long_name_is_shortened_between_characters() {
        for name in ["ü".repeat(127), "x".repeat(255), format!("{}.ods", "€".repeat(83))] {
            let copy = conflict_copy(&path(&name), &PRINT, 0).expect("a name");
            assert!(copy.name().len() <= 255, "{copy}");
        }
    }

    #[test]
    fn case_58_links_that_could_leave_are_known() {
        for bad in ["/etc", "..", "../../x", "", "x/../../..", "x/..", "../.shoal/stage"] {
            assert!(link_leaves(&path("d/l"), bad) || bad == "..", "{bad}");
        }
        for good in ["x", "../x", "./x/y", "..", "x//y"] {
            assert!(!link_leaves(&path("d/l"), good), "{good}");
        }
        assert!(link_leaves(&path("l"), ".."));
    }

    #[test]
    fn case_16_our_own_name_is_known_in_every_disguise_the_disk_takes_for_it() {
        assert!(is_ours(&path("a/.shoal/b"), false));
        for disguised in [".SHOAL/stage", ".Sho\u{200d}al", "a/.shoa\u{feff}l"] {
            assert!(is_ours(&path(disguised), true) && !is_ours(&path(disguised), false), "{disguised}");
        }
        assert!(!is_ours(&path(".shoalignore"), true));
    }

    #[test]
    fn case_9_any_text_survives_a_line_of_the_log() {
        for text in ["", "a\tb\nc\r%d", "%", "ünï\u{202e}", "%25"] {
            assert_eq!(unescape(&escape(text)).as_deref(), Some(text));
            assert!(!escape(text).contains(['\t', '\n']));
        }
        assert_eq!(unescape("%zz"), None);
    }
}
