//! What is told to people apart from any row: notices until they are dismissed, and copies that are under way.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use shoal_engine::id::FolderId;
use shoal_engine::time::Timestamp;

use crate::view::{Notice, Trouble};

/// Most notices that are shown; the oldest goes.
const NOTICES_MAX: usize = 20;

/// Notices, newest last.
#[derive(Default)]
pub(crate) struct Notices(Mutex<(u64, VecDeque<Notice>)>);

impl Notices {
    /// Adds a notice unless the same is there already.
    pub(crate) fn add(&self, trouble: Trouble, at: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, notices) = &mut *all;
        if notices.iter().any(|notice| notice.trouble == trouble) {
            return;
        }
        *count += 1;
        if notices.len() == NOTICES_MAX {
            notices.pop_front();
        }
        notices.push_back(Notice { id: format!("n{count}"), trouble, at: crate::show::number(at.0) });
    }

    pub(crate) fn list(&self) -> Vec<Notice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.iter().cloned().collect()
    }

    pub(crate) fn dismiss(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.retain(|notice| notice.id != id);
    }
}

/// Files that are being copied into folders: bytes done and in all.
#[derive(Default)]
pub(crate) struct Copying(Mutex<BTreeMap<FolderId, (u64, u64)>>);

impl Copying {
    pub(crate) fn begin(&self, folder: FolderId, bytes: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(folder).or_default().1 += bytes;
    }

    pub(crate) fn add(&self, folder: FolderId, bytes: u64) {
        if let Some(copying) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&folder) {
            copying.0 += bytes;
        }
    }

    /// One copy is over; the last one takes the row away.
    pub(crate) fn end(&self, folder: FolderId, bytes: u64, done: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(copying) = all.get_mut(&folder) else { return };
        copying.0 = copying.0.saturating_sub(done);
        copying.1 = copying.1.saturating_sub(bytes);
        if copying.1 == 0 {
            all.remove(&folder);
        }
    }

    pub(crate) fn get(&self, folder: FolderId) -> Option<(u64, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&folder).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ErrorCode;

    #[test]
    fn the_same_notice_is_there_once_and_goes_when_dismissed() {
        let notices = Notices::default();
        for _ in 0..2 {
            notices.add(Trouble::plain(ErrorCode::IndexRebuilt), Timestamp(1));
        }
        let list = notices.list();
        assert_eq!(list.len(), 1);
        notices.dismiss(&list[0].id);
        assert!(notices.list().is_empty());
    }

    #[test]
    fn a_copy_is_shown_until_it_is_over() {
        let (copying, folder) = (Copying::default(), FolderId([1; 32]));
        copying.begin(folder, 10);
        copying.add(folder, 4);
        assert_eq!(copying.get(folder), Some((4, 10)));
        copying.end(folder, 10, 4);
        assert_eq!(copying.get(folder), None);
    }
}
