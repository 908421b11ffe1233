//! Turns a snapshot into the view.

use crate::snapshot::Snapshot;
use crate::view::View;

/// Draws everything a person sees.
pub(crate) fn view(_snapshot: &Snapshot) -> View {
    todo!("node B")
}
