//! The table of the catalogue: which test shows which case. Written from the tests' names, and compared with the page in
//! the repository, so that neither can be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::case::{Case, Check, demand};

/// A case of the catalogue.
struct Row {
    number: u32,
    what: &'static str,
    /// Why no test shows it, if none does; or what is still missing.
    without: Option<&'static str>,
}

/// Tests of other names that show a case: by case, the place and the test.
const ELSEWHERE: &[(u32, &str)] = &[
    (15, "crates/engine: path rules; e2e: hostile::paths_that_escape_are_refused"),
    (39, "simulation: files change while they are read and served"),
    (68, "e2e: trouble::a_directory_without_permission_is_listed_and_the_rest_goes_on"),
    (76, "e2e: trouble::a_full_disk_waits_for_room"),
    (86, "e2e: trouble::a_missing_folder_stops_and_goes_on_when_it_is_back"),
    (87, "simulation: roots vanish and come back"),
    (90, "simulation: holds; crates/engine: folder::hold"),
    (91, "e2e: resume"),
    (92, "simulation: clocks jump"),
    (96, "e2e: trouble::a_second_start_for_one_home_says_where_the_first_is"),
    (97, "e2e: resume (killed without a word)"),
    (100, "e2e: memory::a_lost_index_loses_and_invents_nothing"),
    (103, "e2e: memory::a_home_set_back_to_a_backup_brings_nothing_back; simulation: homes set back"),
    (106, "simulation: partitions and devices that are off"),
    (109, "simulation: partitions between pairs"),
    (112, "simulation: stalls; e2e: hostile"),
    (115, "e2e: road::a_viewers_change_stays_at_home"),
    (116, "laws of the ledger: cut-offs"),
    (117, "laws of the ledger: recovery"),
    (120, "simulation: power cuts"),
];

