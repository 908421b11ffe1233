//! Names of devices: what to call one, when a name is not enough, and when it is somebody else's.

use std::collections::BTreeMap;

use shoal_engine::id::DeviceId;
use shoal_engine::limits::NAME_BYTES_MAX;

/// Characters of the key that tell two devices with one name apart.
const SUFFIX_CHARS: usize = 4;

/// What every device is called.
pub(crate) struct Names {
    names: BTreeMap<DeviceId, String>,
    /// How many devices have a name, by its key.
    counts: BTreeMap<String, usize>,
}

impl Names {
    /// Takes what each device is called, this one included; an empty name becomes one from the key.
    pub(crate) fn new(called: impl IntoIterator<Item = (DeviceId, String)>) -> Self {
        let named = |(device, name): (DeviceId, String)| match name.trim() {
            "" => (device, unnamed(device)),
            name => (device, bounded(name)),
        };
        let names: BTreeMap<DeviceId, String> = called.into_iter().map(named).collect();
        let mut counts = BTreeMap::new();
        for name in names.values() {
            *counts.entry(look(name)).or_insert(0) += 1;
        }
        Self { names, counts }
    }

    /// What a device is called; from its key when it never said.
    pub(crate) fn of(&self, device: DeviceId) -> String {
        self.names.get(&device).cloned().unwrap_or_else(|| unnamed(device))
    }

    /// The end of the key, when another device looks the same by name.
    pub(crate) fn suffix(&self, device: DeviceId) -> Option<String> {
        let name = self.names.get(&device)?;
        let alike = self.counts.get(&look(name)).copied().unwrap_or(0);
        (alike > 1).then(|| end_of(device, SUFFIX_CHARS))
    }
}

/// What two names have in common when people take one for the other: letters without case, gaps and hidden marks.
pub(crate) fn look(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric() || !letter.is_ascii() && !is_hidden(*letter))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a character cannot be seen, or changes how others are seen.
///
/// Joiners stay out of it: emoji, Persian and the scripts of India need them.
pub(crate) fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn unnamed(device: DeviceId) -> String {
    format!("…{}", end_of(device, 6))
}

fn end_of(device: DeviceId, chars: usize) -> String {
    let id = device.to_string();
    id[id.len().saturating_sub(chars)..].to_owned()
}

/// Cuts a name from outside to its bound.
fn bounded(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u8) -> DeviceId {
        DeviceId([number; 32])
    }

    #[test]
    fn equal_names_get_the_end_of_their_keys() {
        let called = [(1, "Ben"), (2, "ben "), (3, "Ana"), (4, "")];
        let names = Names::new(called.map(|(id, name)| (device(id), name.to_owned())));
        let (one, two) = (names.suffix(device(1)), names.suffix(device(2)));
        assert!(one.is_some() && two.is_some() && one != two);
        assert_eq!(names.suffix(device(3)), None);
        assert!(names.of(device(4)).starts_with('…'));
        assert_eq!(names.of(device(2)), "ben");
    }

    #[test]
    fn hidden_marks_do_not_make_another_name() {
        for same in ["Ben's laptop", "BEN'S LAPTOP", "Ben's\u{200b} laptop", "\u{202e}Ben's laptop", "Bens-laptop"] {
            assert_eq!(look(same), look("Ben's laptop"), "{same:?}");
        }
        assert_ne!(look("Ben"), look("Bén"));
        assert_eq!(look("日本"), "日本");
    }
}
