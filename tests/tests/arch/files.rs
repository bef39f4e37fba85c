//! What every file of the repository keeps to.

use std::collections::BTreeSet;
use std::fs;

use super::{assert_none, files, read, root, rust_files};

/// A file with a null byte among its first bytes is binary, as git sees it.
const BINARY_PROBE_BYTES: usize = 8_000;
const BINARY_BYTES_MAX: usize = 200_000;

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    let found: Vec<String> = rust_files()
        .filter(|name| !read(name).trim_start().starts_with("//!"))
        .collect();
    assert_none(
        &found,
        "begin the file with `//!` and a sentence that says what it is for",
    );
}

#[test]
fn every_top_folder_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    let folders: BTreeSet<String> = files()
        .iter()
        .filter_map(|name| name.split_once('/').map(|(folder, _)| folder.to_owned()))
        .filter(|folder| !folder.starts_with('.'))
        .collect();
    let found: Vec<String> = folders
        .into_iter()
        .filter(|folder| !map.contains(&format!("{folder}/")))
        .collect();
    assert_none(
        &found,
        "say in ARCHITECTURE.md what the folder is for, or put its files where the map has a place",
    );
}

#[test]
fn no_large_binary_file_is_checked_in() {
    let large = |name: &String| {
        let bytes = fs::read(root().join(name)).expect("a file of the repository");
        bytes.len() > BINARY_BYTES_MAX && bytes[..BINARY_PROBE_BYTES].contains(&0)
    };
    let found: Vec<String> = files().into_iter().filter(large).collect();
    assert_none(
        &found,
        "make it smaller than 200 kB, or have a script make it when it is needed",
    );
}

/// Lines that one reads in one sitting. Above that a file is two of something.
const LINES_MAX: usize = 400;

#[test]
fn every_rust_file_is_read_in_one_sitting() {
    let long = |name: String| {
        let lines = read(&name).lines().count();
        (lines > LINES_MAX).then(|| format!("{name} has {lines} lines"))
    };
    let found: Vec<String> = rust_files().filter_map(long).collect();
    assert_none(
        &found,
        "ask what the file is two of, and give each its own; a folder's listing is its table of contents",
    );
}

/// An error in a log line, written in a way that leaves out what had caused it.
fn without_its_causes(text: &str) -> bool {
    ["%error", "?error", "as &dyn std::error::Error"]
        .iter()
        .any(|form| text.contains(form))
}

/// Errors whose text repeats their source: whoever tells the causes of one tells that twice.
fn texts_with_their_source(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let repeats = |two: &[&str]| {
        let says = two[0].starts_with("#[error(\"") && two[0].contains("{0");
        says && (two[1].contains("(#[from]") || two[1].contains("(#[source]"))
    };
    let found = lines.windows(2).zip(1..).filter(|(two, _)| repeats(two));
    found.map(|(_, number)| number).collect()
}

#[test]
fn the_text_of_an_error_does_not_hold_its_source() {
    let found: Vec<String> = rust_files()
        .filter(|name| !name.starts_with("tests/"))
        .flat_map(|name| {
            let lines = texts_with_their_source(&read(&name));
            lines.into_iter().map(move |line| format!("{name}:{line}"))
        })
        .collect();
    assert_none(
        &found,
        "say what was being done, or `#[error(transparent)]`; platform::chain adds what had caused it",
    );
    assert_eq!(
        texts_with_their_source("x\n#[error(\"Kafka: {0}\")]\nKafka(#[from] KafkaError),"),
        [2]
    );
    assert!(texts_with_their_source("#[error(\"Kafka\")]\nKafka(#[from] KafkaError),").is_empty());
    assert!(texts_with_their_source("#[error(\"no {0}\")]\nNo(String),").is_empty());
}

#[test]
fn an_error_is_logged_with_what_caused_it() {
    let found: Vec<String> = rust_files()
        .filter(|name| !name.starts_with("tests/") && without_its_causes(&read(name)))
        .collect();
    assert_none(
        &found,
        "write `error = platform::chain(&error)`: the JSON form of a log line has no other way to tell the causes",
    );
    assert!(without_its_causes("tracing::warn!(%error, \"no\");"));
    assert!(!without_its_causes(
        "tracing::warn!(error = chain(&error), \"no\");"
    ));
}
