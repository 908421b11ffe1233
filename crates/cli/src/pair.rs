//! Pairing at the keyboard: one side types what the other side shows.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use serde_json::json;
use shoal_node::command::{Answer, Command};
use shoal_node::view::{ErrorCode, Pairing, PairingSide, PairingStage, Trouble, View};

use crate::acts::Session;
use crate::args::{Pair, six_digits};
use crate::failure::Failure;
use crate::text::plain;
use crate::{find, lists, text};

/// Pairs, invites, answers or lists.
pub(crate) async fn run(session: &Session, asked: Pair) -> Result<(), Failure> {
    let longest = Duration::from_secs(asked.timeout);
    if asked.invite {
        return invite(session).await;
    }
    if let Some([id, answer]) = asked.answer.as_deref() {
        return self::answer(session, id, answer, longest).await;
    }
    match asked.target {
        Some(target) => start(session, &target, asked.code, longest).await,
        None => {
            let view = session.client.view().await?;
            session.out.data("pairings", json!({"pairings": view.pairing}), &lists::pairings(&view))
        }
    }
}

async fn invite(session: &Session) -> Result<(), Failure> {
    let Answer::PairLink { link, expires_at } = session.client.act(&Command::MakePairLink).await? else {
        return Err(Failure::Strange);
    };
    session.out.data("pair_link", json!({"link": link, "expires_at": expires_at}), &[plain_link(&link)])?;
    session
        .out
        .say(&format!("Good for one device until {}. Whoever opens it first is paired.", text::moment(expires_at)));
    Ok(())
}

/// A link is ours and longer than names may be, but goes to the terminal all the same.
fn plain_link(link: &str) -> String {
    link.chars().filter(|letter| !letter.is_control()).collect()
}

/// Says yes or no on the showing side.
async fn answer(session: &Session, wanted: &str, answer: &str, longest: Duration) -> Result<(), Failure> {
    let yes = match answer.to_lowercase().as_str() {
        "yes" | "y" => true,
        "no" | "n" => false,
        _ => return Err(Failure::usage("The answer is yes or no.")),
    };
    let view = session.client.view().await?;
    let device = find_pairing(&view, wanted)?.device.clone();
    let confirm = Command::ConfirmPair { device: device.clone(), yes };
    session.client.act(&confirm).await?;
    if !yes {
        return session.out.done("Not allowed.");
    }
    finish(session, &device, longest).await
}

fn find_pairing<'a>(view: &'a View, wanted: &str) -> Result<&'a Pairing, Failure> {
    let device = wanted.trim_start_matches("pairing-");
    let is_meant = |pairing: &&Pairing| {
        pairing.device == device
            || pairing.name.to_lowercase() == device.to_lowercase()
            || device.len() >= 4 && pairing.device.ends_with(device)
    };
    let mut found = view.pairing.iter().filter(is_meant);
    match (found.next(), found.next()) {
        (Some(pairing), None) => Ok(pairing),
        (Some(_), Some(_)) => Err(Failure::usage("Two devices have this name. Use the id.")),
        (None, _) => Err(Failure::said(format!("No pairing with “{}” is under way.", plain(wanted)))),
    }
}

/// Starts on the typing side and stays until it is decided.
async fn start(session: &Session, target: &str, code: Option<String>, longest: Duration) -> Result<(), Failure> {
    let view = session.client.view().await?;
    let begin = |view: &View| view.pairing.iter().map(|pairing| pairing.device.clone()).collect::<Vec<_>>();
    let before = begin(&view);
    let device = if target.starts_with("shoal:") || target.starts_with("shoal://") || target.starts_with("https://") {
        session.client.act(&Command::PairLink { link: target.to_owned() }).await?;
        None
    } else if target.contains('/') || is_address(target) {
        session.client.act(&Command::PairAddress { address: target.to_owned() }).await?;
        None
    } else {
        // The code may be typed in a second call, while the first one's pairing goes on.
        let under_way = view.pairing.iter().find(|one| {
            one.side == PairingSide::Typing
                && matches!(one.stage, PairingStage::EnterCode)
                && find_pairing(&view, target).is_ok_and(|found| found.device == one.device)
        });
        match under_way {
            Some(pairing) => Some(pairing.device.clone()),
            None => {
                let device = find::device(&view, target)?.id.clone();
                session.client.act(&Command::Pair { device: device.clone() }).await?;
                Some(device)
            }
        }
    };
    let device = match device {
        Some(device) => device,
        None => new_pairing(session, &before, target, longest).await?,
    };
    type_codes(session, &device, code, longest).await?;
    finish(session, &device, longest).await
}

/// The device behind an address or a link, once its pairing shows up.
async fn new_pairing(session: &Session, before: &[String], target: &str, longest: Duration) -> Result<String, Failure> {
    session.out.say("Connecting…");
    let look = |view: &View| {
        let typing = |one: &&Pairing| one.side == PairingSide::Typing;
        let is_new = |one: &&Pairing| !before.contains(&one.device) || target.contains(&one.device);
        view.pairing.iter().filter(typing).find(is_new).map(|one| one.device.clone())
    };
    let found = session.wait_for(Some(longest.min(Duration::from_secs(30))), look).await?;
    found.ok_or_else(|| Failure::said("Nobody answers there."))
}

