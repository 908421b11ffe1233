//! The tray on Linux. Many desktops have none; nothing depends on it.

use std::sync::atomic::Ordering;

use ksni::menu::StandardItem;
use ksni::{Handle, Icon, MenuItem, TrayMethods};
use shoal_node::view::View;
use tauri::{AppHandle, Manager};

use crate::shell::{self, Shell};
use crate::{text, window};

/// The tray, where the desktop has a place for it.
pub(crate) struct Tray(Option<Handle<Entry>>);

/// What the menu shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lines {
    state: String,
    waiting: Option<String>,
}

impl Lines {
    fn of(view: &View) -> Self {
        Self { state: text::state(view), waiting: text::waiting(view.inbox.len()) }
    }
}

impl Tray {
    /// Puts an entry into the tray, if there is one.
    pub(crate) async fn start(app: &AppHandle, view: &View) -> Self {
        let shell = app.state::<Shell>();
        let entry = Entry { app: app.clone(), title: text::title(shell.home.label.as_deref()), lines: Lines::of(view) };
        match entry.spawn().await {
            Ok(handle) => {
                shell.has_tray.store(true, Ordering::Relaxed);
                Self(Some(handle))
            }
            Err(error) => {
                tracing::info!(reason = %error, "this desktop has no tray");
                Self(None)
            }
        }
    }

    /// Shows what changed.
    pub(crate) async fn show(&self, view: &View) {
        let Some(handle) = &self.0 else { return };
        let lines = Lines::of(view);
        // `None` means that the tray is gone; nothing is lost by it.
        let _ = handle.update(|entry| entry.lines = lines).await;
    }
}

struct Entry {
    app: AppHandle,
    title: String,
    lines: Lines,
}

impl ksni::Tray for Entry {
    // A click opens the menu on some desktops and does nothing on others: everything is in the menu.
    const MENU_ON_ACTIVATE: bool = false;

    fn id(&self) -> String {
        "app.shoal.Shoal".to_owned()
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        vec![icon()]
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        window::show(&self.app);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let say = |label: &str| line(label, false, |_| {});
        let mut menu = vec![say(&self.lines.state)];
        menu.extend(self.lines.waiting.as_deref().map(|waiting| line(waiting, true, |entry| window::show(&entry.app))));
        menu.push(MenuItem::Separator);
        menu.push(line(text::OPEN, true, |entry| window::show(&entry.app)));
        menu.push(line(text::QUIT, true, |entry| shell::quit(&entry.app)));
        menu
    }
}

fn line(label: &str, enabled: bool, act: fn(&mut Entry)) -> MenuItem<Entry> {
    // An underscore would mark a key.
    let label = label.replace('_', "__");
    StandardItem { label, enabled, activate: Box::new(act), ..Default::default() }.into()
}

/// Our icon as the tray wants it: ARGB, where the picture is RGBA.
fn icon() -> Icon {
    let picture = tauri::include_image!("../icons/32x32.png");
    let mut data = picture.rgba().to_vec();
    for pixel in data.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(0);
    Icon { width: side(picture.width()), height: side(picture.height()), data }
}
