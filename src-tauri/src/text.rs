//! The few sentences the shell says itself; all others are in `ui/src/text`.

use shoal_node::NodeError;
use shoal_node::view::{NetworkState, Presence, Request, View};

/// The name of the program.
pub(crate) const APP: &str = "Shoal";

/// A button, and what it is recognised by.
pub(crate) const KEEP_SHARING: &str = "Keep sharing";

/// A button, and what it is recognised by.
pub(crate) const QUIT: &str = "Quit";

/// A button.
pub(crate) const CANCEL: &str = "Cancel";

/// Tray entry.
pub(crate) const OPEN: &str = "Open Shoal";

/// GFX-01, for whoever started the window from a terminal.
pub(crate) const BLANK: &str =
    "GFX-01: the window may be blank with this graphics driver. Start Shoal with --safe-graphics.";

/// Under a notification.
pub(crate) const REVIEW: &str = "Open Shoal to review and answer.";

/// Longest name shown in a notification, in characters.
const NAME_CHARS_MAX: usize = 40;

/// Title of the window and the tray: homes of one computer are told apart.
pub(crate) fn title(label: Option<&str>) -> String {
    label.map_or_else(|| APP.to_owned(), |label| format!("{APP} · {}", plain(label)))
}

/// Said when the window is closed for the first time.
pub(crate) const CLOSING: &str = "Shoal keeps sharing";

/// Under it: how to come back, and how to stop.
pub(crate) fn closing(has_tray: bool) -> &'static str {
    if has_tray {
        "Only its window is closed. Its tray menu brings the window back, or quits."
    } else {
        "Only its window is closed. Open Shoal again to bring the window back; press Ctrl+Q in it to quit."
    }
}

/// Said when the home is held by `shoal serve`.
pub(crate) fn runs_without_window(address: &str) -> String {
    format!("Shoal runs already for this home, without a window. Its page: {address}")
}

/// Said when the node cannot start; the window has nothing to show then.
pub(crate) fn cannot_start(error: &NodeError) -> String {
    match error {
        NodeError::AlreadyRunning { .. } => "APP-01: Shoal runs already for this home.".to_owned(),
        NodeError::Home { path, source } => {
            format!("Shoal cannot use {}: {source}. Your files are untouched.", path.display())
        }
        NodeError::Store { reason } | NodeError::Net { reason } => {
            format!("Shoal cannot start: {reason}. Your files are untouched.")
        }
    }
}

/// The first line of the tray's menu.
pub(crate) fn state(view: &View) -> String {
    let here = view.devices.iter().filter(|device| matches!(device.presence, Presence::Here { .. })).count();
    match (view.network.state, here) {
        (NetworkState::Starting, _) => "Starting".to_owned(),
        (NetworkState::None, _) => "Not on a network".to_owned(),
        (NetworkState::Up, 0) => "Nobody else is here".to_owned(),
        (NetworkState::Up, 1) => "1 device is here".to_owned(),
        (NetworkState::Up, many) => format!("{many} devices are here"),
    }
}

/// How many requests wait, when any do.
pub(crate) fn waiting(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 request waits for you".to_owned()),
        many => Some(format!("{many} requests wait for you")),
    }
}

/// What somebody wants, in a line.
pub(crate) fn request(request: &Request) -> String {
    match request {
        Request::Offer(offer) => {
            let from = plain(&offer.from.name);
            match offer.item_count {
                1 => format!("{from} wants to send you a file"),
                many => format!("{from} wants to send you {many} files"),
            }
        }
        Request::Invitation(invitation) => {
            format!("{} wants to share {} with you", plain(&invitation.from.name), plain(&invitation.name))
        }
        Request::Pairing { name, .. } => format!("{} wants to pair with this computer", plain(name)),
    }
}

/// A name from somebody else as harmless text: no marks that hide or turn around, no markup, not too long.
fn plain(name: &str) -> String {
    let is_hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown = |letter: char| match letter {
        '<' | '>' | '&' => '·',
        letter if is_hidden(letter) => '·',
        letter => letter,
    };
    let mut text: String = name.chars().take(NAME_CHARS_MAX).map(shown).collect();
    if name.chars().count() > NAME_CHARS_MAX {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_is_only_text() {
        assert_eq!(plain("Ben’s laptop"), "Ben’s laptop");
        assert_eq!(plain("<b>Ben</b>&co"), "·b·Ben·/b··co");
        assert_eq!(plain("photo\u{202e}gpj.exe\n"), "photo·gpj.exe·");
        assert_eq!(plain(&"x".repeat(100)).chars().count(), NAME_CHARS_MAX + 1);
    }

    #[test]
    fn homes_are_told_apart() {
        assert_eq!(title(None), "Shoal");
        assert_eq!(title(Some("ana")), "Shoal · ana");
    }
}
