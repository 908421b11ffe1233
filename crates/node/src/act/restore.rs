//! Puts a file, a directory or a folder back to an earlier state, the way its user would: through the disk's own
//! protocol, which keeps what stands there, and seen by the engine as a change made here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shoal_disk::{KeptKind, Root};
use shoal_engine::engine::Engine;
use shoal_engine::entry::Kind;
use shoal_engine::event::{Event, Noticed};
use shoal_engine::id::{ContentId, FolderId, Scope};
use shoal_engine::observe::{Act, Change, Expected, Fingerprint, Outcome, Source};
use shoal_engine::past::{self, PastEntry, Step};
use shoal_engine::path::RelPath;
use shoal_engine::request::Request;
use shoal_engine::saved::Materialised;
use shoal_engine::status::{FolderState, FolderStatus, Standing};
use shoal_engine::time::Timestamp;
use tokio::sync::oneshot;

use super::{Acted, not_there};
use crate::command::{Answer, Moment, PathIn, Restoration, RestoreAct, RestoreItem, RestoreState};
use crate::history::past::read;
use crate::lies::Lies;
use crate::node::{Node, blocking};
use crate::show::{number, place::shown, trouble};
use crate::survey::folder_of;
use crate::view::{ErrorCode, Trouble};
use crate::why::lies;

/// Most paths listed in an answer.
const ITEMS_MAX: usize = 200;
/// Changes made in one go: the folder's own changes come in between.
const BATCH_CHANGES: usize = 64;
/// Contents asked of the others at a time.
const FETCHES_MAX: usize = 256;
/// How long nobody may send anything before a content is given up.
const STALLED_MAX: Duration = Duration::from_secs(20);
/// How often is looked whether contents have come.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One path that is to be put back.
struct Item {
    path: RelPath,
    step: Step,
    /// What stands there, if anything.
    stands: Option<Standing>,
    source: Option<Source>,
    state: RestoreState,
}

/// All that is to be put back.
struct Plan {
    folder: FolderId,
    folder_name: String,
    within: Option<RelPath>,
    is_single: bool,
    items: Vec<Item>,
}

/// Says what putting back would do.
pub(crate) async fn plan_only(node: &Node, at: &PathIn, to: &Moment) -> Acted {
    let plan = make_plan(node, at, to).await?;
    Ok(Answer::Restored(answer(&plan, false)))
}

/// Puts back.
pub(crate) async fn restore(node: &Node, at: &PathIn, to: &Moment) -> Acted {
    let mut plan = make_plan(node, at, to).await?;
    while fetch_some(node, &mut plan).await? {}
    // Twice: what was to be copied may have been put away by an earlier change, and is among the kept versions then.
    for _ in 0..2 {
        for items in plan.items.chunks_mut(BATCH_CHANGES) {
            make(node, plan.folder, items).await?;
        }
    }
    for content in plan.items.iter().filter(|item| item.source == Some(Source::Stage)).filter_map(Item::content) {
        node.request(Request::Enough(plan.folder, content)).await?;
    }
    Ok(Answer::Restored(answer(&plan, true)))
}

async fn make_plan(node: &Node, at: &PathIn, to: &Moment) -> Result<Plan, Trouble> {
    let status = node.status().await?;
    let (folder, within) = match lies(&status, at).await?.0 {
        Lies::Root(folder) => (folder, None),
        Lies::At(folder, path) => (folder, Some(path)),
        Lies::Outside | Lies::Ours(_) | Lies::BadName(_) => return Err(not_there()),
    };
    let found = folder_of(&status, folder).ok_or_else(not_there)?;
    may_change(found)?;
    let (entries, folder_name) = read(node, folder).await?;
    let place = node.hands().folder_record(folder).ok_or_else(not_there)?;
    let then = then(&entries, within.as_ref(), to, &place).await?;
    let standing = {
        let within = within.clone();
        node.look(move |engine: &Engine| engine.standing(folder, within.as_ref())).await?
    };
    let mut standing: BTreeMap<RelPath, Standing> = standing.into_iter().collect();
    let now: BTreeMap<RelPath, Kind> =
        standing.iter().map(|(path, one)| (path.clone(), one.disk.kind.clone())).collect();
    let steps = past::steps(&now, &then, within.as_ref());
    let is_single = match steps.as_slice() {
        [] => true,
        [(path, step)] => Some(path) == within.as_ref() && !is_about_directory(step, now.get(path)),
        [_, _, ..] => false,
    };
    let items: Vec<Item> = steps
        .into_iter()
        .map(|(path, step)| Item {
            stands: standing.remove(&path),
            path,
            step,
            source: None,
            state: RestoreState::Ready,
        })
        .collect();
    let mut plan = Plan { folder, folder_name, within, is_single, items };
    find_sources(node, &mut plan, place).await?;
    Ok(plan)
}

