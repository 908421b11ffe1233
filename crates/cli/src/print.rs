//! Puts data on stdout and words on stderr, as JSON or for people.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    pub(crate) is_json: bool,
}

impl Out {
    /// Prints data: an object with its `type`, or lines.
    pub(crate) fn data(self, kind: &str, data: impl Serialize, lines: &[String]) -> Result<(), Failure> {
        if self.is_json {
            return self.line(&object(kind, data).to_string());
        }
        lines.iter().try_for_each(|line| self.line(line))
    }

    /// Says something to people; programs do not hear it.
    pub(crate) fn say(self, text: &str) {
        if !self.is_json {
            // Nobody is there to be told that stderr is closed.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Says that something was done: words for people, `{"type":"done"}` for programs.
    pub(crate) fn done(self, text: &str) -> Result<(), Failure> {
        self.say(text);
        if self.is_json {
            return self.line(&json!({"type": "done"}).to_string());
        }
        Ok(())
    }

    /// Says why it failed.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.is_json {
            let _ = self.line(&failure.json().to_string());
        }
        let _ = writeln!(io::stderr(), "{}", failure.sentence());
    }

    fn line(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        written.map_err(|_| Failure::said("The output was closed."))
    }
}

/// Data as one object that says what it is.
fn object(kind: &str, data: impl Serialize) -> Value {
    let mut object = json!({ "type": kind });
    match serde_json::to_value(data).unwrap_or_default() {
        Value::Object(fields) => {
            for (name, value) in fields {
                object[name] = value;
            }
        }
        Value::Null => {}
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => object[kind] = other,
    }
    // An answer carries a type of its own; ours is the stable one.
    object["type"] = json!(kind);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_one_object_that_says_what_it_is() {
        assert_eq!(object("peers", json!([1])), json!({"type": "peers", "peers": [1]}));
        assert_eq!(object("status", json!({"now": 1})), json!({"type": "status", "now": 1}));
        assert_eq!(object("history", json!({"type": "x", "rows": []})), json!({"type": "history", "rows": []}));
    }
}
