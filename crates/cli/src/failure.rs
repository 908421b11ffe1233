//! What can go wrong with a command, and the exit code it ends with.

use shoal_node::view::{ErrorCode, Trouble};

/// Everything was done.
pub(crate) const DONE: u8 = 0;
/// It failed.
pub(crate) const FAILED: u8 = 1;
/// It was asked wrongly.
pub(crate) const USAGE: u8 = 2;
/// It waits for somebody's approval.
pub(crate) const WAITS: u8 = 3;
/// No Shoal runs for this home.
pub(crate) const NOT_RUNNING: u8 = 4;
/// A Shoal runs for this home already.
pub(crate) const RUNS_ALREADY: u8 = 5;
/// It was interrupted from the keyboard.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody listens at the socket.
    NotRunning,
    /// Another Shoal has this home; where its page is, if that is known.
    AlreadyRunning(Option<String>),
    /// Shoal refused, with a code.
    Refused(Trouble),
    /// The answer was not one of ours: another version runs.
    Strange,
    /// Asked wrongly, such as a name that two devices have.
    Usage(String),
    /// Failed for a reason in words.
    Said(String),
    /// The other person has not answered yet.
    Waits(String),
}

impl Failure {
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Failure::Said(text.into())
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Failure::Usage(text.into())
    }

    /// What the program exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::NotRunning => NOT_RUNNING,
            Failure::AlreadyRunning(_) => RUNS_ALREADY,
            Failure::Refused(_) | Failure::Strange | Failure::Said(_) => FAILED,
            Failure::Usage(_) => USAGE,
            Failure::Waits(_) => WAITS,
        }
    }

    /// A sentence for people.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Failure::NotRunning => "Shoal is not running here. Start it with: shoal serve".to_owned(),
            Failure::AlreadyRunning(None) => "Shoal runs already for this home.".to_owned(),
            Failure::AlreadyRunning(Some(page)) => format!("Shoal runs already for this home: {page}"),
            Failure::Refused(trouble) => crate::sentence::of(trouble),
            Failure::Strange => "The running Shoal answered something unknown. Is it another version?".to_owned(),
            Failure::Usage(text) | Failure::Said(text) | Failure::Waits(text) => text.clone(),
        }
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        let (code, params) = match self {
            Failure::Refused(trouble) => (serde_json::json!(trouble.code), serde_json::json!(trouble.params)),
            Failure::AlreadyRunning(_) => (serde_json::json!(ErrorCode::AlreadyRunning), serde_json::json!({})),
            Failure::NotRunning | Failure::Strange | Failure::Usage(_) | Failure::Said(_) | Failure::Waits(_) => {
                (serde_json::Value::Null, serde_json::json!({}))
            }
        };
        serde_json::json!({
            "type": "error", "code": code, "params": params, "exit": self.exit_code(), "text": self.sentence(),
        })
    }
}
