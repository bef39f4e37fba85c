//! Card numbers have no place here: a guest pays with a token that the payment provider gave out.
//!
//! A card number is told from other long numbers by what a checksum alone cannot tell: the prefix of an issuer and a
//! length that this issuer gives out, or the grouping in which cards are embossed. In two fields their own grammar
//! explains numbers. A telephone number has at most 15 digits (ITU-T E.164), begins with `+` or `0`, or is in
//! groups that no card has. And 13 digits that begin like a full number of Germany, Austria, Sweden or Britain are
//! one, there and in a mail name, although Visa once gave out 13 digits that begin with 4.
//! What cannot be told: a number of 14 to 16 digits that is a card's in prefix, length, check digit and writing is
//! refused, also where it is by chance somebody's mail name. See docs/decisions/2026-11-29-card-numbers.md.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::issuers::{is_issued, luhn};

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

/// What a text is, and which numbers its grammar explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
    /// Anything.
    Free,
}

/// Whether the text carries what can be a card number, however it is written: with spaces, hyphens, dots and the
/// like, in digits of any script, with characters that have no shape in between, with other text around it.
pub(crate) fn carries_card_number(text: &str, grammar: Grammar) -> bool {
    let text = plain(text);
    let grammar = match grammar {
        Grammar::Phone if !reads_as_phone(&text) => Grammar::Free,
        Grammar::Email if !text.contains('@') => Grammar::Free,
        other => other,
    };
    // The zero that is dialled within a country alone is no part of the full number: +49 (0) 30 123456.
    let text = match grammar {
        Grammar::Phone => Cow::Owned(text.replace("(0)", " ")),
        Grammar::Email | Grammar::Free => text,
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
    let shown = normal.chars().filter(|letter| !ignorable.contains(*letter));
    Cow::Owned(shown.map(in_ascii).collect())
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
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs = vec![Run::default()];
    let mut separators = SEPARATORS_MAX + 1;
    for letter in text.chars() {
        let Some(run) = runs.last_mut() else { break };
        if let Some(digit) = letter.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            match run.groups.last_mut() {
                Some(group) if separators == 0 => group.push(digit),
                _ => run.groups.push(vec![digit]),
            }
            separators = 0;
        } else {
            separators += 1;
            let separates = letter.is_whitespace()
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
        if self.has_grouping(grammar) {
            return true;
        }
        let all = self.groups.concat();
        let explained = match grammar {
            Grammar::Phone => self.reads_as_phone(&all),
            Grammar::Email => is_full_number_of_13(&all),
            Grammar::Free => self.international && all.len() <= PHONE_DIGITS_MAX,
        };
        let alone = self.groups.iter().filter(|_| grammar != Grammar::Phone);
        let is_card = |digits: &[u8]| is_issued(digits) && luhn(digits);
        !explained && (is_card(&all) || alone.into_iter().any(|group| is_card(group)))
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
                let four_fours = grouping.len() == 4 && digits.len() == 16 && grammar != Grammar::Email;
                let issued = is_issued(&digits) || (four_fours && digits.first() != Some(&0));
                let phone = grammar == Grammar::Phone
                    && digits.len() == 13
                    && (self.international || is_full_number_of_13(&digits));
                alike && issued && luhn(&digits) && !phone
            })
        })
    }

    fn reads_as_phone(&self, all: &[u8]) -> bool {
        let with_prefix = self.international || all.first() == Some(&0) || all.starts_with(&[8, 1, 0]);
        let grouped = self.groups.len() > 1;
        match all.len() {
            0..=12 => true,
            13..=PHONE_DIGITS_MAX => with_prefix || grouped || is_full_number_of_13(all),
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
