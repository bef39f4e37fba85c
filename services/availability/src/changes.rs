//! Messages of the change topics → what to write. No IO.

use std::collections::BTreeMap;

use contract::change::{Change, Hotel, Price, RatePlan, RoomNight, RoomType};
use contract::{HotelId, RatePlanId, RoomTypeId, StayDate, Version, topics};
use platform::kafka::Received;
use rules::Night;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cache::{HotelWrites, NightKey};
use crate::catalogue::{About, HotelFacts, RatePlanFacts, RoomTypeFacts, encode};
use crate::layout::Entry;
use crate::nights::Reached;

/// Why a message cannot be applied.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the message is not what its topic promises")]
    Json(#[from] serde_json::Error),
    #[error("the message's date, currency, number or position is out of range")]
    Range,
    #[error("no such topic is consumed here")]
    Topic,
}

/// What a batch of messages comes to.
#[derive(Debug, Default)]
pub struct Batch {
    /// Writes by hotel.
    pub hotels: BTreeMap<HotelId, HotelWrites>,
    /// Hotels whose creation is in the batch.
    pub created: Vec<HotelId>,
    /// The newest change in it.
    pub newest: Option<Reached>,
    /// Messages left out.
    pub unreadable: u64,
}

/// The one that has come further.
pub fn newer(one: Option<Reached>, other: Option<Reached>) -> Option<Reached> {
    one.into_iter().chain(other).max_by_key(|reached| reached.version)
}

/// Reads messages into writes, the newest of each night and fact.
pub fn read(messages: &[Received]) -> Batch {
    let mut batch = Batch::default();
    for message in messages {
        // A tombstone says nothing that the deletion before it has not said.
        if message.payload.is_empty() {
            continue;
        }
        if let Err(error) = batch.add(message) {
            batch.unreadable += 1;
            let (topic, partition, offset) = (&message.topic, message.partition, message.offset);
            tracing::error!(
                error = platform::chain(&error),
                topic,
                partition,
                offset,
                "a change cannot be read and is left out"
            );
        }
    }
    batch
}

#[derive(Deserialize)]
struct NightOfRooms {
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    night: i32,
}

#[derive(Deserialize)]
struct NightOfPrice {
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    rate_plan_id: RatePlanId,
    night: i32,
}

#[derive(Deserialize)]
struct HotelKey {
    hotel_id: HotelId,
}

#[derive(Deserialize)]
struct RoomTypeKey {
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
}

#[derive(Deserialize)]
struct RatePlanKey {
    hotel_id: HotelId,
    rate_plan_id: RatePlanId,
}

impl Batch {
    fn add(&mut self, message: &Received) -> Result<(), Unreadable> {
        // The row is read only where it counts: a deletion's old row has nothing but the key.
        let change: Change<&RawValue> = serde_json::from_slice(&message.payload)?;
        let version = change.source.version().ok_or(Unreadable::Range)?;
        self.newest = newer(
            self.newest,
            Some(Reached {
                version,
                at_ms: change.source.ts_ms,
            }),
        );
        match message.topic.as_str() {
            topics::HEARTBEAT => Ok(()),
            topics::ROOM_NIGHT_CHANGES => self.room_night(message, &change, version),
            topics::PRICE_CHANGES => self.price(message, &change, version),
            topics::HOTEL_CHANGES => self.hotel(message, &change, version),
            topics::ROOM_TYPE_CHANGES => self.room_type(message, &change, version),
            topics::RATE_PLAN_CHANGES => self.rate_plan(message, &change, version),
            _ => Err(Unreadable::Topic),
        }
    }

    fn room_night(
        &mut self,
        message: &Received,
        change: &Change<&RawValue>,
        version: Version,
    ) -> Result<(), Unreadable> {
        let (key, left) = match after::<RoomNight>(change)? {
            Some(row) => {
                let RoomNight {
                    hotel_id,
                    room_type_id,
                    night,
                    total,
                    held,
                    sold,
                    closed,
                } = row;
                let rooms = Night {
                    total,
                    held,
                    sold,
                    closed,
                };
                (
                    NightOfRooms {
                        hotel_id,
                        room_type_id,
                        night,
                    },
                    Some(u64::from(rooms.left())),
                )
            }
            None => (key_of(message)?, None),
        };
        let night = NightKey {
            room_type: key.room_type_id,
            rate_plan: None,
            night: date(key.night)?,
        };
        self.writes(key.hotel_id)
            .night(night, Entry { version, value: left });
        Ok(())
    }

