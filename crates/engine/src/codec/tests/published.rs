//! What `shoal.proto` says is what the code does.

use std::collections::{BTreeMap, BTreeSet};

const PUBLISHED: &str = include_str!("../../../shoal.proto");
const SOURCES: [&str; 2] = [include_str!("../record.rs"), include_str!("../wire.rs")];

/// Fields as `Message.field: label type = tag`.
type Fields = BTreeSet<String>;

#[test]
fn the_published_formats_are_the_ones_in_use() {
    let (published, used) = (published(), used());
    assert!(used.len() > 130, "only {} fields were found in the sources", used.len());
    let differ: Vec<&String> = published.symmetric_difference(&used).collect();
    assert!(differ.is_empty(), "shoal.proto and the sources differ about {differ:#?}");
}

fn published() -> Fields {
    let (mut message, mut fields) = (String::new(), Fields::new());
    for line in PUBLISHED.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
        match words.as_slice() {
            ["message", name, ..] => {
                message = (*name).to_owned();
                fields.insert(message.clone());
            }
            [label @ ("repeated" | "optional"), kind, name, "=", tag] => {
                fields.insert(format!("{message}.{name}: {label} {kind} = {tag}"));
            }
            [kind, name, "=", tag] if *kind != "syntax" => {
                fields.insert(format!("{message}.{name}: {kind} = {tag}"));
            }
            _ => {}
        }
    }
    fields
}

fn used() -> Fields {
    let (mut fields, mut choices) = (Fields::new(), BTreeMap::<String, Vec<String>>::new());
    let mut chosen = Vec::new();
    for source in SOURCES {
        let (mut item, mut is_choice, mut attribute) = (String::new(), false, None::<String>);
        for line in source.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_, kind @ ("struct" | "enum"), name, ..] = words.as_slice() {
                (item, is_choice) = ((*name).to_owned(), *kind == "enum");
                if !is_choice {
                    fields.insert(item.clone());
                }
            } else if line.starts_with("#[prost(") {
                attribute = Some(line.to_owned());
            } else if let Some(text) = attribute.take() {
                if !text.ends_with(")]") {
                    attribute = Some(format!("{text} {line}"));
                } else if is_choice {
                    choices.entry(item.clone()).or_default().push(choice(&text, line));
                } else if let Some(name) = quoted(&text, "oneof = ") {
                    chosen.push((item.clone(), name));
                } else {
                    fields.insert(format!("{item}.{}", field(&text, line)));
                }
            }
        }
    }
    for (item, choice) in chosen {
        fields.extend(choices[&choice].iter().map(|field| format!("{item}.{field}")));
    }
    fields
}

/// `#[prost(bytes = "vec", optional, tag = "7")]` and `pub(crate) recovery: Option<Vec<u8>>,`.
fn field(attribute: &str, line: &str) -> String {
    let (_, line) = line.split_once(") ").expect("pub(…) name: type,");
    let (name, kind) = line.trim_end_matches(',').split_once(": ").expect("name: type");
    let is_message = attribute.contains("(message");
    let label = match (attribute.contains("repeated"), attribute.contains("optional")) {
        (true, _) => "repeated ",
        (false, true) if !is_message => "optional ",
        (false, _) => "",
    };
    format!("{name}: {label}{} = {}", kind_of(attribute, kind), quoted(attribute, "tag = ").expect("a tag"))
}

/// `#[prost(message, tag = "1")]` and `Hello(Hello),`.
fn choice(attribute: &str, line: &str) -> String {
    let (name, kind) = line.trim_end_matches("),").split_once('(').expect("Name(Type),");
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    format!("{snake}: {} = {}", kind_of(attribute, kind), quoted(attribute, "tag = ").expect("a tag"))
}

fn kind_of(attribute: &str, kind: &str) -> String {
    let scalar = attribute.trim_start_matches("#[prost(").split([',', ' ']).next().expect("a kind");
    if scalar != "message" {
        return scalar.to_owned();
    }
    kind.trim_start_matches("Option<").trim_start_matches("Vec<").trim_end_matches('>').to_owned()
}

fn quoted(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split('"').nth(1)?.to_owned())
}
