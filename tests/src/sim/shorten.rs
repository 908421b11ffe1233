//! Makes printed events readable: versions, fingerprints, contents and times as a few characters each.

/// Shortens what `Debug` writes of events and effects.
pub(super) fn shorten(line: &str) -> String {
    let line = inside(line, "ChainId { device: ", " }", |inner| {
        let (device, incarnation) = inner.split_once(", incarnation: ")?;
        Some(format!("{device}.{}", &incarnation[..incarnation.len().min(3)]))
    });
    let line = inside(&line, "VersionId { chain: ", " }", |inner| {
        let (chain, sequence) = inner.split_once(", sequence: ")?;
        Some(format!("{chain}:{sequence}"))
    });
    let line = inside(&line, "Fingerprint { ", " }", |inner| {
        let mut numbers = inner.split(", ").filter_map(|field| field.split_once(": ")).map(|(_, number)| last(number));
        let (_, _, changed, inode) = (numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?);
        Some(format!("#{inode}~{changed}"))
    });
    let line = inside(&line, "Noticed { path: ", " }", |inner| {
        let (path, is_settled) = inner.split_once(", is_settled: ")?;
        Some(format!("{path}{}", if is_settled == "true" { "" } else { "?" }))
    });
    let line = inside(&line, "modified: Timestamp(", ")", |_| Some("..".to_owned()));
    let line = inside(&line, "RelPath(", ")", |inner| Some(inner.to_owned()));
    [
        ("Materialised ", ""),
        ("folder: FOLDER, ", ""),
        ("scope: Folder(FOLDER), ", ""),
        ("executable: false, ", ""),
        (", ..", ""),
    ]
    .iter()
    .fold(line, |line, (long, short)| line.replace(long, short))
}

/// Names that stand for 16 hexadecimal digits, as ids of contents are printed.
pub(super) fn with_contents(line: &str, name: impl Fn(&str) -> Option<String>) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut word = String::new();
    for letter in line.chars().chain(['\0']) {
        if letter.is_ascii_hexdigit() && !letter.is_ascii_uppercase() {
            word.push(letter);
            continue;
        }
        match name(&word).filter(|_| word.len() == 16) {
            Some(name) => shown.push_str(&name),
            None => shown.push_str(&word),
        }
        word.clear();
        if letter != '\0' {
            shown.push(letter);
        }
    }
    shown
}

fn last(number: &str) -> &str {
    &number[number.len().saturating_sub(5)..]
}

/// Replaces every `begin … end` by what `show` makes of the part between.
fn inside(line: &str, begin: &str, end: &str, show: impl Fn(&str) -> Option<String>) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(begin) {
        let after = &rest[at + begin.len()..];
        shown.push_str(&rest[..at]);
        match after.find(end).and_then(|to| Some((show(&after[..to])?, to))) {
            Some((short, to)) => {
                shown.push_str(&short);
                rest = &after[to + end.len()..];
            }
            None => {
                shown.push_str(begin);
                rest = after;
            }
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_contents_become_short() {
        let line = "[VersionId { chain: ChainId { device: D2, incarnation: 16552784 }, sequence: 6 }] 85af074f392ef768";
        assert_eq!(shorten(line), "[D2.165:6] 85af074f392ef768");
        let name = |word: &str| (word == "85af074f392ef768").then(|| "c7".to_owned());
        assert_eq!(with_contents(line, name).rsplit(' ').next(), Some("c7"));
    }
}
