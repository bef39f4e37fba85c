//! What a cancellation costs. The policy and the prices of the quote are turned into the last free date and each
//! night's share of the total when the reservation is made. Later only the date at the hotel decides.
//!
//! Let `N(k)` be the price of the first `k` nights, all rooms, before taxes, `N` that of all nights, and `T` the
//! total. The first `k` nights' share of the total is `S(k) = T * N(k) / N`, rounded half up, and the `k`-th
//! night's is `S(k) - S(k-1)`: rounded as a running sum, so that the nights add up to the total to the cent and
//! each is within one smallest unit of its exact share. (Where all nights are free they weigh the same.)
//!
//! Nights before the date at the hotel have begun: they are kept in full. Of the rest, `R = T - S(begun)`, the hotel
//! keeps nothing while it is free, else the first of its nights, `R * percent / 100` rounded half up (once, and
//! told by night as a running sum again), or all.

use std::str::FromStr as _;

use chrono::{DateTime, Days, Utc};
use chrono_tz::Tz;
use contract::line::{self, Line};
use contract::penalty::Penalty;
use contract::quote::{NightPrice, Quote, QuotedLine};
use contract::{Money, Stay, StayDate};
use rules::occupancy;

/// What the policy comes to for one stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Free up to and with this date at the hotel; never free without one.
    pub free_until: Option<StayDate>,
    /// What the hotel keeps after that of the nights that have not begun.
    pub penalty: Penalty,
    /// What was charged.
    pub total: Money,
    /// The nights.
    pub stay: Stay,
    /// Each night's share of the total, all rooms with taxes, in date order.
    pub nights: Vec<Money>,
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
    /// The nights before this one had begun: they are kept in full and stay sold. None when none had.
    pub kept_until: Option<StayDate>,
}

/// Who gets what of one night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NightCost {
    /// The night.
    pub night: StayDate,
    /// Its share of the total.
    pub amount: Money,
    /// Whether it had begun.
    pub begun: bool,
    /// What the hotel keeps of it.
    pub penalty: Money,
    /// What the guest gets back of it.
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
        if !occupancy::in_range(quote.party, quote.rooms) {
            return Err(InvalidTerms("its rooms or party are out of range"));
        }
        let are_its = |nights: &[NightPrice]| quote.stay.nights().eq(nights.iter().map(|price| price.night));
        if !are_its(&quote.nights) {
            return Err(InvalidTerms("its nights are not those of its stay"));
        }
        lines_fit(quote)?;
        let policy = quote.cancellation_policy;
        let free_until = policy
            .free_until_days_before
            .map(|days| days_before(quote.stay.check_in(), days))
            .transpose()?;
        Ok(Self {
            free_until,
            penalty: policy.penalty,
            total: quote.total,
            stay: quote.stay,
            nights: shares(quote.total, quote.stay, &quote.nights)?,
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
        let begun = date.min(self.stay.check_out());
        let kept_until = Some(begun).filter(|begun| *begun > self.stay.check_in());
        let nights = self.nights_on(date, kept_until);
        let sum = |of: fn(&NightCost) -> Money| {
            let minor = nights.iter().map(|night| of(night).minor()).sum();
            self.money(minor)
        };
        Cost {
            penalty: sum(|night| night.penalty),
            refund: sum(|night| night.refund),
            kept_until,
        }
    }

    /// The same night by night, where the nights before `kept_until` are kept.
    pub fn nights_on(&self, date: StayDate, kept_until: Option<StayDate>) -> Vec<NightCost> {
        let free = self.free_until.is_some_and(|until| date <= until);
        // So much of the rest lies before the night that is looked at.
        let mut before = 0;
        let line = |(night, amount): (StayDate, &Money)| {
            let (amount, begun) = (*amount, kept_until.is_some_and(|until| night < until));
            let is_first = night == kept_until.unwrap_or(self.stay.check_in());
            let through = before + if begun { 0 } else { amount.minor() };
            let kept = match self.penalty {
                _ if begun => amount.minor(),
                _ if free => 0,
                Penalty::FirstNight => amount.minor() * i64::from(is_first),
                Penalty::Percent(percent) => percent_of(through, percent) - percent_of(before, percent),
                Penalty::Full => amount.minor(),
            };
            before = through;
            NightCost {
                night,
                amount,
                begun,
                penalty: self.money(kept),
                refund: self.money(amount.minor() - kept),
            }
        };
        self.stay.nights().zip(&self.nights).map(line).collect()
    }

    /// Whether nothing of the stay is left to cancel on this date at the hotel.
    pub fn is_over_on(&self, date: StayDate) -> bool {
        date >= self.stay.check_out()
    }

    /// A part of the total.
    fn money(&self, minor: i64) -> Money {
        let currency = self.total.currency();
        // Parts of the total are amounts, as the total is one.
        Money::from_minor(minor, currency).unwrap_or(Money::zero(currency))
    }
}

