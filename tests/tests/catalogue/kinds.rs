//! Kinds of file, and what is beside their bytes.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::case::{Act, Case, Check, demand, link, names, nothing, only, says, tree, write};

pub(crate) const CASES: &[Case] = &[
    Case {
        number: 50,
        name: "a_touch_changes_the_time_and_nothing_else",
        before: |dir| write(dir, "a.txt", "one\n"),
        act: Act::One(|dir| tree::set_modified(&dir.join("a.txt"), 1_000_000_000)),
        check: |_, there| only(there, &["a.txt"]),
    },
    Case {
        number: 51,
        name: "a_change_of_the_executable_bit_arrives",
        before: |dir| write(dir, "run.sh", "#!/bin/sh\n"),
        act: Act::One(|dir| fs::set_permissions(dir.join("run.sh"), Permissions::from_mode(0o755)).expect("set")),
        check: |_, there| demand(mode(there, "run.sh") & 0o100 != 0, || "not executable".to_owned()),
    },
    Case {
        number: 57,
        name: "a_link_inside_arrives_as_a_link",
        before: |dir| write(dir, "target.txt", "target\n"),
        act: Act::One(|dir| link(dir, "target.txt", "link.txt")),
        check: |_, there| {
            let found = fs::read_link(there.join("link.txt")).ok();
            demand(found.as_deref() == Some(Path::new("target.txt")), || format!("{found:?}"))
        },
    },
    Case {
        number: 59,
        name: "a_link_to_itself_ends_no_scan",
        before: nothing,
        act: Act::One(|dir| {
            link(dir, "loop", "loop");
            write(dir, "beside.txt", "beside\n");
        }),
        check: |_, there| says(there, "beside.txt", "beside\n"),
    },
    Case {
        number: 61,
        name: "hard_links_are_independent_files_elsewhere",
        before: |dir| {
            write(dir, "one.txt", "one\n");
            fs::hard_link(dir.join("one.txt"), dir.join("two.txt")).expect("linked");
        },
        act: Act::One(|dir| fs::write(dir.join("one.txt"), "both\n").expect("written")),
        check: |_, there| says(there, "one.txt", "both\n").and_then(|()| says(there, "two.txt", "both\n")),
    },
    Case {
        number: 64,
        name: "a_file_of_holes_arrives_and_stays_one",
        before: nothing,
        act: Act::One(|dir| {
            let file = File::create(dir.join("holes")).expect("made");
            file.set_len(64 << 20).expect("long");
            file.write_all_at(b"in the middle", 32 << 20).expect("written");
        }),
        check: |_, there| {
            let found = fs::metadata(there.join("holes")).map_err(|error| error.to_string())?;
            let (length, taken) = (found.len(), found.blocks() * 512);
            demand(length == 64 << 20 && taken < 8 << 20, || format!("{length} bytes take {taken}"))
        },
    },
    Case {
        number: 65,
        name: "lengths_at_the_edges_arrive",
        before: nothing,
        act: Act::One(|dir| {
            for length in [0, 1, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145] {
                let bytes: Vec<u8> = (0..length).map(|at: usize| (at * 31 % 251) as u8).collect();
                write(dir, &length.to_string(), bytes);
            }
        }),
        check: |here, there| {
            demand(names(here).len() == 8 && names(there).len() == 8, || format!("{:?}", names(there)))
        },
    },
    Case {
        number: 69,
        name: "setuid_is_not_taken_from_a_peer",
        before: nothing,
        act: Act::One(|dir| {
            write(dir, "tool", "#!/bin/sh\n");
            fs::set_permissions(dir.join("tool"), Permissions::from_mode(0o6755)).expect("set");
        }),
        check: |_, there| demand(mode(there, "tool") & 0o7000 == 0, || format!("{:o}", mode(there, "tool"))),
    },
    Case {
        number: 71,
        name: "extended_attributes_are_not_taken_from_a_peer",
        before: nothing,
        act: Act::One(|dir| {
            write(dir, "marked.txt", "marked\n");
            set_attribute(&dir.join("marked.txt"));
        }),
        check: |_, there| {
            says(there, "marked.txt", "marked\n").and_then(|()| has_no_attribute(&there.join("marked.txt")))
        },
    },
];

fn mode(dir: &Path, path: &str) -> u32 {
    fs::metadata(dir.join(path)).map_or(0, |found| found.permissions().mode())
}

/// Where the file system has attributes; elsewhere there is nothing to take.
fn set_attribute(path: &Path) {
    let _ = Command::new("setfattr").args(["-n", "user.shoal.test", "-v", "1"]).arg(path).status();
}

fn has_no_attribute(path: &Path) -> Check {
    let found = Command::new("getfattr").arg("-d").arg(path).output();
    let text = found.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    demand(!text.contains("user.shoal.test"), || text.clone())
}
