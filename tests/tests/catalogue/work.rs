//! While people and their programs work.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::case::{Act, Case, demand, names, nothing, only, read, rename, says, tree, write};

pub(crate) const CASES: &[Case] = &[
    Case {
        number: 42,
        name: "a_save_by_temporary_file_and_rename_is_one_edit",
        before: |dir| write(dir, "letter.txt", "first\n"),
        act: Act::One(|dir| {
            write(dir, ".letter.txt.swp", "second\n");
            rename(dir, ".letter.txt.swp", "letter.txt");
        }),
        check: |_, there| only(there, &["letter.txt"]).and_then(|()| says(there, "letter.txt", "second\n")),
    },
    Case {
        number: 43,
        name: "a_file_truncated_and_written_in_place_arrives_whole",
        before: |dir| write(dir, "table.csv", "old ".repeat(50_000)),
        act: Act::One(|dir| {
            let mut file = File::create(dir.join("table.csv")).expect("truncated");
            for part in 0..20 {
                file.write_all(format!("part {part}\n").repeat(500).as_bytes()).expect("written");
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        }),
        check: |here, there| {
            let found = read(there, "table.csv").unwrap_or_default();
            demand(found.lines().count() == 10_000 && read(here, "table.csv") == Some(found.clone()), || {
                format!("{} lines", found.lines().count())
            })
        },
    },
    Case {
        number: 46,
        name: "an_old_copy_written_over_a_new_version_is_a_version",
        before: |dir| write(dir, "passwords.kdbx", "old\n"),
        act: Act::One(|dir| {
            write(dir, "passwords.kdbx", "new\n");
            std::thread::sleep(std::time::Duration::from_millis(200));
            write(dir, "passwords.kdbx", "old\n");
        }),
        check: |_, there| only(there, &["passwords.kdbx"]).and_then(|()| says(there, "passwords.kdbx", "old\n")),
    },
    Case {
        number: 48,
        name: "an_append_that_keeps_the_time_is_found",
        before: |dir| {
            write(dir, "log.txt", "first\n");
            tree::set_modified(&dir.join("log.txt"), 1_500_000_000);
        },
        act: Act::One(|dir| {
            let mut file = File::options().append(true).open(dir.join("log.txt")).expect("opened");
            file.write_all(b"second\n").expect("written");
            drop(file);
            tree::set_modified(&dir.join("log.txt"), 1_500_000_000);
        }),
        check: |_, there| says(there, "log.txt", "first\nsecond\n"),
    },
    Case {
        number: 47,
        name: "other_bytes_of_the_same_length_and_time_are_found",
        before: |dir| same_size_and_time(dir, "aaaa\n"),
        act: Act::One(|dir| same_size_and_time(dir, "bbbb\n")),
        check: |_, there| says(there, "mapped.bin", "bbbb\n"),
    },
    Case {
        number: 52,
        name: "a_thousand_saves_end_with_the_last",
        before: |dir| write(dir, "busy.txt", "0\n"),
        act: Act::One(|dir| (0..1000).for_each(|number| write(dir, "busy.txt", format!("{number}\n")))),
        check: |_, there| only(there, &["busy.txt"]).and_then(|()| says(there, "busy.txt", "999\n")),
    },
    Case {
        number: 19,
        name: "a_tree_moved_in_as_a_whole_arrives_as_a_whole",
        before: nothing,
        act: Act::One(|dir| {
            let outside = dir.parent().and_then(Path::parent).expect("above").join(format!("outside {:p}", dir));
            for number in 0..40 {
                write(&outside, &format!("{}/{}/{number}.txt", number % 4, number % 3), number.to_string());
            }
            fs::rename(outside, dir.join("moved in")).expect("moved");
        }),
        check: |_, there| {
            let files = names(there).iter().filter(|name| name.ends_with(".txt")).count();
            demand(files == 40, || format!("{files} files"))
        },
    },
];

fn same_size_and_time(dir: &Path, text: &str) {
    write(dir, "mapped.bin", text);
    tree::set_modified(&dir.join("mapped.bin"), 1_500_000_000);
}
