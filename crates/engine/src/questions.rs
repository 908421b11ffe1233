//! What may be asked of the engine about single paths and contents: looks, and changes nothing.

use crate::engine::Engine;
use crate::explain::Explanation;
use crate::folder::Folder;
use crate::id::{ContentId, DeviceId, FolderId};
use crate::observe::Fingerprint;
use crate::path::RelPath;
use crate::status::{Fetching, Standing};

impl Engine {
    /// What is known of one path of a folder, for a person who asks why; `None` if the folder is not ours.
    pub fn explain(&self, folder: FolderId, path: &RelPath) -> Option<Explanation> {
        let known = |device: DeviceId| self.people.known(device);
        self.folders.get(&folder).map(|folder| folder.explain(path, &known))
    }

    /// How far a content is that was asked for with `Request::Want`.
    pub fn fetching(&self, folder: FolderId, content: ContentId) -> Option<Fetching> {
        self.folders.get(&folder)?.fetching(content)
    }

    /// What stands at a path and below it, or in the whole folder, as this disk was last seen.
    pub fn standing(&self, folder: FolderId, within: Option<&RelPath>) -> Vec<(RelPath, Standing)> {
        self.folders.get(&folder).map(|folder| folder.standing(within)).unwrap_or_default()
    }

    /// Files of a folder on this disk that hold a content, as last seen.
    pub fn files_with(&self, folder: FolderId, content: ContentId) -> Vec<(RelPath, Fingerprint)> {
        self.folders.get(&folder).map(|folder| folder.files_with(content)).unwrap_or_default()
    }

    /// What of a folder's stage is needed; `None` while that is not known, since something is lacking or being looked at.
    pub fn stage_needs(&self, folder: FolderId) -> Option<Vec<ContentId>> {
        self.folders.get(&folder).filter(|folder| folder.is_running() && folder.is_settled()).map(Folder::staged)
    }
}
