//! What a cancellation costs, or did: in all, night by night and line by line.

use chrono::{DateTime, Utc};
use contract::quote::CancellationPolicy;
use contract::{Money, StayDate};

use super::state::{Reservation, State};
use super::terms::{NightCost, Part, sums};

/// What a cancellation costs, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// The date at the hotel that decides: today's, or that of the guest's request.
    pub as_of: StayDate,
    /// What the hotel keeps.
    pub penalty: Money,
    /// What the guest gets back.
    pub refund: Money,
    /// The same night by night, all rooms together; none for a rejected booking, of which nothing was charged.
    pub nights: Vec<NightCost>,
    /// The same line by line, where each is cancelled by itself.
    pub lines: Vec<LineCost>,
    /// Whether it can be cancelled: it is not yet, and something is left of it.
    pub cancellable: bool,
}

/// What cancelling one line costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCost {
    /// Which, from 1.
    pub line: u16,
    /// What the hotel keeps of it.
    pub penalty: Money,
    /// What the guest gets back of it.
    pub refund: Money,
    /// The last date at the hotel on which it is free.
    pub free_until: Option<StayDate>,
    /// Night by night.
    pub nights: Vec<NightCost>,
}

impl Reservation {
    /// What it costs to cancel now, or what it cost when the guest did.
    pub fn cancellation(&self, now: DateTime<Utc>) -> Cancellation {
        let as_of = self.terms.date_at(self.cancel_requested_at.unwrap_or(now));
        if self.state == State::Rejected {
            let zero = Money::zero(self.terms.total.currency());
            return Cancellation {
                as_of,
                penalty: zero,
                refund: zero,
                nights: Vec::new(),
                lines: Vec::new(),
                cancellable: false,
            };
        }
        let cost = self.cost.unwrap_or_else(|| self.terms.cost_on(as_of));
        Cancellation {
            as_of,
            penalty: cost.penalty,
            refund: cost.refund,
            nights: self.terms.nights_on(as_of, cost.kept_until),
            lines: self.lines_on(as_of, cost.kept_until),
            cancellable: self.cancel_requested_at.is_none() && !self.terms.is_over_on(as_of),
        }
    }

    fn lines_on(&self, date: StayDate, kept_until: Option<StayDate>) -> Vec<LineCost> {
        let parts = Some(&self.terms.parts).filter(|parts| parts.len() > 1);
        let of = |(line, part): (u16, &Part)| {
            let nights = part.nights_on(date, kept_until);
            let (penalty, refund) = sums(&nights, self.terms.total.currency());
            LineCost {
                line,
                penalty,
                refund,
                free_until: part.free_until,
                nights,
            }
        };
        (1..).zip(parts.into_iter().flatten()).map(of).collect()
    }

    /// What the quote said of cancelling: of each line, where the rooms are of several rate plans.
    pub fn policies(&self) -> Option<Vec<CancellationPolicy>> {
        let lines = Some(&self.promised.lines).filter(|lines| !lines.is_empty())?;
        lines.iter().map(|line| line.cancellation_policy).collect()
    }
}