fn is_about_directory(step: &Step, stands: Option<&Kind>) -> bool {
    step.kind() == Some(&Kind::Directory) || stands == Some(&Kind::Directory)
}

/// Nothing is put back where it would not count, or where it is not known what stands there.
fn may_change(found: &FolderStatus) -> Result<(), Trouble> {
    if !found.role.is_some_and(shoal_engine::request::Role::may_write) {
        return Err(Trouble::plain(ErrorCode::ReadOnlyRole).text("folder", &found.name));
    }
    let not_now = || Trouble::plain(ErrorCode::NotNow).text("folder", &found.name);
    match found.state {
        FolderState::Stopped(stop) => {
            Err(trouble::of_stop(&found.name, &shown(std::path::Path::new(&found.place)), stop))
        }
        FolderState::Paused | FolderState::Scanning { .. } => Err(not_now()),
        FolderState::Syncing | FolderState::Waiting | FolderState::Full | FolderState::Held | FolderState::UpToDate => {
            Ok(())
        }
    }
}

/// What stood at the path and below it at the moment that is meant.
async fn then(
    entries: &[PastEntry],
    within: Option<&RelPath>,
    to: &Moment,
    place: &(PathBuf, [u8; 16]),
) -> Result<BTreeMap<RelPath, Kind>, Trouble> {
    let no_version = || Trouble::plain(ErrorCode::NoVersion);
    let only = |kind: Kind| within.map(|path| BTreeMap::from([(path.clone(), kind)])).ok_or_else(no_version);
    match (to, within) {
        (Moment::At { time }, _) => Ok(past::state_at(entries, Timestamp(*time))),
        (Moment::Version { .. } | Moment::Last, None) => Err(no_version()),
        (Moment::Version { id }, Some(path)) => {
            let named = past::of_path(entries, path).into_iter().rev().find(|one| begins(&one.hash.to_string(), id));
            match named {
                Some(one) if one.entry.kind.is_live() => only(one.entry.kind.clone()),
                Some(_) => Ok(BTreeMap::new()),
                None => {
                    let (path, id, place) = (path.clone(), id.clone(), place.clone());
                    only(blocking(move || kept_as(&place, &path, &id)).await?.ok_or_else(no_version)?)
                }
            }
        }
        (Moment::Last, Some(path)) => {
            let of_path = past::of_path(entries, path);
            let last = of_path.iter().rev().find(|one| one.entry.kind.is_live()).ok_or_else(no_version)?;
            only(last.entry.kind.clone())
        }
    }
}

/// A version that is kept here, by the beginning of its content's name.
fn kept_as((place, root_id): &(PathBuf, [u8; 16]), path: &RelPath, id: &str) -> Option<Kind> {
    let kept = Root::open(place, *root_id).ok()?.kept(Some(path)).ok()?;
    kept.into_iter().rev().find_map(|kept| match kept.kind {
        KeptKind::File { content, size, modified, executable } if begins(&content.to_string(), id) => {
            Some(Kind::File { content, size, executable, modified })
        }
        KeptKind::File { .. } | KeptKind::Link { .. } => None,
    })
}

fn begins(hash: &str, id: &str) -> bool {
    id.len() >= 4 && hash.starts_with(id)
}

/// Finds where the bytes of everything that comes are on this computer.
async fn find_sources(node: &Node, plan: &mut Plan, place: (PathBuf, [u8; 16])) -> Result<(), Trouble> {
    let contents: Vec<ContentId> = plan.items.iter().filter_map(Item::content).collect();
    let folder = plan.folder;
    let look = {
        let contents = contents.clone();
        move |engine: &Engine| -> BTreeMap<ContentId, (RelPath, Fingerprint)> {
            let first = |content: ContentId| engine.files_with(folder, content).into_iter().next();
            contents.into_iter().filter_map(|content| Some((content, first(content)?))).collect()
        }
    };
    let standing = node.look(look).await?;
    let hands = Arc::clone(node.hands());
    let kept = blocking(move || {
        let Ok(root) = Root::open(&place.0, place.1) else { return Default::default() };
        let is_here = |content: &ContentId| root.is_kept(*content) && hands.manifest(*content).is_some();
        contents.into_iter().filter(is_here).collect::<std::collections::BTreeSet<_>>()
    })
    .await?;
    for item in &mut plan.items {
        if item.stands.as_ref().is_some_and(|stands| !stands.is_sure) {
            item.state = RestoreState::Busy;
            continue;
        }
        let Some(content) = item.content() else { continue };
        let is_same = item.stands.as_ref().is_some_and(|stands| stands.disk.kind.content() == Some(content));
        let copy = standing.get(&content).map(|(from, print)| Source::Copy { from: from.clone(), print: *print });
        item.source = match () {
            () if kept.contains(&content) => Some(Source::Kept),
            () if item.size() == Some(0) => Some(Source::Stage),
            () => copy,
        };
        if item.source.is_none() && !is_same {
            item.state = RestoreState::Elsewhere;
        }
    }
    Ok(())
}

