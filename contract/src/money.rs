//! Money: an exact number of minor units with its currency.
//!
//! On the wire an amount is a decimal string with exactly the currency's digits (`"12.50"` EUR,
//! `"1250"` JPY), never a JSON number: numbers pass through floating point in too many clients.
//! The number of digits is ISO 4217's. Arithmetic is checked; two currencies never mix.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// The largest amount in minor units: twelve digits, ten thousand million in a two-digit currency.
pub const MINOR_MAX: i64 = 999_999_999_999;

/// Why something is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three upper-case letters of ISO 4217, or a code that is not money (XXX, XTS, gold).
    #[error("a currency is a code of ISO 4217 that is money today, in upper case, such as EUR")]
    Currency,
    /// Not digits with exactly the currency's number of decimals.
    #[error(
        "an amount is digits with exactly {0} decimals in this currency, without sign, spaces or exponent"
    )]
    Amount(u32),
    /// Above [`MINOR_MAX`], or below zero.
    #[error("an amount is between zero and twelve digits of the currency's smallest unit")]
    Range,
    /// Two currencies in one sum.
    #[error("amounts of two currencies cannot be added or compared")]
    Mixed,
}

/// Why a currency is no money that somebody begins to take today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotInUse {
    /// ISO 4217 lists it among the historic ones.
    #[error("{0} has been withdrawn; {1} has taken its place")]
    Withdrawn(Currency, Currency),
    /// A fund, a unit of account or another code that nobody is paid in.
    #[error("{0} is a fund or a unit of account, which no guest pays in; choose a currency such as EUR")]
    NoTender(Currency),
}

/// A currency of ISO 4217, also one that is no longer in use: what was agreed in it stays readable.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Checks that the currency is money today: in list one of ISO 4217, as of its amendment 180 (2026-01-01), and
    /// neither a fund nor a unit of account.
    ///
    /// # Errors
    /// See [`NotInUse`].
    pub fn in_use(self) -> Result<(), NotInUse> {
        // The library takes VES for replaced by VED; both are in list one.
        if self.0 == iso_currency::Currency::VES {
            return Ok(());
        }
        if let Some(successor) = self.0.is_superseded() {
            return Err(NotInUse::Withdrawn(self, Self(successor)));
        }
        if self.0.flags().is_empty() {
            Ok(())
        } else {
            Err(NotInUse::NoTender(self))
        }
    }

    /// Decimals of the currency: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn digits(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        let currency = iso_currency::Currency::from_code(code).ok_or(MoneyError::Currency)?;
        let is_money = currency.exponent().is_some() && currency.code() == code;
        if is_money {
            Ok(Self(currency))
        } else {
            Err(MoneyError::Currency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, "a currency such as EUR", str::parse)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("A currency of ISO 4217."))
            .examples(["EUR"])
            .into()
    }
}

impl ToSchema for Currency {}

/// An amount of money: zero or more minor units of a currency, at most [`MINOR_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount from minor units (cents).
    ///
    /// # Errors
    /// [`MoneyError::Range`] outside 0..=[`MINOR_MAX`].
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if (0..=MINOR_MAX).contains(&minor) {
            Ok(Self { minor, currency })
        } else {
            Err(MoneyError::Range)
        }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// An amount from its wire form, such as `"12.50"`.
    ///
    /// # Errors
    /// [`MoneyError::Amount`] when it is written in any other way, [`MoneyError::Range`] when too large.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let digits = currency.digits();
        let wrong = MoneyError::Amount(digits);
        let (whole, fraction) = match amount.split_once('.') {
            Some((whole, fraction)) if digits > 0 => (whole, fraction),
            Some(_) => return Err(wrong),
            None => (amount, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !all_digits(whole) || !all_digits(fraction) {
            return Err(wrong);
        }
        if fraction.len() != digits as usize {
            return Err(wrong);
        }
        if whole.len() > 12 {
            return Err(MoneyError::Range);
        }
        let minor = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| MoneyError::Range)?;
        Self::from_minor(minor, currency)
    }

    /// Minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The wire form, such as `"12.50"`.
    pub fn amount(self) -> String {
        let digits = self.currency.digits();
        if digits == 0 {
            return self.minor.to_string();
        }
        let unit = 10_i64.pow(digits);
        format!(
            "{}.{:0width$}",
            self.minor / unit,
            self.minor % unit,
            width = digits as usize
        )
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies, [`MoneyError::Range`] when too large.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::from_minor(
            self.minor.checked_add(other.minor).ok_or(MoneyError::Range)?,
            self.currency,
        )
    }

    /// What is left when `other` is taken away.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies, [`MoneyError::Range`] when it would be below zero.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Self::from_minor(self.minor - other.minor, self.currency)
    }

    /// The amount `count` times.
    ///
    /// # Errors
    /// [`MoneyError::Range`] when too large.
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        Self::from_minor(
            self.minor
                .checked_mul(i64::from(count))
                .ok_or(MoneyError::Range)?,
            self.currency,
        )
    }

    /// The smaller of two amounts of one currency.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies.
    pub fn least(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(if self.minor <= other.minor { self } else { other })
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::Mixed)
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An amount of money: a decimal string with its currency.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Money)]
#[serde(
    deny_unknown_fields,
    expecting = "money such as {\"amount\": \"129.00\", \"currency\": \"EUR\"}"
)]
struct Wire {
    /// Digits with exactly the currency's number of decimals.
    #[schema(example = "129.00", pattern = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$")]
    amount: String,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire {
            amount: self.amount(),
            currency: self.currency,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        Self::parse(&wire.amount, wire.currency).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Money {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Wire::schema()
    }
}

impl ToSchema for Money {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Wire::schemas(schemas);
    }
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
