//! Folders from the command line: share, look, people, pause, conflicts.

use std::time::Duration;

use serde_json::json;
use shoal_node::command::{Answer, Command, Inspection, Invitee, PickId, Purpose, Question};
use shoal_node::view::{ErrorCode, Folder, Role, Trouble, View};

use crate::acts::Session;
use crate::args::{Act, People, PeopleAct, Resume, RoleArg, Share};
use crate::failure::Failure;
use crate::text::{self, plain};
use crate::{find, lists, merge, sentence};

/// How long counting may take before we go on without a total.
const COUNTING_MAX: Duration = Duration::from_secs(20);

/// How often an unfinished count is asked again.
const COUNTING_STEP: Duration = Duration::from_millis(200);

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Editor => Role::Editor,
            RoleArg::Viewer => Role::Viewer,
            RoleArg::Keeper => Role::Keeper,
        }
    }
}

/// Carries out a command about folders.
#[expect(clippy::wildcard_enum_match_arm, reason = "the session names each command and sends only these here")]
pub(crate) async fn run(session: &Session, act: Act) -> Result<(), Failure> {
    let view = session.client.view().await?;
    let id = |wanted: &str| find::folder(&view, wanted).map(|folder| folder.id.clone());
    match act {
        Act::Share(asked) => share(session, &view, asked).await,
        Act::Folders { folder } => list(session, &view, folder),
        Act::People(asked) => people(session, &view, asked).await,
        Act::Unshare { folder } => {
            let folder = id(&folder)?;
            session.act(Command::StopSharing { folder }, "Not shared from here any more. All files stay.").await
        }
        Act::Pause { folder } => {
            each(session, &view, folder, |folder| Command::Pause { folder }).await?;
            session.out.done("Paused.")
        }
        Act::Resume(asked) => resume(session, &view, asked).await,
        Act::Rescan { folder } => {
            let folder = id(&folder)?;
            session.act(Command::Rescan { folder }, "Looking through it.").await
        }
        Act::Conflicts { folder } => conflicts(session, &view, folder),
        Act::Merge { folder, set } => merge::run(session, &view, &folder, set.as_deref()).await,
        _ => Err(Failure::usage("That is no command about folders.")),
    }
}

async fn each(
    session: &Session,
    view: &View,
    folder: Option<String>,
    command: impl Fn(String) -> Command,
) -> Result<(), Failure> {
    for folder in chosen(view, folder)? {
        session.client.act(&command(folder.id.clone())).await?;
    }
    Ok(())
}

/// Goes on with folders, or gives one another directory.
async fn resume(session: &Session, view: &View, asked: Resume) -> Result<(), Failure> {
    if let Some(folder) = asked.folder.as_ref().filter(|_| asked.here || asked.at.is_some()) {
        let folder = find::folder(view, folder)?.id.clone();
        let pick = match &asked.at {
            Some(dir) => Some(session.client.pick(dir).await?.pick),
            None => None,
        };
        let words = "Going on there. What the others have comes again, what is there is compared with it.";
        return session.act(Command::NewPlace { folder, pick, take_over: asked.mark.take_over }, words).await;
    }
    let folders = chosen(view, asked.folder)?;
    let mut refused = Vec::new();
    for folder in &folders {
        match session.client.act(&Command::Resume { folder: folder.id.clone() }).await {
            Ok(_) => {}
            Err(Failure::Refused(trouble)) => refused.push((folder, trouble)),
            Err(failure) => return Err(failure),
        }
    }
    match (folders.as_slice(), refused.as_slice()) {
        (_, []) => session.out.done("Going on."),
        ([_], [(_, trouble)]) => Err(Failure::Refused(trouble.clone())),
        _ => {
            let lines =
                refused.iter().map(|(folder, trouble)| format!("{}: {}", plain(&folder.name), sentence::of(trouble)));
            Err(Failure::said(lines.collect::<Vec<_>>().join("\n")))
        }
    }
}

/// One folder, or all.
fn chosen(view: &View, wanted: Option<String>) -> Result<Vec<&Folder>, Failure> {
    match wanted {
        Some(wanted) => Ok(vec![find::folder(view, &wanted)?]),
        None => Ok(view.folders.iter().collect()),
    }
}

fn list(session: &Session, view: &View, wanted: Option<String>) -> Result<(), Failure> {
    let is_one = wanted.is_some();
    let folders = chosen(view, wanted)?;
    let mut lines: Vec<String> = folders.iter().flat_map(|folder| lists::folder(folder, view.now)).collect();
    if is_one {
        let problems = folders.iter().flat_map(|folder| &folder.problems);
        lines.extend(problems.map(|one| format!("    {}: {}", plain(&one.path), sentence::of(&one.trouble))));
    }
    session.out.data("folders", json!({"folders": folders}), &lines)
}

