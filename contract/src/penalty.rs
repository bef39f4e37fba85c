//! What the hotel keeps of a stay that is cancelled too late to be free.
//!
//! Written as an object with a `kind`, which every language can read. Until 0.2 it was written as a word or as
//! `{"percent": 50}`; that form stands in stored reservations and in quotes that were signed before, and is read.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::number::within_or_none;

/// How a penalty is written.
const HOW: &str =
    r#"a penalty is written {"kind":"first_night"}, {"kind":"percent","percent":50} or {"kind":"full"}"#;

/// What the hotel keeps of a stay that is cancelled too late to be free.
///
/// Read from what the platform itself wrote, in the form of today or in that of before; what a client sends is
/// read as [`WrittenPenalty`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// The price of the first night for all rooms, with its share of the taxes.
    FirstNight,
    /// A percentage of the total, 0 to 100, rounded half up.
    Percent(u8),
    /// Everything.
    Full,
}

/// Which penalty it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    /// The price of the first night for all rooms, with its share of the taxes.
    FirstNight,
    /// A percentage of the total, rounded half up.
    Percent,
    /// Everything.
    Full,
}

/// What the hotel keeps of a stay that is cancelled too late to be free: the price of the first night for all
/// rooms with its share of the taxes, a percentage of the total rounded half up, or everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Penalty, examples(json!({"kind": "first_night"}), json!({"kind": "percent", "percent": 50})))]
#[serde(deny_unknown_fields)]
pub struct WrittenPenalty {
    /// Which penalty it is.
    pub kind: PenaltyKind,
    /// How much of the total, in percent; with the kind `percent` alone, and there required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100, example = 50, nullable = false)]
    pub percent: Option<u8>,
}

/// A percentage that does not go with the kind; the text says how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongPercent(&'static str);

impl WrittenPenalty {
    /// What is meant.
    ///
    /// # Errors
    /// When `percent` is missing, above 100, or stands where it means nothing.
    pub fn read(self) -> Result<Penalty, WrongPercent> {
        match (self.kind, self.percent) {
            (PenaltyKind::FirstNight, None) => Ok(Penalty::FirstNight),
            (PenaltyKind::Full, None) => Ok(Penalty::Full),
            (PenaltyKind::Percent, Some(percent @ 0..=100)) => Ok(Penalty::Percent(percent)),
            (PenaltyKind::Percent, _) => Err(WrongPercent("A penalty in percent says how much: 0 to 100.")),
            (_, Some(_)) => Err(WrongPercent(
                "Only a penalty of the kind percent has a percentage; leave it out.",
            )),
        }
    }
}

impl From<Penalty> for WrittenPenalty {
    fn from(penalty: Penalty) -> Self {
        let (kind, percent) = match penalty {
            Penalty::FirstNight => (PenaltyKind::FirstNight, None),
            Penalty::Percent(percent) => (PenaltyKind::Percent, Some(percent)),
            Penalty::Full => (PenaltyKind::Full, None),
        };
        Self { kind, percent }
    }
}

impl<'de> Deserialize<'de> for WrittenPenalty {
    /// Whatever is missing or of another form is answered with how a penalty is written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            deny_unknown_fields,
            expecting = r#"a penalty such as {"kind":"first_night"}, {"kind":"percent","percent":50} or {"kind":"full"}"#
        )]
        struct Fields {
            kind: Option<PenaltyKind>,
            #[serde(default, deserialize_with = "within_or_none::<0, 100, _, _>")]
            percent: Option<u8>,
        }
        let Fields { kind, percent } = Fields::deserialize(deserializer)?;
        let kind = kind.ok_or_else(|| serde::de::Error::custom(HOW))?;
        Ok(Self { kind, percent })
    }
}

impl Serialize for Penalty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WrittenPenalty::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Penalty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            Now(WrittenPenalty),
            Before(Before),
        }
        /// As it was written until 0.2.
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Before {
            FirstNight,
            Percent(u8),
            Full,
        }
        match Stored::deserialize(deserializer)? {
            Stored::Now(written) => written.read().map_err(serde::de::Error::custom),
            Stored::Before(Before::FirstNight) => Ok(Self::FirstNight),
            Stored::Before(Before::Percent(percent)) => Ok(Self::Percent(percent)),
            Stored::Before(Before::Full) => Ok(Self::Full),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    #[test]
    fn a_penalty_is_an_object_with_a_kind() {
        for (penalty, written) in [
            (Penalty::FirstNight, json!({"kind": "first_night"})),
            (Penalty::Percent(0), json!({"kind": "percent", "percent": 0})),
            (Penalty::Percent(100), json!({"kind": "percent", "percent": 100})),
            (Penalty::Full, json!({"kind": "full"})),
        ] {
            assert_eq!(to_value(penalty).unwrap(), written);
            assert_eq!(from_value::<Penalty>(written.clone()).unwrap(), penalty);
            assert_eq!(
                from_value::<WrittenPenalty>(written).unwrap().read().unwrap(),
                penalty
            );
        }
    }

    #[test]
    fn what_was_stored_before_is_still_read() {
        for (stored, penalty) in [
            (json!("first_night"), Penalty::FirstNight),
            (json!({"percent": 33}), Penalty::Percent(33)),
            (json!("full"), Penalty::Full),
        ] {
            assert_eq!(from_value::<Penalty>(stored.clone()).unwrap(), penalty);
            assert!(
                from_value::<WrittenPenalty>(stored).is_err(),
                "a client writes the form of today"
            );
        }
    }

    #[test]
    fn a_penalty_that_says_too_little_or_too_much_is_refused() {
        let read = |value: Value| {
            let written = from_value::<WrittenPenalty>(value).map_err(|error| error.to_string())?;
            written.read().map_err(|error| error.to_string())
        };
        for (value, says) in [
            (json!("first_night"), r#"{"kind":"first_night"}"#),
            (json!({"percent": 50}), r#"{"kind":"percent","percent":50}"#),
            (json!({}), r#"{"kind":"full"}"#),
            (json!(null), r#"{"kind":"full"}"#),
            (json!({"kind": "percent"}), "0 to 100"),
            (json!({"kind": "percent", "percent": 101}), "0 to 100"),
            (json!({"kind": "full", "percent": 100}), "leave it out"),
            (json!({"kind": "none"}), "first_night"),
            (json!({"kind": "full", "fee": 1}), "fee"),
        ] {
            let refused = read(value.clone()).unwrap_err();
            assert!(refused.contains(says), "{value}: {refused}");
        }
    }
}
