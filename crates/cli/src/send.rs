//! Offers and invitations: send, accept, join, decline, withdraw.

use std::path::Path;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::json;
use shoal_node::command::{Answer, Chosen, Command, PickId, Purpose, Question, Source};
use shoal_node::view::{ErrorCode, Offer, OfferItem, Request, Transfer, TransferState, Trouble, View};

use crate::acts::Session;
use crate::args::{Accept, Act, Join, Send};
use crate::failure::Failure;
use crate::text::{self, plain};
use crate::{find, folders, lists};

/// Carries out a command about offers or invitations.
#[expect(clippy::wildcard_enum_match_arm, reason = "the session names each command and sends only these here")]
pub(crate) async fn run(session: &Session, act: Act) -> Result<(), Failure> {
    match act {
        Act::Send(asked) => send(session, asked).await,
        Act::Accept(asked) => accept(session, asked).await,
        Act::Join(asked) => join(session, asked).await,
        Act::Decline { id, block } => decline(session, &id, block).await,
        Act::Withdraw { id } => {
            let view = session.client.view().await?;
            let transfer = find::transfer(&view, &id)?.id.clone();
            session.act(Command::Withdraw { transfer }, "Withdrawn.").await
        }
        _ => Err(Failure::usage("That is no command about transfers.")),
    }
}

/// Whether it is said what goes to whom.
fn is_said(asked: &Send) -> Result<(), Failure> {
    match (asked.paths.is_empty(), asked.to.is_empty()) {
        (false, false) => Ok(()),
        (false, true) => Err(Failure::usage("To whom? Add --to NAME. Devices are listed by: shoal peers")),
        // After --to everything is a name, or several people could not be named at once.
        (true, _) => Err(Failure::usage("What is to be sent? Paths go before --to: shoal send PATH --to NAME")),
    }
}

async fn send(session: &Session, asked: Send) -> Result<(), Failure> {
    is_said(&asked)?;
    let view = session.client.view().await?;
    let devices = asked.to.iter().map(|name| find::device(&view, name).map(|device| device.id.clone()));
    let devices: Vec<String> = devices.collect::<Result<_, _>>()?;
    let picked = session.client.pick_all(&asked.paths).await?;
    let command = Command::Send { source: Source::Pick { pick: picked.pick }, devices, note: asked.text };
    let Answer::Sent { transfers } = session.client.act(&command).await? else {
        return Err(Failure::Strange);
    };
    let names = asked.to.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
    session.out.say(&format!("Offered to {names}. It goes as soon as they accept."));
    let lines: Vec<String> = transfers.iter().map(|id| text::short(id).to_owned()).collect();
    session.out.data("sent", json!({"transfers": transfers}), &lines)?;
    if asked.wait {
        wait(session, &transfers, asked.timeout.map(Duration::from_secs)).await?;
    }
    Ok(())
}

/// Waits until transfers are over, well or not.
async fn wait(session: &Session, transfers: &[String], longest: Option<Duration>) -> Result<(), Failure> {
    let mut is_asking = true;
    let look = |view: &View| {
        let ours: Vec<&Transfer> = view.transfers.iter().filter(|one| transfers.contains(&one.id)).collect();
        is_asking =
            ours.iter().any(|one| matches!(one.state, TransferState::Asking { .. } | TransferState::Waiting { .. }));
        let ends: Vec<Result<(), Failure>> = ours.iter().filter_map(|one| end(&one.state)).collect();
        (ends.len() >= transfers.len()).then(|| ends.into_iter().collect::<Result<(), Failure>>())
    };
    match session.wait_for(longest, look).await? {
        Some(end) => end.map(|()| session.out.say("Everything has arrived.")),
        None if is_asking => Err(Failure::Waits("It waits for their answer.".to_owned())),
        None => Err(Failure::said("It still goes on; see: shoal transfers")),
    }
}

/// How a transfer ended, if it did.
fn end(state: &TransferState) -> Option<Result<(), Failure>> {
    match state {
        TransferState::Done { .. } => Some(Ok(())),
        TransferState::Declined => Some(Err(Failure::said("They declined."))),
        TransferState::Withdrawn => Some(Err(Failure::said("It was withdrawn."))),
        TransferState::Failed { trouble } => Some(Err(Failure::Refused(trouble.clone()))),
        TransferState::Asking { .. }
        | TransferState::Waiting { .. }
        | TransferState::Sending
        | TransferState::Receiving
        | TransferState::Checking
        | TransferState::Paused => None,
    }
}

async fn accept(session: &Session, asked: Accept) -> Result<(), Failure> {
    let view = session.client.view().await?;
    match find::request(&view, &asked.id)? {
        Request::Offer(offer) => accept_offer(session, offer, &asked).await,
        Request::Invitation(_) if !asked.only.is_empty() => Err(Failure::usage("A folder is joined as a whole.")),
        Request::Invitation(invitation) => join_folder(session, &invitation.folder, asked.to.as_deref(), false).await,
        Request::Pairing { .. } => Err(Failure::usage("A pairing is answered with: shoal pair --answer ID yes|no")),
    }
}

