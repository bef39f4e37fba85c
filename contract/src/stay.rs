//! Nights and stays. A night is a hotel-local calendar date, never an instant: the night of
//! 2026-12-24 is the one that begins on that date at the hotel, whatever the clock does meanwhile.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// The longest stay, in nights.
pub const NIGHTS_MAX: u32 = 30;

/// Why something is not a date or a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StayError {
    /// Not `YYYY-MM-DD`, or a day that does not exist, or a year outside 2000 to 2199.
    #[error("a date is YYYY-MM-DD, such as 2026-12-24")]
    Date,
    /// `check_out` is not after `check_in`.
    #[error("check_out must be at least one night after check_in")]
    Order,
    /// More nights than [`NIGHTS_MAX`].
    #[error("a stay has at most {NIGHTS_MAX} nights; book the rest as a second stay")]
    TooLong,
}

/// A calendar date at the hotel, strictly `YYYY-MM-DD` between the years 2000 and 2199.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StayDate(NaiveDate);

impl StayDate {
    /// The date, for arithmetic and for the database.
    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// A date from the calendar type.
    ///
    /// # Errors
    /// [`StayError::Date`] outside the years 2000 to 2199.
    pub fn from_date(date: NaiveDate) -> Result<Self, StayError> {
        if (2000..2200).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(StayError::Date)
        }
    }

    /// The date `days` later; stops at the last date there is.
    pub fn plus_days(self, days: u32) -> Self {
        let later = self.0.checked_add_days(Days::new(u64::from(days)));
        later.and_then(|date| Self::from_date(date).ok()).unwrap_or(self)
    }

    /// Days since 1970-01-01, the form in which a Debezium envelope carries a date.
    pub fn days_since_1970(self) -> i32 {
        self.0.to_epoch_days()
    }

    /// The date that many days after 1970-01-01.
    ///
    /// # Errors
    /// [`StayError::Date`] outside the years 2000 to 2199.
    pub fn from_days_since_1970(days: i32) -> Result<Self, StayError> {
        NaiveDate::from_epoch_days(days)
            .ok_or(StayError::Date)
            .and_then(Self::from_date)
    }
}

impl FromStr for StayDate {
    type Err = StayError;
    fn from_str(text: &str) -> Result<Self, StayError> {
        let bytes = text.as_bytes();
        let strict = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !strict {
            return Err(StayError::Date);
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| StayError::Date)
            .and_then(Self::from_date)
    }
}

impl fmt::Display for StayDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl fmt::Debug for StayDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for StayDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StayDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, "a date such as 2026-12-24", str::parse)
    }
}

impl utoipa::PartialSchema for StayDate {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .pattern(Some("^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}$"))
            .description(Some("A calendar date at the hotel."))
            .examples(["2026-12-24"])
            .into()
    }
}

impl ToSchema for StayDate {}

/// A stay: 1 to 30 nights, from `check_in` up to but without `check_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "StayWire")]
pub struct Stay {
    /// The day of arrival; also the first night.
    check_in: StayDate,
    /// The day of departure; its night is not part of the stay.
    check_out: StayDate,
}

#[derive(Deserialize)]
struct StayWire {
    check_in: StayDate,
    check_out: StayDate,
}

impl TryFrom<StayWire> for Stay {
    type Error = StayError;
    fn try_from(wire: StayWire) -> Result<Self, StayError> {
        Self::new(wire.check_in, wire.check_out)
    }
}

impl Stay {
    /// A stay between two dates.
    ///
    /// # Errors
    /// [`StayError::Order`] without a night, [`StayError::TooLong`] above [`NIGHTS_MAX`].
    pub fn new(check_in: StayDate, check_out: StayDate) -> Result<Self, StayError> {
        let nights = check_out.days_since_1970() - check_in.days_since_1970();
        match u32::try_from(nights) {
            Err(_) | Ok(0) => Err(StayError::Order),
            Ok(nights) if nights > NIGHTS_MAX => Err(StayError::TooLong),
            Ok(_) => Ok(Self { check_in, check_out }),
        }
    }

    /// The day of arrival.
    pub const fn check_in(self) -> StayDate {
        self.check_in
    }

    /// The day of departure.
    pub const fn check_out(self) -> StayDate {
        self.check_out
    }

    /// Number of nights, 1 to [`NIGHTS_MAX`].
    pub fn nights_count(self) -> u32 {
        self.check_out
            .days_since_1970()
            .abs_diff(self.check_in.days_since_1970())
    }

    /// Each night in date order.
    pub fn nights(self) -> impl Iterator<Item = StayDate> {
        (0..self.nights_count()).map(move |offset| self.check_in.plus_days(offset))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_strict_form_is_a_date() {
        for bad in [
            "2024-2-3",
            " 2024-02-03",
            "2024-02-30",
            "2023-02-29",
            "0000-01-01",
            "-044-01-01",
            "10000-01-01",
            "2024-02-03T00:00:00Z",
            "infinity",
            "",
            "2024/02/03",
            "1999-12-31",
            "2200-01-01",
            "+2024-2-03",
            " 2024-2-03",
            "2024- 2-03",
            "2024-02-3 ",
            "2024-002-3",
            "20240-2-03",
        ] {
            assert_eq!(bad.parse::<StayDate>(), Err(StayError::Date), "{bad:?}");
        }
    }

    #[test]
    fn a_date_is_written_as_it_is_read() {
        for date in ["2000-01-01", "2024-02-29", "2199-12-31"] {
            let parsed: StayDate = date.parse().unwrap();
            assert_eq!(format!("{parsed} {parsed:?}"), format!("{date} {date}"));
            assert_eq!(
                StayDate::from_days_since_1970(parsed.days_since_1970()),
                Ok(parsed)
            );
            assert_eq!(serde_json::to_value(parsed).unwrap(), date);
        }
        let last: StayDate = "2199-12-31".parse().unwrap();
        assert_eq!(last.plus_days(1), last, "there is no later date");
    }

    #[test]
    fn a_stay_has_one_to_thirty_nights() {
        let day = |text: &str| text.parse::<StayDate>().unwrap();
        assert_eq!(
            Stay::new(day("2026-12-24"), day("2026-12-24")),
            Err(StayError::Order)
        );
        assert_eq!(
            Stay::new(day("2026-12-24"), day("2026-12-23")),
            Err(StayError::Order)
        );
        assert_eq!(
            Stay::new(day("2026-12-01"), day("2027-01-01")),
            Err(StayError::TooLong)
        );
        assert_eq!(
            Stay::new(day("2026-12-01"), day("2026-12-31"))
                .unwrap()
                .nights_count(),
            30
        );
        assert!(
            serde_json::from_str::<Stay>(r#"{"check_in":"2026-12-02","check_out":"2026-12-01"}"#).is_err()
        );
    }

    proptest! {
        #[test]
        fn nights_are_the_dates_from_check_in_up_to_check_out(start in 11_000_i32..80_000, nights in 1_u32..=NIGHTS_MAX) {
            let check_in = StayDate::from_days_since_1970(start).unwrap();
            let stay = Stay::new(check_in, check_in.plus_days(nights)).unwrap();
            let dates: Vec<_> = stay.nights().collect();
            prop_assert_eq!(u32::try_from(dates.len()).unwrap(), nights);
            prop_assert_eq!(dates[0], check_in);
            prop_assert!(dates.windows(2).all(|pair| pair[0].plus_days(1) == pair[1]));
            prop_assert!(dates.iter().all(|night| *night < stay.check_out()));
        }
    }
}
