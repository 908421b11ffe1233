//! Answers why a path is as it is: what stands there, what the folder says of it, and what decides.

use std::path::{Path, PathBuf};

use shoal_disk::{KeptKind, KeptVersion, Reason, Root};
use shoal_engine::engine::Engine;
use shoal_engine::entry::Kind;
use shoal_engine::explain::{Explanation, Has, HeadStatus, Holder, Verdict};
use shoal_engine::id::FolderId;
use shoal_engine::observe::{Code, Seen};
use shoal_engine::path::RelPath;
use shoal_engine::status::{FolderStatus, Status};

use crate::act::not_there;
use crate::command::{Answer, PathIn, Why, WhyBelow, WhyHas, WhyHere, WhyKept, WhyMember, WhyVerdict, WhyVersion};
use crate::lies::{self, Lies};
use crate::node::{Node, blocking};
use crate::show::{count, moment, number, place::shown, trouble};
use crate::survey::folder_of;
use crate::view::{ErrorCode, Trouble};

/// Most kept versions of one path that are listed, newest first.
const KEPT_MAX: usize = 100;
/// Most folders named to somebody who asks about none of them.
const PLACES_MAX: usize = 50;
/// Characters of a hash that name a version to people.
const ID_CHARS: usize = 8;

/// Says everything that is known of a path.
pub(crate) async fn answer(node: &Node, at: &PathIn) -> Result<Answer, Trouble> {
    let status = node.status().await?;
    let (lies, asked) = lies(&status, at).await?;
    let why = match lies {
        Lies::At(folder, path) => about(node, &status, (folder, path), asked).await?,
        Lies::Outside => bare(&status, None, asked, outside(&status)),
        Lies::Root(folder) => bare(&status, Some(folder), asked, WhyVerdict::Folder),
        Lies::Ours(folder) => bare(&status, Some(folder), asked, WhyVerdict::Ours),
        Lies::BadName(folder) => bare(&status, Some(folder), asked, WhyVerdict::BadName),
    };
    Ok(Answer::Why(Box::new(why)))
}

/// In which folder of this device a path lies, and how it is shown to people.
pub(crate) async fn lies(status: &Status, at: &PathIn) -> Result<(Lies, String), Trouble> {
    let not_understood = || Trouble::plain(ErrorCode::NotUnderstood);
    match at {
        PathIn::Typed { path } => {
            let path = crate::picks::typed(path).ok_or_else(not_understood)?;
            let asked = shown(&path);
            let places = status.folders.iter().map(|one| (one.folder, PathBuf::from(&one.place))).collect::<Vec<_>>();
            Ok((blocking(move || lies::find(&places, &path)).await?, asked))
        }
        PathIn::Folder { folder, path } => {
            let folder = FolderId::parse(folder).filter(|folder| folder_of(status, *folder).is_some());
            let folder = folder.ok_or_else(not_there)?;
            if path.is_empty() {
                return Ok((Lies::Root(folder), String::new()));
            }
            let inside = RelPath::parse(path).map_err(|_| not_understood())?;
            Ok((Lies::At(folder, inside), path.clone()))
        }
    }
}

fn outside(status: &Status) -> WhyVerdict {
    let places = status.folders.iter().take(PLACES_MAX).map(|one| shown(Path::new(&one.place)));
    WhyVerdict::Outside { places: places.collect() }
}

/// What there is to say where no path of a folder is meant.
fn bare(status: &Status, folder: Option<FolderId>, asked: String, verdict: WhyVerdict) -> Why {
    let found = folder.and_then(|folder| folder_of(status, folder));
    Why {
        asked,
        folder: folder.map(|folder| folder.to_string()),
        folder_name: found.map_or_else(String::new, |found| found.name.clone()),
        path: String::new(),
        verdict,
        here: WhyHere::Unknown,
        versions: Vec::new(),
        is_same: false,
        members: Vec::new(),
        copies: Vec::new(),
        copy_of: None,
        copy_by: None,
        kept: Vec::new(),
        below: WhyBelow::default(),
    }
}

async fn about(
    node: &Node,
    status: &Status,
    (folder, path): (FolderId, RelPath),
    asked: String,
) -> Result<Why, Trouble> {
    let found = folder_of(status, folder).ok_or_else(not_there)?;
    let at = path.clone();
    let explained = node.look(move |engine: &Engine| engine.explain(folder, &at)).await?;
    let looked = {
        let (place, path) = (node.hands().folder_record(folder), path.clone());
        blocking(move || place.map(|place| look(&place, &path)).unwrap_or_default()).await?
    };
    let mut why = bare(status, Some(folder), asked, verdict(found, &path, &looked, explained.as_ref()));
    why.path = path.to_string();
    why.here = looked.here.unwrap_or(WhyHere::Unknown);
    why.kept = looked.kept;
    if let Some(explained) = explained {
        tell(&mut why, explained);
    }
    Ok(why)
}

fn tell(why: &mut Why, explained: Explanation) {
    let (copy_of, copy_by) = explained.copy_of.map(|(path, by)| (path.to_string(), by)).unzip();
    (why.copy_of, why.copy_by) = (copy_of, copy_by);
    why.versions = explained.heads.iter().map(version).collect();
    why.is_same = explained.is_same;
    why.members = explained.members.iter().map(member).collect();
    why.copies = explained.copies.iter().map(ToString::to_string).collect();
    let below = explained.below;
    why.below =
        WhyBelow { files: number(below.files), lacking: number(below.lacking), problems: number(below.problems) };
}

