//! What is cancelled by one policy: its part of the total, its nights, and what becomes of each.

use chrono::Days;
use contract::line::{self, Line};
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, NightPrice, QuotedLine};
use contract::{Currency, Money, Stay, StayDate};

/// A part of a booking that is cancelled by one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Free up to and with this date at the hotel; never free without one.
    pub free_until: Option<StayDate>,
    /// What the hotel keeps after that of the nights that have not begun.
    pub penalty: Penalty,
    /// The nights.
    pub stay: Stay,
    /// Each night's share of the total, with taxes, in date order; of all rooms of the part.
    pub nights: Vec<Money>,
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
pub struct InvalidTerms(pub(super) &'static str);

impl NightCost {
    /// The same night of both.
    pub(super) fn with(&self, other: &Self) -> Self {
        let sum =
            |of: fn(&Self) -> Money| money(of(self).minor() + of(other).minor(), self.amount.currency());
        Self {
            amount: sum(|night| night.amount),
            penalty: sum(|night| night.penalty),
            refund: sum(|night| night.refund),
            ..*self
        }
    }
}

impl Part {
    /// A part of which this is charged; `prices` are those of one room or of all, before taxes.
    pub(super) fn of(
        total: Money,
        stay: Stay,
        prices: &[NightPrice],
        policy: CancellationPolicy,
    ) -> Result<Self, InvalidTerms> {
        let free_until = policy.free_until_days_before;
        Ok(Self {
            free_until: free_until
                .map(|days| days_before(stay.check_in(), days))
                .transpose()?,
            penalty: policy.penalty,
            stay,
            nights: shares(total, stay, prices)?,
        })
    }

    /// The parts of a booking that was quoted room by room: one, where all lines are of one stay, and else each line. The
    /// policy is that of the lines that have none of their own.
    pub fn of_lines(
        total: Money,
        stay: Stay,
        policy: Option<CancellationPolicy>,
        nights: &[NightPrice],
        lines: &[QuotedLine],
    ) -> Result<Vec<Self>, InvalidTerms> {
        let missing = InvalidTerms("it does not say what a cancellation costs");
        let plain: Vec<Line> = lines.iter().map(|line| line.line).collect();
        if line::are_of_one_stay(&plain) {
            return Ok(vec![Self::of(total, stay, nights, policy.ok_or(missing)?)?]);
        }
        let price = |line: &QuotedLine| line.nights.iter().map(|night| night.price.minor()).sum();
        let totals = shared_out(total, &lines.iter().map(price).collect::<Vec<i64>>())?;
        let part = |(line, total): (&QuotedLine, Money)| {
            let policy = line.cancellation_policy.or(policy).ok_or(missing)?;
            Self::of(total, line.line.stay, &line.nights, policy)
        };
        lines.iter().zip(totals).map(part).collect()
    }

    /// What cancelling on this date at the hotel costs, night by night, where the nights before `kept_until` are kept.
    pub fn nights_on(&self, date: StayDate, kept_until: Option<StayDate>) -> Vec<NightCost> {
        let free = self.free_until.is_some_and(|until| date <= until);
        let arrival = self.stay.check_in();
        let first = kept_until.map_or(arrival, |until| until.max(arrival));
        // So much of the rest lies before the night that is looked at.
        let mut before = 0;
        let line = |(night, amount): (StayDate, &Money)| {
            let (amount, begun) = (*amount, kept_until.is_some_and(|until| night < until));
            let through = before + if begun { 0 } else { amount.minor() };
            let kept = match self.penalty {
                _ if begun => amount.minor(),
                _ if free => 0,
                Penalty::FirstNight => amount.minor() * i64::from(night == first),
                Penalty::Percent(percent) => percent_of(through, percent) - percent_of(before, percent),
                Penalty::Full => amount.minor(),
            };
            before = through;
            NightCost {
                night,
                amount,
                begun,
                penalty: money(kept, amount.currency()),
                refund: money(amount.minor() - kept, amount.currency()),
            }
        };
        self.stay.nights().zip(&self.nights).map(line).collect()
    }
}

/// Each night's share of the total, in date order; `prices` are those of one room or of all, before taxes.
pub fn shares(total: Money, stay: Stay, prices: &[NightPrice]) -> Result<Vec<Money>, InvalidTerms> {
    if usize::try_from(stay.nights_count()) != Ok(prices.len()) {
        return Err(InvalidTerms("it has not as many prices as nights"));
    }
    let prices: Vec<i64> = prices.iter().map(|price| price.price.minor()).collect();
    shared_out(total, &prices)
}

/// The total, shared out by prices, rounded as a running sum; evenly where all of them are nothing.
fn shared_out(total: Money, prices: &[i64]) -> Result<Vec<Money>, InvalidTerms> {
    let all: i128 = prices.iter().copied().map(i128::from).sum();
    let weight = |price: i64| if all == 0 { 1 } else { i128::from(price) };
    let whole: i128 = prices.iter().copied().map(weight).sum();
    let (mut sum, mut before) = (0, 0);
    let mut share = |price: &i64| {
        sum += weight(*price);
        let through = half_up(i128::from(total.minor()) * sum, whole);
        let minor = i64::try_from(through - std::mem::replace(&mut before, through));
        minor
            .ok()
            .and_then(|minor| Money::from_minor(minor, total.currency()).ok())
            .ok_or(InvalidTerms("its amounts are out of range"))
    };
    prices.iter().map(&mut share).collect()
}

/// What the hotel keeps of these nights, and what the guest gets back of them.
pub(in crate::model) fn sums(nights: &[NightCost], currency: Currency) -> (Money, Money) {
    let sum = |of: fn(&NightCost) -> Money| {
        let minor = nights.iter().map(|night| of(night).minor()).sum();
        money(minor, currency)
    };
    (sum(|night| night.penalty), sum(|night| night.refund))
}

/// A part of the total: parts are amounts, as the total is one.
fn money(minor: i64, currency: Currency) -> Money {
    Money::from_minor(minor, currency).unwrap_or(Money::zero(currency))
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
