//! What people do with a Shoal: pair, share, join, send, and wait until all agree.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{LOOK_EVERY, Shoal, json, tree};

/// Pairs two by address: `typing` types the code that `showing` shows.
pub fn pair(typing: &Shoal, showing: &Shoal) {
    let address = showing.address();
    pair_at(typing, &address, showing);
}

/// Pairs two by whatever names the showing side: an address or a name.
pub fn pair_at(typing: &Shoal, target: &str, showing: &Shoal) {
    let command = typing.typing(&["pair", target]);
    let me = typing.id();
    let code = showing.until("code", |view| pairing(view, &me)?["code"].as_str().map(str::to_owned));
    let typed = std::thread::spawn(move || command.type_line(&code));
    showing.until("match", |view| (pairing(view, &me)?["stage"]["type"] == "waiting_confirm").then_some(()));
    showing.run(&["pair", "--answer", &me, "yes"]);
    let output = typed.join().expect("typed");
    assert!(output.status.success(), "{}", json(&output));
    connected(typing, showing);
}

fn pairing<'a>(view: &'a Value, with: &str) -> Option<&'a Value> {
    view["pairing"].as_array()?.iter().find(|pairing| pairing["device"] == with)
}

/// Whether one shows the other as here and paired.
pub fn is_here(shoal: &Shoal, id: &str) -> bool {
    let is_so =
        |device: &Value| device["id"] == id && device["presence"]["type"] == "here" && device["trust"] == "verified";
    shoal.try_view().is_ok_and(|view| view["devices"].as_array().is_some_and(|all| all.iter().any(is_so)))
}

/// Waits until both show each other as here; says how long that took.
pub fn connected(one: &Shoal, other: &Shoal) -> Duration {
    let start = Instant::now();
    let (first, second) = (one.id(), other.id());
    for (shoal, id) in [(one, second), (other, first)] {
        shoal.until("presence", |_| is_here(shoal, &id).then_some(()));
    }
    start.elapsed()
}

/// Shares a directory and has the others join it, each at a place of its own.
pub fn share(owner: &Shoal, dir: &Path, name: &str, others: &[(&Shoal, &Path, &str)]) {
    owner.run(&["share", text(dir), "--name", name]);
    for (other, place, role) in others {
        owner.run(&["people", name, "add", &other.id(), "--role", role]);
        join(other, name, place);
    }
}

/// Takes an invitation when it comes.
pub fn join(shoal: &Shoal, name: &str, place: &Path) {
    shoal.until("invitation", |view| {
        view["inbox"]
            .as_array()?
            .iter()
            .find(|request| request["type"] == "invitation" && request["name"] == name)
            .map(drop)
    });
    shoal.run(&["join", name, "--at", text(place)]);
}

/// The only folder of a view.
pub fn folder(view: &Value) -> &Value {
    &view["folders"][0]
}

/// Longest wait for agreement: it needs many waits of the program, each of which a busy disk makes long.
const AGREE_WITHIN: Duration = Duration::from_secs(120);

/// Waits until the directories are equal and everybody says so; the first is compared with each other one.
pub fn agree(sides: &[(&Shoal, &Path)]) {
    let start = Instant::now();
    let mut calm_since = None;
    // Twice in a row, with time for a change to be noticed in between.
    let settled = Duration::from_millis(200);
    loop {
        let trouble = disagreement(sides);
        match (&trouble, calm_since) {
            (Some(_), _) => calm_since = None,
            (None, Some(since)) if Instant::now().duration_since(since) >= settled => return,
            (None, since) => calm_since = since.or(Some(Instant::now())),
        }
        if start.elapsed() > AGREE_WITHIN {
            let told: String = sides
                .iter()
                .map(|(shoal, _)| format!("{}: {:#}\n{}\n", shoal.name, shoal.view(), shoal.log()))
                .collect();
            panic!("no agreement in time: {trouble:?}\n{told}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn disagreement(sides: &[(&Shoal, &Path)]) -> Option<String> {
    for (shoal, _) in sides {
        let view = shoal.view();
        let state = &folder(&view)["state"]["type"];
        if state != "up_to_date" {
            return Some(format!("{} is {state}", shoal.name));
        }
    }
    let ((_, first), rest) = sides.split_first().expect("somebody");
    rest.iter().find_map(|(shoal, dir)| Some(format!("{}: {}", shoal.name, tree::difference(first, dir)?)))
}

/// Sends something and says which transfer it is.
pub fn send(from: &Shoal, path: &Path, to: &Shoal) -> String {
    let sent = from.run(&["send", text(path), "--to", &to.id()]);
    sent["transfers"][0].as_str().expect("a transfer").to_owned()
}

/// Accepts the offer that waits, when its list is complete.
pub fn accept(shoal: &Shoal, place: &Path) -> String {
    let offer = shoal.until("offer", |view| {
        let request = view["inbox"].as_array()?.iter().find(|request| request["type"] == "offer")?;
        (request["complete"] == true).then(|| request["id"].as_str().map(str::to_owned))?
    });
    shoal.run(&["accept", &offer, "--to", text(place)]);
    offer
}

/// A transfer of a view.
pub fn transfer<'a>(view: &'a Value, id: &str) -> Option<&'a Value> {
    view["transfers"].as_array()?.iter().find(|transfer| transfer["id"] == id)
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}
