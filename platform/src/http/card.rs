//! Card numbers have no place here: a guest pays with a token that the payment provider gave out. No body, query or
//! `Idempotency-Key` of any route may carry one: it would be kept, shown and logged.
//!
//! A card number is told from other long numbers by what a checksum alone cannot tell: the prefix of an issuer and a
//! length that this issuer gives out, or the grouping in which cards are embossed. In two fields their own grammar
//! explains numbers. A telephone number has at most 15 digits (ITU-T E.164), begins with `+` or `0`, or is in
//! groups that no card has. And 13 digits that begin like a full number of Germany, Austria, Sweden or Britain are
//! one, there and in a mail name, although Visa once gave out 13 digits that begin with 4.
//! Long texts and names given by programs are read more strictly, as lists of numbers, coordinates and keys are in
//! them: there only digits in one piece, one by one, two by two, or grouped as on a card are a card's.
//! What cannot be told: a number of 14 to 16 digits that is a card's in prefix, length, check digit and writing is
//! refused, also where it is by chance somebody's mail name. See docs/decisions/2026-11-29-card-numbers.md.

use std::borrow::Cow;

use axum::http::Uri;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

use serde_json::Value;

use super::issuers::{is_issued, luhn};
use super::meaning::Common;
use super::problem::Problem;

/// The most digits of a telephone number (E.164).
const PHONE_DIGITS_MAX: usize = 15;
/// The most characters between two groups of one number.
const SEPARATORS_MAX: usize = 3;
/// How cards are embossed or printed.
const GROUPINGS: [&[usize]; 10] = [
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 3],
    &[4, 4, 4, 2],
    &[4, 4, 4, 1],
    &[6, 13],
];
/// How full numbers of 13 digits begin where `+` was left out: Germany, Austria, Sweden, Britain with its zero.
const COUNTRIES_WITH_13_DIGITS: [&[u8]; 4] = [&[4, 9], &[4, 3], &[4, 6], &[4, 4, 0]];
/// Words that people write around telephone numbers.
const PHONE_WORDS: [&str; 10] = [
    "tel",
    "telephone",
    "phone",
    "mobile",
    "mob",
    "cell",
    "ext",
    "extension",
    "x",
    "int",
];

/// How an identifier is grouped that is a UUID.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// What a text is, and which numbers its grammar explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// What a guest writes in a field: digits that stand together belong together, however they are grouped.
    Free,
    /// A text about rooms, prices or places, which may list numbers.
    Prose,
    /// A name that a program gave: digits within a word of letters are part of that word.
    Opaque,
}

/// Which grammar a field has, by its JSON pointer; none when it is not to be looked into.
pub type GrammarOf = fn(&str) -> Option<Grammar>;

/// The grammar of fields that say nothing else.
#[expect(
    clippy::unnecessary_wraps,
    reason = "one of several, some of which leave fields out"
)]
pub(super) fn of_any_field(_: &str) -> Option<Grammar> {
    Some(Grammar::Prose)
}

/// 422 for a body that carries a card number, with the pointer to it; nothing of the number is repeated.
pub(super) fn refuse_body(body: &Value, grammar_of: GrammarOf) -> Result<(), Problem> {
    card_in(body, String::new(), grammar_of).map_or(Ok(()), |pointer| Err(refused("body", &pointer)))
}

/// The same for a query.
pub(super) fn refuse_query(uri: &Uri) -> Result<(), Problem> {
    let Some(query) = uri
        .query()
        .filter(|query| query.bytes().any(|byte| byte.is_ascii_digit()))
    else {
        return Ok(());
    };
    let pairs = form_pairs(query);
    let found = pairs.iter().find_map(|(name, value)| {
        let grammar = if name.ends_with("email") {
            Grammar::Email
        } else {
            Grammar::Opaque
        };
        if carries_card_number(name, Grammar::Opaque) {
            return Some("");
        }
        carries_card_number(value, grammar).then_some(name.as_str())
    });
    found.map_or(Ok(()), |pointer| Err(refused("query", pointer)))
}

/// The same for a header of ours.
pub(super) fn refuse_header(name: &str, value: &str) -> Result<(), Problem> {
    if carries_card_number(value, Grammar::Opaque) {
        Err(refused("header", name))
    } else {
        Ok(())
    }
}

fn refused(place: &str, pointer: &str) -> Problem {
    let detail = format!(
        "The {place} carries what looks like a card number. Card data are never sent here: \
         send the payment provider's token for the card as payment_method."
    );
    Problem::new(Common::CardDataRefused, detail).at(pointer)
}

