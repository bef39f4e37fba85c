//! What a reader of data says of a value, as a sentence for people: what the field takes and what was sent,
//! without a word of the language that this is written in. Pure.
//!
//! The forms of the messages are those of `serde::de::Error`, whose documentation promises them; a type that says
//! of itself what it takes (`expecting`) is quoted. Of what was sent only short numbers and names are repeated.

use std::fmt::Write as _;

/// The longest name or number of the client's that is repeated, in characters.
const REPEATED_CHARS_MAX: usize = 40;
/// The longest number that is repeated, in digits; card numbers are longer.
const REPEATED_DIGITS_MAX: usize = 12;

/// What stands in a body or in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// A field of a JSON object.
    Field,
    /// A parameter of a query.
    Parameter,
}

impl Thing {
    const fn word(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Parameter => "parameter",
        }
    }
}

/// A sentence, and the thing that it is about where that is missing or stands twice: reading stopped beside it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) detail: String,
    pub(super) about: Option<String>,
}

impl Said {
    const fn plain(detail: String) -> Self {
        Self { detail, about: None }
    }
}

/// Reads a message.
pub(super) fn say(message: &str, thing: Thing) -> Said {
    let text = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    let word = thing.word();
    let named = |rest: &str, end: &str| {
        let name = rest.trim_matches('`').to_owned();
        let detail = format!("The {word} `{}` {end}.", clip(&name));
        Said {
            detail,
            about: Some(name),
        }
    };
    let kinds = ["invalid type: ", "invalid value: ", "invalid length "];
    if let Some(rest) = text.strip_prefix("missing field ") {
        named(rest, "is missing")
    } else if let Some(rest) = text.strip_prefix("duplicate field ") {
        named(rest, "stands twice")
    } else if let Some(rest) = text.strip_prefix("unknown field ") {
        Said::plain(unknown(rest, word))
    } else if let Some(rest) = text.strip_prefix("unknown variant ") {
        let known = rest.rsplit_once("expected ").map_or("", |(_, known)| known);
        Said::plain(format!("This takes {}.", one_of(&names(known))))
    } else if let Some(rest) = kinds.iter().find_map(|kind| text.strip_prefix(kind)) {
        let (found, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
        Said::plain(format!(
            "This takes {}; {} was sent.",
            takes(expected),
            sent(found)
        ))
    } else {
        Said::plain(number(text).map_or_else(|| sentence(text), str::to_owned))
    }
}

/// A text of ours as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!(
        "{}{}.",
        first.unwrap_or_default(),
        letters.as_str().trim_end_matches('.')
    )
}

/// What a number in a query is not.
fn number(text: &str) -> Option<&'static str> {
    match text {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            Some("This takes a whole number in digits, such as 2.")
        }
        "number too large to fit in target type" => Some("The number is larger than any that is taken here."),
        "number too small to fit in target type" => {
            Some("The number is smaller than any that is taken here.")
        }
        "provided string was not `true` or `false`" => Some("This takes true or false."),
        _ => None,
    }
}

fn unknown(rest: &str, word: &str) -> String {
    let (name, known) = rest
        .rsplit_once("`, expected ")
        .or_else(|| rest.rsplit_once("`, there are no "))
        .unwrap_or((rest, ""));
    let name = clip(name.trim_start_matches('`'));
    let known = names(known);
    if known.is_empty() {
        return format!("There is no {word} `{name}`; nothing is taken here.");
    }
    let quoted = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let known = match quoted.as_slice() {
        [only] => format!("only {only} is"),
        [before @ .., end] => format!("{} and {end} are", before.join(", ")),
        [] => String::new(),
    };
    format!("There is no {word} `{name}`; {known} known here.")
}

/// The names between backticks.
fn names(known: &str) -> Vec<&str> {
    known
        .split('`')
        .enumerate()
        .filter(|(at, _)| at % 2 == 1)
        .map(|(_, name)| name)
        .collect()
}

/// `a`, `b` or `c`, in quotes as they are written.
fn one_of(words: &[&str]) -> String {
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        let before = match at {
            0 => "",
            _ if at + 1 == words.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{before}\"{word}\"");
    }
    if text.is_empty() {
        "one of the words that the documentation lists".to_owned()
    } else {
        text
    }
}

