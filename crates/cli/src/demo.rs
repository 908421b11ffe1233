//! `shoal demo`: two homes on this computer, from the first pairing to a conflict, with real files and real commands.

use std::path::{Path, PathBuf};

use crate::args::Demo;
use crate::failure::Failure;
use crate::print::Out;

mod home;
mod story;
mod tree;
mod windows;

use home::Shoal;

/// Two people, each with a home and a place for files.
struct World {
    dir: PathBuf,
    ana: Shoal,
    ben: Shoal,
    out: Out,
}

impl World {
    /// Where one person's files are.
    fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Tells one line of the story.
    fn tell(&self, line: &str) -> Result<(), Failure> {
        self.out.data("story", line, &[line.to_owned()])
    }
}

/// Sets the two homes up and tells the story, or opens them for a person to play with.
pub(crate) async fn run(asked: Demo, out: Out) -> Result<(), Failure> {
    let dir = tempfile::Builder::new().prefix("shoal-demo-").tempdir();
    let dir = dir.map_err(|error| Failure::said(format!("Cannot make a directory: {error}")))?;
    let place = dir.path().to_owned();
    // Kept from here on; removed below unless somebody wants to look at it.
    let dir = if asked.keep { Err(dir.keep()) } else { Ok(dir) };
    let told = tokio::select! {
        told = tell(&place, asked.headless, out) => told,
        () = crate::serve::asked_to_end() => Ok(()),
    };
    match dir {
        Ok(dir) => drop(dir),
        Err(kept) => out.say(&format!("Everything is left in {}", kept.display())),
    }
    told
}

async fn tell(place: &Path, is_headless: bool, out: Out) -> Result<(), Failure> {
    out.say(&format!("Two homes in {}", place.display()));
    let mut world = World {
        ana: Shoal::start(place, "Ana").await?,
        ben: Shoal::start(place, "Ben").await?,
        dir: place.to_owned(),
        out,
    };
    story::pair(&world).await?;
    story::share(&world).await?;
    if !is_headless {
        return windows::open(world).await;
    }
    story::change(&world).await?;
    story::conflict(&mut world).await?;
    story::send(&world).await?;
    story::verify(&world).await?;
    world.ben.quit().await?;
    world.ana.quit().await?;
    world.tell("Both stopped. Everything was as it should be.")
}
