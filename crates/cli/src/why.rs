//! `shoal why`: what is known of one path, in true sentences.

use std::path::Path;

use shoal_node::command::{Answer, PathIn, Question, Why, WhyHas, WhyHere, WhyKept, WhyMember, WhyVerdict, WhyVersion};

use crate::acts::Session;
use crate::client::text_of;
use crate::failure::Failure;
use crate::sentence;
use crate::text::{self, plain};
use shoal_node::view::ErrorCode;

/// Says why a path is as it is.
pub(crate) async fn run(session: &Session, path: &Path) -> Result<(), Failure> {
    let now = session.client.view().await?.now;
    let at = PathIn::Typed { path: text_of(path)? };
    let Answer::Why(why) = session.client.ask(&Question::Why { at }).await? else {
        return Err(Failure::Strange);
    };
    session.out.data("why", &why, &lines(&why, now))
}

/// Everything there is to say, the deciding reason first.
fn lines(why: &Why, now: u64) -> Vec<String> {
    let mut lines = vec![head(why)];
    lines.extend(verdict(why));
    let is_elsewhere = matches!(why.verdict, WhyVerdict::BehindLink { .. });
    if why.folder.is_some() && !why.path.is_empty() && !is_elsewhere {
        lines.push(here(&why.here));
        lines.extend(versions(why, now));
        lines.extend(below(why));
        lines.extend(why.members.iter().map(|member| member_line(why, member, now)));
        lines.extend(copies(why));
        lines.extend(kept(&why.kept, now));
    }
    lines
}

fn head(why: &Why) -> String {
    match &why.folder {
        None => plain(&why.asked),
        Some(_) if why.path.is_empty() => format!("{}, in the folder {}", plain(&why.asked), plain(&why.folder_name)),
        Some(_) => format!("{}/{}", plain(&why.folder_name), plain(&why.path)),
    }
}

/// The deciding reason, and what would mend it.
fn verdict(why: &Why) -> Vec<String> {
    let name = plain(&why.folder_name);
    let says = |text: &str| vec![text.to_owned()];
    match &why.verdict {
        WhyVerdict::Outside { places } => outside(places),
        WhyVerdict::Ours => says("This is Shoal’s own directory. It is never shared; leave it to Shoal."),
        WhyVerdict::BadName => {
            says("A name in this path cannot be shared: it is no valid text, or too long. Rename it.")
        }
        WhyVerdict::BehindLink { link } => {
            vec![format!("{} is a link. Links are shared as links; what they lead to is not.", plain(link))]
        }
        WhyVerdict::Folder => vec![format!("This is the folder {name} itself. See: shoal folders {name}")],
        WhyVerdict::NotMember => {
            vec![format!("You are not in {name} any more. What is here stays here, and nothing goes out or comes in.")]
        }
        WhyVerdict::Stopped { trouble } => vec![sentence::of(trouble)],
        WhyVerdict::Paused => {
            vec![format!("{name} is paused: nothing is looked at, sent or changed. shoal resume {name}")]
        }
        WhyVerdict::FirstLook => {
            vec![format!("{name} is still being looked through for the first time since the start.")]
        }
        // What the others have and this computer does not take.
        WhyVerdict::Problem { trouble } if trouble.code == ErrorCode::CannotShare && why.here == WhyHere::Nothing => {
            says("It is not taken from others, such as a link that leads out of the folder. It stays where it is.")
        }
        WhyVerdict::Problem { trouble } => vec![sentence::of(trouble)],
        WhyVerdict::Held { is_ours: true } => vec![format!(
            "It was removed here together with many others, and nobody else was told yet. Answer: shoal held {name} keep|remove"
        )],
        WhyVerdict::Held { is_ours: false } => vec![format!(
            "Somebody removed or rewrote many files; here it waits for your yes. Answer: shoal held {name} keep|remove"
        )],
        WhyVerdict::Looking => says("It changed a moment ago and is being read, or a program is still writing to it."),
        WhyVerdict::Recording => says("It was read and is being written into the history."),
        WhyVerdict::Applying => says("It is being changed on this disk right now."),
        WhyVerdict::Settling => {
            says("Two people changed it while apart. Both versions are kept; the copy is being made.")
        }
        WhyVerdict::Blocked => {
            says("A file or link stands where one of the directories above it should be. Rename or move that.")
        }
        WhyVerdict::PutOff => says("This disk refused the change a moment ago. It is tried again within a minute."),
        WhyVerdict::Pending => says("It is not yet as the folder says, and is next or waits for something near it."),
        WhyVerdict::NotSeen => {
            vec![format!("What stands here was not looked at yet. To look now: shoal rescan {name}")]
        }
        WhyVerdict::Unknown => says("Nothing stands there, and nothing ever did that the folder knows of."),
        WhyVerdict::StaysForOthers => says("The directory was removed, and stays because something in it stays."),
        WhyVerdict::Lacking { sources, is_nowhere } => vec![lacking(why, *sources, *is_nowhere)],
        WhyVerdict::Gone => says("It was removed, and it is gone here as it should be."),
        WhyVerdict::Same => vec![same(why)],
    }
}

