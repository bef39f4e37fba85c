//! On which days one may arrive, and which dates are a stay.

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use contract::stay::StayError;
use contract::{Stay, StayDate};

use crate::blocked::Blocked;
use crate::limits::DAYS_AHEAD_MAX;

/// The stay between two dates.
///
/// # Errors
/// [`Blocked::NoNight`], [`Blocked::TooLong`].
pub fn stay(check_in: StayDate, check_out: StayDate) -> Result<Stay, Blocked> {
    Stay::new(check_in, check_out).map_err(|error| match error {
        StayError::TooLong => Blocked::TooLong,
        StayError::Order | StayError::Date => Blocked::NoNight,
    })
}

/// Today at a hotel: one date where the hotel's zone is known, else one of three. What could be allowed on one of them is
/// allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    earliest: NaiveDate,
    latest: NaiveDate,
}

impl Today {
    /// The date at this moment in this zone.
    pub fn at<Zone: TimeZone>(now: DateTime<Utc>, zone: &Zone) -> Self {
        let date = now.with_timezone(zone).date_naive();
        Self {
            earliest: date,
            latest: date,
        }
    }

    /// The dates that there are at this moment, wherever the hotel is: twelve hours west of Greenwich it may still be
    /// yesterday, and fourteen east already tomorrow.
    pub fn somewhere(now: DateTime<Utc>) -> Self {
        let date = now.date_naive();
        Self {
            earliest: date.pred_opt().unwrap_or(date),
            latest: date.succ_opt().unwrap_or(date),
        }
    }

    pub(crate) fn is_past(self, check_in: StayDate) -> Option<Blocked> {
        let today = self.earliest;
        (check_in.date() < today).then_some(Blocked::InPast { today, check_in })
    }

    pub(crate) fn is_too_far_ahead(self, check_in: StayDate) -> Option<Blocked> {
        let today = self.latest;
        let last = today.checked_add_days(Days::new(u64::from(DAYS_AHEAD_MAX)));
        let open = last.is_some_and(|last| check_in.date() <= last);
        (!open).then_some(Blocked::TooFarAhead { today })
    }
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
