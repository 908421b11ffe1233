//! Answers questions: looks, and changes nothing.

use shoal_engine::engine::Engine;
use shoal_engine::id::{DeviceId, FolderId};
use shoal_engine::path::RelPath;
use shoal_engine::status::{FileStatus, FolderStatus, Status};

use crate::act::{known_folder, name_of, not_there, offer_id};
use crate::command::{Answer, FileEntry, FilePage, FileState, OfferPage, Question, SettingsPage};
use crate::history::{self, Stored};
use crate::node::{Node, blocking};
use crate::show::{count, item, moment, number, place::shown};
use crate::survey::{folder_of, offer_of};
use crate::view::{ErrorCode, Trouble};

/// Lines of one page: a few screens, little to send.
const PAGE_LINES: usize = 200;

/// Items of one page of an offer, the number that the view shows first.
const PAGE_ITEMS: usize = 50;

/// Most paths typed at once: what a shell puts into one command line.
const TYPED_MAX: usize = 10_000;

/// Answers one question.
pub(crate) async fn answer(node: &Node, question: Question) -> Result<Answer, Trouble> {
    match question {
        Question::FilesIn { folder, dir, page } => files_in(node, &folder, &dir, page).await,
        Question::OfferItems { offer, page } => offer_items(node, &offer, page).await,
        Question::PickTyped { path } => pick_typed(node, &path).await,
        Question::PickTypedFiles { paths } => pick_typed_files(node, &paths).await,
        Question::PickDrop { drop } => pick_drop(node, &drop.0).await,
        Question::InspectPick { pick, purpose } => crate::inspect::inspect(node, &pick, purpose).await,
        Question::History { folder, page } => history_page(node, folder, page).await,
        Question::Verify { folder } => verify(node, folder).await,
        Question::PathHistory { at } => crate::history::past::answer(node, &at).await,
        Question::RestorePlan { at, to } => crate::act::restore::plan_only(node, &at, &to).await,
        Question::Why { at } => crate::why::answer(node, &at).await,
        Question::Settings => Ok(Answer::Settings(settings(node))),
        // Native pickers belong to the window's shell.
        Question::PickFolder | Question::PickFiles => Err(Trouble::plain(ErrorCode::NotHere)),
    }
}

async fn files_in(node: &Node, folder: &str, dir: &str, page: u32) -> Result<Answer, Trouble> {
    let (id, status) = known_folder(node, folder).await?;
    let conflicts = folder_of(&status, id).map(conflict_paths).unwrap_or_default();
    let dir = match dir {
        "" => None,
        dir => Some(RelPath::parse(dir).map_err(|_| Trouble::plain(ErrorCode::NotUnderstood))?),
    };
    let from = (page as usize).saturating_mul(PAGE_LINES);
    let at = dir.clone();
    let look = move |engine: &Engine| engine.files_in(id, at.as_ref(), from, PAGE_LINES);
    let (lines, total) = node.look(look).await?;
    let entries = lines.into_iter().map(|line| entry(line, dir.as_ref(), &conflicts)).collect();
    Ok(Answer::Files(FilePage { entries, page, pages: count(total.div_ceil(PAGE_LINES)), total: number(total as u64) }))
}

fn conflict_paths(status: &FolderStatus) -> Vec<RelPath> {
    status.conflicts.iter().flat_map(|one| [one.path.clone(), one.copy.clone()]).collect()
}

fn entry(line: FileStatus, dir: Option<&RelPath>, conflicts: &[RelPath]) -> FileEntry {
    let path = dir.map_or_else(|| RelPath::parse(&line.name), |dir| dir.join(&line.name));
    let is_conflict = path.is_ok_and(|path| conflicts.contains(&path));
    let state = match (line.problem, is_conflict, line.is_here) {
        (Some(_), _, _) => FileState::Problem,
        (None, true, _) => FileState::Conflict,
        (None, false, true) => FileState::Here,
        (None, false, false) => FileState::Coming,
    };
    FileEntry {
        name: line.name,
        is_folder: line.is_directory,
        size: number(line.size),
        modified: moment(line.modified),
        state,
    }
}

async fn offer_items(node: &Node, offer: &str, page: u32) -> Result<Answer, Trouble> {
    let id = offer_id(offer)?;
    let status = node.status().await?;
    let items = &offer_of(&status, id).ok_or_else(not_there)?.record.items;
    let (offers, _) = node.hands().places_seen.facts();
    let from = (page as usize).saturating_mul(PAGE_ITEMS);
    let shown = items.iter().enumerate().skip(from).take(PAGE_ITEMS);
    let shown = shown.map(|(index, one)| item::show(index, one, offers.get(&id))).collect();
    Ok(Answer::OfferItems(OfferPage { items: shown, page, pages: count(items.len().div_ceil(PAGE_ITEMS)) }))
}

