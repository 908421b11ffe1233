//! The system's own dialogs and its file manager. Paths stay here and in the node.

use std::path::PathBuf;

use shoal_node::Node;
use shoal_node::command::Answer;
use shoal_node::view::{ErrorCode, Trouble};
use tauri::AppHandle;
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

use crate::window;

/// Lets the person choose one folder; none when they closed the dialog.
pub(crate) async fn pick_folder(app: &AppHandle) -> Vec<PathBuf> {
    let (done, chosen) = oneshot::channel();
    dialog(app).pick_folder(move |path| {
        let _ = done.send(path);
    });
    paths(chosen.await.ok().flatten())
}

/// Lets the person choose files; none when they closed the dialog.
pub(crate) async fn pick_files(app: &AppHandle) -> Vec<PathBuf> {
    let (done, chosen) = oneshot::channel();
    dialog(app).pick_files(move |paths| {
        let _ = done.send(paths);
    });
    paths(chosen.await.ok().flatten().into_iter().flatten())
}

/// What was chosen, as the page may know it.
pub(crate) fn picked(node: &Node, paths: Vec<PathBuf>) -> Answer {
    let picked = (!paths.is_empty()).then(|| node.pick_paths(paths));
    Answer::Picked { picked }
}

/// Opens the file manager at a place the node named.
pub(crate) fn show(place: Option<PathBuf>) -> Result<Answer, Trouble> {
    // Only directories are ever opened: opening a file could run it.
    let place = place.filter(|place| place.is_dir()).ok_or_else(|| Trouble::plain(ErrorCode::NotThere))?;
    match tauri_plugin_opener::open_path(place, None::<&str>) {
        Ok(()) => Ok(Answer::Done),
        Err(error) => {
            tracing::warn!(%error, "no file manager could be opened");
            Err(Trouble::plain(ErrorCode::NotHere))
        }
    }
}

fn dialog(app: &AppHandle) -> FileDialogBuilder<tauri::Wry> {
    let dialog = app.dialog().file();
    match window::find(app) {
        Some(window) => dialog.set_parent(&window),
        None => dialog,
    }
}

fn paths(chosen: impl IntoIterator<Item = FilePath>) -> Vec<PathBuf> {
    chosen.into_iter().filter_map(|path| path.into_path().ok()).collect()
}
