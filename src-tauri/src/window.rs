//! The one window: how it is made, shown, hidden and closed.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tauri::async_runtime::spawn;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogResult};

use crate::shell::{self, Shell};
use crate::text;

/// What the window is called inside; `capabilities/main.json` names it too.
const LABEL: &str = "main";

/// How long the first picture may take before the graphics are doubted.
const PAINT_MAX: Duration = Duration::from_secs(8);

/// Makes the window; the screens draw their frame at once, and wait for the node by themselves.
pub(crate) fn open(app: &AppHandle, is_hidden: bool) -> tauri::Result<()> {
    let shell = app.state::<Shell>();
    let builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title(text::title(shell.home.label.as_deref()))
        .inner_size(1080.0, 760.0)
        .min_inner_size(360.0, 480.0)
        .visible(!is_hidden)
        .data_directory(shell.home.cache.join("web"))
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    // Several homes in the middle of the screen would hide each other.
    let builder = if shell.home.label.is_none() { builder.center() } else { builder };
    let window = builder.build()?;
    let handle = app.clone();
    window.on_window_event(move |event| happened(&handle, event));
    if !is_hidden {
        spawn(doubt_graphics(app.clone()));
    }
    Ok(())
}

/// The window, while there is one.
pub(crate) fn find(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(LABEL)
}

/// Brings the window to the front.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = find(app) {
        done(window.show());
        done(window.unminimize());
        done(window.set_focus());
    }
}

/// Takes the window away; sharing goes on.
pub(crate) fn hide(app: &AppHandle) {
    if let Some(window) = find(app) {
        done(window.hide());
    }
}

/// Whether the person looks at it.
pub(crate) fn is_watched(app: &AppHandle) -> bool {
    find(app).is_some_and(|window| window.is_visible().unwrap_or(false) && window.is_focused().unwrap_or(false))
}

/// The page may go nowhere else.
fn is_ours(url: &Url) -> bool {
    url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost")
}

fn happened(app: &AppHandle, event: &WindowEvent) {
    let shell = app.state::<Shell>();
    if let WindowEvent::CloseRequested { api, .. } = event {
        api.prevent_close();
        close(app);
    }
    if let WindowEvent::DragDrop(event) = event {
        let scale = find(app).and_then(|window| window.scale_factor().ok()).unwrap_or(1.0);
        shell.drops.take(event, scale, shell.node_now());
    }
}

/// Hides the window; the first time it is said that sharing goes on.
fn close(app: &AppHandle) {
    let told = told_of_closing(app);
    if told.exists() {
        return hide(app);
    }
    let has_tray = app.state::<Shell>().has_tray.load(Ordering::Relaxed);
    // Enter means the first button, Escape the last.
    let [keep, quit, cancel] = [text::KEEP_SHARING, text::QUIT, text::CANCEL].map(str::to_owned);
    let buttons = MessageDialogButtons::YesNoCancelCustom(keep, quit, cancel);
    let mut dialog = app.dialog().message(text::closing(has_tray)).title(text::CLOSING).buttons(buttons);
    if let Some(window) = find(app) {
        dialog = dialog.parent(&window);
    }
    let app = app.clone();
    dialog.show_with_result(move |chosen| {
        let MessageDialogResult::Custom(chosen) = chosen else { return };
        if chosen == text::KEEP_SHARING {
            // Saying it twice does no harm.
            let _ = std::fs::write(told, "");
            hide(&app);
        } else if chosen == text::QUIT {
            shell::quit(&app);
        }
    });
}

fn told_of_closing(app: &AppHandle) -> PathBuf {
    app.state::<Shell>().home.state.join("told-of-closing")
}

/// Says on the terminal what may help when nothing was drawn.
async fn doubt_graphics(app: AppHandle) {
    tokio::time::sleep(PAINT_MAX).await;
    let is_visible = find(&app).is_some_and(|window| window.is_visible().unwrap_or(false));
    if is_visible && !app.state::<Shell>().has_painted.load(Ordering::Relaxed) {
        eprintln!("{}", text::BLANK);
    }
}

/// A window that is closing just now cannot be moved about; that is no failure.
fn done(result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "the window did not follow");
    }
}