/// Asks the others for some of what is not here; false when nothing is left to ask for.
async fn fetch_some(node: &Node, plan: &mut Plan) -> Result<bool, Trouble> {
    let lacking = plan.items.iter().filter(|item| item.state == RestoreState::Elsewhere);
    let wanted: BTreeMap<ContentId, u64> =
        lacking.filter_map(|item| Some((item.content()?, item.size()?))).take(FETCHES_MAX).collect();
    if wanted.is_empty() {
        return Ok(false);
    }
    let folder = plan.folder;
    for (content, size) in &wanted {
        node.request(Request::Want(folder, *content, *size)).await?;
    }
    let come = fetched(node, folder, &wanted).await?;
    for item in plan.items.iter_mut().filter(|item| item.state == RestoreState::Elsewhere) {
        match item.content() {
            Some(content) if come.contains(&content) => {
                (item.state, item.source) = (RestoreState::Ready, Some(Source::Stage));
            }
            Some(content) if wanted.contains_key(&content) => item.state = RestoreState::Nowhere,
            Some(_) | None => {}
        }
    }
    for content in wanted.keys().filter(|content| !come.contains(content)) {
        node.request(Request::Enough(folder, *content)).await?;
    }
    Ok(true)
}

/// Waits until every content came or cannot; returns those that came.
async fn fetched(node: &Node, folder: FolderId, wanted: &BTreeMap<ContentId, u64>) -> Result<Vec<ContentId>, Trouble> {
    let (mut open, mut come) = (wanted.clone(), Vec::new());
    let (mut news, mut received) = (Instant::now(), 0);
    while !open.is_empty() {
        let asked: Vec<ContentId> = open.keys().copied().collect();
        let look = move |engine: &Engine| -> Vec<_> {
            asked.into_iter().map(|content| (content, engine.fetching(folder, content))).collect()
        };
        for (content, far) in node.look(look).await? {
            match far {
                Some(far) if far.is_complete => {
                    come.push(content);
                    open.remove(&content);
                    news = Instant::now();
                }
                Some(far) if far.is_nowhere => _ = open.remove(&content),
                // The folder was paused or stopped.
                None => _ = open.remove(&content),
                Some(_) => {}
            }
        }
        let bytes = node.hands().received(Scope::Folder(folder));
        if bytes != received {
            (news, received) = (Instant::now(), bytes);
        }
        if news.elapsed() > STALLED_MAX {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(come)
}

/// Makes one batch of changes, and has the engine look at them.
async fn make(node: &Node, folder: FolderId, items: &mut [Item]) -> Result<(), Trouble> {
    let ready = items.iter().enumerate().filter(|(_, item)| item.state == RestoreState::Ready);
    let (ready, changes): (Vec<usize>, Vec<Change>) = ready.filter_map(|(at, item)| Some((at, item.change()?))).unzip();
    if changes.is_empty() {
        return Ok(());
    }
    let removals = removed(items, |item| item.state == RestoreState::Ready);
    if !removals.is_empty() {
        // It was agreed to already: nobody is asked a second time here.
        node.request(Request::AllowRemoval(folder, removals)).await?;
    }
    let outcomes = perform(node, folder, changes).await;
    for (at, outcome) in ready.into_iter().zip(outcomes.iter().flatten()) {
        items[at].take_outcome(outcome.clone());
    }
    // The yes was for this removal only. One that comes later is somebody else's, and is asked about.
    let not_made = removed(items, |item| item.state != RestoreState::Done);
    if !not_made.is_empty() {
        node.request(Request::ForgetRemoval(folder, not_made)).await?;
    }
    outcomes.map(|_| ())
}

fn removed(items: &[Item], is_meant: impl Fn(&Item) -> bool) -> Vec<RelPath> {
    let removals = items.iter().filter(|item| item.step == Step::Remove && is_meant(item));
    removals.map(|item| item.path.clone()).collect()
}

/// Has the disk make changes, and the engine look at their paths.
async fn perform(node: &Node, folder: FolderId, changes: Vec<Change>) -> Result<Vec<Outcome>, Trouble> {
    let paths: Vec<Noticed> =
        changes.iter().map(|change| Noticed { path: change.path.clone(), is_settled: true }).collect();
    let bench = node.hands().benches.get(Scope::Folder(folder)).ok_or_else(not_there)?;
    let (hands, (done, outcomes)) = (Arc::clone(node.hands()), oneshot::channel());
    bench.work(move |ground| {
        let root = ground.and_then(|ground| ground.root());
        let outcomes = root.map(|root| root.apply(&changes, &|content| hands.manifest(content)));
        // Whoever asked may have gone.
        let _ = done.send(outcomes);
    });
    let outcomes = outcomes.await.ok().flatten().ok_or_else(not_there)?;
    node.hands().happened(Event::Noticed { folder, paths }).await;
    Ok(outcomes)
}

impl Item {
    fn content(&self) -> Option<ContentId> {
        self.step.kind()?.content()
    }

    fn size(&self) -> Option<u64> {
        match self.step.kind()? {
            Kind::File { size, .. } => Some(*size),
            Kind::Directory | Kind::Link { .. } | Kind::Deleted => None,
        }
    }

    fn change(&self) -> Option<Change> {
        let stands = self.stands.as_ref().map(|stands| &stands.disk);
        let expected = stands.map_or(Expected::Absent, Materialised::expected);
        let act = match self.step.kind() {
            None | Some(Kind::Deleted) => Act::Remove,
            Some(Kind::Directory) => Act::MakeDirectory,
            Some(Kind::Link { target }) => Act::MakeLink { target: target.clone() },
            Some(Kind::File { content, size, executable, modified }) => {
                let (executable, modified) = (*executable, *modified);
                if stands.is_some_and(|disk| disk.kind.content() == Some(*content)) {
                    Act::Touch { executable, modified }
                } else {
                    let source = self.source.clone()?;
                    Act::Publish { content: *content, size: *size, executable, modified, source }
                }
            }
        };
        Some(Change { path: self.path.clone(), expected, act })
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        self.state = match outcome {
            Outcome::Done { .. } | Outcome::Displaced { .. } => RestoreState::Done,
            Outcome::Unexpected => RestoreState::Busy,
            Outcome::SourceGone if matches!(self.source, Some(Source::Copy { .. })) => {
                self.source = Some(Source::Kept);
                RestoreState::Ready
            }
            Outcome::SourceGone => RestoreState::Nowhere,
            Outcome::Refused(code) => RestoreState::Failed { trouble: trouble::of_path(self.path.as_str(), code) },
        };
    }

    fn is_undone(&self) -> bool {
        !matches!(self.state, RestoreState::Ready | RestoreState::Elsewhere | RestoreState::Done)
    }

    fn shown(&self) -> RestoreItem {
        let act = match self.step {
            Step::Create(_) => RestoreAct::Create,
            Step::Replace(_) => RestoreAct::Replace,
            Step::Remove => RestoreAct::Remove,
        };
        RestoreItem { path: self.path.to_string(), act, size: self.size().map(number), state: self.state.clone() }
    }
}

fn answer(plan: &Plan, is_done: bool) -> Restoration {
    let is_undone = |item: &&Item| item.is_undone() || is_done && item.state != RestoreState::Done;
    let counts = |is: fn(&Step) -> bool| {
        number(plan.items.iter().filter(|item| !is_undone(item) && is(&item.step)).count() as u64)
    };
    let (undone, others): (Vec<&Item>, Vec<&Item>) = plan.items.iter().partition(|item| is_undone(item));
    Restoration {
        folder: plan.folder.to_string(),
        folder_name: plan.folder_name.clone(),
        path: plan.within.as_ref().map(ToString::to_string).unwrap_or_default(),
        is_single: plan.is_single,
        is_done,
        creates: counts(|step| matches!(step, Step::Create(_))),
        replaces: counts(|step| matches!(step, Step::Replace(_))),
        removes: counts(|step| matches!(step, Step::Remove)),
        bytes: number(others.iter().filter_map(|item| item.size()).sum()),
        undone: number(undone.len() as u64),
        items: undone.into_iter().chain(others).take(ITEMS_MAX).map(Item::shown).collect(),
    }
}
