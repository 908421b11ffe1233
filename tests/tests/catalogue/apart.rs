//! Two people at once: both did something while neither heard of the other.

use std::fs;

use crate::case::{Act, Case, copies, demand, names, nothing, only, read, remove, rename, says, texts, write};

pub(crate) const CASES: &[Case] = &[
    Case {
        number: 25,
        name: "two_directories_moved_into_each_other_keep_everything",
        before: |dir| {
            write(dir, "a/in a.txt", "a\n");
            write(dir, "b/in b.txt", "b\n");
        },
        act: Act::Apart(|dir| rename(dir, "a", "b/a"), |dir| rename(dir, "b", "a/b")),
        check: |_, there| {
            let found: Vec<String> = names(there).iter().filter_map(|name| read(there, name)).collect();
            let has = |text: &str| found.iter().any(|other| other == text);
            demand(has("a\n") && has("b\n"), || format!("{:?}", names(there)))
        },
    },
    Case {
        number: 28,
        name: "an_edited_file_survives_the_deletion_of_its_directory",
        before: |dir| {
            write(dir, "dir/edited.txt", "first\n");
            write(dir, "dir/other.txt", "other\n");
        },
        act: Act::Apart(
            |dir| remove(dir, "dir"),
            |dir| {
                write(dir, "dir/edited.txt", "second\n");
                write(dir, "dir/new.txt", "new\n");
            },
        ),
        check: |_, there| {
            only(there, &["dir", "dir/edited.txt", "dir/new.txt"])
                .and_then(|()| says(there, "dir/edited.txt", "second\n"))
        },
    },
    Case {
        number: 34,
        name: "two_edits_of_one_file_are_both_kept",
        before: |dir| write(dir, "notes.txt", "base\n"),
        act: Act::Apart(|dir| write(dir, "notes.txt", "one\n"), |dir| write(dir, "notes.txt", "two\n")),
        check: |_, there| {
            let found = copies(there);
            texts(there, &["one\n", "two\n"]).and_then(|()| demand(found.len() == 1, || format!("{found:?}")))
        },
    },
    Case {
        number: 36,
        name: "one_new_name_with_two_contents_keeps_both",
        before: nothing,
        act: Act::Apart(|dir| write(dir, "new.txt", "one\n"), |dir| write(dir, "new.txt", "two\n")),
        check: |_, there| texts(there, &["one\n", "two\n"]),
    },
    Case {
        number: 37,
        name: "one_new_name_with_one_content_is_one_file",
        before: nothing,
        act: Act::Apart(|dir| write(dir, "new.txt", "same\n"), |dir| write(dir, "new.txt", "same\n")),
        check: |_, there| only(there, &["new.txt"]),
    },
    Case {
        number: 40,
        name: "an_edit_lives_where_another_deletes",
        before: |dir| write(dir, "file.txt", "base\n"),
        act: Act::Apart(|dir| remove(dir, "file.txt"), |dir| write(dir, "file.txt", "edited\n")),
        check: |_, there| only(there, &["file.txt"]).and_then(|()| says(there, "file.txt", "edited\n")),
    },
    Case {
        number: 50,
        name: "two_touches_are_no_conflict",
        before: |dir| write(dir, "file.txt", "same\n"),
        act: Act::Apart(
            |dir| crate::case::tree::set_modified(&dir.join("file.txt"), 1_400_000_000),
            |dir| crate::case::tree::set_modified(&dir.join("file.txt"), 1_600_000_000),
        ),
        check: |_, there| only(there, &["file.txt"]),
    },
    Case {
        number: 51,
        name: "a_change_of_mode_and_an_edit_are_both_kept",
        before: |dir| write(dir, "run.sh", "#!/bin/sh\n"),
        act: Act::Apart(
            |dir| {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(dir.join("run.sh"), fs::Permissions::from_mode(0o755)).expect("set");
            },
            |dir| write(dir, "run.sh", "#!/bin/sh\necho\n"),
        ),
        check: |_, there| {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(there.join("run.sh")).map(|found| found.permissions().mode() & 0o777);
            only(there, &["run.sh"])
                .and_then(|()| says(there, "run.sh", "#!/bin/sh\necho\n"))
                .and_then(|()| demand(mode.as_ref().is_ok_and(|mode| mode & 0o100 != 0), || format!("{mode:?}")))
        },
    },
    Case {
        number: 111,
        name: "an_edit_follows_the_file_that_another_renames",
        before: |dir| write(dir, "file.txt", "base\n"),
        act: Act::Apart(|dir| rename(dir, "file.txt", "renamed.txt"), |dir| write(dir, "file.txt", "edited\n")),
        check: |_, there| only(there, &["renamed.txt"]).and_then(|()| says(there, "renamed.txt", "edited\n")),
    },
    Case {
        number: 111,
        name: "edits_follow_the_directory_that_another_moves",
        before: |dir| {
            write(dir, "work/a.txt", "a\n");
            write(dir, "work/deep/b.txt", "b\n");
            write(dir, "work/c.txt", "c\n");
        },
        act: Act::Apart(
            |dir| rename(dir, "work", "archive/work"),
            |dir| {
                write(dir, "work/a.txt", "a, edited\n");
                write(dir, "work/deep/b.txt", "b, edited\n");
            },
        ),
        check: |_, there| {
            only(
                there,
                &[
                    "archive",
                    "archive/work",
                    "archive/work/a.txt",
                    "archive/work/c.txt",
                    "archive/work/deep",
                    "archive/work/deep/b.txt",
                ],
            )
            .and_then(|()| says(there, "archive/work/a.txt", "a, edited\n"))
            .and_then(|()| says(there, "archive/work/deep/b.txt", "b, edited\n"))
        },
    },
    Case {
        number: 111,
        name: "a_file_moved_and_edited_keeps_an_edit_of_the_old_one_beside_it",
        before: |dir| write(dir, "file.txt", "base\n"),
        act: Act::Apart(
            |dir| {
                rename(dir, "file.txt", "renamed.txt");
                std::thread::sleep(std::time::Duration::from_secs(2));
                write(dir, "renamed.txt", "edited after the move\n");
            },
            |dir| write(dir, "file.txt", "edited\n"),
        ),
        check: |_, there| texts(there, &["edited\n", "edited after the move\n"]),
    },
    Case {
        number: 20,
        name: "a_file_and_a_directory_of_one_name_are_both_kept",
        before: nothing,
        act: Act::Apart(|dir| write(dir, "thing", "a file\n"), |dir| write(dir, "thing/inner.txt", "inner\n")),
        check: |_, there| {
            texts(there, &["a file\n", "inner\n"]).and_then(|()| says(there, "thing/inner.txt", "inner\n"))
        },
    },
];
