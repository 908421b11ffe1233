//! One question over the local socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// Longest wait for an answer: the other end is this computer, but it may be busy.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Asks for a path and reads the answer as JSON.
pub(super) fn get(socket: &Path, path: &str) -> io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: shoal\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let strange = || io::Error::from(io::ErrorKind::InvalidData);
    let body = answer.windows(4).position(|part| part == b"\r\n\r\n").ok_or_else(strange)?;
    serde_json::from_slice(&answer[body + 4..]).map_err(|_| strange())
}