fn is_address(target: &str) -> bool {
    target.parse::<std::net::SocketAddr>().is_ok() || target.parse::<std::net::IpAddr>().is_ok()
}

/// Types codes until one matches or there are no tries left; a link needs none. A code that was given is typed once.
async fn type_codes(session: &Session, device: &str, code: Option<String>, longest: Duration) -> Result<(), Failure> {
    loop {
        let look = |view: &View| {
            let pairing = view.pairing.iter().find(|pairing| pairing.device == device)?;
            (!matches!(pairing.stage, PairingStage::Asking)).then(|| pairing.clone())
        };
        let Some(pairing) = session.wait_for(Some(longest), look).await? else {
            return Err(Failure::Waits("The other device has not answered yet.".to_owned()));
        };
        if !matches!(pairing.stage, PairingStage::EnterCode) {
            return Ok(());
        }
        let name = plain(&pairing.name);
        let digits = match &code {
            Some(code) => code.clone(),
            None => match six_digits(&prompt(&format!("Type the code shown on {name}’s screen: ")).await?) {
                Ok(digits) => digits,
                Err(words) => {
                    session.out.say(&format!("That is no code: {words}."));
                    continue;
                }
            },
        };
        // The code may have been replaced while somebody was typing: the one that is shown now counts.
        let view = session.client.view().await?;
        let tries = view.pairing.iter().find(|one| one.device == device).map_or(0, |one| one.tries_left);
        session.client.act(&Command::EnterCode { device: device.to_owned(), code: digits }).await?;
        let checked = session.wait_for(Some(longest), |view| verdict(view, device, tries)).await?;
        match checked {
            Some(Verdict::Wrong { left }) => {
                let wrong = Trouble::plain(ErrorCode::WrongCode).text("person", &pairing.name).number("n", left.into());
                if code.is_some() {
                    return Err(Failure::Refused(wrong));
                }
                session.out.say(&crate::sentence::of(&wrong));
                session.out.data("wrong_code", json!({"device": device, "tries_left": left}), &[])?;
            }
            Some(Verdict::Decided) | None => return Ok(()),
        }
    }
}

/// What came of a typed code.
enum Verdict {
    /// It was not the one; the other side shows a new one.
    Wrong { left: u32 },
    /// It matched, or the pairing is over.
    Decided,
}

/// What came of a code that was typed when so many tries were left; nothing while it is being compared.
fn verdict(view: &View, device: &str, tries: u32) -> Option<Verdict> {
    let Some(pairing) = view.pairing.iter().find(|pairing| pairing.device == device) else {
        return Some(Verdict::Decided);
    };
    match pairing.stage {
        PairingStage::Asking | PairingStage::EnterCode | PairingStage::Checking => {
            (pairing.tries_left < tries).then_some(Verdict::Wrong { left: pairing.tries_left })
        }
        PairingStage::Matched | PairingStage::WaitingConfirm | PairingStage::Done | PairingStage::Failed { .. } => {
            Some(Verdict::Decided)
        }
    }
}

/// Waits until both are verified, or it failed.
async fn finish(session: &Session, device: &str, longest: Duration) -> Result<(), Failure> {
    let mut was_told = false;
    let look = |view: &View| {
        let found = view.pairing.iter().find(|pairing| pairing.device == device);
        let is_verified = || {
            let known = view.devices.iter().find(|known| known.id == device)?;
            known.verified_at.is_some().then(|| known.name.clone())
        };
        match found.map(|pairing| (&pairing.stage, pairing.name.clone())) {
            Some((PairingStage::Failed { trouble }, _)) => Some(Err(Failure::Refused(trouble.clone()))),
            Some((PairingStage::Done, name)) => Some(Ok(name)),
            Some((PairingStage::Matched, name)) => {
                if !std::mem::replace(&mut was_told, true) {
                    session.out.say(&format!("Matches. Ask {} to allow it.", plain(&name)));
                }
                None
            }
            Some(_) => None,
            None => Some(is_verified().ok_or_else(|| Failure::said("The pairing was given up on this computer."))),
        }
    };
    match session.wait_for(Some(longest), look).await? {
        Some(Ok(name)) => {
            session.out.say(&format!("You and {} are paired.", plain(&name)));
            session.out.data("paired", json!({"device": device, "name": name}), &[])
        }
        Some(Err(failure)) => Err(failure),
        None => Err(Failure::Waits("It waits for the other side to allow it.".to_owned())),
    }
}

/// Asks at the terminal; programs give the code as an argument.
async fn prompt(question: &str) -> Result<String, Failure> {
    let question = question.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        if std::io::stdin().is_terminal() {
            let mut err = std::io::stderr();
            let _ = write!(err, "{question}").and_then(|()| err.flush());
        }
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    match asked.await {
        Ok(Ok(line)) if !line.trim().is_empty() => Ok(line),
        Ok(_) | Err(_) => Err(Failure::usage("No code was typed. Give it with --code.")),
    }
}
