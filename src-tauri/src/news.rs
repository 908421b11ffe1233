//! Tells of new requests while nobody looks at the window. Every one of them is in the inbox anyway.

use std::collections::BTreeSet;
use std::sync::Arc;

use shoal_node::Node;
use shoal_node::view::{Request, View};
use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;

use crate::{text, window};

/// Most notifications from one view: more at once is noise.
const AT_ONCE_MAX: usize = 3;

/// Follows the view until the node stops: tray and notifications.
pub(crate) async fn follow(app: AppHandle, node: Node) {
    let mut views = node.watch();
    let first: Arc<View> = views.borrow_and_update().clone();
    let mut known = ids(&first);
    #[cfg(target_os = "linux")]
    let tray = crate::tray::Tray::start(&app, &first).await;
    let _ = app.notification().on_action({
        let app = app.clone();
        move |_| window::show(&app)
    });
    while views.changed().await.is_ok() {
        let view: Arc<View> = views.borrow_and_update().clone();
        #[cfg(target_os = "linux")]
        tray.show(&view).await;
        if !window::is_watched(&app) {
            for request in fresh(&known, &view) {
                notify(&app, request);
            }
        }
        known = ids(&view);
    }
}

fn notify(app: &AppHandle, request: &Request) {
    let notification = app.notification().builder().title(text::request(request)).body(text::REVIEW);
    if let Err(error) = notification.show() {
        tracing::debug!(%error, "no notification");
    }
}

/// Requests that were not there before.
fn fresh<'view>(known: &BTreeSet<String>, view: &'view View) -> impl Iterator<Item = &'view Request> {
    view.inbox.iter().filter(|request| !known.contains(id_of(request))).take(AT_ONCE_MAX)
}

fn ids(view: &View) -> BTreeSet<String> {
    view.inbox.iter().map(|request| id_of(request).to_owned()).collect()
}

fn id_of(request: &Request) -> &str {
    match request {
        Request::Offer(offer) => &offer.id,
        Request::Invitation(invitation) => &invitation.folder,
        Request::Pairing { id, .. } => id,
    }
}
