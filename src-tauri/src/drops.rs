//! Files dragged over the window: the paths stay in Rust, the page hears names and where the pointer is.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use shoal_node::Node;
use shoal_node::command::DropEvent;
use tauri::ipc::Channel;
use tauri::{DragDropEvent, PhysicalPosition};

/// Most names told while files hover; as many as of a drop.
const NAMES_MAX: usize = 50;

/// Who is told of drags, and what hovers now.
#[derive(Default)]
pub(crate) struct Drops {
    page: Mutex<Option<Channel<DropEvent>>>,
    hovering: Mutex<Hovering>,
}

#[derive(Clone, Default)]
struct Hovering {
    names: Vec<String>,
    count: u32,
}

impl Drops {
    /// Tells this page from now on, and no other.
    pub(crate) fn tell(&self, page: Channel<DropEvent>) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
    }

    /// Passes on what happens over the window; without a node there is nowhere to drop.
    pub(crate) fn take(&self, event: &DragDropEvent, scale: f64, node: Option<Node>) {
        let Some(node) = node else { return };
        let Some(event) = self.understood(event, scale, &node) else { return };
        if let Some(page) = &*self.page.lock().unwrap_or_else(PoisonError::into_inner) {
            // A page that is gone needs no news.
            let _ = page.send(event);
        }
    }

    fn understood(&self, event: &DragDropEvent, scale: f64, node: &Node) -> Option<DropEvent> {
        match event {
            DragDropEvent::Enter { paths, position } => {
                let hovering = Hovering::over(paths);
                *self.hovering.lock().unwrap_or_else(PoisonError::into_inner) = hovering.clone();
                Some(hovering.at(*position, scale))
            }
            DragDropEvent::Over { position } => {
                let hovering = self.hovering.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Some(hovering.at(*position, scale))
            }
            DragDropEvent::Drop { paths, .. } if paths.is_empty() => Some(DropEvent::Leave),
            DragDropEvent::Drop { paths, position } => {
                let (x, y) = on_page(*position, scale);
                let dropped = node.drop_paths(paths.clone());
                let (drop, names, count) = (dropped.drop, dropped.names, dropped.count);
                Some(DropEvent::Drop { drop, names, count, bytes: dropped.bytes, has_folder: dropped.has_folder, x, y })
            }
            DragDropEvent::Leave => Some(DropEvent::Leave),
            // Tauri may tell more one day.
            _ => None,
        }
    }
}

impl Hovering {
    fn over(paths: &[PathBuf]) -> Self {
        let names = paths.iter().take(NAMES_MAX).map(|path| name_of(path)).collect();
        Self { names, count: u32::try_from(paths.len()).unwrap_or(u32::MAX) }
    }

    fn at(self, position: PhysicalPosition<f64>, scale: f64) -> DropEvent {
        let (x, y) = on_page(position, scale);
        DropEvent::Over { names: self.names, count: self.count, bytes: None, x, y }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A place in the window in CSS pixels.
///
/// Only Windows tells real pixels, whatever the type says: GTK and Cocoa count in CSS pixels already.
fn on_page(position: PhysicalPosition<f64>, scale: f64) -> (f64, f64) {
    let by = if cfg!(windows) { scale } else { 1.0 };
    (position.x / by, position.y / by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hovers_is_told_by_its_last_names() {
        let paths: Vec<PathBuf> = (0..60).map(|number| PathBuf::from(format!("/home/ana/{number}.txt"))).collect();
        let DropEvent::Over { names, count, x, .. } = Hovering::over(&paths).at(PhysicalPosition::new(10.0, 20.0), 1.0)
        else {
            panic!("files hover");
        };
        assert_eq!((names.len(), count), (NAMES_MAX, 60));
        assert_eq!(names[0], "0.txt");
        assert!((x - 10.0).abs() < f64::EPSILON);
    }
}