/// Names and values, decoded as far as they can be.
fn form_pairs(query: &str) -> Vec<(String, String)> {
    let uri: Result<Uri, _> = format!("/?{query}").parse();
    let read = uri
        .ok()
        .and_then(|uri| axum::extract::Query::try_from_uri(&uri).ok());
    read.map_or_else(|| vec![(String::new(), query.to_owned())], |query| query.0)
}

/// The pointer to a card number.
fn card_in(value: &Value, pointer: String, grammar_of: GrammarOf) -> Option<String> {
    match value {
        Value::String(text) => {
            let grammar = if is_url(text) {
                Grammar::Opaque
            } else {
                grammar_of(&pointer)?
            };
            carries_card_number(text, grammar).then_some(pointer)
        }
        Value::Number(number) => {
            grammar_of(&pointer)?;
            carries_card_number(&number.to_string(), Grammar::Free).then_some(pointer)
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(at, item)| card_in(item, format!("{pointer}/{at}"), grammar_of)),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            if carries_card_number(name, Grammar::Free) {
                return Some(pointer.clone());
            }
            let name = name.replace('~', "~0").replace('/', "~1");
            card_in(field, format!("{pointer}/{name}"), grammar_of)
        }),
        Value::Null | Value::Bool(_) => None,
    }
}

fn is_url(text: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// Whether the text carries what can be a card number, however it is written: with spaces, hyphens, dots and the
/// like, in digits of any script, with characters that have no shape in between, with other text around it.
fn carries_card_number(text: &str, grammar: Grammar) -> bool {
    let text = without_ids(plain(text));
    let grammar = match grammar {
        Grammar::Phone if !reads_as_phone(&text) => Grammar::Free,
        Grammar::Email if !text.contains('@') => Grammar::Free,
        other => other,
    };
    // The zero that is dialled within a country alone is no part of the full number: +49 (0) 30 123456.
    let text = match grammar {
        Grammar::Phone => Cow::Owned(text.replace("(0)", " ")),
        Grammar::Email | Grammar::Free | Grammar::Prose | Grammar::Opaque => text,
    };
    runs(&text).iter().any(|run| run.is_card_number(grammar))
}

/// The text with each digit in ASCII and without what has no shape.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let marks = GeneralCategoryGroup::NonspacingMark.union(GeneralCategoryGroup::EnclosingMark);
    let category = CodePointMapData::<GeneralCategory>::new();
    // Marks over, through and around a digit leave it the digit that it is.
    let shown = normal
        .chars()
        .filter(|letter| !ignorable.contains(*letter) && !marks.contains(category.get(*letter)));
    Cow::Owned(shown.map(in_ascii).collect())
}

/// The text without UUIDs, whose digits are nobody's.
fn without_ids(text: Cow<'_, str>) -> Cow<'_, str> {
    let length = UUID_GROUPS.iter().sum::<usize>() + UUID_GROUPS.len() - 1;
    let bytes = text.as_bytes();
    let ids: Vec<usize> = (0..bytes.len().saturating_sub(length - 1))
        .filter(|at| is_id(&bytes[*at..*at + length]))
        .collect();
    if ids.is_empty() {
        return text;
    }
    let mut rest = text.into_owned();
    for at in ids.into_iter().rev() {
        // One that overlaps the next was replaced with it.
        if rest.as_bytes().get(at..at + length).is_some_and(is_id) {
            rest.replace_range(at..at + length, "id");
        }
    }
    Cow::Owned(rest)
}

fn is_id(bytes: &[u8]) -> bool {
    let groups = bytes.split(|byte| *byte == b'-');
    groups.clone().map(<[u8]>::len).eq(UUID_GROUPS)
        && groups.flatten().all(u8::is_ascii_hexdigit)
        && bytes.iter().any(u8::is_ascii_alphabetic)
}

/// A decimal digit in ASCII, a dash as a hyphen, a blank as a space; anything else as it is.
fn in_ascii(letter: char) -> char {
    let category = |letter| CodePointMapData::<GeneralCategory>::new().get32(letter);
    if letter.is_whitespace() {
        return ' ';
    }
    match category(u32::from(letter)) {
        GeneralCategory::DashPunctuation => '-',
        // Unicode lines up the ten digits of a script from zero to nine, at times one set after another.
        GeneralCategory::DecimalNumber => {
            let before = (0..u32::from(letter)).rev();
            let since_zero = before.take_while(|code| category(*code) == GeneralCategory::DecimalNumber);
            let digit = u32::try_from(since_zero.count() % 10).unwrap_or_default();
            char::from_digit(digit, 10).unwrap_or(letter)
        }
        _ => letter,
    }
}

/// Whether nothing but a telephone number and words for it is written.
fn reads_as_phone(text: &str) -> bool {
    let words = text.split(|letter: char| !letter.is_alphabetic());
    words
        .filter(|word| !word.is_empty())
        .all(|word| PHONE_WORDS.contains(&word.to_lowercase().as_str()))
}

/// Digits that belong together, as they are grouped.
#[derive(Debug, Default)]
struct Run {
    groups: Vec<Vec<u8>>,
    /// Whether a `+` stands before it.
    international: bool,
    /// Whether a letter stands right before or behind one of the groups.
    in_word: bool,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs = vec![Run::default()];
    // Not right behind a digit.
    let mut separators = 1;
    let mut before = ' ';
    for letter in text.chars() {
        let Some(run) = runs.last_mut() else { break };
        let behind = std::mem::replace(&mut before, letter);
        if let Some(digit) = letter.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            match run.groups.last_mut() {
                Some(group) if separators == 0 => group.push(digit),
                _ => run.groups.push(vec![digit]),
            }
            run.in_word |= behind.is_alphabetic();
            separators = 0;
        } else {
            run.in_word |= separators == 0 && letter.is_alphabetic();
            separators += 1;
            // Right behind a digit, as a form writes a blank, or as fields are set apart.
            let tight = separators == 1 && matches!(letter, '+' | '=' | ';');
            let separates = tight
                || letter.is_whitespace()
                || matches!(
                    letter,
                    '-' | '\u{2212}' | '.' | ',' | '/' | '_' | '*' | '|' | ':' | '~'
                )
                || matches!(letter, '·' | '•' | '⁄' | '(' | ')' | '[' | ']' | '\\' | '\'');
            if !run.groups.is_empty() && (!separates || separators > SEPARATORS_MAX) {
                runs.push(Run::default());
            }
            if let Some(run) = runs.last_mut()
                && run.groups.is_empty()
            {
                run.international = letter == '+' || (run.international && separates);
            }
        }
    }
    runs
}