const ROWS: &[Row] = &[
    Row { number: 1, what: "two names that differ by case only, and a disk that ignores case", without: None },
    Row { number: 2, what: "a rename by case only", without: None },
    Row { number: 3, what: "a full directory renamed by case only", without: None },
    Row { number: 4, what: "a rename by case only while a child is edited elsewhere", without: None },
    Row {
        number: 5,
        what: "names in the stage when case is ignored",
        without: Some("the stage names files by hash: nothing in it comes from a peer"),
    },
    Row { number: 6, what: "one name composed and decomposed, side by side", without: None },
    Row {
        number: 7,
        what: "a disk that gives back another form of a name",
        without: Some("only macOS does that; names are compared and carried as bytes"),
    },
    Row { number: 8, what: "a name that is no text", without: None },
    Row { number: 9, what: "control, direction and joining characters in a name", without: None },
    Row { number: 10, what: "a name like a page", without: None },
    Row { number: 11, what: "a name with no room for a suffix", without: None },
    Row { number: 13, what: "names that Windows reserves", without: None },
    Row { number: 14, what: "names that Windows cannot hold", without: None },
    Row { number: 15, what: "a path from a peer that leaves, or is none", without: None },
    Row { number: 16, what: "names of our own", without: None },
    Row { number: 18, what: "many files, deep trees", without: None },
    Row { number: 19, what: "empty directories", without: None },
    Row { number: 20, what: "a directory becomes a file, and back", without: None },
    Row { number: 21, what: "a directory becomes a link to its sibling", without: None },
    Row { number: 23, what: "renames in a circle", without: None },
    Row { number: 24, what: "two names change places", without: None },
    Row { number: 25, what: "moves into each other", without: None },
    Row { number: 28, what: "a directory deleted while a file in it is edited", without: None },
    Row {
        number: 29,
        what: "a deleted directory that holds ignored files",
        without: Some("there are no ignore patterns yet"),
    },
    Row { number: 30, what: "a deleted directory that holds files not yet seen", without: None },
    Row { number: 32, what: "folders that overlap", without: None },
    Row { number: 33, what: "a place that is too much", without: None },
    Row { number: 34, what: "two edits of one file", without: None },
    Row { number: 35, what: "an edit that was not seen when another one arrives", without: None },
    Row { number: 36, what: "one new name, two contents", without: None },
    Row { number: 37, what: "one new name, one content", without: None },
    Row { number: 39, what: "the source changes while it is sent", without: None },
    Row { number: 40, what: "a deletion and an edit", without: None },
    Row { number: 42, what: "a save by temporary file and rename", without: None },
    Row { number: 43, what: "a save in place", without: None },
    Row {
        number: 44,
        what: "a program that keeps a file open for hours",
        without: Some("a file is taken whenever it stands still while it is read; \"busy\" is not shown yet"),
    },
    Row { number: 46, what: "an old copy written over a new version", without: None },
    Row { number: 47, what: "a change that keeps length and time", without: None },
    Row { number: 48, what: "an append that keeps the time", without: None },
    Row { number: 50, what: "a touch", without: None },
    Row {
        number: 51,
        what: "a change of the executable bit",
        without: Some("a change of mode and an edit at one time become a conflict copy, not one file with both"),
    },
    Row { number: 52, what: "a thousand saves", without: None },
    Row {
        number: 54,
        what: "an ignore pattern for files already shared",
        without: Some("there are no ignore patterns yet"),
    },
    Row { number: 55, what: "hostile ignore patterns", without: Some("there are no ignore patterns yet") },
    Row { number: 57, what: "a link inside", without: None },
    Row { number: 58, what: "a link that leaves", without: None },
    Row { number: 59, what: "a link to itself", without: None },
    Row { number: 60, what: "a parent that becomes a link at the wrong moment", without: None },
    Row { number: 61, what: "hard links", without: None },
    Row { number: 63, what: "pipes, sockets, devices", without: None },
    Row { number: 64, what: "a file of holes", without: None },
    Row { number: 65, what: "lengths at the edges", without: None },
    Row { number: 67, what: "a file that may not be read", without: None },
    Row { number: 68, what: "a directory that may not be written", without: None },
    Row { number: 69, what: "setuid", without: None },
    Row {
        number: 70,
        what: "programs from other people",
        without: Some("offers drop the executable bit; a shared folder keeps it, since its members edit together"),
    },
    Row { number: 71, what: "extended attributes", without: None },
    Row { number: 73, what: "a disk without exchange", without: None },
    Row { number: 74, what: "an immutable file", without: None },
    Row {
        number: 75,
        what: "compressed bombs",
        without: Some("nothing is ever unpacked, and nothing is compressed on the wire"),
    },
    Row { number: 76, what: "a full disk", without: None },
    Row { number: 78, what: "no inodes, a quota", without: None },
    Row { number: 79, what: "no file handles", without: None },
    Row { number: 80, what: "an error on one file or directory", without: None },
    Row { number: 82, what: "hints that were lost", without: None },
    Row { number: 83, what: "limits on watches", without: None },
    Row { number: 85, what: "a root that is renamed, removed or replaced", without: None },
    Row { number: 86, what: "an empty mount point", without: None },
    Row { number: 87, what: "a disk that vanishes while it is read", without: None },
    Row { number: 89, what: "a removed marker", without: None },
    Row { number: 90, what: "many deletions at once", without: None },
    Row { number: 91, what: "sleep in the middle of a transfer", without: None },
    Row { number: 92, what: "a clock that is wrong", without: None },
    Row { number: 94, what: "time zones", without: Some("no rule uses one: names of copies are in UTC") },
    Row { number: 95, what: "the end of a session", without: None },
    Row { number: 96, what: "two instances of one home", without: None },
    Row { number: 97, what: "ended by the system for memory", without: None },
    Row { number: 98, what: "a file locked by another program", without: Some("Windows only") },
    Row { number: 99, what: "bit rot", without: None },
    Row { number: 100, what: "a lost index", without: None },
    Row { number: 102, what: "a damaged index", without: None },
    Row { number: 103, what: "a home that runs twice", without: None },
    Row { number: 105, what: "a removed device's history", without: None },
    Row { number: 106, what: "a device that was away for long", without: None },
    Row { number: 108, what: "a peer with a new and empty history", without: None },
    Row { number: 109, what: "links that break in part", without: None },
    Row { number: 111, what: "an edit, a deletion and a rename", without: None },
    Row { number: 112, what: "a peer that gives wrong bytes, or none", without: None },
    Row {
        number: 114,
        what: "records of a newer kind",
        without: Some("a record of a newer kind that a member sends is refused, but the folder does not say so yet"),
    },
    Row { number: 115, what: "a reader who edits", without: None },
    Row { number: 116, what: "a removed editor who goes on", without: None },
    Row { number: 117, what: "the owner's device is lost", without: None },
    Row { number: 118, what: "killed at every step", without: None },
    Row { number: 120, what: "power fails", without: None },
    Row { number: 122, what: "messages for somebody away", without: Some("messages come later") },
    Row { number: 123, what: "couriers", without: Some("messages come later") },
    Row { number: 124, what: "a ratchet set back", without: Some("messages come later") },
];