/// What a type takes, in words.
fn takes(expected: &str) -> String {
    let between = |least: i128, most: i128| format!("a whole number from {least} to {most}");
    let words = match expected {
        "u8" => return between(0, u8::MAX.into()),
        "u16" => return between(0, u16::MAX.into()),
        "u32" => return between(0, u32::MAX.into()),
        "i8" => return between(i8::MIN.into(), i8::MAX.into()),
        "i16" => return between(i16::MIN.into(), i16::MAX.into()),
        "i32" => return between(i32::MIN.into(), i32::MAX.into()),
        "u64" | "u128" | "usize" => "a whole number that is not negative",
        "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "string" | "str" | "a character" => "text",
        "a map" | "a JSON object" => "an object",
        "unit" => "null",
        _ => "",
    };
    let begins = |starts: &[&str]| starts.iter().any(|start| expected.starts_with(start));
    if !words.is_empty() {
        words.to_owned()
    } else if begins(&[
        "struct ",
        "internally tagged ",
        "adjacently tagged ",
        "struct variant ",
    ]) {
        "an object".to_owned()
    } else if begins(&["enum ", "string or map", "variant "]) {
        one_of(&[])
    } else if begins(&[
        "a sequence",
        "sequence",
        "a tuple",
        "tuple",
        "an array",
        "fewer elements",
    ]) {
        "a list".to_owned()
    } else if expected.is_empty() || expected.contains("::") || begins(&["newtype ", "unit ", "option"]) {
        "another kind of value".to_owned()
    } else {
        // The type says it itself.
        expected.to_owned()
    }
}

/// What was sent, in words.
fn sent(found: &str) -> String {
    let value = found.split('`').nth(1).unwrap_or_default();
    match found.split(' ').next().unwrap_or_default() {
        "null" | "unit" | "Option" => "null".to_owned(),
        "string" | "character" => "text".to_owned(),
        "boolean" => value.to_owned(),
        "integer" if value.len() <= REPEATED_DIGITS_MAX => value.to_owned(),
        "integer" => "a longer number".to_owned(),
        "floating" => "a number with a point or an exponent".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        _ => "something else".to_owned(),
    }
}

/// The beginning of what a client wrote.
fn clip(text: &str) -> String {
    if text.chars().count() <= REPEATED_CHARS_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(REPEATED_CHARS_MAX).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_is_said_in_words() {
        for (message, detail) in [
            (
                "invalid type: string \"x\", expected u16 at line 1 column 9",
                "This takes a whole number from 0 to 65535; text was sent.",
            ),
            (
                "invalid type: string \"a, expected b\", expected a boolean",
                "This takes true or false; text was sent.",
            ),
            (
                "invalid value: integer `70000`, expected u16",
                "This takes a whole number from 0 to 65535; 70000 was sent.",
            ),
            (
                "invalid value: integer `4111111111111111`, expected i32",
                "This takes a whole number from -2147483648 to 2147483647; a longer number was sent.",
            ),
            (
                "invalid type: floating point `1.5`, expected u8",
                "This takes a whole number from 0 to 255; a number with a point or an exponent was sent.",
            ),
            (
                "invalid type: null, expected struct AmountText",
                "This takes an object; null was sent.",
            ),
            (
                "invalid type: sequence, expected a JSON object",
                "This takes an object; a list was sent.",
            ),
            (
                "invalid type: map, expected a sequence",
                "This takes a list; an object was sent.",
            ),
            (
                "invalid type: integer `7`, expected a date such as 2026-12-24",
                "This takes a date such as 2026-12-24; 7 was sent.",
            ),
            (
                "invalid type: boolean `true`, expected internally tagged enum Penalty",
                "This takes an object; true was sent.",
            ),
            (
                "invalid type: integer `7`, expected enum Penalty",
                "This takes one of the words that the documentation lists; 7 was sent.",
            ),
            (
                "unknown variant `half`, expected one of `first_night`, `percent`, `full`",
                "This takes \"first_night\", \"percent\" or \"full\".",
            ),
            (
                "invalid digit found in string",
                "This takes a whole number in digits, such as 2.",
            ),
            (
                "a date is YYYY-MM-DD, such as 2026-12-24",
                "A date is YYYY-MM-DD, such as 2026-12-24.",
            ),
        ] {
            assert_eq!(say(message, Thing::Field), Said::plain(detail.to_owned()));
        }
    }

    #[test]
    fn what_is_missing_twice_or_unknown_is_named_with_what_exists() {
        let said = |message: &str, thing| say(message, thing);
        let missing = said("missing field `rooms` at line 1 column 2", Thing::Field);
        assert_eq!(
            (missing.detail.as_str(), missing.about.as_deref()),
            ("The field `rooms` is missing.", Some("rooms"))
        );
        let twice = said("duplicate field `limit`", Thing::Parameter);
        assert_eq!(
            (twice.detail.as_str(), twice.about.as_deref()),
            ("The parameter `limit` stands twice.", Some("limit"))
        );
        for (message, detail) in [
            (
                "unknown field `sort`, expected `limit` or `cursor`",
                "There is no field `sort`; `limit` and `cursor` are known here.",
            ),
            (
                "unknown field `sort`, expected one of `a`, `b`, `c`",
                "There is no field `sort`; `a`, `b` and `c` are known here.",
            ),
            (
                "unknown field `a`, expected `b`",
                "There is no field `a`; only `b` is known here.",
            ),
            (
                "unknown field `a`, there are no fields",
                "There is no field `a`; nothing is taken here.",
            ),
        ] {
            assert_eq!(said(message, Thing::Field).detail, detail);
        }
        let long = format!("unknown field `{}`, expected `a`", "k".repeat(60_000));
        assert!(said(&long, Thing::Field).detail.len() < 200);
    }
}
