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
//!
//! Where lines differ in their nights or their rate plan, each is cancelled by itself: its part of the total is shared out
//! like that of a night, as a running sum over the lines by their prices, and what is said above is said of its part, its
//! nights and its policy. So the lines add up to the total too.

mod part;

use std::collections::BTreeMap;
use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::line::{self, Line};
use contract::quote::{CancellationPolicy, Quote, nights_of_all};
use contract::{Money, Stay, StayDate};
use rules::occupancy;

pub use part::{NightCost, Part, shares};

pub(super) use part::sums;

use part::InvalidTerms;

/// What the policies come to for one booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Free up to and with this date at the hotel, all of it; never free as a whole without one.
    pub free_until: Option<StayDate>,
    /// What was charged.
    pub total: Money,
    /// From the first night of any room to the last.
    pub stay: Stay,
    /// What is cancelled by one policy: all rooms together, or each line where they differ in nights or rate plan.
    pub parts: Vec<Part>,
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

impl Terms {
    /// What the quote's policies come to.
    pub fn of(quote: &Quote) -> Result<Self, InvalidTerms> {
        let time_zone =
            Tz::from_str(&quote.time_zone).map_err(|_| InvalidTerms("its time zone is not known"))?;
        if !occupancy::in_range(quote.party, quote.rooms) {
            return Err(InvalidTerms("its rooms or party are out of range"));
        }
        let lines: Vec<Line> = quote.lines.iter().map(|line| line.line).collect();
        let parts = if lines.is_empty() {
            vec![Part::of(quote.total, quote.stay, &quote.nights, alike(quote)?)?]
        } else {
            lines_fit(quote, &lines)?;
            Part::of_lines(
                quote.total,
                quote.stay,
                quote.cancellation_policy,
                &quote.nights,
                &quote.lines,
            )?
        };
        Ok(Self {
            free_until: free_until(&parts),
            total: quote.total,
            stay: quote.stay,
            parts,
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
        let (penalty, refund) = sums(&nights, self.total.currency());
        Cost {
            penalty,
            refund,
            kept_until,
        }
    }

    /// The same night by night, where the nights before `kept_until` are kept; all rooms together.
    pub fn nights_on(&self, date: StayDate, kept_until: Option<StayDate>) -> Vec<NightCost> {
        let mut nights: BTreeMap<StayDate, NightCost> = BTreeMap::new();
        for night in self
            .parts
            .iter()
            .flat_map(|part| part.nights_on(date, kept_until))
        {
            let all = nights.entry(night.night);
            all.and_modify(|all| *all = all.with(&night)).or_insert(night);
        }
        nights.into_values().collect()
    }

    /// Whether nothing of the stay is left to cancel on this date at the hotel.
    pub fn is_over_on(&self, date: StayDate) -> bool {
        date >= self.stay.check_out()
    }
}

/// Until when all of it is free: none where a part never is.
pub fn free_until(parts: &[Part]) -> Option<StayDate> {
    let each: Option<Vec<StayDate>> = parts.iter().map(|part| part.free_until).collect();
    each?.into_iter().min()
}

/// The policy of a quote of rooms that are alike, which says once what it is for.
fn alike(quote: &Quote) -> Result<CancellationPolicy, InvalidTerms> {
    let of_all = quote.room_type_id.and(quote.rate_plan_id);
    let nights = quote.nights.iter().map(|price| price.night);
    let policy = quote.cancellation_policy.filter(|_| of_all.is_some());
    policy
        .filter(|_| quote.stay.nights().eq(nights))
        .ok_or(InvalidTerms("its nights are not those of its stay"))
}

/// A quote that says what it is for room by room is the sum of its lines.
fn lines_fit(quote: &Quote, lines: &[Line]) -> Result<(), InvalidTerms> {
    let each_night = quote.lines.iter().all(|line| {
        let priced = line.nights.iter().map(|price| price.night);
        line.line.stay.nights().eq(priced)
    });
    let fits = quote.room_type_id.is_none()
        && quote.rate_plan_id == line::rate_plan_of(lines)
        && (lines.len(), line::together(lines)) == (usize::from(quote.rooms), quote.party)
        && line::span(lines) == Some((quote.stay.check_in(), quote.stay.check_out()))
        && each_night
        && nights_of_all(&quote.lines).as_ref() == Ok(&quote.nights);
    fits.then_some(())
        .ok_or(InvalidTerms("its lines are not those of its stay"))
}

#[cfg(test)]
mod apart_tests;
#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