impl Run {
    fn is_card_number(&self, grammar: Grammar) -> bool {
        if grammar == Grammar::Opaque && self.in_word {
            return false;
        }
        if self.has_grouping(grammar) {
            return true;
        }
        let all = self.groups.concat();
        let explained = match grammar {
            Grammar::Phone => self.reads_as_phone(&all),
            Grammar::Email => is_full_number_of_13(&all),
            Grammar::Free | Grammar::Prose | Grammar::Opaque => {
                self.international && all.len() <= PHONE_DIGITS_MAX
            }
        };
        let alone = self.groups.iter().filter(|_| grammar != Grammar::Phone);
        let is_card = |digits: &[u8]| is_issued(digits) && luhn(digits);
        let together = !matches!(grammar, Grammar::Prose | Grammar::Opaque) || self.is_even();
        !explained && ((together && is_card(&all)) || alone.into_iter().any(|group| is_card(group)))
    }

    /// Whether the digits are written in one piece, one by one, or two by two.
    fn is_even(&self) -> bool {
        let [groups @ .., last] = self.groups.as_slice() else {
            return false;
        };
        [1, 2]
            .iter()
            .any(|length| groups.iter().all(|group| group.len() == *length) && last.len() <= *length)
    }

    /// Whether some of the groups are those of a card.
    fn has_grouping(&self, grammar: Grammar) -> bool {
        GROUPINGS.iter().any(|grouping| {
            self.groups.windows(grouping.len()).any(|groups| {
                let digits = groups.concat();
                let alike = groups
                    .iter()
                    .zip(*grouping)
                    .all(|(group, length)| group.len() == *length);
                // Four times four is a card of whatever issuer, where no telephone number is that long.
                let four_fours = digits.len() == 16 && matches!(grammar, Grammar::Free | Grammar::Phone);
                let issued = is_issued(&digits) || (four_fours && digits.first() != Some(&0));
                let phone = grammar == Grammar::Phone
                    && digits.len() == 13
                    && (self.international || is_full_number_of_13(&digits));
                alike && issued && luhn(&digits) && !phone
            })
        })
    }

    fn reads_as_phone(&self, all: &[u8]) -> bool {
        let grouped = self.groups.len() > 1;
        match all.len() {
            0..=12 => true,
            // One that begins with 0, or so short with 810, is no card's anyway.
            13..=PHONE_DIGITS_MAX => self.international || grouped || is_full_number_of_13(all),
            // Russia's prefix of international calls, and up to 15 digits.
            16..=18 => all.starts_with(&[8, 1, 0]) && grouped,
            _ => false,
        }
    }
}

fn is_full_number_of_13(digits: &[u8]) -> bool {
    digits.len() == 13
        && COUNTRIES_WITH_13_DIGITS
            .iter()
            .any(|country| digits.starts_with(country))
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
