//! What is told to people apart from any row: notices until they are dismissed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

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
}
