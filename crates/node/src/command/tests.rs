//! Commands and troubles travel as the page reads them.

use super::*;
use crate::view::{ErrorCode, PairingStage};

#[test]
fn a_command_travels_as_a_tagged_object() {
    let text = r#"{"type":"send","source":{"type":"drop","drop":"d1"},"devices":["b"],"note":null}"#;
    let command: Command = serde_json::from_str(text).expect("a command");
    assert_eq!(serde_json::to_string(&command).expect("text"), text);
    assert_eq!(serde_json::to_string(&Command::Quit).expect("text"), r#"{"type":"quit"}"#);
}

#[test]
fn a_trouble_travels_by_its_code() {
    let trouble = Trouble::plain(ErrorCode::WrongCode).text("person", "Ben").number("n", 2);
    let text = serde_json::to_string(&PairingStage::Failed { trouble }).expect("text");
    assert_eq!(text, r#"{"type":"failed","trouble":{"code":"PAIR-01","params":{"n":2,"person":"Ben"}}}"#);
}

#[test]
fn the_page_reads_the_same_types() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(TYPESCRIPT_FILE);
    if std::env::var_os("SHOAL_WRITE_TYPES").is_some() {
        std::fs::write(&path, typescript()).expect("types written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == typescript(), "run SHOAL_WRITE_TYPES=1 cargo test -p shoal-node the_page_reads_the_same_types");
}