    fn price(
        &mut self,
        message: &Received,
        change: &Change<&RawValue>,
        version: Version,
    ) -> Result<(), Unreadable> {
        let (key, amount) = match after::<Price>(change)? {
            Some(row) => {
                let Price {
                    hotel_id,
                    room_type_id,
                    rate_plan_id,
                    night,
                    amount_minor,
                } = row;
                let amount = u64::try_from(amount_minor).map_err(|_| Unreadable::Range)?;
                (
                    NightOfPrice {
                        hotel_id,
                        room_type_id,
                        rate_plan_id,
                        night,
                    },
                    Some(amount),
                )
            }
            None => (key_of(message)?, None),
        };
        let night = NightKey {
            room_type: key.room_type_id,
            rate_plan: Some(key.rate_plan_id),
            night: date(key.night)?,
        };
        self.writes(key.hotel_id).night(
            night,
            Entry {
                version,
                value: amount,
            },
        );
        Ok(())
    }

    fn hotel(
        &mut self,
        message: &Received,
        change: &Change<&RawValue>,
        version: Version,
    ) -> Result<(), Unreadable> {
        let (hotel, facts) = match after::<Hotel>(change)? {
            Some(Hotel {
                hotel_id,
                name,
                time_zone,
                currency,
            }) => {
                let currency = currency.parse().map_err(|_| Unreadable::Range)?;
                if change.op == "c" {
                    self.created.push(hotel_id);
                }
                (
                    hotel_id,
                    Some(HotelFacts {
                        name,
                        time_zone,
                        currency,
                    }),
                )
            }
            None => (key_of::<HotelKey>(message)?.hotel_id, None),
        };
        self.fact(hotel, About::Hotel, version, facts.as_ref());
        Ok(())
    }

    fn room_type(
        &mut self,
        message: &Received,
        change: &Change<&RawValue>,
        version: Version,
    ) -> Result<(), Unreadable> {
        let (key, facts) = match after::<RoomType>(change)? {
            Some(RoomType {
                hotel_id,
                room_type_id,
                name,
                adults_max,
                children_max,
            }) => {
                let number = |number: i32| u16::try_from(number).map_err(|_| Unreadable::Range);
                let facts = RoomTypeFacts {
                    name,
                    adults_max: number(adults_max)?,
                    children_max: number(children_max)?,
                };
                (
                    RoomTypeKey {
                        hotel_id,
                        room_type_id,
                    },
                    Some(facts),
                )
            }
            None => (key_of(message)?, None),
        };
        self.fact(
            key.hotel_id,
            About::RoomType(key.room_type_id),
            version,
            facts.as_ref(),
        );
        Ok(())
    }

    fn rate_plan(
        &mut self,
        message: &Received,
        change: &Change<&RawValue>,
        version: Version,
    ) -> Result<(), Unreadable> {
        let (key, facts) = match after::<RatePlan>(change)? {
            Some(RatePlan {
                hotel_id,
                rate_plan_id,
                name,
            }) => (
                RatePlanKey {
                    hotel_id,
                    rate_plan_id,
                },
                Some(RatePlanFacts { name }),
            ),
            None => (key_of(message)?, None),
        };
        self.fact(
            key.hotel_id,
            About::RatePlan(key.rate_plan_id),
            version,
            facts.as_ref(),
        );
        Ok(())
    }

    fn fact(&mut self, hotel: HotelId, about: About, version: Version, fact: Option<&impl Serialize>) {
        self.writes(hotel).fact(about, encode(version, fact));
    }

    fn writes(&mut self, hotel: HotelId) -> &mut HotelWrites {
        self.hotels.entry(hotel).or_default()
    }
}

fn after<Row: DeserializeOwned>(change: &Change<&RawValue>) -> Result<Option<Row>, Unreadable> {
    match change.after {
        Some(row) if change.op != "d" => Ok(Some(serde_json::from_str(row.get())?)),
        _ => Ok(None),
    }
}

fn key_of<Key: DeserializeOwned>(message: &Received) -> Result<Key, Unreadable> {
    Ok(serde_json::from_slice(&message.key)?)
}

fn date(day: i32) -> Result<StayDate, Unreadable> {
    StayDate::from_days_since_1970(day).map_err(|_| Unreadable::Range)
}
