//! Every version of one path, and where its bytes are.

use std::collections::{BTreeMap, BTreeSet};

use shoal_disk::Root;
use shoal_engine::engine::Engine;
use shoal_engine::entry::{Entry, Kind};
use shoal_engine::id::{ContentId, DeviceId, FolderId, VersionId};
use shoal_engine::ledger::Ledger;
use shoal_engine::past::{self, PastEntry};
use shoal_engine::path::RelPath;

use super::kind_of;
use crate::act::not_there;
use crate::command::{Answer, PathHistory, PathIn, Version, VersionBytes, WhyKept};
use crate::lies::Lies;
use crate::look::{caller, records};
use crate::node::{Node, blocking};
use crate::show::number;
use crate::view::Trouble;
use crate::why::{kept_row, lies, short};

/// Most versions of one path that are listed, newest first.
const VERSIONS_MAX: usize = 500;

/// Answers with every version of a path.
pub(crate) async fn answer(node: &Node, at: &PathIn) -> Result<Answer, Trouble> {
    let status = node.status().await?;
    let (Lies::At(folder, path), _) = lies(&status, at).await? else { return Err(not_there()) };
    let (entries, folder_name) = read(node, folder).await?;
    let called = caller(node, status);
    let wanted: BTreeSet<ContentId> =
        past::of_path(&entries, &path).iter().filter_map(|one| one.entry.kind.content()).collect();
    let standing = {
        let contents = wanted.clone();
        node.look(move |engine: &Engine| places(engine, folder, &contents)).await?
    };
    let place = node.hands().folder_record(folder);
    let answer = blocking(move || {
        let root = place.and_then(|(place, root_id)| Root::open(&place, root_id).ok());
        let bytes = |content| bytes(root.as_ref(), &standing, &path, content);
        let (folder, at) = (folder.to_string(), path.to_string());
        let versions = versions(&entries, &path, &called, &bytes);
        PathHistory { folder, folder_name, path: at, versions, unrecorded: unrecorded(root.as_ref(), &path, &wanted) }
    });
    Ok(Answer::PathHistory(answer.await?))
}

/// Every entry of a folder that counts, and the folder's name.
pub(crate) async fn read(node: &Node, folder: FolderId) -> Result<(Vec<PastEntry>, String), Trouble> {
    let (read, _) = records(node, Some(folder.to_string())).await?;
    let (_, name, records) = read.into_iter().next().ok_or_else(not_there)?;
    let entries = blocking(move || Ledger::load(&records).map(|loaded| past::entries(&loaded.accepted)));
    Ok((entries.await?.unwrap_or_default(), name))
}

/// Where contents stand in a folder.
fn places(engine: &Engine, folder: FolderId, contents: &BTreeSet<ContentId>) -> BTreeMap<ContentId, Vec<RelPath>> {
    let at =
        |content: &ContentId| engine.files_with(folder, *content).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    contents.iter().map(|content| (*content, at(content))).filter(|(_, paths)| !paths.is_empty()).collect()
}

fn bytes(
    root: Option<&Root>,
    standing: &BTreeMap<ContentId, Vec<RelPath>>,
    path: &RelPath,
    content: ContentId,
) -> VersionBytes {
    let places = standing.get(&content).map(Vec::as_slice).unwrap_or_default();
    match places.first() {
        Some(_) if places.contains(path) => VersionBytes::Stands,
        Some(other) => VersionBytes::Same { path: other.to_string() },
        None if root.is_some_and(|root| root.is_kept(content)) => VersionBytes::Kept,
        None => VersionBytes::Elsewhere,
    }
}

fn versions(
    entries: &[PastEntry],
    path: &RelPath,
    called: &dyn Fn(DeviceId) -> String,
    bytes: &dyn Fn(ContentId) -> VersionBytes,
) -> Vec<Version> {
    let of_path = past::of_path(entries, path);
    let before: BTreeMap<VersionId, Entry> = of_path.iter().map(|one| (one.id, one.entry.clone())).collect();
    let version = |one: &&PastEntry| Version {
        id: short(&one.hash.to_string()),
        time: number(one.time.0),
        device: called(one.id.chain.device),
        kind: kind_of(&one.entry, &before),
        size: match &one.entry.kind {
            Kind::File { size, .. } => Some(number(*size)),
            Kind::Directory | Kind::Link { .. } | Kind::Deleted => None,
        },
        at: (one.entry.path != *path).then(|| one.entry.path.to_string()),
        bytes: one.entry.kind.content().map_or(VersionBytes::None, bytes),
    };
    of_path.iter().rev().take(VERSIONS_MAX).map(version).collect()
}

/// What was put away here and no version speaks of, such as an edit that was never shared.
fn unrecorded(root: Option<&Root>, path: &RelPath, known: &BTreeSet<ContentId>) -> Vec<WhyKept> {
    let kept = root.and_then(|root| root.kept(Some(path)).ok()).unwrap_or_default();
    let is_known = |kept: &shoal_disk::KeptVersion| match &kept.kind {
        shoal_disk::KeptKind::File { content, .. } => known.contains(content),
        shoal_disk::KeptKind::Link { .. } => true,
    };
    kept.iter().rev().filter(|kept| !is_known(kept)).filter_map(kept_row).take(VERSIONS_MAX).collect()
}
