//! A hotel's catalogue as availability needs it: the hotel, its room types, its rate plans. Pure.
//!
//! In Redis each is a *fact*: eight bytes of version (big-endian), then JSON; nothing after the
//! version is a fact that was deleted.

use std::collections::BTreeMap;

use contract::{Currency, RatePlanId, RoomTypeId, Version};
use rules::Capacity;
use serde::{Deserialize, Serialize};

use crate::layout::Days;

/// The hotel itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotelFacts {
    /// Its name.
    pub name: String,
    /// Its zone of the IANA time zone database.
    pub time_zone: String,
    /// Its currency.
    pub currency: Currency,
}

/// A room type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomTypeFacts {
    /// Its name.
    pub name: String,
    /// Adults one room takes.
    pub adults_max: u16,
    /// Children one room takes beside the adults.
    pub children_max: u16,
}

impl RoomTypeFacts {
    /// How many people one room takes.
    pub fn capacity(&self) -> Capacity {
        Capacity {
            adults: self.adults_max.into(),
            children: self.children_max.into(),
        }
    }
}

/// A rate plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatePlanFacts {
    /// Its name.
    pub name: String,
}

/// What a fact is about; the fields of the catalogue's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The hotel.
    Hotel,
    /// One of its room types.
    RoomType(RoomTypeId),
    /// One of its rate plans.
    RatePlan(RatePlanId),
}

impl About {
    /// The field's name.
    pub fn field(self) -> String {
        match self {
            Self::Hotel => "hotel".to_owned(),
            Self::RoomType(id) => format!("room_type:{id}"),
            Self::RatePlan(id) => format!("rate_plan:{id}"),
        }
    }

    fn from_field(field: &str) -> Option<Self> {
        let (kind, id) = field.split_once(':').unwrap_or((field, ""));
        match kind {
            "hotel" => Some(Self::Hotel),
            "room_type" => id.parse().ok().map(Self::RoomType),
            "rate_plan" => id.parse().ok().map(Self::RatePlan),
            _ => None,
        }
    }
}

/// A fact as Redis holds it.
pub fn encode(version: Version, fact: Option<&impl Serialize>) -> Vec<u8> {
    let mut bytes = version.bits().to_be_bytes().to_vec();
    if let Some(fact) = fact {
        // Only a map with keys that are not text could fail, and these types have none.
        bytes.extend(serde_json::to_vec(fact).unwrap_or_default());
    }
    bytes
}

/// The version of a fact; [`Version::NONE`] when it is missing.
pub fn version(fact: &[u8]) -> Version {
    let bits = fact.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    bits.map_or(Version::NONE, Version::from_bits)
}

/// The fact without its version; none when it is missing or was deleted.
pub fn body(fact: &[u8]) -> Option<&[u8]> {
    fact.get(8..).filter(|body| !body.is_empty())
}

/// All of a hotel that is not counted by night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The hotel.
    pub hotel: HotelFacts,
    /// Its room types, in order of their ids (which is the order of their creation).
    pub room_types: Vec<(RoomTypeId, RoomTypeFacts)>,
    /// Its rate plans, in order of their ids.
    pub rate_plans: Vec<(RatePlanId, RatePlanFacts)>,
}

/// A catalogue's hash as it stands in Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Changes with every write.
    pub revision: Vec<u8>,
    /// The days whose nights and prices are all in the cache.
    pub complete: Option<Days>,
    /// The facts, deleted ones too.
    pub facts: BTreeMap<About, Vec<u8>>,
}

impl Stored {
    /// Reads the hash's fields.
    pub fn from_fields(fields: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let mut stored = Self::default();
        for (field, value) in fields {
            match field.as_slice() {
                b"rev" => stored.revision = value,
                b"warm" => stored.complete = read_days(&value),
                other => {
                    if let Some(about) = std::str::from_utf8(other).ok().and_then(About::from_field) {
                        stored.facts.insert(about, value);
                    }
                }
            }
        }
        stored
    }

    /// The catalogue, if the hotel is known. What cannot be read is left out, as if it were missing.
    pub fn catalogue(&self) -> Option<Catalogue> {
        let read = |about: &About| self.facts.get(about).and_then(|fact| body(fact));
        let hotel = serde_json::from_slice(read(&About::Hotel)?).ok()?;
        let mut catalogue = Catalogue {
            hotel,
            room_types: Vec::new(),
            rate_plans: Vec::new(),
        };
        for (about, fact) in &self.facts {
            let Some(body) = body(fact) else { continue };
            match about {
                About::Hotel => {}
                About::RoomType(id) => {
                    catalogue
                        .room_types
                        .extend(serde_json::from_slice(body).ok().map(|facts| (*id, facts)));
                }
                About::RatePlan(id) => {
                    catalogue
                        .rate_plans
                        .extend(serde_json::from_slice(body).ok().map(|facts| (*id, facts)));
                }
            }
        }
        Some(catalogue)
    }
}

impl Catalogue {
    /// Each fact with its JSON, as the cache should hold it.
    pub fn facts(&self) -> BTreeMap<About, Vec<u8>> {
        let json = |fact: Vec<u8>| fact[8..].to_vec();
        let mut facts = BTreeMap::from([(About::Hotel, json(encode(Version::NONE, Some(&self.hotel))))]);
        facts.extend(
            self.room_types
                .iter()
                .map(|(id, facts)| (About::RoomType(*id), json(encode(Version::NONE, Some(facts))))),
        );
        facts.extend(
            self.rate_plans
                .iter()
                .map(|(id, facts)| (About::RatePlan(*id), json(encode(Version::NONE, Some(facts))))),
        );
        facts
    }
}

/// `from:to`, in days since 1970.
pub fn read_days(text: &[u8]) -> Option<Days> {
    let (from, to) = std::str::from_utf8(text).ok()?.split_once(':')?;
    Some(Days {
        from: from.parse().ok()?,
        to: to.parse().ok()?,
    })
}

/// `from:to`, in days since 1970.
pub fn write_days(days: Days) -> String {
    format!("{}:{}", days.from, days.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_fact_keeps_its_version_and_is_not_in_the_catalogue() {
        let (room_type, gone) = (RoomTypeId::new(), RoomTypeId::new());
        let hotel = HotelFacts {
            name: "H".to_owned(),
            time_zone: "Europe/Lisbon".to_owned(),
            currency: "EUR".parse().unwrap(),
        };
        let facts = RoomTypeFacts {
            name: "Double".to_owned(),
            adults_max: 2,
            children_max: 1,
        };
        let fields = [
            (About::Hotel.field(), encode(Version::from_bits(7), Some(&hotel))),
            (
                About::RoomType(room_type).field(),
                encode(Version::from_bits(8), Some(&facts)),
            ),
            (
                About::RoomType(gone).field(),
                encode(Version::from_bits(9), None::<&RoomTypeFacts>),
            ),
            ("rev".to_owned(), b"abc".to_vec()),
            ("warm".to_owned(), b"10:20".to_vec()),
            ("of a later version".to_owned(), b"?".to_vec()),
        ];
        let stored = Stored::from_fields(fields.map(|(field, value)| (field.into_bytes(), value)));
        assert_eq!(stored.complete, Some(Days { from: 10, to: 20 }));
        assert_eq!(version(&stored.facts[&About::RoomType(gone)]).bits(), 9);
        let catalogue = stored.catalogue().unwrap();
        assert_eq!(catalogue.room_types, vec![(room_type, facts)]);
        assert_eq!(catalogue.facts().len(), 2);
        assert_eq!(Stored::default().catalogue(), None);
    }
}
