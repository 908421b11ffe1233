//! A peer that breaks the rules over a real link: it gets nothing, harms nothing, and the others do not notice.
//!
//! Frames and headers beyond their bounds cannot be sent through `Net`; `hostile.rs` in `net` sends those.

use std::path::Path;

use shoal_engine::chunk::{Chunk, Level, Manifest};
use shoal_engine::codec;
use shoal_engine::id::{ChunkHash, ContentId, FolderId, Scope};
use shoal_engine::ledger::Ledger;
use shoal_engine::limits::FRAME_BYTES_MAX;
use shoal_engine::message::{Chunks, FetchItem, FetchRequest, Message, PairEnd};

use crate::craft::{BLOCK, Claim, block};
use crate::harness::acts::{agree, folder, pair, share, text};
use crate::harness::{Shoal, World, noise, read, tree, write};
use crate::villain::Villain;

/// Frames of garbage, half of them damaged messages.
const SEEDS: u64 = 300;

/// Most memory a Shoal with next to nothing may hold, in bytes.
const MEMORY_MAX: u64 = 256 << 20;

/// Most memory that a peer may make it take for good, in bytes.
const GROWTH_MAX: u64 = 64 << 20;

/// The words of a secret file.
const SECRET: &str = "for Ben only\n";

/// Random bytes, damaged messages and messages of unknown kinds cost their sender the link and nobody else anything.
#[test]
fn garbage_costs_its_sender_the_link() {
    let world = World::new();
    let (mut ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "a.txt", "a\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    let mut eve = Villain::start(&world, &ana);
    let before = ana.memory();
    let mut refused = 0;
    for seed in 0..SEEDS {
        refused += usize::from(send_garbage(&mut eve, garbage(seed)));
    }
    // An unknown kind of message, and the longest frame there is.
    assert!(send_garbage(&mut eve, vec![0xfa, 0x7d, 0]));
    assert!(send_garbage(&mut eve, noise(SEEDS, FRAME_BYTES_MAX)));
    println!("{refused} of {SEEDS} frames closed the link; memory {before:?} and {:?}", ana.memory());
    assert!(ana.is_alive());
    assert!(ana.log().contains("a frame that is no message"), "{}", ana.log());
    if let (Some(before), Some(after)) = (before, ana.memory()) {
        assert!(after < MEMORY_MAX && after < before + GROWTH_MAX, "{before} and {after}");
    }
    write(&here, "later.txt", "later\n");
    agree(&[(&ana, &here), (&ben, &there)]);
}

/// Sends a frame; if it is no message, waits for the link to be closed. True if it was none.
fn send_garbage(eve: &mut Villain, frame: Vec<u8>) -> bool {
    eve.link();
    let (is_none, losses) = (codec::decode(&frame).is_err(), eve.losses);
    eve.say(frame);
    if is_none {
        eve.until("end of the link", |eve| (eve.losses > losses).then_some(()));
    }
    is_none
}

fn garbage(seed: u64) -> Vec<u8> {
    let dice = noise(seed, 16);
    if seed.is_multiple_of(2) {
        return noise(seed, 1 + usize::from(dice[0]) * 16);
    }
    let hash = [dice[1]; 32];
    let folder = FolderId(hash);
    let mut frame = codec::encode(&match dice[2] % 6 {
        0 => Message::Hello { name: "Eve".repeat(50), platform: "linux".to_owned() },
        1 => Message::PairEnded { reason: PairEnd::Broken },
        2 => Message::Ask { folder, memberships_from: u64::MAX, chains: Vec::new() },
        3 => Message::Want { scope: Scope::Folder(folder), contents: vec![ContentId(hash); 20] },
        4 => Message::Records { folder, records: vec![noise(seed, 900)], has_more: true },
        _ => Message::InvitationAnswer { folder, is_accepted: true },
    });
    for at in &dice[3..11] {
        let position = usize::from(*at) % frame.len();
        frame[position] = dice[11].wrapping_add(frame[position]);
    }
    frame
}

/// Whoever is not in a folder gets no byte of it and no word about it; a member gets what it asks for.
#[test]
fn a_stranger_gets_nothing() {
    let world = World::new();
    let ana = world.start("Ana");
    let here = world.dir("Ana");
    write(&here, "secret.txt", SECRET);
    let id = shared(&ana, &here);
    let mut eve = Villain::start(&world, &ana);
    let request = request_for(id, SECRET.as_bytes());
    assert_eq!(eve.ask(&request), b"", "a stranger");
    let asked = |eve: &mut Villain| {
        eve.link();
        eve.say_message(&Message::Ask { folder: id, memberships_from: 0, chains: Vec::new() });
        eve.say_message(&Message::Want { scope: Scope::Folder(id), contents: vec![request.items[0].content] });
    };
    asked(&mut eve);
    eve.until("a refusal", |eve| eve.heard.iter().any(|heard| matches!(heard, Message::Unpaired)).then_some(()));
    eve.pair(&ana);
    asked(&mut eve);
    // Asked last, so that an answer to the questions before would be here.
    assert_eq!(eve.ask(&request), b"", "paired, and not in the folder");
    // Who is in may be told to one who knows the folder's id, as a device that was removed does; nothing of its files.
    let is_block = |record: &Vec<u8>| record.first() == Some(&BLOCK);
    #[allow(clippy::wildcard_enum_match_arm, reason = "only these tell of files")]
    let is_told = |heard: &&Message| match heard {
        Message::Records { records, .. } => records.iter().any(is_block),
        Message::Heads { .. } | Message::Have { .. } => true,
        _ => false,
    };
    assert_eq!(eve.heard.iter().find(is_told), None);
    ana.run(&["people", "Reef", "add", &eve.id().to_string(), "--role", "viewer"]);
    eve.until("an invitation", |eve| {
        eve.heard.iter().find(|heard| matches!(heard, Message::Invitation { .. })).map(drop)
    });
    let got = eve.ask(&request);
    assert!(got.ends_with(SECRET.as_bytes()), "a member: {got:?}");
}

/// Paths that leave the folder, signed by a true member, are refused; so are links; nothing is written anywhere.
#[test]
fn a_members_paths_cannot_leave_the_folder() {
    let world = World::new();
    let mut ana = world.start("Ana");
    let here = world.dir("Ana");
    write(&here, "a.txt", "a\n");
    let id = shared(&ana, &here);
    let mut eve = Villain::start(&world, &ana);
    eve.pair(&ana);
    ana.run(&["people", "Reef", "add", &eve.id().to_string(), "--role", "editor"]);
    let is_in = |ledger: &Ledger, eve: &Villain| ledger.role(eve.id()).is_some();
    let ledger =
        eve.until("an invitation", |eve| eve.heard.iter().filter_map(ledger_of).find(|found| is_in(found, eve)));
    eve.say_message(&Message::InvitationAnswer { folder: id, is_accepted: true });
    let mut incarnation = 0;
    let mut says = |eve: &mut Villain, path: &str, claim: &Claim<'_>| {
        incarnation += 1;
        eve.link();
        let records = vec![block(&ledger, &eve.seed, incarnation, path, claim)];
        eve.say_message(&Message::Records { folder: id, records, has_more: false });
    };
    says(&mut eve, "made by Eve", &Claim::Directory);
    eve.until("a proper directory", |_| here.join("made by Eve").is_dir().then_some(()));
    let absolute = world.path("escaped absolutely");
    let long = format!("escaped {}", "x".repeat(300));
    let paths = [
        "../escaped",
        "in/../../escaped",
        text(&absolute),
        "in/./escaped",
        "in//escaped",
        "escaped\0",
        ".shoal/escaped",
        ".shoal",
        "",
        ".",
        "..",
        "escaped/",
        &long,
    ];
    for path in paths {
        says(&mut eve, path, &Claim::Directory);
    }
    for (name, target) in [("escaped up", "../../x"), ("escaped off", "/etc")] {
        says(&mut eve, name, &Claim::Link(target));
    }
    // In order after all of these: what is made now shows that they were seen.
    says(&mut eve, "made last", &Claim::Directory);
    eve.until("a proper directory", |_| here.join("made last").is_dir().then_some(()));
    ana.until("word about the links", |view| {
        let problems = folder(view)["problems"].as_array()?;
        (problems.iter().filter(|problem| problem["trouble"]["code"] == "FOLD-23").count() == 2).then_some(())
    });
    let everywhere = tree::look(&world.path(""));
    let escaped: Vec<&String> = everywhere.keys().filter(|path| path.contains("escaped")).collect();
    assert!(escaped.is_empty(), "{escaped:?}");
    assert_eq!(read(&here, "a.txt").as_deref(), Some("a\n"));
    assert!(ana.is_alive());
}

/// Shares a directory as Reef.
fn shared(ana: &Shoal, here: &Path) -> FolderId {
    let shared = ana.run(&["share", text(here), "--name", "Reef"]);
    let id = FolderId::parse(shared["folder"].as_str().expect("an id")).expect("an id");
    agree(&[(ana, here)]);
    id
}

/// Asks for all of a small file by its bytes.
fn request_for(folder: FolderId, bytes: &[u8]) -> FetchRequest {
    let chunk = Chunk { hash: ChunkHash(*blake3::hash(bytes).as_bytes()), length: bytes.len() as u64 };
    let content = Manifest { level: Level(0), chunks: vec![chunk] }.content_id();
    let item = FetchItem { content, with_manifest: true, chunks: Chunks::All };
    FetchRequest { scope: Scope::Folder(folder), items: vec![item] }
}

fn ledger_of(heard: &Message) -> Option<Ledger> {
    let Message::Invitation { genesis, memberships, .. } = heard else { return None };
    let mut ledger = Ledger::found(genesis).ok()?;
    for membership in memberships {
        ledger.learn(membership);
    }
    Some(ledger)
}
