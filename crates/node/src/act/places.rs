//! Which directory is a folder's: making one a root, going on where it is, giving a folder another one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use shoal_disk::{DiskError, Root};
use shoal_engine::id::FolderId;
use shoal_engine::observe::Stop;
use shoal_engine::request::Request;
use shoal_engine::status::{FolderState, FolderStatus, Status};

use super::folders::picked_dir;
use super::{Acted, known_folder, not_there};
use crate::command::{Answer, PickId};
use crate::node::{Node, blocking};
use crate::perform::FolderRoot;
use crate::picks::random;
use crate::show::place::shown;
use crate::show::trouble::of_stop;
use crate::survey::folder_of;
use crate::view::{ErrorCode, Trouble};

/// Longest wait for the memory before a person is answered anyway.
const DURABLE_MAX: Duration = Duration::from_secs(5);

/// How often it is seen whether the memory was told.
const DURABLE_POLL: Duration = Duration::from_millis(2);

/// Makes a directory a root: of the folder that is named, or of a new one. Says where it is, and its root id.
pub(super) async fn make_root(
    node: &Node,
    dir: PathBuf,
    status: Status,
    (of, is_taking_over): (Option<FolderId>, bool),
) -> Result<(String, [u8; 16]), Trouble> {
    let hands = node.hands().clone();
    let root_id = random();
    blocking(move || {
        let roots = hands.roots();
        let others: Vec<PathBuf> =
            roots.iter().filter(|one| Some(one.folder) != of).map(|one| one.place.clone()).collect();
        let refused = |error| trouble_of(&recognised(error, &roots), &status);
        match crate::inspect::overlap(&dir, &others, &[]) {
            // Homes and the like are refused by the disk, which knows more of them.
            Some(DiskError::TooMuch { .. }) | None => {}
            Some(error) => return Err(refused(error)),
        }
        let may_take_over = |error: &DiskError| {
            let DiskError::Marked { root_id, .. } = error else { return false };
            // The folder's own mark is in nobody's way, that of another folder of ours always is.
            match roots.iter().find(|one| Some(one.root_id) == *root_id) {
                Some(known) => Some(known.folder) == of,
                None => is_taking_over,
            }
        };
        let root = match Root::create(&dir, root_id) {
            Err(error) if may_take_over(&error) => Root::take_over(&dir, root_id),
            made => made,
        };
        let root = root.map_err(refused)?;
        let bad = || Trouble::plain(ErrorCode::BadPlace).text("path", shown(&dir));
        Ok((root.dir().to_str().ok_or_else(bad)?.to_owned(), root_id))
    })
    .await?
}

/// Says of a marked directory which of our folders it is, if it is one of them.
pub(crate) fn recognised(error: DiskError, roots: &[FolderRoot]) -> DiskError {
    let (DiskError::Marked { path, root_id } | DiskError::InUse { path, root_id }) = &error else { return error };
    match roots.iter().find(|one| Some(one.root_id) == *root_id) {
        Some(known) => DiskError::Overlaps { path: path.clone(), other: known.place.clone() },
        None => error,
    }
}

/// Why a directory cannot be a folder, for people.
pub(crate) fn trouble_of(error: &DiskError, status: &Status) -> Trouble {
    let about = |code, path: &Path| Trouble::plain(code).text("path", shown(path));
    let overlaps = |path: &Path, other: &Path| {
        let known = status.folders.iter().find(|one| Path::new(&one.place) == other);
        let name = known.map_or_else(|| shown(other), |one| one.name.clone());
        about(ErrorCode::Overlaps, path).text("other", name)
    };
    tracing::info!(%error, "a place was refused");
    match error {
        DiskError::AlreadyShared { path } => overlaps(path, path),
        DiskError::Overlaps { path, other } => overlaps(path, other),
        DiskError::Marked { path, .. } => about(ErrorCode::UnknownMark, path),
        DiskError::InUse { path, .. } => about(ErrorCode::SharedByAnother, path),
        DiskError::TooMuch { path } | DiskError::OurOwn { path } => about(ErrorCode::BadPlace, path),
        DiskError::NotDirectory { path } => about(ErrorCode::NotDirectory, path),
        DiskError::Missing { path } => about(ErrorCode::PlaceMissing, path),
        DiskError::NotAllowed { path } => about(ErrorCode::PlaceNotWritable, path),
        DiskError::Full { .. } => Trouble::plain(ErrorCode::AlmostFull).number("size", 0),
        DiskError::Io { path, .. } => Trouble::plain(ErrorCode::DiskUnreliable).text("file", shown(path)),
    }
}

