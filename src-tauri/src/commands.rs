//! What the page may call. Everything that comes in was made by a page that may lie.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use shoal_node::command::{Answer, Command, DropEvent, Question};
use shoal_node::view::{ErrorCode, Trouble, View};
use tauri::async_runtime::spawn;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};

use crate::files;
use crate::shell::Shell;

/// Does what a person wants.
#[tauri::command]
pub(crate) async fn send(app: AppHandle, command: Command) -> Result<Answer, Trouble> {
    let node = app.state::<Shell>().node().await?;
    if let Command::ShowTransfer { transfer } = &command {
        return files::show(node.place_of_transfer(transfer));
    }
    if let Command::ShowFolder { folder } = &command {
        return files::show(node.place_of_folder(folder));
    }
    node.act(command).await
}

/// Answers without changing anything.
#[tauri::command]
pub(crate) async fn ask(app: AppHandle, question: Question) -> Result<Answer, Trouble> {
    let node = app.state::<Shell>().node().await?;
    if question == Question::PickFolder {
        return Ok(files::picked(&node, files::pick_folder(&app).await));
    }
    if question == Question::PickFiles {
        return Ok(files::picked(&node, files::pick_files(&app).await));
    }
    // A page in the window has no say over paths: it picks, or files are dropped.
    if matches!(question, Question::PickTyped { .. } | Question::PickTypedFiles { .. }) {
        return Err(Trouble::plain(ErrorCode::NotHere));
    }
    node.ask(question).await
}

/// Sends the newest view, and each one after it, as soon as the node is up.
#[tauri::command]
pub(crate) fn watch(app: AppHandle, channel: Channel<View>) {
    let carried = app.clone();
    let task = spawn(async move {
        let Ok(node) = carried.state::<Shell>().node().await else { return };
        let mut views = node.watch();
        views.mark_changed();
        while views.changed().await.is_ok() {
            let view = View::clone(&views.borrow_and_update());
            if channel.send(view).is_err() {
                return;
            }
        }
    });
    let shell = app.state::<Shell>();
    let before = shell.follower.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
    if let Some(before) = before {
        before.abort();
    }
}

/// Tells of files dragged over the window from now on.
#[tauri::command]
pub(crate) fn drops(app: AppHandle, channel: Channel<DropEvent>) {
    app.state::<Shell>().drops.tell(channel);
}

/// The page has drawn something: the graphics work.
#[tauri::command]
pub(crate) fn painted(app: AppHandle) {
    app.state::<Shell>().has_painted.store(true, Ordering::Relaxed);
}
