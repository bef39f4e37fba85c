//! One word, one meaning: `words.csv` has words of the field with what each means, where it may stand, and what is said
//! instead where it may not.
//!
//! A word with a capital is the name of a type, and is looked for where types are defined. Any other is looked for in
//! names, texts and comments alike: `hotel` is in `hotel_id`, `HotelRow`, `"the hotel"` and `hotels`, and not in `hostel`;
//! several words are found where they follow each other, in a name or in a sentence. `not in` and `but in` are
//! beginnings of paths, separated by spaces; an empty `not in` is everywhere.

use super::{assert_none, files, read};

/// This file plants violations.
const OWN: &str = "tests/tests/arch/words.rs";

/// A row of the list.
struct Word {
    text: String,
    /// The words in it, in small letters; none of a type's name.
    parts: Vec<String>,
    not_in: Vec<String>,
    but_in: Vec<String>,
    instead: String,
}

impl Word {
    fn list(csv: &str) -> Vec<Self> {
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let names = |cell: &str| cell.split_whitespace().map(str::to_owned).collect();
        let row = |row: csv::StringRecord| {
            let [text, not_in, but_in, instead] = [0, 1, 2, 3].map(|at| row[at].to_owned());
            let is_type = text.starts_with(char::is_uppercase);
            Self {
                parts: if is_type { Vec::new() } else { names(&text) },
                not_in: names(&not_in),
                but_in: names(&but_in),
                text,
                instead,
            }
        };
        rows.records().map(|read| row(read.expect("a row"))).collect()
    }

    /// Whether the word may not stand in this file.
    fn is_about(&self, path: &str) -> bool {
        let under = |folders: &[String]| folders.iter().any(|folder| path.starts_with(folder.as_str()));
        (self.not_in.is_empty() || under(&self.not_in)) && !under(&self.but_in)
    }

    fn is_in(&self, line: &str, words: &[String]) -> bool {
        if self.parts.is_empty() {
            return defines(line, &self.text);
        }
        let same = |(word, part): (&String, &String)| {
            word == part || word.strip_suffix('s').is_some_and(|one| one == part)
        };
        words
            .windows(self.parts.len())
            .any(|words| words.iter().zip(&self.parts).all(same))
    }
}

/// Whether the line defines a type of this name.
fn defines(line: &str, name: &str) -> bool {
    let words: Vec<&str> = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let keywords = ["struct", "enum", "trait", "type", "union"];
    let is_code = !line.trim_start().starts_with("//");
    is_code
        && words
            .windows(2)
            .any(|two| keywords.contains(&two[0]) && two[1] == name)
}

/// The words of a line, in small letters: names are taken apart where they consist of several. Between two that a sign
/// keeps apart stands an empty one.
fn words_of(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in line.chars() {
        if c == '\'' || c == '’' {
            continue;
        }
        let begins = c.is_uppercase() && before.is_lowercase();
        if (begins || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if ![' ', '_', '-'].contains(&c) {
            words.push(String::new());
        }
        before = c;
    }
    words.push(word);
    words
}

/// Where a word stands in this file that may not.
fn misused(words: &[Word], path: &str, text: &str) -> Vec<String> {
    let about: Vec<&Word> = words.iter().filter(|word| word.is_about(path)).collect();
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let parts = words_of(line);
        let wrong = about.iter().filter(|word| word.is_in(line, &parts));
        found.extend(wrong.map(|word| format!("{path}:{number}: `{}`: say {}", word.text, word.instead)));
    }
    found
}

/// What people of the project have written for machines. Former migrations stay as they are.
fn is_written(path: &str) -> bool {
    let ends = [".rs", ".sql", ".lua", ".js", ".css", ".html", ".sh"];
    let script = path.starts_with("scripts/") && !path.contains('.');
    (script || ends.iter().any(|end| path.ends_with(end))) && !path.starts_with("migrations/") && path != OWN
}

#[test]
fn every_word_has_one_meaning() {
    let words = Word::list(include_str!("words.csv"));
    let paths: Vec<String> = files().into_iter().filter(|path| is_written(path)).collect();
    assert!(paths.len() > 500, "only {} files were read", paths.len());
    let found: Vec<String> = paths
        .iter()
        .flat_map(|path| misused(&words, path, &read(path)))
        .collect();
    assert_none(
        &found,
        "tests/tests/arch/words.csv says what each of these words means",
    );
}

/// A row that names a place which is gone would allow nothing and say nothing.
#[test]
fn each_row_of_the_list_has_a_word_and_places_that_exist() {
    let paths = files();
    let mut seen = std::collections::BTreeSet::new();
    for word in Word::list(include_str!("words.csv")) {
        assert!(!word.text.is_empty() && !word.instead.is_empty(), "{}", word.text);
        for place in word.not_in.iter().chain(&word.but_in) {
            let exists = paths.iter().any(|path| path.starts_with(place.as_str()));
            assert!(exists, "{}: there is no {place}", word.text);
        }
        assert!(seen.insert(word.text.clone()), "{} is there twice", word.text);
    }
}

#[test]
fn a_word_is_found_where_it_is_and_nowhere_else() {
    let list = "word,not in,but in,say,meaning\n\
        Due,,services/payment/,what is waited for,x\n\
        hotel,platform/,platform/src/access,owner,x\n\
        sagas log,,,journal,x\n";
    let words = Word::list(list);
    let found = |path: &str, text: &str| misused(&words, path, text);
    let one = |path: &str, line: &str| found(path, line).len();

    assert_eq!(
        found("platform/src/db.rs", "let a = 1;\nlet b = hotel_id;"),
        ["platform/src/db.rs:2: `hotel`: say owner"]
    );
    for line in [
        "HotelRow",
        "// all hotels",
        "\"a hotel\"",
        "of_hotel()",
        "the hotel's",
        "perHotel",
    ] {
        assert_eq!(one("platform/src/db.rs", line), 1, "{line}");
        assert_eq!(one("platform/src/access/sees.rs", line), 0, "{line}");
        assert_eq!(one("services/hotel/src/lib.rs", line), 0, "{line}");
    }
    for line in ["hostel", "hotelier", "HOTELIER", ""] {
        assert_eq!(one("platform/src/db.rs", line), 0, "{line}");
    }
    for line in [
        "pub(crate) struct Due {",
        "enum Due {",
        "type Due = u8;",
        "pub trait Due: Send {",
    ] {
        assert_eq!(one("orchestrator/src/timers.rs", line), 1, "{line}");
        assert_eq!(one("services/payment/src/store.rs", line), 0, "{line}");
    }
    for line in [
        "struct DueRow {",
        "let due = Due::new();",
        "/// The struct Due",
        "due_at",
        "impl Due {",
    ] {
        assert_eq!(one("orchestrator/src/timers.rs", line), 0, "{line}");
    }
    for line in ["the saga's log", "sagas_log", "SagasLog", "// of all sagas' logs"] {
        assert_eq!(
            found("a.rs", line),
            ["a.rs:1: `sagas log`: say journal"],
            "{line}"
        );
    }
    for line in [
        "f(sagas, log)",
        "sagas.log",
        "the log of sagas",
        "sagas catalogue",
    ] {
        assert_eq!(one("a.rs", line), 0, "{line}");
    }
}
