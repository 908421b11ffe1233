//! The versions of a path, and putting a file, a directory or a folder back to one.

use std::io::{IsTerminal, Write};
use std::path::Path;

use shoal_node::command::{
    Answer, ChangeKind, Command, Moment, PathHistory, PathIn, Question, Restoration, RestoreAct, RestoreItem,
    RestoreState, Version, VersionBytes,
};

use crate::acts::Session;
use crate::args::Restore;
use crate::client::text_of;
use crate::failure::Failure;
use crate::text::{self, plain};
use crate::{sentence, when};

/// Lists the versions of a path.
pub(crate) async fn history(session: &Session, path: &Path) -> Result<(), Failure> {
    let at = PathIn::Typed { path: text_of(path)? };
    let Answer::PathHistory(found) = session.client.ask(&Question::PathHistory { at }).await? else {
        return Err(Failure::Strange);
    };
    session.out.data("path_history", &found, &history_lines(&found))?;
    if found.versions.is_empty() && found.unrecorded.is_empty() {
        session.out.say("The history says nothing of this path.");
    }
    Ok(())
}

fn history_lines(found: &PathHistory) -> Vec<String> {
    let row = |one: &Version| {
        let at = one.at.as_ref().map_or_else(String::new, |at| format!(" as {}", plain(at)));
        vec![
            one.id.clone(),
            text::moment(one.time),
            plain(&one.device),
            format!("{}{at}", verb(one.kind)),
            one.size.map_or_else(String::new, text::bytes),
            bytes(&one.bytes),
        ]
    };
    let mut lines = text::columns(&found.versions.iter().map(row).collect::<Vec<_>>());
    lines.extend(found.unrecorded.iter().map(|one| {
        let size = text::bytes(one.size);
        format!("{}  put away here {}, {size}, and never recorded: kept here", one.id, text::moment(one.time))
    }));
    lines
}

/// What a change did, in one word.
pub(crate) fn verb(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Created => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Removed => "removed",
        ChangeKind::Moved => "moved",
        ChangeKind::Settled => "settled",
    }
}

fn bytes(bytes: &VersionBytes) -> String {
    match bytes {
        VersionBytes::None => String::new(),
        VersionBytes::Stands => "stands here".to_owned(),
        VersionBytes::Kept => "kept here".to_owned(),
        VersionBytes::Same { path } => format!("the same as {}", plain(path)),
        VersionBytes::Elsewhere => "not on this computer".to_owned(),
    }
}

/// Puts back, or says what that would do.
pub(crate) async fn run(session: &Session, asked: Restore) -> Result<(), Failure> {
    let at = PathIn::Typed { path: text_of(&asked.path)? };
    let to = match (asked.version, asked.at) {
        (Some(id), _) => Moment::Version { id },
        (None, Some(time)) => Moment::At { time: when::parse(&time)? },
        (None, None) => Moment::Last,
    };
    let planned = restoration(session.client.ask(&Question::RestorePlan { at: at.clone(), to: to.clone() }).await?)?;
    if asked.dry_run {
        return session.out.data("restore", &planned, &lines(&planned));
    }
    if planned.items.is_empty() {
        session.out.data("restore", &planned, &[])?;
        session.out.say("It is so already: nothing to put back.");
        return Ok(());
    }
    if to == Moment::Last && planned.items.iter().any(|item| item.act != RestoreAct::Create) {
        return Err(Failure::usage("Something stands there. Say which state: --version ID or --at TIME."));
    }
    if !asked.yes && !planned.is_single {
        confirm(session, &planned)?;
    }
    let done = restoration(session.client.act(&Command::Restore { at, to }).await?)?;
    session.out.data("restore", &done, &lines(&done))?;
    match done.undone {
        0 => Ok(()),
        number => Err(Failure::said(format!(
            "{} as before. What was put back can be undone by another restore.",
            text::count(number, "path stays", "paths stay")
        ))),
    }
}

fn restoration(answer: Answer) -> Result<Restoration, Failure> {
    if let Answer::Restored(found) = answer { Ok(found) } else { Err(Failure::Strange) }
}

/// A directory or a folder is put back only by somebody who saw what that does.
fn confirm(session: &Session, planned: &Restoration) -> Result<(), Failure> {
    let not_asked = || Failure::usage("Look first with --dry-run, then say --yes.");
    if session.out.is_json || !std::io::stdin().is_terminal() {
        return Err(not_asked());
    }
    for line in lines(planned) {
        session.out.say(&line);
    }
    let mut out = std::io::stderr();
    let asked = write!(out, "Put back? Type yes: ").and_then(|()| out.flush());
    let mut typed = String::new();
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut typed));
    match read {
        Ok(_) if typed.trim().eq_ignore_ascii_case("yes") => Ok(()),
        Ok(_) | Err(_) => Err(Failure::said("Nothing was changed.")),
    }
}

fn lines(found: &Restoration) -> Vec<String> {
    let tense = if found.is_done { "Put back" } else { "Would put back" };
    let head = format!(
        "{tense} {}: {} added, {} replaced, {} removed, {} of files.",
        place(found),
        found.creates,
        found.replaces,
        found.removes,
        text::bytes(found.bytes)
    );
    let rows: Vec<Vec<String>> = found.items.iter().map(row).collect();
    let all = found.creates + found.replaces + found.removes + found.undone;
    let more = all.saturating_sub(found.items.len() as u64);
    let more = (more > 0).then(|| format!("  … and {more} more"));
    std::iter::once(head).chain(text::columns(&rows)).chain(more).collect()
}

fn place(found: &Restoration) -> String {
    match found.path.as_str() {
        "" => format!("the folder {}", plain(&found.folder_name)),
        path => format!("{}/{}", plain(&found.folder_name), plain(path)),
    }
}

fn row(item: &RestoreItem) -> Vec<String> {
    let act = match item.act {
        RestoreAct::Create => "  + add",
        RestoreAct::Replace => "  ~ replace",
        RestoreAct::Remove => "  - remove",
    };
    let state = match &item.state {
        RestoreState::Ready | RestoreState::Done => String::new(),
        RestoreState::Elsewhere => "not on this computer: the others are asked for it".to_owned(),
        RestoreState::Nowhere => "stays as it is: nobody who is here has these bytes".to_owned(),
        RestoreState::Busy => {
            "stays as it is: it is being changed, or what stands there is not recorded yet".to_owned()
        }
        RestoreState::Failed { trouble } => sentence::of(trouble),
    };
    vec![act.to_owned(), plain(&item.path), item.size.map_or_else(String::new, text::bytes), state]
}
