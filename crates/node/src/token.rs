//! Who may use the page: a token in the address, traded for a cookie.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use subtle::ConstantTimeEq;

use crate::home::Home;

/// Wrong tokens taken in [`WINDOW`]; more are refused unread.
const WRONG_MAX: usize = 5;

/// The time over which wrong tokens are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// How long a wrong token waits for its answer.
pub(crate) const WRONG_DELAY: Duration = Duration::from_secs(1);

/// The secrets of one run.
pub(crate) struct Secrets {
    token: String,
    session: String,
    cookie: String,
    wrong: Mutex<VecDeque<Instant>>,
}

/// What came of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    /// Too many wrong ones lately; this one was not looked at.
    TooMany,
}

impl Secrets {
    /// Throws new secrets and writes the token where only this user can read it.
    pub(crate) fn new(home: &Home) -> io::Result<Self> {
        let name = blake3::hash(home.run.as_os_str().as_encoded_bytes());
        let secrets = Self {
            token: random()?,
            session: random()?,
            // Cookies ignore ports: two homes on one computer need two names.
            cookie: format!("shoal-{}", &name.to_hex()[..16]),
            wrong: Mutex::default(),
        };
        write_private(&home.token(), &secrets.token)?;
        Ok(secrets)
    }

    /// The token, for the address that is printed.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Compares a token from outside.
    pub(crate) fn check(&self, given: &str, now: Instant) -> Verdict {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        while wrong.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            wrong.pop_front();
        }
        if wrong.len() >= WRONG_MAX {
            return Verdict::TooMany;
        }
        if is_same(given, &self.token) {
            return Verdict::Right;
        }
        wrong.push_back(now);
        Verdict::Wrong
    }

    /// Whether a `Cookie` header holds our session.
    pub(crate) fn is_signed_in(&self, cookies: &str) -> bool {
        let ours = |pair: &str| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then(|| is_same(value, &self.session))
        };
        cookies.split(';').any(|pair| ours(pair) == Some(true))
    }

    /// The header that gives a browser its session.
    pub(crate) fn set_cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.session)
    }
}

fn is_same(given: &str, ours: &str) -> bool {
    given.as_bytes().ct_eq(ours.as_bytes()).into()
}

/// 256 random bits as hexadecimal text.
fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner can read, from its first byte on.
pub(crate) fn write_private(path: &std::path::Path, text: &str) -> io::Result<()> {
    // A file that is there may be open to others, and keeps its mode: begin with a new one.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> (tempfile::TempDir, Home, Secrets) {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(dir.path()).expect("a home");
        home.make().expect("made");
        let secrets = Secrets::new(&home).expect("secrets");
        (dir, home, secrets)
    }

    #[test]
    fn five_wrong_tokens_a_minute_are_looked_at() {
        let (_dir, _home, secrets) = secrets();
        let start = Instant::now();
        let right = secrets.token().to_owned();
        assert_eq!(secrets.check(&right, start), Verdict::Right);
        for _ in 0..WRONG_MAX {
            assert_eq!(secrets.check("0", start), Verdict::Wrong);
        }
        assert_eq!(secrets.check(&right, start), Verdict::TooMany);
        assert_eq!(secrets.check(&right, start + WINDOW), Verdict::Right);
    }

    #[test]
    fn only_our_own_cookie_signs_in() {
        let (_dir, _home, secrets) = secrets();
        let pair = secrets.set_cookie();
        let pair = pair.split(';').next().expect("a pair");
        assert!(secrets.is_signed_in(&format!("other=1; {pair}")));
        assert!(!secrets.is_signed_in(&format!("{pair}0")));
        assert!(!secrets.is_signed_in(&format!("x{pair}")));
        assert!(!secrets.is_signed_in(""));
        assert!(!pair.contains(secrets.token()), "the cookie is not the token");
    }

    #[cfg(unix)]
    #[test]
    fn the_token_is_new_at_each_start_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, home, first) = secrets();
        fs::set_permissions(home.token(), fs::Permissions::from_mode(0o644)).expect("opened");
        let second = Secrets::new(&home).expect("secrets");
        assert_ne!(first.token(), second.token());
        assert_eq!(second.token().len(), 64);
        let mode = fs::metadata(home.token()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