fn outside(places: &[String]) -> Vec<String> {
    let mut lines = vec!["It lies in no shared folder, so Shoal does nothing with it.".to_owned()];
    if places.is_empty() {
        lines.push("No folder is shared on this computer. To share one: shoal share DIR".to_owned());
    }
    lines.extend(places.iter().map(|place| format!("  shared: {}", plain(place))));
    lines
}

fn same(why: &Why) -> String {
    let has_all = |member: &&WhyMember| member.has == WhyHas::All;
    let (all, some) = (why.members.len(), why.members.iter().filter(has_all).count());
    match (all, some) {
        (0, _) => "It is recorded. Nobody else is in this folder.".to_owned(),
        (all, some) if all == some => "It is up to date here and with everybody.".to_owned(),
        _ => {
            format!("It is up to date here, and surely with {some} of {}.", text::count(all as u64, "other", "others"))
        }
    }
}

fn lacking(why: &Why, sources: u32, is_nowhere: bool) -> String {
    let is_here = |member: &&WhyMember| !matches!(member.has, WhyHas::Away { .. } | WhyHas::Invited);
    let here = why.members.iter().filter(is_here).count();
    let away = why.members.iter().filter(|member| matches!(member.has, WhyHas::Away { .. })).count();
    match (sources, here) {
        (0, 0) => "Its bytes are not here, and nobody who may have them is connected. It comes when they are.".to_owned(),
        (0, _) if is_nowhere && away == 0 => {
            "Nobody has its bytes any more: it was changed again before anybody took this version. A newer version takes its place."
                .to_owned()
        }
        (0, _) if is_nowhere => {
            "Nobody who is connected has its bytes. It comes when somebody who has them is here.".to_owned()
        }
        (0, _) => "Its bytes are not here yet, and nobody connected has said to have them. They are being asked.".to_owned(),
        (sources, _) => format!(
            "Its bytes are on their way, or next in line; {} here {} them.",
            text::count(u64::from(sources), "device", "devices"),
            if sources == 1 { "has" } else { "have" }
        ),
    }
}

fn here(here: &WhyHere) -> String {
    match here {
        WhyHere::Nothing => "On this computer: nothing.".to_owned(),
        WhyHere::File { size, modified } => {
            format!("On this computer: a file, {}, changed {}.", text::bytes(*size), text::moment(*modified))
        }
        WhyHere::Directory => "On this computer: a directory.".to_owned(),
        WhyHere::Link { target } => format!("On this computer: a link to {}.", plain(target)),
        WhyHere::Skipped { trouble } => format!("On this computer: {}", sentence::of(trouble)),
        WhyHere::Unknown => "On this computer: the folder cannot be opened.".to_owned(),
    }
}

fn versions(why: &Why, now: u64) -> Vec<String> {
    let line = |version: &WhyVersion, lead: &str| {
        let when = text::since(version.time, now);
        let (device, id) = (plain(&version.device), &version.id);
        match (version.is_removal, version.size) {
            (true, _) => format!("{lead}: removed by {device}, {when} ({id})."),
            (false, Some(size)) => format!("{lead}: {}, by {device}, {when} ({id}).", text::bytes(size)),
            (false, None) => format!("{lead}: by {device}, {when} ({id})."),
        }
    };
    let Some((first, others)) = why.versions.split_first() else {
        return vec!["In the history: nothing.".to_owned()];
    };
    let lead = if why.is_same { "In the history, the same" } else { "In the history" };
    let first = line(first, lead);
    let others = others.iter().map(|version| line(version, "In the history, at the same time"));
    std::iter::once(first).chain(others).collect()
}

