//! What a quote costs; who fits and when one may stay is said in `rules`. Values in, values out.

use std::fmt;
use std::str::FromStr;

use contract::money::MoneyError;
use contract::quote::{QuotedLine, TaxLine};
use contract::{Currency, Money, Text};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Decimals of a tax's percentage.
const PERCENT_DECIMALS_MAX: usize = 4;

/// A percentage between 0 and 100 with at most four decimals, written as it was given: `"6.00"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Percent(Decimal);

impl FromStr for Percent {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "a percentage is text from \"0\" to \"100\" with at most four decimals, such as \"6.00\"";
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(WRONG),
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        let short = (1..=3).contains(&whole.len()) && fraction.len() <= PERCENT_DECIMALS_MAX;
        if !short || leading_zero || !digits(whole) || !digits(fraction) {
            return Err(WRONG);
        }
        let value = Decimal::from_str(text).map_err(|_| WRONG)?;
        if value > Decimal::ONE_HUNDRED {
            Err(WRONG)
        } else {
            Ok(Self(value))
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        contract::text::from_text(deserializer, "a percentage as text such as \"6.00\"", str::parse)
    }
}

/// A tax on the price of all nights and rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tax {
    /// What the tax is called, as it stands on a quote.
    #[schema(example = "VAT")]
    #[serde(deserialize_with = "contract::text::stored")]
    pub(crate) name: Text<60>,
    /// A decimal string from "0" to "100" with at most four decimals.
    #[schema(value_type = String, example = "6.00", pattern = r"^(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?$")]
    pub(crate) percent: Percent,
}

/// A tax as a client writes it: unlike a stored one, its name is held to the rules of today.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenTax {
    name: Text<60>,
    percent: Percent,
}

impl From<WrittenTax> for Tax {
    fn from(written: WrittenTax) -> Self {
        Self {
            name: written.name,
            percent: written.percent,
        }
    }
}

/// What a stay costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Priced {
    /// One line per tax, in the hotel's order.
    pub(crate) taxes: Vec<TaxLine>,
    /// Nights times rooms.
    pub(crate) total_before_taxes: Money,
    /// That and the taxes.
    pub(crate) total: Money,
}

/// Adds up the lines, each with its nights, and taxes. Each tax is rounded half up to the currency's smallest unit.
///
/// # Errors
/// When the sum is above the largest amount of money.
pub(crate) fn price_lines(
    lines: &[QuotedLine],
    taxes: &[Tax],
    currency: Currency,
) -> Result<Priced, MoneyError> {
    let mut net = Money::zero(currency);
    for night in lines.iter().flat_map(|line| &line.nights) {
        net = net.plus(night.price)?;
    }
    with_taxes(net, taxes)
}

fn with_taxes(net: Money, taxes: &[Tax]) -> Result<Priced, MoneyError> {
    let mut total = net;
    let mut lines = Vec::with_capacity(taxes.len());
    for tax in taxes {
        let amount = tax_on(net, tax.percent)?;
        total = total.plus(amount)?;
        lines.push(TaxLine {
            name: tax.name.clone(),
            percent: tax.percent.to_string(),
            amount,
        });
    }
    Ok(Priced {
        taxes: lines,
        total_before_taxes: net,
        total,
    })
}

fn tax_on(net: Money, percent: Percent) -> Result<Money, MoneyError> {
    let exact = Decimal::from(net.minor()).checked_mul(percent.0);
    let exact = exact.and_then(|hundredfold| hundredfold.checked_div(Decimal::ONE_HUNDRED));
    // Nothing is negative here, so that away from zero is up.
    let rounded = exact.map(|exact| exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero));
    let minor = rounded
        .and_then(|rounded| i64::try_from(rounded).ok())
        .ok_or(MoneyError::Range)?;
    Money::from_minor(minor, net.currency())
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
