//! One window per home: a second start asks the first to show itself, over the home's socket.

use shoal_node::Home;

/// Who answered for a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Another window has this home, and came to the front.
    Shown,
    /// `shoal serve` has this home.
    WithoutWindow,
    /// Nobody: this start is the first.
    None,
}

/// Asks whoever has this home to show its window.
#[cfg(unix)]
pub(crate) fn show_first(home: &Home) -> First {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// Longest wait for an answer: the other end is this computer.
    const ANSWER_MAX: Duration = Duration::from_secs(3);
    const REQUEST: &[u8] = b"POST /api/show HTTP/1.1\r\nHost: shoal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    let call = || {
        let mut socket = UnixStream::connect(&home.socket)?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        socket.set_write_timeout(Some(ANSWER_MAX))?;
        socket.write_all(REQUEST)?;
        let mut status = [0; 12];
        socket.read_exact(&mut status)?;
        Ok::<_, std::io::Error>(status)
    };
    match call() {
        Ok(status) => answer(&status),
        Err(_) => First::None,
    }
}

/// Windows of other systems do not know of each other yet.
#[cfg(not(unix))]
pub(crate) fn show_first(_home: &Home) -> First {
    First::None
}

/// Reads `HTTP/1.1 204`.
fn answer(status: &[u8; 12]) -> First {
    if status.ends_with(b" 204") { First::Shown } else { First::WithoutWindow }
}

/// Opens the page that `shoal serve` shows for this home, and says where it is.
pub(crate) fn open_page(home: &Home) {
    let read = |path| std::fs::read_to_string(path).ok().map(|text: String| text.trim().to_owned());
    let Some((address, token)) = read(home.address()).zip(read(home.token())) else { return };
    let address = format!("{address}#token={token}");
    println!("{}", crate::text::runs_without_window(&address));
    // Where nothing can open it, the printed address does.
    let _ = tauri_plugin_opener::open_url(address, None::<&str>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_window_says_that_it_was_shown() {
        assert_eq!(answer(b"HTTP/1.1 204"), First::Shown);
        assert_eq!(answer(b"HTTP/1.1 501"), First::WithoutWindow);
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_nobody_has_is_free() {
        let dir = std::env::temp_dir().join("shoal-nobody-is-here");
        assert_eq!(show_first(&Home::at(&dir).expect("a home")), First::None);
    }
}