async fn share(session: &Session, view: &View, asked: Share) -> Result<(), Failure> {
    let invite = |name: &String| {
        find::device(view, name).map(|device| Invitee { device: device.id.clone(), role: asked.role.into() })
    };
    let invite: Vec<Invitee> = asked.with.iter().map(invite).collect::<Result<_, _>>()?;
    let picked = session.client.pick(&asked.dir).await?;
    let found = inspect(session, &picked.pick, Purpose::Share).await?;
    not_in_the_way(found.trouble, asked.mark.take_over)?;
    let name = asked.name.or_else(|| picked.names.first().cloned()).unwrap_or(picked.place);
    let count = format!("{}, {}", text::count(found.files, "file", "files"), text::bytes(found.bytes));
    if asked.dry_run {
        let data = json!({"name": name, "files": found.files, "bytes": found.bytes, "complete": found.complete});
        return session.out.data("dry_run", data, &[format!("{}: {count}", plain(&name))]);
    }
    let command =
        Command::ShareFolder { pick: picked.pick, name: name.clone(), invite, take_over: asked.mark.take_over };
    let Answer::Shared { folder } = session.client.act(&command).await? else {
        return Err(Failure::Strange);
    };
    let next = match asked.with.as_slice() {
        [] => format!("Nobody else is in it yet. Invite with: shoal people {} add NAME", text::short(&folder)),
        _ => "Invitations wait for an answer.".to_owned(),
    };
    session.out.say(&format!("{} is shared: {count}. {next}", plain(&name)));
    let line = text::short(&folder).to_owned();
    session.out.data("shared", json!({"folder": folder, "name": name}), &[line])
}

/// Refuses what is in the way, unless it is a mark that is to be taken over.
pub(crate) fn not_in_the_way(trouble: Option<Trouble>, take_over: bool) -> Result<(), Failure> {
    match trouble {
        Some(trouble) if !(take_over && trouble.code == ErrorCode::UnknownMark) => Err(Failure::Refused(trouble)),
        Some(_) | None => Ok(()),
    }
}

/// Looks at a pick, and again while its files are still counted.
pub(crate) async fn inspect(session: &Session, pick: &PickId, purpose: Purpose) -> Result<Inspection, Failure> {
    let question = Question::InspectPick { pick: pick.clone(), purpose };
    let start = std::time::Instant::now();
    loop {
        let Answer::Inspected(found) = session.client.ask(&question).await? else {
            return Err(Failure::Strange);
        };
        if found.complete || found.trouble.is_some() || start.elapsed() > COUNTING_MAX {
            return Ok(found);
        }
        tokio::time::sleep(COUNTING_STEP).await;
    }
}

async fn people(session: &Session, view: &View, asked: People) -> Result<(), Failure> {
    let found = find::folder(view, &asked.folder)?;
    let folder = found.id.clone();
    let member = |wanted: &str| {
        let by_name = found.members.iter().find(|member| member.name.to_lowercase() == wanted.to_lowercase());
        match by_name {
            Some(member) => Ok(member.device.clone()),
            None => find::device(view, wanted).map(|device| device.id.clone()),
        }
    };
    match asked.change {
        None => {
            let lines = lists::folder(found, view.now);
            session.out.data("people", json!({"folder": folder, "role": found.role, "members": found.members}), &lines)
        }
        Some(PeopleAct::Add { device, role }) => {
            let device = find::device(view, &device)?.id.clone();
            let command = Command::Invite { folder, device, role: role.into() };
            session.act(command, "Invited.").await
        }
        Some(PeopleAct::Role { device, role }) => {
            let command = Command::SetRole { device: member(&device)?, folder, role: role.into() };
            session.act(command, "Changed.").await
        }
        Some(PeopleAct::Remove { device }) => {
            let command = Command::RemoveMember { device: member(&device)?, folder };
            session.act(command, "Removed: it gets nothing new. What it already has stays there.").await
        }
    }
}

fn conflicts(session: &Session, view: &View, wanted: Option<String>) -> Result<(), Failure> {
    let folders = chosen(view, wanted)?;
    let all = folders.iter().flat_map(|folder| folder.conflicts.iter().map(move |one| (folder, one)));
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for (folder, one) in all {
        data.push(json!({
            "folder": folder.id, "folder_name": folder.name, "path": one.path, "copy": one.copy, "by": one.by, "at": one.at,
        }));
        let (name, path, by) = (plain(&folder.name), plain(&one.path), plain(&one.by));
        lines.push(format!("{name}/{path}: {by}’s is kept as {}", plain(&one.copy)));
    }
    session.out.data("conflicts", json!({"conflicts": data}), &lines)
}
