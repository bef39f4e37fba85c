//! What a reservation costs, charge by charge: what was promised with the quote, and what came later.

use std::str::FromStr;

use contract::quote::{NightPrice, Quote, QuotedLine, TaxLine};
use contract::{Money, StayDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was promised with the quote, as far as it is not a rule: prices and taxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// The price of each night, in date order: of one room, or of all where `lines` says it of each.
    pub nights: Vec<NightPrice>,
    /// Room by room, where the rooms are not all alike.
    pub lines: Vec<QuotedLine>,
    /// On the whole stay.
    pub taxes: Vec<TaxLine>,
}

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// A night in a room, before taxes.
    Night,
    /// A tax on the whole stay.
    Tax,
    /// What a cancelled stay costs, in place of all that was promised.
    Cancellation,
}

/// A charge that came after the booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// Which of them, from 1.
    pub charge_no: i32,
    /// What it is for.
    pub kind: ChargeKind,
    /// How much.
    pub amount: Money,
}

impl Later {
    /// The first that comes.
    pub const fn first(kind: ChargeKind, amount: Money) -> Self {
        Self {
            charge_no: 1,
            kind,
            amount,
        }
    }
}

/// One charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Charge {
    /// Which of the `lines` it is for, from 1; none where it is for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9, example = 1)]
    pub line: Option<u16>,
    /// What it is for.
    pub kind: ChargeKind,
    /// Which night.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub night: Option<StayDate>,
    /// What a tax is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "VAT")]
    pub name: Option<String>,
    /// How much.
    pub amount: Money,
    /// Whether another charge has taken its place, so that it does not count.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reversed: bool,
}

impl Promised {
    /// Of a quote.
    pub fn of(quote: &Quote) -> Self {
        Self {
            nights: quote.nights.clone(),
            lines: quote.lines.clone(),
            taxes: quote.taxes.clone(),
        }
    }

    fn charges(&self, rooms: u16, reversed: bool) -> Vec<Charge> {
        let night = |line: u16, price: &NightPrice| Charge {
            line: Some(line),
            kind: ChargeKind::Night,
            night: Some(price.night),
            name: None,
            amount: price.price,
            reversed,
        };
        let tax = |tax: &TaxLine| Charge {
            line: None,
            kind: ChargeKind::Tax,
            night: None,
            name: Some(tax.name.as_str().to_owned()),
            amount: tax.amount,
            reversed,
        };
        let alike = || (1..=rooms).map(|line| (line, &self.nights));
        let unlike = || (1_u16..).zip(self.lines.iter().map(|line| &line.nights));
        let lines: Vec<_> = if self.lines.is_empty() {
            alike().collect()
        } else {
            unlike().collect()
        };
        let nights = lines
            .into_iter()
            .flat_map(|(line, nights)| nights.iter().map(move |price| night(line, price)));
        nights.chain(self.taxes.iter().map(tax)).collect()
    }
}

impl ChargeKind {
    /// As the database and the interface write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Night => "night",
            Self::Tax => "tax",
            Self::Cancellation => "cancellation",
        }
    }
}

impl FromStr for ChargeKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::Night, Self::Tax, Self::Cancellation];
        let found = all.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| format!("there is no charge for {word}"))
    }
}

/// Every charge of a booking of so many rooms: of each line its nights, then the taxes, then what came later. Those that are
/// not reversed add up to what the guest owes: the total, or the penalty of a cancelled stay.
pub fn all(promised: &Promised, rooms: u16, later: &[Later]) -> Vec<Charge> {
    let is_reversed = later.iter().any(|later| later.kind == ChargeKind::Cancellation);
    let later = later.iter().map(|later| Charge {
        line: None,
        kind: later.kind,
        night: None,
        name: None,
        amount: later.amount,
        reversed: false,
    });
    promised
        .charges(rooms, is_reversed)
        .into_iter()
        .chain(later)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{pending, quote};

    fn sum(charges: &[Charge]) -> i64 {
        let counting = charges.iter().filter(|charge| !charge.reversed);
        counting.map(|charge| charge.amount.minor()).sum()
    }

    #[test]
    fn what_was_promised_adds_up_to_the_total_line_by_line() {
        let quote = quote();
        let charges = all(&Promised::of(&quote), quote.rooms, &[]);
        assert_eq!(sum(&charges), quote.total.minor());
        let of = |line| charges.iter().filter(|charge| charge.line == line).count();
        let nights = usize::try_from(quote.stay.nights_count()).unwrap();
        assert_eq!(
            (of(Some(1)), of(Some(2)), of(None)),
            (nights, nights, quote.taxes.len())
        );
    }

    #[test]
    fn a_cancellation_takes_the_place_of_what_was_promised() {
        let mut booked = pending();
        let (at, saga) = (booked.created_at, booked.saga_id);
        booked.confirm(at, saga).unwrap();
        booked.cancel(at, saga);
        let charges = |booked: &crate::model::Reservation| all(&booked.promised, booked.rooms, &booked.later);
        assert_eq!(sum(&charges(&booked)), booked.terms.total.minor());
        for _ in 0..2 {
            booked.mark_cancelled(at).unwrap();
            let penalty = booked.cost.unwrap().penalty;
            assert_eq!(sum(&charges(&booked)), penalty.minor());
            assert_eq!(booked.later, [Later::first(ChargeKind::Cancellation, penalty)]);
        }
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in [ChargeKind::Night, ChargeKind::Tax, ChargeKind::Cancellation] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert!("minibar".parse::<ChargeKind>().is_err());
    }
}