async fn accept_offer(session: &Session, offer: &Offer, asked: &Accept) -> Result<(), Failure> {
    if !offer.complete {
        return Err(Failure::said("The list of files still arrives. Try again in a moment."));
    }
    let items = match only(&asked.only)? {
        None => Chosen::All,
        Some(globs) => {
            let all = all_items(session, &offer.id).await?;
            let chosen: Vec<&OfferItem> = all.iter().filter(|item| globs.is_match(&item.path)).collect();
            if chosen.is_empty() {
                return Err(Failure::said("Nothing in it matches."));
            }
            Chosen::Only { items: chosen.iter().map(|item| item.index).collect() }
        }
    };
    let pick = match &asked.to {
        Some(dir) => Some(place(session, dir).await?),
        None => None,
    };
    for line in lists::items(&offer.items) {
        session.out.say(&format!("  {line}"));
    }
    let command = Command::Accept { offer: offer.id.clone(), items, pick };
    session.client.act(&command).await?;
    session.out.say("Accepted. Nothing that is there is overwritten.");
    session.out.data("accepted", json!({"transfer": offer.id}), &[])
}

/// Each of several patterns; `*` stays inside one folder, `**` does not.
fn only(patterns: &[String]) -> Result<Option<GlobSet>, Failure> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // `*.pdf` means the ending, wherever the file lies.
        let anywhere = if pattern.contains('/') { pattern.clone() } else { format!("**/{pattern}") };
        let glob = GlobBuilder::new(&anywhere).literal_separator(true).build();
        set.add(glob.map_err(|_| Failure::usage(format!("“{}” is no pattern.", plain(pattern))))?);
    }
    set.build().map(Some).map_err(|_| Failure::usage("These patterns are too many."))
}

async fn all_items(session: &Session, offer: &str) -> Result<Vec<OfferItem>, Failure> {
    let (mut items, mut page, mut pages) = (Vec::new(), 0, 1);
    while page < pages {
        let question = Question::OfferItems { offer: offer.to_owned(), page };
        let Answer::OfferItems(found) = session.client.ask(&question).await? else {
            return Err(Failure::Strange);
        };
        items.extend(found.items);
        pages = found.pages;
        page += 1;
    }
    Ok(items)
}

/// A directory as a pick, made when it is not there.
pub(crate) async fn place(session: &Session, dir: &Path) -> Result<PickId, Failure> {
    let made = tokio::fs::create_dir_all(dir).await;
    made.map_err(|error| Failure::said(format!("Cannot make {}: {error}", plain(&dir.to_string_lossy()))))?;
    Ok(session.client.pick(dir).await?.pick)
}

async fn join(session: &Session, asked: Join) -> Result<(), Failure> {
    let view = session.client.view().await?;
    let Request::Invitation(found) = find::request(&view, &asked.id)? else {
        return Err(Failure::usage("That is no invitation to a folder. Files are accepted with: shoal accept"));
    };
    if !asked.dry_run {
        return join_folder(session, &found.folder, asked.at.as_deref(), asked.mark.take_over).await;
    }
    let run = match &asked.at {
        Some(dir) => {
            let pick = session.client.pick(dir).await?.pick;
            let purpose = Purpose::Join { folder: found.folder.clone() };
            let seen = folders::inspect(session, &pick, purpose).await?;
            folders::not_in_the_way(seen.trouble, asked.mark.take_over)?;
            seen.dry_run
        }
        None => found.dry_run,
    };
    let Some(run) = run else {
        return Err(Failure::Refused(Trouble::plain(ErrorCode::NotThere)));
    };
    let line = format!(
        "{} you already have, {} differ and both will be kept, {} new. Nothing will be removed.",
        run.already_have, run.differ, run.new
    );
    session.out.data("dry_run", run, &[line])
}

async fn join_folder(session: &Session, folder: &str, dir: Option<&Path>, take_over: bool) -> Result<(), Failure> {
    let pick = match dir {
        Some(dir) => Some(place(session, dir).await?),
        None => None,
    };
    let command = Command::AcceptInvitation { folder: folder.to_owned(), pick, take_over };
    session.client.act(&command).await?;
    session.out.say("Joined. The first files come in a moment.");
    session.out.data("joined", json!({"folder": folder}), &[])
}

async fn decline(session: &Session, id: &str, block: bool) -> Result<(), Failure> {
    let view = session.client.view().await?;
    let command = match find::request(&view, id)? {
        Request::Offer(offer) => Command::Decline { offer: offer.id.clone(), block },
        Request::Invitation(invitation) => Command::DeclineInvitation { folder: invitation.folder.clone(), block },
        Request::Pairing { device, .. } => Command::ConfirmPair { device: device.clone(), yes: false },
    };
    session.act(command, "Declined.").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_asked_for() {
        let asked = |paths: &[&str], to: &[&str]| Send {
            paths: paths.iter().map(Into::into).collect(),
            to: to.iter().map(|name| (*name).to_owned()).collect(),
            text: None,
            wait: false,
            timeout: None,
        };
        let words = |asked: Send| is_said(&asked).expect_err("something is missing");
        assert!(matches!(words(asked(&["a"], &[])), Failure::Usage(words) if words.contains("--to NAME")));
        assert!(matches!(words(asked(&[], &["ben", "a"])), Failure::Usage(words) if words.contains("before --to")));
        assert_eq!(is_said(&asked(&["a"], &["ben"])), Ok(()));
    }

    #[test]
    fn a_pattern_chooses_by_name_or_by_path() {
        let is_match = |pattern: &str, path: &str| {
            only(&[pattern.to_owned()]).expect("a pattern").is_some_and(|globs| globs.is_match(path))
        };
        assert!(is_match("*.pdf", "a/b/report.pdf"));
        assert!(is_match("a/*.pdf", "a/report.pdf"));
        assert!(!is_match("a/*.pdf", "a/b/report.pdf"));
        assert!(is_match("a/**", "a/b/report.pdf"));
        assert!(!is_match("*.pdf", "report.pdf.exe"));
        assert!(matches!(only(&["[".to_owned()]), Err(Failure::Usage(_))));
    }
}
