//! Files a browser uploads: streamed into a directory of our own, from where they are sent or copied like any drop.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use shoal_engine::limits::OFFER_ITEMS_MAX;
use shoal_engine::path::RelPath;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::command::DropId;
use crate::node::UploadFile;
use crate::offers::first_part;
use crate::picks::{Picks, random_text};
use crate::view::{ErrorCode, Trouble};

/// Where uploads stand in the cache directory.
const DIR: &str = "uploads";

/// The list of an upload's files, beside them: path, size and time as they were announced.
const LIST: &str = "list.json";

/// A line of the list.
type Listed<'a> = (Cow<'a, str>, u64, Option<u64>);

/// The files themselves.
const FILES: &str = "files";

/// Announces an upload: its directory is made, its files follow one by one.
pub(crate) fn announce(cache: &Path, picks: &Picks, files: &[UploadFile]) -> Result<DropId, Trouble> {
    if files.is_empty() || files.len() > OFFER_ITEMS_MAX {
        return Err(Trouble::plain(ErrorCode::NotUnderstood));
    }
    let mut paths = Vec::with_capacity(files.len());
    for file in files {
        paths.push(RelPath::parse(&file.path).map_err(|_| Trouble::plain(ErrorCode::NotUnderstood))?);
    }
    let firsts: BTreeSet<&str> = paths.iter().map(first_part).collect();
    let dir = cache.join(DIR).join(random_text());
    let list: Vec<Listed<'_>> =
        files.iter().map(|file| (file.path.as_str().into(), file.size, file.modified)).collect();
    let directories = files.iter().zip(&paths).filter(|(file, _)| file.is_directory);
    let made = std::fs::create_dir_all(dir.join(FILES))
        .and_then(|()| {
            directories.map(|(_, path)| dir.join(FILES).join(path.as_str())).try_for_each(std::fs::create_dir_all)
        })
        .and_then(|()| std::fs::write(dir.join(LIST), serde_json::to_vec(&list).map_err(std::io::Error::other)?));
    made.map_err(|error| refused(&error, &dir))?;
    let tops = firsts.iter().map(|first| dir.join(FILES).join(first)).collect();
    Ok(picks.upload(tops, dir))
}

/// Takes the bytes of one file; more or fewer than announced are refused.
pub(crate) async fn take(
    picks: &Picks,
    drop: &DropId,
    index: usize,
    mut bytes: impl AsyncRead + Unpin + Send,
) -> Result<(), Trouble> {
    let dir = picks.upload_dir(&drop.0).ok_or_else(|| Trouble::plain(ErrorCode::NotThere))?;
    let list = tokio::fs::read(dir.join(LIST)).await.map_err(|error| refused(&error, &dir))?;
    let list: Vec<Listed<'_>> = serde_json::from_slice(&list).map_err(|_| Trouble::plain(ErrorCode::NotThere))?;
    let (path, size, modified) = list.get(index).ok_or_else(|| Trouble::plain(ErrorCode::NotThere))?;
    // Announcing has checked it; the list is a file, and files can be changed.
    let path = RelPath::parse(path).map_err(|_| Trouble::plain(ErrorCode::NotUnderstood))?;
    let target = dir.join(FILES).join(path.as_str());
    let written = write(&target, *size, *modified, &mut bytes).await;
    match written {
        Ok(true) => Ok(()),
        Ok(false) => {
            let _ = tokio::fs::remove_file(&target).await;
            Err(Trouble::plain(ErrorCode::NotUnderstood))
        }
        Err(error) => Err(refused(&error, &target)),
    }
}

async fn write(
    target: &Path,
    size: u64,
    modified: Option<u64>,
    bytes: &mut (impl AsyncRead + Unpin + Send),
) -> std::io::Result<bool> {
    if let Some(parent) = target.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    let mut file = tokio::fs::File::create(target).await?;
    // One byte more than announced is enough to know that it is too much.
    let copied = tokio::io::copy(&mut bytes.take(size.saturating_add(1)), &mut file).await?;
    file.flush().await?;
    if let Some(time) = modified.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_millis(at))) {
        // A time this disk cannot store is no reason to refuse the bytes.
        let _ = file.into_std().await.set_modified(time);
    }
    Ok(copied == size)
}

/// Removes an upload; what stays is swept at the next start.
pub(crate) fn remove(dir: &Path) {
    if let Err(error) = std::fs::remove_dir_all(dir) {
        tracing::debug!(%error, "an upload stays until the next start");
    }
}

/// Removes the uploads of earlier runs that no offer needs.
pub(crate) fn sweep(cache: &Path, is_needed: impl Fn(&Path) -> bool) {
    let Ok(found) = std::fs::read_dir(cache.join(DIR)) else { return };
    let dirs = found.filter_map(|entry| Some(entry.ok()?.path()));
    dirs.filter(|dir: &PathBuf| !is_needed(dir)).for_each(|dir| remove(&dir));
}

fn refused(error: &std::io::Error, path: &Path) -> Trouble {
    tracing::warn!(%error, path = %path.display(), "an upload was refused");
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return Trouble::plain(ErrorCode::AlmostFull).number("size", 0);
    }
    Trouble::plain(ErrorCode::DiskUnreliable).text("file", file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_upload_becomes_a_drop() {
        let dir = tempfile::tempdir().expect("a directory");
        let picks = Picks::default();
        let file = |path: &str, size| UploadFile { path: path.to_owned(), size, ..UploadFile::default() };
        let dated = UploadFile { modified: Some(1_500_000_000_000), ..file("a/b.txt", 3) };
        let empty = UploadFile { is_directory: true, ..file("d/empty", 0) };
        let drop = announce(dir.path(), &picks, &[dated, file("c", 1), empty]).expect("announced");
        take(&picks, &drop, 0, &b"abc"[..]).await.expect("taken");
        take(&picks, &drop, 1, &b"too long"[..]).await.expect_err("more than announced");
        let paths = picks.paths(&drop.0).expect("known");
        assert_eq!(paths.len(), 3);
        assert_eq!(std::fs::read(paths[0].join("b.txt")).expect("there"), b"abc");
        let time = std::fs::metadata(paths[0].join("b.txt")).and_then(|found| found.modified()).expect("a time");
        assert_eq!(time, UNIX_EPOCH + Duration::from_secs(1_500_000_000));
        assert!(paths[2].join("empty").is_dir());
        assert!(!paths[1].exists());
        remove(&picks.forget(&drop.0).expect("ours"));
        assert!(!paths[0].exists());
    }

    #[test]
    fn an_upload_cannot_leave_its_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = UploadFile { path: "../x".to_owned(), size: 1, ..UploadFile::default() };
        announce(dir.path(), &Picks::default(), &[file]).expect_err("refused");
    }
}
