//! `shoal merge`: whether a folder merges two edits of one text.

use serde_json::json;
use shoal_node::command::Command;
use shoal_node::view::View;

use crate::acts::Session;
use crate::failure::Failure;
use crate::find;
use crate::text::plain;

/// Shows or changes whether a folder merges.
pub(crate) async fn run(session: &Session, view: &View, folder: &str, set: Option<&str>) -> Result<(), Failure> {
    let folder = find::folder(view, folder)?;
    let Some(set) = set else {
        let line = format!("{}: {}", plain(&folder.name), words(folder.merges));
        return session.out.data("merge", json!({"folder": folder.id, "merges": folder.merges}), &[line]);
    };
    let is_on = set == "on";
    session.act(Command::SetMerging { folder: folder.id.clone(), is_on }, &format!("Set: {}.", words(is_on))).await
}

fn words(is_on: bool) -> &'static str {
    if is_on {
        "two edits of one text are merged where that leaves no doubt"
    } else {
        "of two edits of one text, one goes to a conflict copy"
    }
}
