//! The booking code, by which people name a booking: `BH-7K3Q-9MXQ`.
//!
//! Seven random symbols and one that checks them. There is no 0, O, 1 or I among the symbols, so that a code can be read
//! from paper and told on the telephone. The eight symbols are numbers of GF(32), and a code is one whose sum of
//! `a^i x_i` is zero, a being a root of x^5 + x^2 + 1: the factors differ and none is zero, so that every wrong symbol and
//! every swap of two is found. It opens a booking only together with the guest's e-mail.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What stands before a code, so that people know what it is.
const PREFIX: &[u8] = b"BH";
const SYMBOLS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// How many symbols a code has, the last of which checks the others.
const LENGTH: usize = 8;
/// Bits of a symbol.
const BITS: usize = 5;

/// Why a text is no booking code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// Not eight symbols.
    #[error("a booking code has eight symbols, such as BH-7K3Q-9MXQ")]
    Length,
    /// One of 0, O, 1 and I.
    #[error("a booking code has no 0, O, 1 or I: is it Q or D, or J, L or 7? It looks like BH-7K3Q-9MXQ")]
    Lookalike,
    /// Something that is no symbol.
    #[error("a booking code has digits and letters without accents, such as BH-7K3Q-9MXQ")]
    Symbol,
    /// The last symbol does not fit the others.
    #[error(
        "one symbol of the booking code is wrong, or two have changed places; compare it with the confirmation"
    )]
    Check,
}

/// A booking code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BookingCode([u8; LENGTH]);

impl BookingCode {
    /// A new code, from the machine's randomness. Another booking may have it, one in 34 thousand million for each.
    #[expect(clippy::disallowed_methods, reason = "beside ids the one name that is made")]
    pub fn draw() -> Self {
        // Of an id of version 7 the last 32 bits are random, whatever the clock says.
        let [one, other] = [Uuid::now_v7(), Uuid::now_v7()].map(|id| id.as_u128() & u128::from(u32::MAX));
        Self::of(u64::try_from(one << 32 | other).unwrap_or(u64::MAX))
    }

    /// The code of these random bits, of which it takes the lowest 35.
    pub fn of(random: u64) -> Self {
        let number_at = |place: usize| u8::try_from(random >> (BITS * place) & 31).unwrap_or(0);
        let mut numbers: [u8; LENGTH] = std::array::from_fn(number_at);
        numbers[LENGTH - 1] = check_of(&numbers[..LENGTH - 1]);
        Self(numbers.map(|number| SYMBOLS[usize::from(number)]))
    }

    /// The eight symbols alone, as the database has them.
    pub fn symbols(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The last number of a code that begins with these: the sum of the first times a^7, the second times a^6 and so on,
/// in GF(32).
fn check_of(numbers: &[u8]) -> u8 {
    numbers.iter().fold(0, |sum, number| {
        let twice = (sum ^ number) << 1;
        if twice & 32 == 0 { twice } else { twice ^ 0b10_0101 }
    })
}

/// The number of a symbol in upper case.
fn number_of(symbol: u8) -> Result<u8, InvalidCode> {
    match SYMBOLS.iter().position(|known| *known == symbol) {
        Some(number) => Ok(u8::try_from(number).unwrap_or(u8::MAX)),
        None if b"0O1I".contains(&symbol) => Err(InvalidCode::Lookalike),
        None => Err(InvalidCode::Symbol),
    }
}

impl FromStr for BookingCode {
    type Err = InvalidCode;

    /// Reads a code as people write it: in any case, with or without `BH`, spaces and hyphens.
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let symbols = text.chars().filter(|letter| !matches!(letter, ' ' | '-'));
        let written: String = symbols.take(LENGTH + PREFIX.len() + 1).collect();
        if !written.is_ascii() {
            return Err(InvalidCode::Symbol);
        }
        let written = written.to_ascii_uppercase().into_bytes();
        let symbols = match written.strip_prefix(PREFIX) {
            Some(symbols) if written.len() == LENGTH + PREFIX.len() => symbols,
            _ => &written,
        };
        let code: [u8; LENGTH] = symbols.try_into().map_err(|_| InvalidCode::Length)?;
        let mut numbers = [0; LENGTH];
        for (number, symbol) in numbers.iter_mut().zip(code) {
            *number = number_of(symbol)?;
        }
        if check_of(&numbers[..LENGTH - 1]) == numbers[LENGTH - 1] {
            Ok(Self(code))
        } else {
            Err(InvalidCode::Check)
        }
    }
}

impl fmt::Display for BookingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.symbols().split_at(LENGTH / 2);
        write!(f, "BH-{first}-{second}")
    }
}

impl fmt::Debug for BookingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BookingCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BookingCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, "a booking code such as BH-7K3Q-9MXQ", str::parse)
    }
}

impl utoipa::PartialSchema for BookingCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "The code by which people name the booking; the last symbol checks the others.",
            ))
            .pattern(Some("^BH-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$"))
            .examples(["BH-7K3Q-9MXQ"])
            .into()
    }
}

