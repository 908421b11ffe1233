//! The story, step by step: each one done by commands, and looked at on the disk.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::home::Shoal;
use super::{World, tree};
use crate::failure::Failure;

/// How long both sides must agree before it counts: a change just made may not be noticed yet.
const SETTLED: Duration = Duration::from_millis(500);

/// Pairs Ana with Ben: she types the code his side shows.
pub(super) async fn pair(world: &World) -> Result<(), Failure> {
    let (ana, ben) = (&world.ana, &world.ben);
    let address = ben.address().await?;
    let mut command = ana.command(&["pair", &address])?;
    let mut typing = command.stdin(Stdio::piped()).spawn().map_err(|error| Failure::said(error.to_string()))?;
    let code = ben.until("a code", &["pair"], |seen| seen["pairings"][0]["code"].as_str().map(str::to_owned)).await?;
    world.tell(&format!("Ben’s side shows {code}, Ana types it."))?;
    let mut keyboard = typing.stdin.take().ok_or(Failure::Strange)?;
    let typed = keyboard.write_all(format!("{code}\n").as_bytes()).await;
    typed.map_err(|error| Failure::said(error.to_string()))?;
    drop(keyboard);
    let matches = |seen: &Value| (seen["pairings"][0]["stage"]["type"] == "waiting_confirm").then_some(());
    ben.until("a match", &["pair"], matches).await?;
    ben.run(&["pair", "--answer", "Ana", "yes"]).await?;
    let ended = typing.wait_with_output().await.map_err(|error| Failure::said(error.to_string()))?;
    if !ended.status.success() {
        return Err(Failure::said(String::from_utf8_lossy(&ended.stderr).trim().to_owned()));
    }
    world.tell("Ana and Ben are paired. Only their two computers know.")
}

/// Shares a real directory tree and waits until both have it.
pub(super) async fn share(world: &World) -> Result<(), Failure> {
    let (from, to) = (world.place("Ana"), world.place("Ben"));
    let made = tree::make(&from).map_err(|error| Failure::said(format!("Cannot make files: {error}")))?;
    world.tell(&format!("Ana has {} files, {} bytes, in {} directories.", made.files, made.bytes, made.directories))?;
    let dir = from.to_string_lossy();
    world.ana.run(&["share", &dir, "--name", "Reef", "--with", "Ben", "--role", "editor"]).await?;
    let waits = |seen: &Value| (!seen["requests"].as_array()?.is_empty()).then_some(());
    world.ben.until("an invitation", &["inbox"], waits).await?;
    world.ben.run(&["join", "Reef", "--at", &to.to_string_lossy()]).await?;
    world.tell("Ana shared it as Reef, Ben joined.")?;
    agree(world).await?;
    world.tell("Both are up to date, byte for byte.")
}

/// Edits, renames, deletes and adds, on both sides.
pub(super) async fn change(world: &World) -> Result<(), Failure> {
    let (ana, ben) = (world.place("Ana"), world.place("Ben"));
    done("edit", tree::append(&ben.join("notes.txt"), "Ben was here.\n"))?;
    agree(world).await?;
    world.tell("Ben edited notes.txt; Ana has it.")?;
    done("rename", std::fs::rename(ana.join("plans"), ana.join("plans for spring")))?;
    agree(world).await?;
    expect(ben.join("plans for spring/deep/er/down.txt").is_file(), "the renamed directory at Ben’s")?;
    world.tell("Ana renamed a directory; it is renamed at Ben’s.")?;
    done("delete", std::fs::remove_file(ana.join("old.txt")))?;
    done("add", std::fs::create_dir_all(ben.join("new/empty")))?;
    done("add", std::fs::write(ben.join("new/big.bin"), tree::noise(3_000_000)))?;
    agree(world).await?;
    expect(!ben.join("old.txt").exists() && ana.join("new/empty").is_dir(), "the changes of both on both sides")?;
    world.tell("Ana deleted a file while Ben added some; both have both.")
}

