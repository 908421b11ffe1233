//! Says what is in the way: the node's checks, in words.

use serde_json::json;
use shoal_node::Home;
use shoal_node::doctor::{Check, CheckKind, Outcome, examine};

use crate::acts::Session;
use crate::failure::Failure;
use crate::text::plain;

/// Runs every check; fails when one found something in the way.
pub(crate) async fn run(home: &Home, session: &Session) -> Result<(), Failure> {
    let view = session.client.view().await.ok();
    let checks = examine(home, view.as_ref()).await;
    let lines: Vec<String> = checks.iter().map(line).collect();
    session.out.data("doctor", json!({"checks": checks}), &lines)?;
    match checks.iter().any(|check| check.outcome == Outcome::Bad) {
        true => Err(Failure::said("Something is in the way.")),
        false => Ok(()),
    }
}

fn line(check: &Check) -> String {
    let mark = match check.outcome {
        Outcome::Good => "✔",
        Outcome::Bad => "✗",
        Outcome::Unknown => "?",
    };
    format!("{mark} {}", words(check))
}

fn words(check: &Check) -> String {
    let subject = plain(&check.subject);
    let is_good = check.outcome == Outcome::Good;
    let of = |good: &str, bad: &str| if is_good { good.to_owned() } else { bad.to_owned() };
    match check.kind {
        CheckKind::Running => {
            of("Shoal runs for this home.", "Shoal does not run for this home. Start it with: shoal serve")
        }
        CheckKind::HomeWritable => of(
            &format!("{subject} can be written."),
            &format!("{subject} cannot be written. Nothing can be remembered there."),
        ),
        CheckKind::Clock => {
            of("The clock is plausible.", "The clock is wrong. Set it; times in the history will be wrong otherwise.")
        }
        CheckKind::Network => of("Shoal has an address to listen at.", "This computer is on no network."),
        CheckKind::Listening => of(
            "Shoal listens on a network, not only on this computer.",
            &format!(
                "Shoal listens on this computer only ({subject}): no other computer can reach it. It is on no network, or was started with --listen."
            ),
        ),
        CheckKind::Multicast if check.outcome == Outcome::Unknown => {
            format!("Announcements from {subject} could not be tried.")
        }
        CheckKind::Multicast => of(
            &format!("Our own announcements from {subject} are heard here."),
            &format!(
                "Our own announcements from {subject} are not heard here. A firewall is the usual reason; pairing by address works."
            ),
        ),
        CheckKind::PortReachable => of(
            &format!("Our port answers at {subject}."),
            &format!("Our port does not answer at {subject}. A firewall is the usual reason."),
        ),
        CheckKind::Watches => of(
            &format!("Linux lets Shoal watch {subject} directories."),
            &format!(
                "Linux lets Shoal watch only {subject} directories. Raise it: sysctl fs.inotify.max_user_watches=524288"
            ),
        ),
    }
}