impl utoipa::ToSchema for BookingCode {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(symbols: &[u8]) -> Result<BookingCode, InvalidCode> {
        std::str::from_utf8(symbols).unwrap().parse()
    }

    /// Each place but the check takes each symbol: a bit that is never drawn halves them.
    #[test]
    fn every_symbol_is_drawn_at_every_place() {
        let mut seen = [const { std::collections::BTreeSet::new() }; LENGTH - 1];
        // Each symbol is missing at a place after so many with a chance of 10^-27.
        for _ in 0..2_000 {
            let code = BookingCode::draw().0;
            for (symbols, symbol) in seen.iter_mut().zip(code) {
                symbols.insert(symbol);
            }
        }
        assert_eq!(seen.map(|symbols| symbols.len()), [SYMBOLS.len(); LENGTH - 1]);
    }

    #[test]
    fn every_wrong_symbol_is_found() {
        for random in [0, 1, 0x5_a5a5_a5a5, u64::MAX, 0x3_1415_9265] {
            let code = BookingCode::of(random);
            for (place, other) in
                (0..LENGTH).flat_map(|place| SYMBOLS.iter().map(move |other| (place, *other)))
            {
                let mut symbols = code.0;
                symbols[place] = other;
                let found = if symbols == code.0 {
                    Ok(code)
                } else {
                    Err(InvalidCode::Check)
                };
                assert_eq!(read(&symbols), found, "{code} at {place}: {}", char::from(other));
            }
        }
    }

    /// Of two places the difference of the factors decides, whatever is elsewhere: each pair of places with each pair of
    /// symbols is tried.
    #[test]
    fn every_swap_of_two_is_found() {
        for (one, other) in (0..LENGTH).flat_map(|one| (one + 1..LENGTH).map(move |other| (one, other))) {
            let mut tried = 0;
            for random in (0..32_u64).flat_map(|first| (0..32_u64).map(move |second| (first, second))) {
                let place = |place: usize, number: u64| {
                    if place < LENGTH - 1 {
                        number << (BITS * place)
                    } else {
                        0
                    }
                };
                let code = BookingCode::of(place(one, random.0) | place(other, random.1));
                let mut symbols = code.0;
                symbols.swap(one, other);
                if symbols != code.0 {
                    tried += 1;
                    assert_eq!(
                        read(&symbols),
                        Err(InvalidCode::Check),
                        "{code} at {one} and {other}"
                    );
                }
            }
            assert!(tried >= 31 * 30, "{one} {other}: {tried}");
        }
    }

    proptest! {
        #[test]
        fn a_code_is_read_in_whatever_way_it_is_written(random in any::<u64>(), ways in any::<[bool; 4]>()) {
            let code = BookingCode::of(random);
            let mut text = code.to_string();
            if ways[0] { text = text.to_lowercase(); }
            if ways[1] { text = text.replace('-', " "); }
            if ways[2] { text = text.replace('-', ""); }
            if ways[3] { text = text[2..].to_owned(); }
            prop_assert_eq!(text.parse::<BookingCode>(), Ok(code));
            prop_assert_eq!(code.symbols().parse::<BookingCode>(), Ok(code));
            prop_assert_eq!(serde_json::to_value(code).unwrap(), code.to_string());
        }

        #[test]
        fn no_text_is_a_code_but_codes(text in ".{0,14}") {
            if let Ok(code) = text.parse::<BookingCode>() {
                prop_assert!(text.to_ascii_uppercase().replace([' ', '-'], "").ends_with(code.symbols()));
            }
        }

        #[test]
        fn two_draws_are_as_different_as_their_bits(one in 0_u64..1 << 35, other in 0_u64..1 << 35) {
            prop_assert_eq!(BookingCode::of(one) == BookingCode::of(other), one == other);
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused_with_a_hint() {
        for (text, why) in [
            ("", InvalidCode::Length),
            ("BH-7K3Q-9MX", InvalidCode::Length),
            ("BH-7K3Q-9MXQE", InvalidCode::Length),
            ("BHBH-7K3Q-9MXQ", InvalidCode::Length),
            ("7K3Q-9M1E", InvalidCode::Lookalike),
            ("7K3Q-9MoE", InvalidCode::Lookalike),
            ("7K3Q-9M0E", InvalidCode::Lookalike),
            ("7K3Q-9MiE", InvalidCode::Lookalike),
            ("7K3Q-9MÄE", InvalidCode::Symbol),
            ("7K3Q_9MXQ", InvalidCode::Length),
            ("7K3Q?MXE", InvalidCode::Symbol),
        ] {
            assert_eq!(text.parse::<BookingCode>(), Err(why), "{text}");
        }
    }

    #[test]
    fn draws_differ() {
        let drawn: std::collections::HashSet<_> = (0..1_000).map(|_| BookingCode::draw()).collect();
        assert!(drawn.len() >= 999, "of {}", drawn.len());
    }
}