async fn pick_typed(node: &Node, path: &str) -> Result<Answer, Trouble> {
    let path = crate::picks::typed(path).ok_or_else(|| Trouble::plain(ErrorCode::NotUnderstood))?;
    let found = path.clone();
    // A folder to receive into may not exist yet; its parent must.
    let is_there = blocking(move || found.exists() || found.parent().is_some_and(std::path::Path::is_dir)).await?;
    if !is_there {
        return Err(Trouble::plain(ErrorCode::PlaceMissing).text("path", shown(&path)));
    }
    Ok(Answer::Picked { picked: Some(node.pick_paths(vec![path])) })
}

async fn pick_typed_files(node: &Node, typed: &[String]) -> Result<Answer, Trouble> {
    if typed.is_empty() || typed.len() > TYPED_MAX {
        return Err(Trouble::plain(ErrorCode::NotUnderstood));
    }
    let paths: Option<Vec<_>> = typed.iter().map(|path| crate::picks::typed(path)).collect();
    let paths = paths.ok_or_else(|| Trouble::plain(ErrorCode::NotUnderstood))?;
    let looked = paths.clone();
    let missing = blocking(move || looked.into_iter().find(|path| !path.exists())).await?;
    match missing {
        Some(path) => Err(Trouble::plain(ErrorCode::SourceGone).text("file", shown(&path))),
        None => Ok(Answer::Picked { picked: Some(node.pick_paths(paths)) }),
    }
}

async fn pick_drop(node: &Node, drop: &str) -> Result<Answer, Trouble> {
    let paths = node.picks().paths(drop).ok_or_else(not_there)?;
    let [dir] = paths.as_slice() else { return Err(Trouble::plain(ErrorCode::NotUnderstood)) };
    let dir = dir.clone();
    let found = dir.clone();
    match blocking(move || found.is_dir()).await? {
        true => Ok(Answer::Picked { picked: Some(node.pick_paths(vec![dir])) }),
        false => Err(Trouble::plain(ErrorCode::NotDirectory).text("path", shown(&dir))),
    }
}

/// A folder with its name and every record of its history.
pub(crate) type Read = (FolderId, String, Vec<Vec<u8>>);

/// Reads the history of one folder, or of all, aside: it may be long.
pub(crate) async fn records(node: &Node, folder: Option<String>) -> Result<(Vec<Read>, Status), Trouble> {
    let wanted = match folder {
        Some(folder) => Some(known_folder(node, &folder).await?.0),
        None => None,
    };
    let status = node.status().await?;
    let folders = status.folders.iter().filter(|one| wanted.is_none_or(|wanted| wanted == one.folder));
    let folders: Vec<_> = folders.map(|one| (one.folder, one.name.clone())).collect();
    let store = node.hands().store.clone();
    let read = move |(folder, name): (FolderId, String)| {
        let records = store.reload(folder).unwrap_or_else(|error| {
            tracing::error!(%folder, %error, "a history cannot be read");
            Vec::new()
        });
        (folder, name, records)
    };
    let read = blocking(move || folders.into_iter().map(read).collect()).await?;
    Ok((read, status))
}

async fn history_page(node: &Node, folder: Option<String>, page: u32) -> Result<Answer, Trouble> {
    let (read, status) = records(node, folder).await?;
    let called = caller(node, status);
    blocking(move || {
        let stored: Vec<Stored<'_>> = read.iter().map(stored).collect();
        Answer::History(history::page(&stored, &called, page))
    })
    .await
}

async fn verify(node: &Node, folder: Option<String>) -> Result<Answer, Trouble> {
    let (read, status) = records(node, folder).await?;
    let called = caller(node, status);
    blocking(move || {
        let verify = |one: &Read| history::verify(&stored(one), &called);
        Answer::Verified { folders: read.iter().map(verify).collect() }
    })
    .await
}

/// What each device is called, this one included.
pub(crate) fn caller(node: &Node, status: Status) -> impl Fn(DeviceId) -> String + Send + 'static {
    let (me, my_name) = (node.me(), crate::survey::settings(node.hands()).name);
    move |device| if device == me { my_name.clone() } else { name_of(&status, device) }
}

fn stored((folder, name, records): &Read) -> Stored<'_> {
    Stored { folder: *folder, name, records }
}

fn settings(node: &Node) -> SettingsPage {
    let (set, drawn) = (node.hands().settings(), crate::survey::settings(node.hands()));
    SettingsPage {
        name: drawn.name,
        downloads: shown(&drawn.downloads),
        port: set.listen_port,
        lan_only: set.lan_only,
        bootstrap: set.bootstrap,
        theme: drawn.theme,
    }
}
