//! Typed ids. Each is a UUID of version 7 made by whoever creates the thing, so ids of one table sort
//! by time and never collide between machines; but a guest's, which follows from the guest's address.
//!
//! The id of a hotel's thing names its hotel: it copies bytes 6 to 9 of the hotel's id (the third and fourth group as
//! people see them), so that one day it is found where its hotel is, without asking an index. 48 bits of time and 48
//! that differ stay. Ids from before that name no hotel and are ids all the same.
//!
//! Parsing is strict: lower-case hyphenated form, never nil. `"550E8400-…"` and `"550e8400…"` without
//! hyphens are refused, because an id that is written in two ways is two ids to every log and cache.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The bytes of an id that are those of its hotel's.
const HOTELS: std::ops::Range<usize> = 6..10;

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
            /// A new id of nobody's, from the machine's clock and randomness. Only hotels and guests have one: the id
            /// of a hotel's thing is made by `of`, but in tests that name no hotel.
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

macro_rules! id_of_hotel {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// A new id of a thing of this hotel's, which it names.
            pub fn of(hotel: HotelId) -> Self {
                Self(new_of(hotel))
            }
        }
    };
}

/// A new id of a thing of this hotel's, where things of its kind have no type of their own.
#[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
pub fn new_of(hotel: HotelId) -> Uuid {
    naming(Uuid::now_v7(), hotel)
}

/// The id with bytes 6 to 9 of the hotel's.
fn naming(id: Uuid, hotel: HotelId) -> Uuid {
    let mut bytes = id.into_bytes();
    bytes[HOTELS].copy_from_slice(&hotel.0.as_bytes()[HOTELS]);
    Uuid::from_bytes(bytes)
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
id_of_hotel!(
    /// A room type of one hotel ("double with sea view"): what is sold, not a room with a number.
    RoomTypeId
);
id_of_hotel!(
    /// A rate plan of one hotel: what a guest pays and what a cancellation costs.
    RatePlanId
);
id_of_hotel!(
    /// A quote: the order form with a price that holds until it expires.
    QuoteId
);
id_of_hotel!(
    /// A reservation, from the moment it was asked for.
    ReservationId
);
id!(
    /// A guest, known by e-mail address. Messages carry this and never the guest's data.
    GuestId
);

impl GuestId {
    /// The id of the guest whose address has this tag: a UUID of version 8 (RFC 9562, 5.8), so 122 bits of the tag. Guests
    /// of before have ids of version 7 and keep them.
    pub const fn of_tag(tag: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(tag).into_uuid())
    }
}
id_of_hotel!(
    /// Rooms taken out of sale for a stay.
    HoldId
);
id_of_hotel!(
    /// One payment with its authorisation, capture, void and refunds.
    PaymentId
);
id_of_hotel!(
    /// One run of a saga.
    SagaId
);
id!(
    /// What a person said to a run, once.
    VerbId
);
id!(
    /// A rule that holds commands of runs back.
    RuleId
);
id!(
    /// Somebody or something that may have keys.
    PrincipalId
);
id!(
    /// One hotel, or all of them, that a principal works for.
    GrantId
);
id!(
    /// An API key.
    KeyId
);
id!(
    /// A guest with an account.
    MemberId
);
id!(
    /// A link by which somebody signs in, once.
    SignInLinkId
);
id!(
    /// A session of somebody's pages. It is made of chance alone.
    SessionId
);

impl VerbId {
    /// A new id of what is said to this run: it names the run's hotel.
    pub fn of_run(run: SagaId) -> Self {
        Self(new_of(HotelId(run.0)))
    }
}

impl HoldId {
    /// The hold of a booking that was made when holds had no ids of their own: it bears the reservation's.
    pub const fn of_former(reservation: ReservationId) -> Self {
        Self(reservation.0)
    }
}

impl PaymentId {
    /// The payment of a booking that was made when payments had no ids of their own: it bears the reservation's.
    pub const fn of_former(reservation: ReservationId) -> Self {
        Self(reservation.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_names_its_hotel_and_keeps_the_rest_of_itself(id in any::<[u8; 16]>(), hotel in any::<[u8; 16]>()) {
            let of = HotelId::from_uuid(Uuid::from_bytes(hotel));
            let named = naming(Uuid::from_bytes(id), of).into_bytes();
            prop_assert_eq!(&named[6..10], &hotel[6..10]);
            prop_assert_eq!((&named[..6], &named[10..]), (&id[..6], &id[10..]));
        }
    }

    #[test]
    fn ids_of_one_hotel_differ_and_are_of_version_7_as_before() {
        let hotel = HotelId::new();
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| ReservationId::of(hotel)).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(
                (id.uuid().get_version_num(), id.uuid().get_variant()),
                (7, uuid::Variant::RFC4122)
            );
            assert_eq!(id.uuid().as_bytes()[HOTELS], hotel.uuid().as_bytes()[HOTELS]);
        }
        let verb = VerbId::of_run(SagaId::of(hotel));
        assert_eq!(verb.uuid().as_bytes()[HOTELS], hotel.uuid().as_bytes()[HOTELS]);
    }

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
