//! Tidiness as a test: which crate may know which, who owns each heavy dependency, and that every file says what it is for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate with the crates of ours it may name.
const ARROWS: [(&str, &[&str]); 8] = [
    ("crates/engine", &[]),
    ("crates/disk", &["shoal-engine"]),
    ("crates/store", &["shoal-engine"]),
    ("crates/net", &["shoal-engine"]),
    ("crates/node", &["shoal-engine", "shoal-disk", "shoal-store", "shoal-net"]),
    ("crates/cli", &["shoal-node", "shoal-engine"]),
    ("src-tauri", &["shoal-node"]),
    ("tests", &["shoal-engine", "shoal-node", "shoal-disk", "shoal-store", "shoal-net"]),
];

/// Heavy dependencies with their only owner.
const OWNERS: [(&str, &str); 4] =
    [("libp2p", "crates/net"), ("sled", "crates/store"), ("notify", "crates/disk"), ("tauri", "src-tauri")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names that a manifest depends on, in any of its dependency sections.
fn dependencies(member: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("a manifest");
    let (mut names, mut is_inside) = (Vec::new(), false);
    for line in text.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            is_inside = section.ends_with("dependencies");
            names.extend(section.rsplit_once("dependencies.").map(|(_, name)| name.to_owned()));
        } else if is_inside && !line.starts_with([' ', '#', ']']) {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            names.extend((!name.is_empty()).then(|| name.to_owned()));
        }
    }
    names
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn crates_know_only_those_below_them() {
    for (member, allowed) in ARROWS {
        let names = dependencies(member);
        let others: Vec<&String> =
            names.iter().filter(|name| name.starts_with("shoal-") && !allowed.contains(&name.as_str())).collect();
        assert!(others.is_empty(), "{member} names {others:?}");
    }
}

#[test]
fn each_heavy_dependency_has_one_owner() {
    for (heavy, owner) in OWNERS {
        for (member, _) in ARROWS {
            let names = dependencies(member);
            assert_eq!(names.iter().any(|name| name == heavy), member == owner, "{heavy} and {member}");
        }
    }
}

#[test]
fn every_source_file_says_first_what_it_is_for() {
    let mut found = Vec::new();
    for (member, _) in ARROWS {
        sources(&root().join(member).join("src"), &mut found);
    }
    assert!(found.len() > 100, "only {} files were found", found.len());
    let silent: Vec<&PathBuf> =
        found.iter().filter(|path| !fs::read_to_string(path).expect("text").starts_with("//!")).collect();
    assert!(silent.is_empty(), "without a first line: {silent:?}");
}

/// Lines of a file and of a function.
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;
/// What is longer, with its lines. It may only shrink, and nothing may join it.
const LONG: &[(&str, usize)] = &[
    ("crates/engine/src/offer.rs", 581),
    ("crates/node/src/contacts.rs take", 63),
    ("crates/node/src/transfer/give.rs chunk", 64),
    ("crates/node/src/transfer/give.rs manifest", 68),
    ("crates/node/src/transfer/give.rs open", 66),
];

/// The functions of a formatted file that are too long, by name: from `fn` to the brace at its own indentation.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words = ["pub(crate) ", "pub(super) ", "pub ", "async ", "const "];
        let bare = words.iter().fold(code, |code, word| code.strip_prefix(word).unwrap_or(code));
        let Some(rest) = bare.strip_prefix("fn ") else { continue };
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[at..].iter().position(|line| *line == end).map_or(1, |lines| lines + 1);
        if length > FUNCTION_LINES_MAX {
            let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            found.push((name, length));
        }
    }
    found
}

#[test]
fn files_and_functions_stay_readable() {
    let mut found = Vec::new();
    for (member, _) in ARROWS {
        sources(&root().join(member).join("src"), &mut found);
    }
    let mut long: BTreeMap<String, usize> = BTreeMap::new();
    for path in &found {
        let path_inside = path.strip_prefix(root()).expect("inside");
        if path_inside.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
            && !path_inside.starts_with("tests/src")
        {
            continue;
        }
        let text = fs::read_to_string(path).expect("text");
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let name = path_inside.display().to_string();
        let lines = code.lines().count();
        if lines > FILE_LINES_MAX {
            long.insert(name.clone(), lines);
        }
        long.extend(long_functions(code).into_iter().map(|(function, lines)| (format!("{name} {function}"), lines)));
    }
    let allowed: BTreeMap<&str, usize> = LONG.iter().copied().collect();
    let fresh: Vec<_> =
        long.iter().filter(|(name, lines)| allowed.get(name.as_str()).is_none_or(|most| *lines > most)).collect();
    assert!(fresh.is_empty(), "too long: {fresh:?}");
    let gone: Vec<_> =
        allowed.iter().filter(|(name, most)| long.get(**name).is_none_or(|lines| lines < *most)).collect();
    assert!(gone.is_empty(), "shorter by now, lower them: {gone:?}");
}