/// What the disk says of a path.
#[derive(Default)]
struct Looked {
    here: Option<WhyHere>,
    /// It is something we leave alone.
    skipped: Option<Code>,
    /// A link above it.
    link: Option<String>,
    kept: Vec<WhyKept>,
}

fn look((place, root_id): &(PathBuf, [u8; 16]), path: &RelPath) -> Looked {
    let Ok(root) = Root::open(place, *root_id) else { return Looked::default() };
    let (here, skipped) = match root.look(path) {
        Ok(None) => (WhyHere::Nothing, None),
        Ok(Some(Seen::File { print, .. })) => {
            (WhyHere::File { size: number(print.size), modified: number(print.modified().0) }, None)
        }
        Ok(Some(Seen::Directory)) => (WhyHere::Directory, None),
        Ok(Some(Seen::Link { target })) => (WhyHere::Link { target }, None),
        Ok(Some(Seen::Skipped(code))) | Err(code) => {
            (WhyHere::Skipped { trouble: trouble::of_path(path.as_str(), code) }, Some(code))
        }
    };
    let is_link =
        |dir: &RelPath| matches!(root.look(dir), Ok(Some(Seen::Link { .. } | Seen::Skipped(Code::LinkLeaves))));
    let link = path.ancestors().find(is_link).map(|dir| dir.to_string());
    let kept = root.kept(Some(path)).unwrap_or_default();
    let kept = kept.iter().rev().filter_map(kept_row).take(KEPT_MAX).collect();
    Looked { here: Some(here), skipped, link, kept }
}

pub(crate) fn kept_row(kept: &KeptVersion) -> Option<WhyKept> {
    let KeptKind::File { content, size, .. } = &kept.kind else { return None };
    let was_removed = kept.reason == Reason::Deleted;
    Some(WhyKept { time: number(kept.time.0), was_removed, size: number(*size), id: short(&content.to_string()) })
}

/// What a person can name a version by.
pub(crate) fn short(hash: &str) -> String {
    hash.chars().take(ID_CHARS).collect()
}

/// What decides: the engine's word, unless the disk shows something that it has not seen.
fn verdict(found: &FolderStatus, path: &RelPath, looked: &Looked, explained: Option<&Explanation>) -> WhyVerdict {
    if let Some(link) = &looked.link {
        return WhyVerdict::BehindLink { link: link.clone() };
    }
    let stands = matches!(looked.here, Some(WhyHere::File { .. } | WhyHere::Directory | WhyHere::Link { .. }));
    let problem = |code| WhyVerdict::Problem { trouble: trouble::of_path(path.as_str(), code) };
    let Some(explained) = explained else { return stopped(found) };
    match explained.verdict {
        Verdict::NotMember => WhyVerdict::NotMember,
        Verdict::Stopped(stop) => {
            let trouble = trouble::of_stop(&found.name, &shown(Path::new(&found.place)), stop);
            WhyVerdict::Stopped { trouble }
        }
        Verdict::Paused => WhyVerdict::Paused,
        Verdict::FirstLook => WhyVerdict::FirstLook,
        Verdict::Problem(code) => problem(code),
        Verdict::Held { is_ours } => WhyVerdict::Held { is_ours },
        Verdict::Looking => WhyVerdict::Looking,
        Verdict::Recording => WhyVerdict::Recording,
        Verdict::Applying => WhyVerdict::Applying,
        Verdict::Settling => WhyVerdict::Settling,
        Verdict::Blocked => WhyVerdict::Blocked,
        Verdict::Lacking { sources, is_nowhere } => WhyVerdict::Lacking { sources: count(sources), is_nowhere },
        Verdict::PutOff => WhyVerdict::PutOff,
        Verdict::Pending => WhyVerdict::Pending,
        Verdict::Unknown | Verdict::Gone if stands => WhyVerdict::NotSeen,
        Verdict::Unknown => looked.skipped.map_or(WhyVerdict::Unknown, problem),
        Verdict::Same if looked.here.is_some() && !stands => WhyVerdict::NotSeen,
        Verdict::Same => WhyVerdict::Same,
        Verdict::Gone => WhyVerdict::Gone,
        Verdict::StaysForOthers => WhyVerdict::StaysForOthers,
    }
}

/// A folder whose history cannot be read is shown as stopped.
fn stopped(found: &FolderStatus) -> WhyVerdict {
    let stop = shoal_engine::observe::Stop::LedgerUnreadable;
    WhyVerdict::Stopped { trouble: trouble::of_stop(&found.name, &shown(Path::new(&found.place)), stop) }
}

fn version(head: &HeadStatus) -> WhyVersion {
    let size = match &head.kind {
        Kind::File { size, .. } => Some(number(*size)),
        Kind::Directory | Kind::Link { .. } | Kind::Deleted => None,
    };
    WhyVersion {
        id: short(&head.hash.to_string()),
        device: head.author.clone(),
        time: number(head.time.0),
        is_removal: !head.kind.is_live(),
        size,
    }
}

fn member(holder: &Holder) -> WhyMember {
    let has = match holder.has {
        Has::All => WhyHas::All,
        Has::Part => WhyHas::Part,
        Has::Nothing => WhyHas::Nothing,
        Has::NotHeard => WhyHas::NotHeard,
        Has::Behind { files, problems } => WhyHas::Behind { files: number(files), problems: number(problems) },
        Has::Unknown => WhyHas::Unknown,
        Has::Away { since } => WhyHas::Away { since: moment(since) },
        Has::Invited => WhyHas::Invited,
    };
    WhyMember { device: holder.device.to_string(), name: holder.name.clone(), has }
}
