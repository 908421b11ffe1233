//! Offered files: their kind by name, and what a person should know before taking one.

use std::collections::BTreeMap;

use shoal_engine::message;

use super::names::is_hidden;
use super::{count, number};
use crate::snapshot::PlaceFacts;
use crate::view::{ItemKind, ItemWarning, KindTotal, OfferItem};

/// Gaps before an ending that only serve to push it out of sight.
const GAP_CHARS: usize = 5;

/// Endings by kind. Only for showing; nothing is ever opened because of them.
const ENDINGS: [(ItemKind, &[&str]); 6] = [
    (
        ItemKind::Program,
        &[
            "exe",
            "msi",
            "msix",
            "bat",
            "cmd",
            "com",
            "scr",
            "pif",
            "cpl",
            "msc",
            "ps1",
            "psm1",
            "vbs",
            "vbe",
            "js",
            "jse",
            "mjs",
            "wsf",
            "wsh",
            "hta",
            "lnk",
            "reg",
            "scf",
            "inf",
            "url",
            "jar",
            "sh",
            "bash",
            "zsh",
            "fish",
            "csh",
            "ksh",
            "command",
            "tool",
            "app",
            "workflow",
            "desktop",
            "run",
            "bin",
            "appimage",
            "flatpakref",
            "snap",
            "deb",
            "rpm",
            "dmg",
            "pkg",
            "apk",
            "xapk",
            "ipa",
            "py",
            "pyw",
            "pyz",
            "pl",
            "rb",
            "php",
            "lua",
            "tcl",
            "awk",
            "applescript",
            "scpt",
            "dll",
            "so",
            "dylib",
            "sys",
            "xll",
            "docm",
            "xlsm",
            "pptm",
            "dotm",
            "xlam",
            "chm",
            "gadget",
            "application",
            "vb",
            "ws",
        ],
    ),
    (
        ItemKind::Picture,
        &[
            "jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "heif", "bmp", "tif", "tiff", "svg", "ico", "psd",
            "raw", "cr2", "cr3", "nef", "arw", "dng", "xcf", "jxl",
        ],
    ),
    (ItemKind::Video, &["mp4", "mkv", "mov", "avi", "webm", "m4v", "mpg", "mpeg", "wmv", "flv", "ts", "3gp", "ogv"]),
    (ItemKind::Sound, &["mp3", "flac", "wav", "ogg", "opus", "m4a", "aac", "wma", "aiff", "mid", "midi"]),
    (
        ItemKind::Document,
        &[
            "pdf", "txt", "md", "doc", "docx", "odt", "rtf", "xls", "xlsx", "ods", "csv", "ppt", "pptx", "odp", "epub",
            "mobi", "html", "htm", "tex", "pages", "numbers", "key",
        ],
    ),
    (ItemKind::Archive, &["zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "iso", "cab", "lz4"]),
];

/// Draws one item of an offer; `index` is its place in the whole list.
pub(crate) fn show(index: usize, item: &message::OfferItem, place: Option<&PlaceFacts>) -> OfferItem {
    let index = count(index);
    OfferItem {
        index,
        path: item.path.to_string(),
        size: number(item.size),
        kind: kind_of(item),
        warnings: warnings_of(item),
        saved_as: place.and_then(|place| place.saved_as.get(&index).cloned()),
        trouble: None,
    }
}

/// How much of an offer is of each kind, in the order of the kinds.
pub(crate) fn totals(items: &[message::OfferItem]) -> Vec<KindTotal> {
    let mut totals: BTreeMap<u8, KindTotal> = BTreeMap::new();
    for item in items {
        let kind = kind_of(item);
        let total = totals.entry(kind as u8).or_insert(KindTotal { kind, count: 0, bytes: 0 });
        total.count = total.count.saturating_add(1);
        total.bytes = number(total.bytes.saturating_add(item.size));
    }
    totals.into_values().collect()
}

fn kind_of(item: &message::OfferItem) -> ItemKind {
    if item.is_directory {
        return ItemKind::Folder;
    }
    match ending_of(item.path.name()).and_then(kind_of_ending) {
        Some(kind) => kind,
        None if item.executable => ItemKind::Program,
        None => ItemKind::Other,
    }
}

fn warnings_of(item: &message::OfferItem) -> Vec<ItemWarning> {
    let name = item.path.name();
    let is_program = !item.is_directory && (kind_of(item) == ItemKind::Program || item.executable);
    let in_program = item.path.ancestors().any(|dir| is_bundle(dir.name()));
    let has_two = is_program && has_two_endings(name);
    let is_hiding = item.path.as_str().chars().any(is_hidden) || has_wide_gap(name);
    let warnings = [
        (is_program || in_program, ItemWarning::Program),
        (has_two, ItemWarning::DoubleExtension),
        (is_hiding, ItemWarning::HiddenCharacters),
    ];
    let given = warnings.into_iter().filter(|(is_so, _)| *is_so);
    given.map(|(_, warning)| warning).collect()
}

/// The ending after the last dot, as the system that opens the file reads it.
fn ending_of(name: &str) -> Option<String> {
    // Windows drops dots and blanks at the end of a name.
    let (stem, ending) = name.trim_end_matches(['.', ' ']).rsplit_once('.')?;
    let ending: String = ending.chars().filter(|letter| !is_hidden(*letter)).collect();
    (!stem.is_empty()).then(|| ending.trim().to_lowercase())
}

fn kind_of_ending(ending: String) -> Option<ItemKind> {
    let found = ENDINGS.iter().find(|(_, endings)| endings.contains(&ending.as_str()));
    found.map(|(kind, _)| *kind)
}

/// `invoice.pdf.exe`: the ending that is believed comes before the one that counts.
fn has_two_endings(name: &str) -> bool {
    let stem = name.trim_end_matches(['.', ' ']).rsplit_once('.').map(|(stem, _)| stem.trim_end());
    stem.and_then(ending_of).and_then(kind_of_ending).is_some()
}

fn has_wide_gap(name: &str) -> bool {
    let gaps = name.split(|letter: char| !letter.is_whitespace());
    gaps.into_iter().any(|gap| gap.chars().count() >= GAP_CHARS)
}

/// Folders that macOS opens as a program.
fn is_bundle(name: &str) -> bool {
    ending_of(name).is_some_and(|ending| matches!(ending.as_str(), "app" | "workflow"))
}

#[cfg(test)]
mod tests {
    use shoal_engine::path::RelPath;

    use super::*;

    fn item(path: &str) -> message::OfferItem {
        message::OfferItem {
            path: RelPath::parse(path).expect("a path"),
            size: 10,
            is_directory: false,
            executable: false,
            modified: 0,
        }
    }

    #[test]
    fn what_looks_harmless_and_is_not_carries_a_warning() {
        use ItemWarning::{DoubleExtension, HiddenCharacters, Program};
        let cases: [(&str, ItemKind, &[ItemWarning]); 16] = [
            ("report.pdf", ItemKind::Document, &[]),
            ("a/b/film.MKV", ItemKind::Video, &[]),
            ("archive.tar.gz", ItemKind::Archive, &[]),
            ("setup.sh", ItemKind::Program, &[Program]),
            ("setup.EXE", ItemKind::Program, &[Program]),
            ("setup.exe. .", ItemKind::Program, &[Program]),
            ("invoice.pdf.exe", ItemKind::Program, &[Program, DoubleExtension]),
            ("invoice.pdf .js", ItemKind::Program, &[Program, DoubleExtension]),
            ("v1.2.sh", ItemKind::Program, &[Program]),
            ("photo\u{202e}gpj.exe", ItemKind::Program, &[Program, HiddenCharacters]),
            ("photo.jpg\u{200b}", ItemKind::Picture, &[HiddenCharacters]),
            ("photo.jpg            .exe", ItemKind::Program, &[Program, DoubleExtension, HiddenCharacters]),
            ("Game.app/Contents/x.txt", ItemKind::Document, &[Program]),
            (".bashrc", ItemKind::Other, &[]),
            ("family 👨\u{200d}👩\u{200d}👧.jpg", ItemKind::Picture, &[]),
            ("a\tb.txt", ItemKind::Document, &[HiddenCharacters]),
        ];
        for (path, kind, warnings) in cases {
            let shown = show(3, &item(path), None);
            assert_eq!((shown.kind, shown.warnings.as_slice()), (kind, warnings), "{path:?}");
        }
    }

    #[test]
    fn an_executable_bit_makes_a_program() {
        let mut tool = item("tool");
        tool.executable = true;
        assert_eq!(kind_of(&tool), ItemKind::Program);
        let mut picture = item("cat.png");
        picture.executable = true;
        assert_eq!(warnings_of(&picture), [ItemWarning::Program,]);
    }

    #[test]
    fn totals_count_each_kind_once() {
        let items = [item("a.png"), item("b.png"), item("c.txt")];
        let totals = totals(&items);
        assert_eq!(totals.len(), 2);
        assert_eq!((totals[0].kind, totals[0].count, totals[0].bytes), (ItemKind::Picture, 2, 20));
    }
}
