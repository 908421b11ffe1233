//! When something is in the way: it is said in a code and a sentence, nothing is harmed, and it goes on afterwards.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::acts::{agree, connected, folder, pair, share, text};
use crate::harness::{Shoal, World, json, noise, read, tree, until, write};

/// Nobody's user id on the systems this is tested on.
const NOBODY: u32 = 65_534;

/// A second start with one home ends at once, says where the first one is, and leaves it alone.
#[test]
fn a_second_start_for_one_home_says_where_the_first_is() {
    let world = World::new();
    let mut ana = world.start("Ana");
    let begun = Instant::now();
    let second = ana.serve_command().stderr(std::process::Stdio::piped()).output().expect("it ran");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(second.status.code(), Some(5), "{second:?}");
    let said = json(&second);
    assert_eq!(said["code"], "APP-01", "{said}");
    let words = String::from_utf8_lossy(&second.stderr);
    assert!(words.contains("runs already") && words.contains("http://127.0.0.1:"), "{words}");
    assert!(ana.is_alive());
    ana.view();
    ana.kill();
    ana.start();
}

/// A taken port is no reason not to start: another one is taken, and the person is told which.
#[test]
fn a_taken_port_is_told_and_another_one_is_used() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port();
    let _taken_too = UdpSocket::bind(("127.0.0.1", port));
    let mut ana = world.prepare("Ana", &["--no-mdns"]);
    ana.port = port;
    ana.start();
    assert_ne!(ana.port, port);
    let told = ana.until("word about the port", |view| trouble(&view["network"]["troubles"], "NET-06"));
    assert_eq!((&told["params"]["port"], &told["params"]["other"]), (&port.into(), &ana.port.into()), "{told}");
    let status = ana.command(&["status"]).env("SHOAL_JSON", "0").output().expect("it ran");
    assert!(status.status.success());
}

/// A page that cannot have the port it was told to use says so and leaves the home free.
#[test]
fn a_taken_port_of_the_page_is_said() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = taken.local_addr().expect("an address").port().to_string();
    let mut ana = world.prepare("Ana", &["--no-mdns"]);
    let output = ana.command(&["serve", "--no-mdns", "--name", "Ana", "--port", &port]).output().expect("it ran");
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(&format!("Port {port} is taken")), "{words}");
    ana.start();
}

fn trouble(troubles: &Value, code: &str) -> Option<Value> {
    troubles.as_array()?.iter().find(|trouble| trouble["code"] == code).cloned()
}

/// A folder that is not where it was stops, removes nothing anywhere, and goes on when it is back.
#[test]
fn a_missing_folder_stops_and_goes_on_when_it_is_back() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there, away) = (world.dir("Ana"), world.path("Ben"), world.path("Ben away"));
    write(&here, "a.txt", "a\n");
    write(&here, "sub/b.txt", "b\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    for is_running in [true, false] {
        let before = tree::look(&here);
        if is_running {
            fs::rename(&there, &away).expect("renamed");
        } else {
            ben.quit();
            fs::rename(&there, &away).expect("renamed");
            ben.start();
            connected(&ana, &ben);
        }
        ben.until("stop", |view| is_stopped(view, "FOLD-01").then_some(()));
        write(&here, &format!("while away {is_running}.txt"), "news\n");
        agree(&[(&ana, &here)]);
        let held = tree::look(&here);
        assert!(before.iter().all(|(path, seen)| held.get(path) == Some(seen)), "nothing is removed: {held:?}");
        assert!(!there.exists(), "nothing is made where the folder was");
        fs::rename(&away, &there).expect("renamed");
        agree(&[(&ana, &here), (&ben, &there)]);
    }
    assert_eq!(read(&there, "sub/b.txt").as_deref(), Some("b\n"));
}

fn is_stopped(view: &Value, code: &str) -> bool {
    let state = &folder(view)["state"];
    state["type"] == "stopped" && state["trouble"]["code"] == code
}

/// A full disk is a problem with a code; what is there stays, and it goes on by itself when there is room again.
#[test]
fn a_full_disk_waits_for_room() {
    let world = World::new();
    let Some(small) = SmallDisk::mount(&world.dir("small"), "16m") else {
        println!("skipped: needs to mount a small file system, which only root may do");
        return;
    };
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), small.0.join("Ben"));
    write(&here, "old.bin", noise(1, 1_000_000));
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&small.0, "in the way.bin", noise(2, 9_000_000));
    write(&here, "big.bin", noise(3, 8_000_000));
    write(&here, "old.bin", noise(4, 1_000_001));
    ben.until("word about the disk", |view| {
        let problems = folder(view)["problems"].as_array()?;
        problems.iter().find(|problem| problem["trouble"]["code"] == "DISK-04").map(drop)
    });
    ben.until("the folder to say that it waits for room", |view| {
        let state = &folder(view)["state"];
        (state["type"] == "no_room" && state["files_left"] == 2).then_some(())
    });
    ana.until("the same of the other side", |view| {
        let state = &folder(view)["members"].as_array()?.iter().find(|member| member["name"] == "Ben")?["state"];
        (state["type"] == "behind" && state["files"] == 2).then_some(())
    });
    assert!(ben.log().contains("code=DiskFull"), "{}", ben.log());
    let seen = tree::look(&there);
    assert!(!seen.contains_key("big.bin"), "no half file");
    fs::remove_file(small.0.join("in the way.bin")).expect("removed");
    agree(&[(&ana, &here), (&ben, &there)]);
}

