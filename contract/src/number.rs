//! Whole numbers with the bounds of their field: who sends another is told these, and not those of a type.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// Reads a whole number from `LEAST` to `MOST`; for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is another, or no whole number.
pub fn within<'de, const LEAST: u16, const MOST: u16, T: TryFrom<u16>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_u64(Within::<LEAST, MOST, T>(PhantomData))
}

/// The same where it may be left out or null.
///
/// # Errors
/// As [`within`].
pub fn within_or_none<'de, const LEAST: u16, const MOST: u16, T: TryFrom<u16>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_option(OrNone::<LEAST, MOST, T>(PhantomData))
}

struct Within<const LEAST: u16, const MOST: u16, T>(PhantomData<T>);

impl<const LEAST: u16, const MOST: u16, T: TryFrom<u16>> Visitor<'_> for Within<LEAST, MOST, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {LEAST} to {MOST}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let fits = u16::try_from(number)
            .ok()
            .filter(|number| (LEAST..=MOST).contains(number));
        fits.and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

struct OrNone<const LEAST: u16, const MOST: u16, T>(PhantomData<T>);

impl<'de, const LEAST: u16, const MOST: u16, T: TryFrom<u16>> Visitor<'de> for OrNone<LEAST, MOST, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Within::<LEAST, MOST, T>(PhantomData).expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        within::<LEAST, MOST, T, D>(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Room {
        #[serde(deserialize_with = "within::<1, 36, _, _>")]
        adults: u16,
        #[serde(default, deserialize_with = "within_or_none::<0, 100, _, _>")]
        percent: Option<u8>,
    }

    fn read(text: &str) -> Result<Room, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_within_its_bounds_is_read() {
        for (text, adults, percent) in [
            (r#"{"adults": 1}"#, 1, None),
            (r#"{"adults": 36, "percent": null}"#, 36, None),
            (r#"{"adults": 2, "percent": 0}"#, 2, Some(0)),
            (r#"{"adults": 2, "percent": 100}"#, 2, Some(100)),
        ] {
            assert_eq!(read(text), Ok(Room { adults, percent }), "{text}");
        }
    }

    #[test]
    fn another_is_told_the_bounds_of_its_field() {
        for number in [
            "0",
            "37",
            "-1",
            "-0.5",
            "1.5",
            "65536",
            "18446744073709551616",
            "\"2\"",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            let wrong = read(&format!(r#"{{"adults": {number}}}"#)).unwrap_err();
            assert!(wrong.contains("a whole number from 1 to 36"), "{number}: {wrong}");
        }
        for number in ["101", "256", "-1", "1e2", "\"2\""] {
            let wrong = read(&format!(r#"{{"adults": 1, "percent": {number}}}"#)).unwrap_err();
            assert!(
                wrong.contains("a whole number from 0 to 100"),
                "{number}: {wrong}"
            );
        }
    }
}
