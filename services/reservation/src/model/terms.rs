//! What a cancellation costs. The policy and the prices of the quote are turned into two values when the
//! reservation is made: the last free date, and what the hotel keeps after it. Later only the date decides.

use std::str::FromStr as _;

use chrono::{DateTime, Days, Utc};
use chrono_tz::Tz;
use contract::penalty::Penalty;
use contract::quote::Quote;
use contract::{Money, Stay, StayDate};

/// The most rooms in one reservation.
const ROOMS_MAX: u16 = 9;
/// The most adults, and the most children, in one reservation.
const PARTY_MAX: u16 = 36;

/// What the policy comes to for one stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Free up to and with this date at the hotel; never free without one.
    pub free_until: Option<StayDate>,
    /// What the hotel keeps after that, at most the total.
    pub late_penalty: Money,
    /// What was charged.
    pub total: Money,
    /// The nights.
    pub stay: Stay,
    /// The zone in which the hotel's dates begin.
    pub time_zone: Tz,
}

/// Who gets what of the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// What the hotel keeps.
    pub penalty: Money,
    /// What the guest gets back.
    pub refund: Money,
}

/// A quote that contradicts itself; the text says how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTerms(&'static str);

impl Terms {
    /// What the quote's policy comes to.
    pub fn of(quote: &Quote) -> Result<Self, InvalidTerms> {
        let time_zone =
            Tz::from_str(&quote.time_zone).map_err(|_| InvalidTerms("its time zone is not known"))?;
        let party = quote.party;
        let fits = (1..=ROOMS_MAX).contains(&quote.rooms)
            && (1..=PARTY_MAX).contains(&party.adults)
            && party.children <= PARTY_MAX;
        if !fits {
            return Err(InvalidTerms("its rooms or party are out of range"));
        }
        let policy = quote.cancellation_policy;
        let free_until = policy
            .free_until_days_before
            .map(|days| days_before(quote.stay.check_in(), days))
            .transpose()?;
        let penalty = match policy.penalty {
            Penalty::FirstNight => first_night(quote)?,
            Penalty::Percent(percent) => share(quote.total, i128::from(percent), 100)?,
            Penalty::Full => quote.total,
        };
        let late_penalty = penalty
            .least(quote.total)
            .map_err(|_| InvalidTerms("it mixes currencies"))?;
        Ok(Self {
            free_until,
            late_penalty,
            total: quote.total,
            stay: quote.stay,
            time_zone,
        })
    }

    /// The date at the hotel. Every instant has exactly one, whatever the clocks there do.
    pub fn date_at(&self, now: DateTime<Utc>) -> StayDate {
        let date = now.with_timezone(&self.time_zone).date_naive();
        // Outside the years that dates may have, the hotel's calendar has stopped.
        StayDate::from_date(date).unwrap_or(self.stay.check_out())
    }

    /// What cancelling on this date at the hotel costs.
    pub fn cost_on(&self, date: StayDate) -> Cost {
        let free = self.free_until.is_some_and(|until| date <= until);
        let penalty = if free {
            Money::zero(self.total.currency())
        } else {
            self.late_penalty
        };
        // The penalty is at most the total, by construction and by a check of the table.
        let refund = self
            .total
            .minus(penalty)
            .unwrap_or(Money::zero(self.total.currency()));
        Cost { penalty, refund }
    }

    /// Whether nothing of the stay is left to cancel on this date at the hotel.
    pub fn is_over_on(&self, date: StayDate) -> bool {
        date >= self.stay.check_out()
    }
}

fn days_before(date: StayDate, days: u16) -> Result<StayDate, InvalidTerms> {
    let earlier = date.date().checked_sub_days(Days::new(u64::from(days)));
    earlier
        .and_then(|date| StayDate::from_date(date).ok())
        .ok_or(InvalidTerms("its policy reaches too far back"))
}

/// The first night of all rooms with its share of the taxes.
fn first_night(quote: &Quote) -> Result<Money, InvalidTerms> {
    let first = quote
        .nights
        .first()
        .ok_or(InvalidTerms("it has no nights"))?
        .price;
    let all: i128 = quote
        .nights
        .iter()
        .map(|night| i128::from(night.price.minor()))
        .sum();
    let taxes: i128 = quote.taxes.iter().map(|tax| i128::from(tax.amount.minor())).sum();
    let rooms = i128::from(first.minor()) * i128::from(quote.rooms);
    let tax = if all == 0 {
        0
    } else {
        half_up(taxes * i128::from(first.minor()), all)
    };
    money(rooms + tax, quote.total)
}

fn share(total: Money, part: i128, whole: i128) -> Result<Money, InvalidTerms> {
    money(half_up(i128::from(total.minor()) * part, whole), total)
}

/// An amount of at most `limit`, in its currency.
fn money(minor: i128, limit: Money) -> Result<Money, InvalidTerms> {
    let minor = i64::try_from(minor.min(i128::from(limit.minor())));
    minor
        .ok()
        .and_then(|minor| Money::from_minor(minor, limit.currency()).ok())
        .ok_or(InvalidTerms("its amounts are out of range"))
}

/// The quotient of two numbers that are not negative, rounded half up.
const fn half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor) / (2 * divisor)
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