/// A mounted file system, gone at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        is_done(mount.args(["-t", "tmpfs", "-o", &size, "shoal-small", text(at)])).then(|| SmallDisk(at.to_owned()))
    }
}

fn is_done(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has it open loses it when they end.
        let _ = is_done(Command::new("umount").args(["-l", text(&self.0)]));
    }
}

/// A directory that may not be written is listed as such; the rest goes on, and it does too once it may be.
#[test]
fn a_directory_without_permission_is_listed_and_the_rest_goes_on() {
    let world = World::new();
    let ana = world.start("Ana");
    let mut ben = world.prepare("Ben", &["--no-mdns"]);
    let there = world.dir("Ben");
    if is_root() {
        lend(&world, &mut ben, &there);
    }
    ben.start();
    pair(&ana, &ben);
    let here = world.dir("Ana");
    write(&here, "locked/a.txt", "a\n");
    write(&here, "open/b.txt", "b\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let locked = there.join("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("set");
    write(&here, "locked/a.txt", "changed\n");
    write(&here, "open/b.txt", "changed\n");
    until("the open file", || read(&there, "open/b.txt").filter(|text| text == "changed\n"));
    ben.until("a problem", |view| {
        let problem = folder(view)["problems"].as_array()?.iter().find(|one| one["path"] == "locked/a.txt")?;
        (problem["trouble"]["code"] == "FOLD-02").then_some(())
    });
    assert_eq!(read(&there, "locked/a.txt").as_deref(), Some("a\n"));
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).expect("set");
    agree(&[(&ana, &here), (&ben, &there)]);
}

/// Permissions are each computer's own: a new file gets what the mask leaves, one that changes elsewhere, or goes and
/// comes back there, keeps the ones it has here.
#[test]
fn a_file_that_changes_elsewhere_keeps_its_permissions_here() {
    let world = World::new();
    let (ana, ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "secret.txt", "first\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    agree(&[(&ana, &here), (&ben, &there)]);
    let mode = |path: &Path| fs::metadata(path).map(|found| found.permissions().mode() & 0o777).expect("a file");
    let secret = there.join("secret.txt");
    assert_eq!(mode(&secret), mode(&here.join("secret.txt")), "as any program makes it");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("set");
    agree(&[(&ana, &here), (&ben, &there)]);
    write(&here, "secret.txt", "second\n");
    until("the edit", || read(&there, "secret.txt").filter(|text| text == "second\n"));
    assert_eq!(mode(&secret), 0o600);
    fs::remove_file(here.join("secret.txt")).expect("removed");
    until("the removal", || (!secret.exists()).then_some(()));
    write(&here, "secret.txt", "third\n");
    until("the new one", || read(&there, "secret.txt").filter(|text| text == "third\n"));
    assert_eq!(mode(&secret), 0o600);
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Root may write everywhere, so the process runs as nobody, who needs a program and places of its own.
fn lend(world: &World, shoal: &mut Shoal, folder: &Path) {
    shoal.user = Some(NOBODY);
    // Where it was built may be below a home that only its owner enters.
    let copy = world.path("shoal-of-nobody");
    fs::copy(crate::harness::program(), &copy).expect("copied");
    shoal.program = Some(copy);
    let places = [&shoal.home, &shoal.downloads, &world.dir("run of nobody"), &folder.to_owned()];
    for place in places {
        std::os::unix::fs::chown(place, Some(NOBODY), None).expect("given away");
    }
    shoal.run = world.dir("run of nobody");
    fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o755)).expect("set");
}

/// Settings that are no JSON are set aside and told of; the name, the pairings and the folders of the copy before stay.
#[test]
fn garbage_settings_are_set_aside_and_told() {
    let world = World::new();
    let (ana, mut ben) = (world.start("Ana"), world.start("Ben"));
    pair(&ana, &ben);
    let (here, there) = (world.dir("Ana"), world.path("Ben"));
    write(&here, "a.txt", "a\n");
    share(&ana, &here, "Reef", &[(&ben, &there, "editor")]);
    ben.run(&["config", "set", "theme", "dark"]);
    agree(&[(&ana, &here), (&ben, &there)]);
    ben.quit();
    fs::write(ben.home.join("config/config.json"), b"\0{{{ not JSON \xff").expect("written");
    ben.start();
    let view = ben.view();
    assert_eq!((&view["me"]["name"], &view["me"]["first_run"]), (&"Ben".into(), &false.into()), "{view:#}");
    connected(&ana, &ben);
    write(&here, "b.txt", "b\n");
    agree(&[(&ana, &here), (&ben, &there)]);
    let told = ben.view()["notices"][0]["trouble"].clone();
    assert_eq!((&told["code"], &told["params"]["file"]), (&"DISK-02".into(), &"config.json".into()), "{told}");
}