/// Compares the table with the page, or writes it if `SHOAL_WRITE_CATALOGUE` is set.
pub(crate) fn compare(cases: &[Case]) -> Check {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = root.join("tests/tests/catalogue/README.md");
    let table = render(cases, root);
    if std::env::var_os("SHOAL_WRITE_CATALOGUE").is_some() {
        fs::write(&page, &table).expect("written");
    }
    let is_same = fs::read_to_string(&page).is_ok_and(|text| text == table);
    demand(is_same, || {
        "the page is older than the tests: SHOAL_WRITE_CATALOGUE=1 cargo test -p shoal-tests --test catalogue"
            .to_owned()
    })
}

fn render(cases: &[Case], root: &Path) -> String {
    let mut tests: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for case in cases {
        let shown = format!("`{}` (both ways, watched and not)", case.test_name());
        tests.entry(case.number).or_default().insert(shown);
    }
    for file in [sources(&root.join("crates")), sources(&root.join("tests/tests/e2e"))].concat() {
        let text = fs::read_to_string(&file).expect("a source");
        for name in text.lines().filter_map(|line| line.trim_start().strip_prefix("fn case_")) {
            let name = name.split('(').next().unwrap_or_default();
            // One test may show two cases: case_9_and_11_….
            for number in name.split('_').map_while(|part| match part {
                "and" => Some(None),
                part => part.parse::<u32>().ok().map(Some),
            }) {
                let Some(number) = number else { continue };
                tests.entry(number).or_default().insert(format!("`case_{name}`"));
            }
        }
    }
    for (number, place) in ELSEWHERE {
        tests.entry(*number).or_default().insert((*place).to_owned());
    }
    let shown = ROWS.iter().filter(|row| tests.contains_key(&row.number)).count();
    let excused = ROWS.iter().filter(|row| !tests.contains_key(&row.number) && row.without.is_some()).count();
    let open = ROWS.len() - shown - excused;
    let mut text = format!(
        "# The catalogue of nasty cases\n\nWritten by `SHOAL_WRITE_CATALOGUE=1 cargo test -p shoal-tests --test catalogue`, which compares it otherwise. \
         {shown} of {} cases have a test, {excused} do not apply here or not yet, {open} are open.\n\n| case | what | shown by |\n|---|---|---|\n",
        ROWS.len()
    );
    for row in ROWS {
        let by = match (tests.get(&row.number), row.without) {
            (Some(tests), why) => {
                let tests = tests.iter().cloned().chain(why.map(|why| format!("but: {why}")));
                tests.collect::<Vec<_>>().join("<br>")
            }
            (None, Some(why)) => format!("– {why}"),
            (None, None) => "**open**".to_owned(),
        };
        writeln!(text, "| {} | {} | {by} |", row.number, row.what).expect("a text has room");
    }
    text
}

/// Every Rust source below a directory.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