/// Each night's share of the total, in date order; `prices` are those of one room or of all, before taxes.
pub fn shares(total: Money, stay: Stay, prices: &[NightPrice]) -> Result<Vec<Money>, InvalidTerms> {
    if usize::try_from(stay.nights_count()) != Ok(prices.len()) {
        return Err(InvalidTerms("it has not as many prices as nights"));
    }
    let all: i128 = prices.iter().map(|price| i128::from(price.price.minor())).sum();
    let weight = |price: &NightPrice| {
        if all == 0 {
            1
        } else {
            i128::from(price.price.minor())
        }
    };
    let whole: i128 = prices.iter().map(weight).sum();
    let (mut sum, mut before) = (0, 0);
    let mut share = |price: &NightPrice| {
        sum += weight(price);
        let through = half_up(i128::from(total.minor()) * sum, whole);
        let minor = i64::try_from(through - std::mem::replace(&mut before, through));
        minor
            .ok()
            .and_then(|minor| Money::from_minor(minor, total.currency()).ok())
            .ok_or(InvalidTerms("its amounts are out of range"))
    };
    prices.iter().map(&mut share).collect()
}

/// A quote says what it is for once: of all rooms, or of each.
fn lines_fit(quote: &Quote) -> Result<(), InvalidTerms> {
    if quote.room_type_id.is_some() == quote.lines.is_empty() {
        let of_all =
            |line: &QuotedLine| (line.line.stay, line.line.rate_plan_id) == (quote.stay, quote.rate_plan_id);
        let lines: Vec<Line> = quote.lines.iter().map(|line| line.line).collect();
        let fits = quote.lines.iter().all(of_all)
            && (lines.is_empty()
                || (lines.len(), line::together(&lines)) == (usize::from(quote.rooms), quote.party))
            && nights_add_up(quote);
        if fits {
            return Ok(());
        }
    }
    Err(InvalidTerms("its lines are not those of its stay"))
}

fn nights_add_up(quote: &Quote) -> bool {
    let sum_of = |(at, night): (usize, &NightPrice)| {
        let of_lines = quote.lines.iter().map(|line| line.nights.get(at));
        let its = of_lines.map(|price| price.filter(|price| price.night == night.night));
        let sum: Option<i64> = its.map(|price| price.map(|price| price.price.minor())).sum();
        sum == Some(night.price.minor())
    };
    quote.lines.is_empty() || quote.nights.iter().enumerate().all(sum_of)
}

fn days_before(date: StayDate, days: u16) -> Result<StayDate, InvalidTerms> {
    let earlier = date.date().checked_sub_days(Days::new(u64::from(days)));
    earlier
        .and_then(|date| StayDate::from_date(date).ok())
        .ok_or(InvalidTerms("its policy reaches too far back"))
}

/// So many percent of an amount, rounded half up; never more than all of it.
fn percent_of(minor: i64, percent: u8) -> i64 {
    let part = half_up(i128::from(minor) * i128::from(percent.min(100)), 100);
    i64::try_from(part).unwrap_or(minor)
}

/// The quotient of two numbers that are not negative, rounded half up.
const fn half_up(dividend: i128, divisor: i128) -> i128 {
    (2 * dividend + divisor) / (2 * divisor)
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