fn below(why: &Why) -> Option<String> {
    let below = why.below;
    if below.files == 0 {
        return None;
    }
    let mut line = format!("Below it: {}", text::count(below.files, "file", "files"));
    if below.lacking > 0 {
        line.push_str(&format!(", {} not here yet", below.lacking));
    }
    if below.problems > 0 {
        line.push_str(&format!(", {} with a problem", below.problems));
    }
    Some(line + ".")
}

fn member_line(why: &Why, member: &WhyMember, now: u64) -> String {
    let name = plain(&member.name);
    let is_removed = why.versions.first().is_some_and(|version| version.is_removal);
    match &member.has {
        WhyHas::All if is_removed => format!("{name}: removed it too."),
        WhyHas::All => format!("{name}: has it."),
        WhyHas::Part => format!("{name}: has some of it."),
        WhyHas::Nothing => format!("{name}: was asked and does not have it."),
        WhyHas::NotHeard => format!("{name}: has not heard of this version yet."),
        WhyHas::Behind { files: 0, problems } => {
            format!(
                "{name}: knows of it; {} there cannot go on, perhaps this one.",
                text::count(*problems, "path", "paths")
            )
        }
        WhyHas::Behind { files, .. } => {
            format!(
                "{name}: knows of it and is still busy with {}, perhaps this one.",
                text::count(*files, "file", "files")
            )
        }
        WhyHas::Unknown => format!("{name}: is here and has not said what it has."),
        WhyHas::Away { since: Some(since) } => {
            format!("{name}: not here since {}; what it has is not known.", text::since(*since, now))
        }
        WhyHas::Away { since: None } => format!("{name}: not here; what it has is not known."),
        WhyHas::Invited => format!("{name}: has not answered the invitation."),
    }
}

fn copies(why: &Why) -> Vec<String> {
    let mut lines: Vec<String> =
        why.copies.iter().map(|copy| format!("Conflict copy beside it: {}", plain(copy))).collect();
    if let (Some(path), Some(by)) = (&why.copy_of, &why.copy_by) {
        lines.push(format!("It is a conflict copy of {}: the change of {}.", plain(path), plain(by)));
    }
    lines
}

fn kept(kept: &[WhyKept], now: u64) -> Vec<String> {
    let line = |one: &WhyKept| {
        let what = if one.was_removed { "removed" } else { "replaced" };
        format!("  {}  {what} {}, {}", one.id, text::since(one.time, now), text::bytes(one.size))
    };
    match kept.len() {
        0 => Vec::new(),
        number => {
            let head = format!("Kept here: {}.", text::count(number as u64, "earlier version", "earlier versions"));
            std::iter::once(head).chain(kept.iter().map(line)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_node::command::WhyBelow;

    fn why(verdict: WhyVerdict) -> Why {
        let version =
            WhyVersion { id: "1a2b3c4d".into(), device: "Ana".into(), time: 0, is_removal: false, size: Some(5) };
        let member = |name: &str, has| WhyMember { device: String::new(), name: name.to_owned(), has };
        Why {
            asked: "/a".into(),
            folder: Some("f".into()),
            folder_name: "Reef".into(),
            path: "a".into(),
            verdict,
            here: WhyHere::Nothing,
            versions: vec![version],
            is_same: false,
            members: vec![member("Ben", WhyHas::Away { since: None })],
            copies: vec!["a (Ben, 2026-11-23 09.40, a1b2)".into()],
            copy_of: None,
            copy_by: None,
            kept: vec![WhyKept { time: 0, was_removed: true, size: 3, id: "99".into() }],
            below: WhyBelow::default(),
        }
    }

    #[test]
    fn bytes_that_nobody_here_has_are_not_said_to_be_lost() {
        let said = lines(&why(WhyVerdict::Lacking { sources: 0, is_nowhere: false }), 0).join("\n");
        assert!(said.contains("nobody who may have them is connected"), "{said}");
        let mut asked = why(WhyVerdict::Lacking { sources: 0, is_nowhere: true });
        asked.members[0].has = WhyHas::Nothing;
        assert!(lines(&asked, 0).join("\n").contains("Nobody has its bytes any more"));
    }

    #[test]
    fn all_that_is_known_is_said() {
        let said = lines(&why(WhyVerdict::Same), 0);
        for part in ["Reef/a", "surely with 0 of 1 other", "1a2b3c4d", "Ben: not here", "Conflict copy", "99  removed"]
        {
            assert!(said.iter().any(|line| line.contains(part)), "{part}: {said:#?}");
        }
    }
}