/// Goes on with a folder, or says what is in the way.
pub(super) async fn resume(node: &Node, folder: &str) -> Acted {
    let (id, status) = known_folder(node, folder).await?;
    let found = folder_of(&status, id).ok_or_else(not_there)?;
    match found.state {
        FolderState::Paused => node.request(Request::Pause(id, false)).await?,
        // Tried at once and not with the next look, so that the answer is true.
        FolderState::Stopped(_) => node.request(Request::Rescan(id)).await?,
        FolderState::Scanning { .. }
        | FolderState::Syncing
        | FolderState::Waiting
        | FolderState::Full
        | FolderState::Held
        | FolderState::UpToDate => return Ok(Answer::Done),
    }
    match in_the_way(node, found).await? {
        Some(trouble) => Err(trouble),
        None => Ok(Answer::Done),
    }
}

/// Why a folder cannot go on where it is.
async fn in_the_way(node: &Node, found: &FolderStatus) -> Result<Option<Trouble>, Trouble> {
    if found.role.is_none() {
        return Ok(Some(Trouble::plain(ErrorCode::NotMember).text("folder", &found.name)));
    }
    let (name, place) = (found.name.clone(), shown(Path::new(&found.place)));
    if let FolderState::Stopped(stop @ (Stop::LedgerUnreadable | Stop::Bug)) = found.state {
        return Ok(Some(of_stop(&name, &place, stop)));
    }
    let (at, root_id) = node.hands().folder_record(found.folder).ok_or_else(not_there)?;
    let stop = blocking(move || Root::open(&at, root_id).err()).await?;
    Ok(stop.map(|stop| of_stop(&name, &place, stop)))
}

/// Lets a folder go on in another directory than the one it knew.
pub(super) async fn new_place(node: &Node, folder: &str, pick: Option<PickId>, is_taking_over: bool) -> Acted {
    let (id, status) = known_folder(node, folder).await?;
    let found = folder_of(&status, id).ok_or_else(not_there)?;
    let is_lost =
        |code| matches!(code, ErrorCode::FolderMissing | ErrorCode::FolderUnmarked | ErrorCode::FolderReplaced);
    let trouble = in_the_way(node, found).await?;
    let at = PathBuf::from(&found.place);
    let dir = match pick {
        Some(pick) => picked_dir(node, &pick)?,
        None => at.clone(),
    };
    match trouble {
        // It is where it was, with all that is remembered of it: that is better than to begin anew.
        None if dir == at => return resume(node, folder).await,
        None => {
            return Err(Trouble::plain(ErrorCode::FolderIsThere).text("folder", &found.name).text("path", shown(&at)));
        }
        // Made here, it could be where a drive belongs.
        Some(trouble) if trouble.code == ErrorCode::FolderMissing && dir == at => return Err(trouble),
        Some(trouble) if is_lost(trouble.code) => {}
        Some(trouble) => return Err(trouble),
    }
    let (place, root_id) = make_root(node, dir, status, (Some(id), is_taking_over)).await?;
    node.request(Request::NewPlace { folder: id, place, root_id }).await?;
    until_durable(node, root_id, true).await;
    Ok(Answer::Done)
}

/// Returns when it is durable that a root belongs to a folder of ours, or that it does not: an answer that a crash
/// takes back would leave a directory with a mark that nobody knows.
pub(super) async fn until_durable(node: &Node, root_id: [u8; 16], is_ours: bool) {
    let hands = node.hands();
    let is_so = || hands.roots().iter().any(|one| one.root_id == root_id) == is_ours;
    let begun = async {
        while !is_so() {
            tokio::time::sleep(DURABLE_POLL).await;
        }
        hands.memory_is_done().await;
    };
    if tokio::time::timeout(DURABLE_MAX, begun).await.is_err() {
        tracing::warn!("the memory is slow: a folder is not known to be durable yet");
    }
}
