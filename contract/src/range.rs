//! Nights on end that a request may be about: rooms, prices, a calendar.

use crate::stay::StayDate;

/// Why nights on end are not what a request may be about. The text is for people. Answered with 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// `to` is not after `from`.
    #[error("There is no night in it: `to` is the day after the last night, so it must be after `from`.")]
    Empty,
    /// More nights than one request may be about.
    #[error("One request is about at most {0} nights; send several requests.")]
    TooLong(u32),
}

impl RangeError {
    /// The stable code of the problem, the same on every endpoint.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_range",
            Self::TooLong(_) => "range_too_long",
        }
    }
}

/// How many nights there are from `from` up to but without `to`, one to `most`.
///
/// # Errors
/// See [`RangeError`].
pub fn nights_between(from: StayDate, to: StayDate, most: u32) -> Result<u32, RangeError> {
    match u32::try_from(to.days_since_1970() - from.days_since_1970()) {
        Err(_) | Ok(0) => Err(RangeError::Empty),
        Ok(nights) if nights > most => Err(RangeError::TooLong(most)),
        Ok(nights) => Ok(nights),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_a_night_and_an_end() {
        let first: StayDate = "2026-12-01".parse().unwrap();
        let after = |nights| first.plus_days(nights);
        assert_eq!(nights_between(first, first, 400), Err(RangeError::Empty));
        assert_eq!(nights_between(after(9), first, 400), Err(RangeError::Empty));
        assert_eq!(nights_between(first, after(400), 400), Ok(400));
        assert_eq!(
            nights_between(first, after(401), 400),
            Err(RangeError::TooLong(400))
        );
        assert_eq!(RangeError::Empty.code(), "empty_range");
        assert_eq!(RangeError::TooLong(1).code(), "range_too_long");
    }
}
