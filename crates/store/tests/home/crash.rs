//! A process that is killed, or whose disk is full, loses nothing that it was told is safe.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

/// Set for the child: the home in which it appends for ever.
const CHILD_HOME: &str = "SHOAL_STORE_TEST_HOME";

/// What the child does: appends blocks, and says of each when it is durable.
#[test]
fn child_appends_until_it_is_stopped() {
    let Ok(home) = std::env::var(CHILD_HOME) else { return };
    let (store, _) = open(Path::new(&home));
    let known = store.reload(FOLDER).expect("sound").len() as u64;
    for at in known.. {
        let paths = [(path(&format!("dir/{at}")), Some(b"there".to_vec()))];
        match store.append(FOLDER, &blocks(at..at + 1)) {
            Ok(()) => println!("durable {at}"),
            Err(error) => {
                let count = store.reload(FOLDER).expect("still sound").len();
                println!("refused {at} with {count} there: {error}");
                std::process::exit(0);
            }
        }
        store.remember(FOLDER, &paths);
    }
}

fn child(home: &Path, program: &str, before: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(before).args(["--exact", "crash::child_appends_until_it_is_stopped", "--nocapture"]);
    command.env(CHILD_HOME, home).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started")
}

fn this_program() -> String {
    std::env::current_exe().expect("a program").to_str().expect("a plain path").to_owned()
}

#[test]
fn a_process_killed_while_it_appends_loses_nothing_it_was_told_is_durable() {
    let home = tempfile::tempdir().expect("a directory");
    open(home.path()).0.save_folder(&folder()).expect("saved");
    let mut torn = 0;
    for round in 0..12_u64 {
        let mut child = child(home.path(), &this_program(), &[]);
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let reader = std::thread::spawn(move || {
            let durable = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("durable ")?.parse().ok());
            durable.last()
        });
        std::thread::sleep(Duration::from_millis(150 + 17 * round));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let last: Option<u64> = reader.join().expect("read");

        let (store, opened) = open(home.path());
        let found = only_folder(&store);
        let ledger = found.ledger.expect("readable");
        let wanted: Vec<Vec<u8>> = blocks(0..ledger.len() as u64).into_iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(ledger, wanted, "in round {round}");
        assert!(last.is_none_or(|last| last < ledger.len() as u64), "{last:?} of {} in round {round}", ledger.len());
        assert_eq!(opened.index_rebuilt, None, "in round {round}");
        assert!(found.index.len() <= ledger.len(), "the index may lag behind, not run ahead");
        torn += u32::from(found.is_torn);
    }
    println!("12 kills, {} records, {torn} torn tails", open(home.path()).0.reload(FOLDER).expect("sound").len());
}

#[cfg(unix)]
#[test]
fn a_full_disk_refuses_a_record_and_harms_none() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    let body = vec![7; 900_000];
    store.append(FOLDER, &[(RecordKey::Block(CHAIN, 0), body.clone())]).expect("durable");
    let big = (RecordKey::Block(CHAIN, 1), body);
    store.append(FOLDER, &[big]).expect("durable");
    drop(store);
    // A limit on file lengths stands for the disk's end: writes stop half way, in the middle of a record.
    let script = format!("trap '' XFSZ; ulimit -f 3519; exec '{}' \"$@\"", this_program());
    let child = child(home.path(), "bash", &["-c", &script, "bash"]);
    let output = child.wait_with_output().expect("ended");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = output.lines().rfind(|line| line.starts_with("refused ")).map(str::to_owned);
    let last = last.unwrap_or_else(|| panic!("the child was not refused:\n{output}"));
    let words: Vec<&str> = last.split(' ').collect();
    assert_eq!(words[1], words[3], "all that were acknowledged are there, and no more");
    let found = only_folder(&open(home.path()).0);
    assert_eq!(found.ledger.map(|ledger| ledger.len().to_string()).as_deref(), Some(words[1]));
    assert!(!found.is_torn, "the half record was cut off at once");
}
