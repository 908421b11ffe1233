//! Names and trees.

use std::fs;

use crate::case::{Act, Case, demand, link, names, nothing, only, remove, rename, says, write};

pub(crate) const CASES: &[Case] = &[
    Case {
        number: 2,
        name: "a_rename_by_case_only_is_a_rename",
        before: |dir| write(dir, "a.txt", "one\n"),
        act: Act::One(|dir| rename(dir, "a.txt", "A.txt")),
        check: |_, there| only(there, &["A.txt"]).and_then(|()| says(there, "A.txt", "one\n")),
    },
    Case {
        number: 3,
        name: "a_full_directory_is_renamed_by_case_only",
        before: |dir| (0..60).for_each(|number| write(dir, &format!("photos/{number}"), number.to_string())),
        act: Act::One(|dir| rename(dir, "photos", "Photos")),
        check: |_, there| {
            let found = names(there);
            demand(found.len() == 61 && found.iter().all(|name| name.starts_with("Photos")), || format!("{found:?}"))
        },
    },
    Case {
        number: 4,
        name: "a_rename_by_case_and_an_edit_of_a_child_both_arrive",
        before: |dir| write(dir, "dir/child.txt", "one\n"),
        act: Act::Apart(|dir| rename(dir, "dir", "Dir"), |dir| write(dir, "dir/child.txt", "two\n")),
        check: |_, there| {
            let found = names(there);
            let texts: Vec<_> = found.iter().filter_map(|name| crate::case::read(there, name)).collect();
            demand(texts.contains(&"two\n".to_owned()), || format!("{found:?} say {texts:?}"))
        },
    },
    Case {
        number: 6,
        name: "composed_and_decomposed_names_are_two_files",
        before: nothing,
        act: Act::One(|dir| {
            write(dir, "caf\u{e9}", "composed\n");
            write(dir, "cafe\u{301}", "decomposed\n");
        }),
        check: |_, there| {
            says(there, "caf\u{e9}", "composed\n").and_then(|()| says(there, "cafe\u{301}", "decomposed\n"))
        },
    },
    Case {
        number: 9,
        name: "control_and_direction_characters_arrive_as_they_are",
        before: nothing,
        act: Act::One(|dir| {
            for name in ["line\nfeed", "\u{1b}[31mred", "a\u{202e}txt.exe", "zero\u{200b}width", "👩‍👩‍👧"] {
                write(dir, name, name);
            }
        }),
        check: |here, there| demand(names(here).len() == 5, || format!("{:?}, {:?}", names(here), names(there))),
    },
    Case {
        number: 10,
        name: "a_name_like_a_page_arrives_as_it_is",
        before: nothing,
        act: Act::One(|dir| write(dir, "<img src=x onerror=alert(1)>", "inert\n")),
        check: |_, there| says(there, "<img src=x onerror=alert(1)>", "inert\n"),
    },
    Case {
        number: 11,
        name: "a_conflict_copy_of_a_255_byte_name_has_room",
        before: |dir| write(dir, &"n".repeat(255), "base\n"),
        act: Act::Apart(|dir| write(dir, &"n".repeat(255), "one\n"), |dir| write(dir, &"n".repeat(255), "two\n")),
        check: |_, there| {
            let found = names(there);
            demand(found.len() == 2 && found.iter().all(|name| name.len() <= 255), || format!("{found:?}"))
        },
    },
    Case {
        number: 13,
        name: "names_that_windows_reserves_arrive",
        before: nothing,
        act: Act::One(|dir| ["CON", "aux.txt", "COM¹", "LPT0"].iter().for_each(|name| write(dir, name, *name))),
        check: |_, there| only(there, &["COM¹", "CON", "LPT0", "aux.txt"]),
    },
    Case {
        number: 14,
        name: "names_that_windows_cannot_hold_arrive",
        before: nothing,
        act: Act::One(|dir| ["dot.", "space ", "a:b", "a?b", "a\\b"].iter().for_each(|name| write(dir, name, *name))),
        check: |_, there| only(there, &["a:b", "a?b", "a\\b", "dot.", "space "]),
    },
    Case {
        number: 16,
        name: "a_file_named_like_a_conflict_copy_is_a_file",
        before: nothing,
        act: Act::One(|dir| write(dir, "notes (Ana, 2026-01-01 10.00, abcd).txt", "mine\n")),
        check: |_, there| says(there, "notes (Ana, 2026-01-01 10.00, abcd).txt", "mine\n"),
    },
    Case {
        number: 18,
        name: "a_deep_path_arrives",
        before: nothing,
        act: Act::One(|dir| write(dir, &format!("{}deep.txt", "d/".repeat(200)), "deep\n")),
        check: |_, there| says(there, &format!("{}deep.txt", "d/".repeat(200)), "deep\n"),
    },
    Case {
        number: 19,
        name: "empty_directories_come_and_go",
        before: |dir| fs::create_dir_all(dir.join("old/inner")).expect("made"),
        act: Act::One(|dir| {
            remove(dir, "old/inner");
            fs::create_dir_all(dir.join("new/inner")).expect("made");
        }),
        check: |_, there| only(there, &["new", "new/inner", "old"]),
    },
    Case {
        number: 20,
        name: "a_directory_becomes_a_file_and_a_file_a_directory",
        before: |dir| {
            write(dir, "tree/leaf.txt", "leaf\n");
            write(dir, "plain", "plain\n");
        },
        act: Act::One(|dir| {
            remove(dir, "tree");
            write(dir, "tree", "a file now\n");
            remove(dir, "plain");
            write(dir, "plain/inner.txt", "inner\n");
        }),
        check: |_, there| {
            only(there, &["plain", "plain/inner.txt", "tree"]).and_then(|()| says(there, "tree", "a file now\n"))
        },
    },
    Case {
        number: 21,
        name: "a_directory_replaced_by_a_link_to_its_sibling_deletes_nothing_through_it",
        before: |dir| {
            write(dir, "one/a.txt", "a\n");
            write(dir, "two/a.txt", "b\n");
        },
        act: Act::One(|dir| {
            remove(dir, "one");
            link(dir, "two", "one");
        }),
        check: |_, there| only(there, &["one", "two", "two/a.txt"]).and_then(|()| says(there, "two/a.txt", "b\n")),
    },
    Case {
        number: 23,
        name: "names_that_change_in_a_circle_change_places",
        before: |dir| ["a", "b", "c"].iter().for_each(|name| write(dir, name, *name)),
        act: Act::One(|dir| {
            for (from, to) in [("c", "aside"), ("b", "c"), ("a", "b"), ("aside", "a")] {
                rename(dir, from, to);
            }
        }),
        check: |_, there| {
            only(there, &["a", "b", "c"])
                .and_then(|()| says(there, "a", "c"))
                .and_then(|()| says(there, "b", "a"))
                .and_then(|()| says(there, "c", "b"))
        },
    },
    Case {
        number: 24,
        name: "two_names_change_places",
        before: |dir| ["a", "b"].iter().for_each(|name| write(dir, name, *name)),
        act: Act::One(|dir| {
            for (from, to) in [("a", "aside"), ("b", "a"), ("aside", "b")] {
                rename(dir, from, to);
            }
        }),
        check: |_, there| {
            only(there, &["a", "b"]).and_then(|()| says(there, "a", "b")).and_then(|()| says(there, "b", "a"))
        },
    },
];
