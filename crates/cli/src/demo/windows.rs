//! The demo for a person to play with: two windows, or two pages in a browser.

use std::path::PathBuf;

use tokio::process::Command;

use super::World;
use crate::failure::Failure;

/// Opens both homes, already paired and sharing, and stays until the person has enough.
pub(super) async fn open(mut world: World) -> Result<(), Failure> {
    let Some(desktop) = desktop().filter(|_| has_display()) else {
        world.tell(&format!("Ana: {}", world.ana.url))?;
        world.tell(&format!("Ben: {}", world.ben.url))?;
        world.out.say("Open both in a browser on this computer. Ctrl+C ends the demo and removes its files.");
        return std::future::pending().await;
    };
    // A home has one Shoal: the windows take over.
    world.ana.quit().await?;
    world.ben.quit().await?;
    let window = |home: &PathBuf| Command::new(&desktop).arg("--home").arg(home).kill_on_drop(true).spawn();
    let failed = |error: std::io::Error| Failure::said(format!("Cannot open a window: {error}"));
    let mut ana = window(&world.ana.home).map_err(failed)?;
    let mut ben = window(&world.ben.home).map_err(failed)?;
    world.out.say("Two windows: Ana’s and Ben’s. Quit both, or press Ctrl+C, to end the demo and remove its files.");
    let (ana, ben) = tokio::join!(ana.wait(), ben.wait());
    ana.and(ben).map(|_| ()).map_err(failed)
}

fn has_display() -> bool {
    cfg!(any(windows, target_os = "macos"))
        || ["WAYLAND_DISPLAY", "DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The window's program: beside this one, else on the path.
fn desktop() -> Option<PathBuf> {
    let name = format!("shoal-desktop{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|dir| dir.join(&name)));
    let on_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).map(|dir| dir.join(&name)).collect::<Vec<_>>());
    beside.into_iter().chain(on_path.unwrap_or_default()).find(|path| path.is_file())
}