/// Both change one file while apart.
pub(super) async fn conflict(world: &mut World) -> Result<(), Failure> {
    world.ben.quit().await?;
    world.tell("Ben’s computer is off.")?;
    let (ana, ben) = (world.place("Ana"), world.place("Ben"));
    done("edit", std::fs::write(ana.join("notes.txt"), "Ana’s words.\n"))?;
    done("edit", std::fs::write(ben.join("notes.txt"), "Ben’s words.\n"))?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.ben.restart().await?;
    world.tell("Both changed notes.txt meanwhile. Ben is back.")?;
    let seen = |seen: &Value| seen["conflicts"][0]["copy"].as_str().map(str::to_owned);
    let copy = world.ana.until("a conflict", &["conflicts"], seen).await?;
    agree(world).await?;
    let words = |name: &str| std::fs::read_to_string(ana.join(name)).unwrap_or_default();
    let both = [words("notes.txt"), words(&copy)];
    expect(
        both.iter().any(|text| text == "Ana’s words.\n") && both.iter().any(|text| text == "Ben’s words.\n"),
        "both versions",
    )?;
    world.tell(&format!("Nothing is lost: the other version is kept as “{copy}”, on both sides."))
}

/// Sends files once.
pub(super) async fn send(world: &World) -> Result<(), Failure> {
    let gift = world.place("gift");
    done("make a gift", std::fs::create_dir_all(gift.join("inside")))?;
    done("make a gift", std::fs::write(gift.join("inside/picture.jpg"), tree::noise(2_000_000)))?;
    done("make a gift", std::fs::write(gift.join("letter.txt"), "Dear Ben\n"))?;
    let sent = world.ana.run(&["send", &gift.to_string_lossy(), "--to", "Ben", "--text", "for you"]).await?;
    let id = sent["transfers"][0].as_str().ok_or(Failure::Strange)?.to_owned();
    let offered = |seen: &Value| {
        let request = &seen["requests"][0];
        (request["type"] == "offer" && request["complete"] == true)
            .then(|| request["id"].as_str().map(str::to_owned))?
    };
    let offer = world.ben.until("an offer", &["inbox"], offered).await?;
    let place = world.place("Ben got");
    world.ben.run(&["accept", &offer, "--to", &place.to_string_lossy()]).await?;
    world.tell("Ana sent two files once, Ben accepted.")?;
    for shoal in [&world.ben, &world.ana] {
        let is_done = |seen: &Value| {
            let rows = seen["transfers"].as_array()?;
            let row = rows.iter().find(|row| row["id"] == id.as_str() || row["id"] == offer.as_str())?;
            (row["state"]["type"] == "done").then_some(())
        };
        shoal.until("the end of the transfer", &["transfers"], is_done).await?;
    }
    same(&gift, &place.join("gift"))?;
    world.tell("They arrived, byte for byte.")
}

/// Checks the signed history on both sides.
pub(super) async fn verify(world: &World) -> Result<(), Failure> {
    for shoal in [&world.ana, &world.ben] {
        let found = shoal.run(&["verify"]).await?;
        let entries = found["folders"][0]["entries"].as_u64().unwrap_or(0);
        expect(found["folders"][0]["ok"] == true && entries > 0, "a sound history")?;
        world.tell(&format!("{} checked {entries} entries: every signature and link holds.", shoal.name))?;
    }
    Ok(())
}

/// Waits until both sides say that both are up to date and the disks are equal.
async fn agree(world: &World) -> Result<(), Failure> {
    let (ana, ben) = (world.place("Ana"), world.place("Ben"));
    let is_calm = |seen: &Value| {
        let folder = &seen["folders"][0];
        let members = folder["members"].as_array()?;
        let is_up = |member: &Value| member["state"]["type"] == "up_to_date";
        (folder["state"]["type"] == "up_to_date" && !members.is_empty() && members.iter().all(is_up)).then_some(())
    };
    let mut last = Ok(());
    for _ in 0..60 {
        // Time for the last change on either disk to be noticed.
        tokio::time::sleep(SETTLED).await;
        for shoal in [&world.ana, &world.ben] {
            calm(shoal, is_calm).await?;
        }
        last = same(&ana, &ben);
        if last.is_ok() {
            return Ok(());
        }
    }
    last
}

async fn calm(shoal: &Shoal, is_calm: impl FnMut(&Value) -> Option<()>) -> Result<(), Failure> {
    shoal.until("being up to date", &["folders"], is_calm).await
}

fn same(one: &Path, other: &Path) -> Result<(), Failure> {
    match tree::difference(one, other) {
        Ok(None) => Ok(()),
        Ok(Some(path)) => Err(Failure::said(format!("The two sides differ at {path}"))),
        Err(error) => Err(Failure::said(format!("Cannot compare: {error}"))),
    }
}

fn expect(is_so: bool, what: &str) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(Failure::said(format!("Expected {what}."))) }
}

fn done(what: &str, result: std::io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| Failure::said(format!("Cannot {what}: {error}")))
}
