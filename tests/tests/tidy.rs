//! Tidiness as a test: which crate may know which, who owns each heavy dependency, and that every file says what it is for.

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
