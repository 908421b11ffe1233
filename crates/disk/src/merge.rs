//! Merges two texts that are on this disk, and puts what comes of it among the kept versions.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::io::{Errno, Result};
use shoal_engine::chunk::{Level, Manifest};
use shoal_engine::effect::Texts;
use shoal_engine::id::ContentId;
use shoal_engine::limits::MERGE_BYTES_MAX;
use shoal_engine::observe::{Code, Fingerprint};
use shoal_engine::path::RelPath;
use shoal_engine::text_merge::merge_texts;

use crate::bases::{is_content, read_whole};
use crate::error::code_of;
use crate::root::{self, Root};
use crate::versions::{Line, Reason, append, keep_name};
use crate::{cut, unix};

impl Root {
    /// Merges two texts, one of which stands at `path` with this fingerprint. What comes of it is durable among the kept
    /// versions; `None` if one of the three is not there or is no text, or both had changed one place.
    pub fn merge(
        &self,
        (path, print): (&RelPath, &Fingerprint),
        texts: Texts,
        manifest_of: &dyn Fn(ContentId) -> Option<Arc<Manifest>>,
    ) -> std::result::Result<Option<(ContentId, Manifest)>, Code> {
        let Some(winner) = manifest_of(texts.winner) else { return Ok(None) };
        let standing = self.reader(path, print).ok().and_then(|reader| read_whole(&reader, MERGE_BYTES_MAX));
        let standing = standing.filter(|bytes| is_content(bytes, &winner));
        let had = |content| manifest_of(content).and_then(|manifest| self.kept_text(content, &manifest));
        let (Some(standing), Some(loser), Some(base)) = (standing, had(texts.loser), had(texts.base)) else {
            return Ok(None);
        };
        let Some(merged) = merge_texts(&base, &standing, &loser).filter(|bytes| is_of_size(bytes)) else {
            return Ok(None);
        };
        let manifest = cut::manifest_of(&merged, Level::for_edit(merged.len() as u64, winner.level));
        let content = manifest.content_id();
        self.keep_bytes(path, content, &merged).map_err(code_of)?;
        Ok(Some((content, manifest)))
    }

    /// A text among the kept versions or among those that were recorded.
    fn kept_text(&self, content: ContentId, manifest: &Manifest) -> Option<Vec<u8>> {
        let kept = self.open_kept(content).ok().flatten();
        let kept = kept.and_then(|reader| read_whole(&reader, MERGE_BYTES_MAX));
        kept.filter(|bytes| is_content(bytes, manifest)).or_else(|| self.base(content, manifest))
    }

    /// Puts bytes among the kept versions as if they had stood at a path.
    fn keep_bytes(&self, path: &RelPath, content: ContentId, bytes: &[u8]) -> Result<()> {
        let _guard = self.lock();
        let dirs = self.own().map_err(|_| Errno::IO)?;
        let slot = format!("{}.merged", root::fresh_tag());
        let file = unix::create_own(dirs.swap.as_fd(), &slot)?;
        unix::write_at(file.as_fd(), 0, bytes)?;
        unix::sync(file.as_fd())?;
        let object = keep_name(&dirs, (dirs.swap.as_fd(), &slot), content.to_string())?;
        unix::sync(dirs.objects.as_fd())?;
        let stat = unix::stat_of(file.as_fd())?;
        append(&dirs, &[Line::of_object(object, content, &stat, (path.clone(), Reason::Replaced))])
    }
}

fn is_of_size(bytes: &[u8]) -> bool {
    (1..=MERGE_BYTES_MAX).contains(&(bytes.len() as u64))
}
