//! Typed ids. Each is a UUID of version 7 made by whoever creates the thing, so ids of one table sort
//! by time and never collide between machines.
//!
//! Parsing is strict: lower-case hyphenated form, never nil. `"550E8400-…"` and `"550e8400…"` without
//! hyphens are refused, because an id that is written in two ways is two ids to every log and cache.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID in lower case with hyphens, such as 01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")]
pub struct InvalidId;

fn parse(text: &str) -> Result<Uuid, InvalidId> {
    let id = Uuid::try_parse(text).map_err(|_| InvalidId)?;
    let mut buffer = Uuid::encode_buffer();
    let canonical: &str = id.hyphenated().encode_lower(&mut buffer);
    if canonical == text && !id.is_nil() {
        Ok(id)
    } else {
        Err(InvalidId)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, from the machine's clock and randomness.
            #[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
            #[expect(clippy::new_without_default, reason = "an id is made on purpose, never by default")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The UUID as the database stores it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// An id read back from a place that only holds valid ids, such as a uuid column.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let what = "an id such as 01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
                crate::text::from_text(deserializer, what, |text| parse(text).map(Self))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                uuid_schema()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

fn uuid_schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .pattern(Some(
            "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        ))
        .examples(["01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d"])
        .into()
}

id!(
    /// A hotel; the unit by which data is sharded.
    HotelId
);
id!(
    /// A room type of one hotel ("double with sea view"): what is sold, not a room with a number.
    RoomTypeId
);
id!(
    /// A rate plan of one hotel: what a guest pays and what a cancellation costs.
    RatePlanId
);
id!(
    /// A quote: the order form with a price that holds until it expires.
    QuoteId
);
id!(
    /// A reservation, from the moment it was asked for.
    ReservationId
);
id!(
    /// A guest, known by e-mail address. Messages carry this and never the guest's data.
    GuestId
);
id!(
    /// Rooms taken out of sale for a stay. A booking's hold has the reservation's id.
    HoldId
);
id!(
    /// One payment with its authorisation, capture, void and refunds. Has the reservation's id.
    PaymentId
);
id!(
    /// One run of a saga.
    SagaId
);
id!(
    /// What a person said to a run, once.
    VerbId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let good = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
        assert_eq!(good.parse::<HotelId>().unwrap().to_string(), good);
        for bad in [
            "",
            "01936F5E-7D5C-7C3A-9A44-0D3F6A1B2C4D",
            "01936f5e7d5c7c3a9a440d3f6a1b2c4d",
            "{01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d}",
            "00000000-0000-0000-0000-000000000000",
            "../../etc/passwd",
        ] {
            assert_eq!(bad.parse::<HotelId>(), Err(InvalidId), "{bad}");
        }
    }
}
