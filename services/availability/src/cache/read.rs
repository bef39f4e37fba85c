//! Reading: everything that one answer needs, in one round trip.
//!
//! Which strings to ask for follows from the catalogue, so the process remembers catalogues, and asks
//! for the revision together with the nights: a catalogue that has changed meanwhile is read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};
use redis::{FromRedisValue, Pipeline, Value};

use super::{Cache, Known, Miss, bytes};
use crate::catalogue::{Catalogue, RoomTypeFacts, Stored, read_days};
use crate::layout::{Days, Entry, Form};
use crate::nights::{Reached, RoomTypeNights, Seen};

/// Lists that are asked for at once when a hotel is compared: about six megabytes.
const LISTS_PER_CALL: usize = 1_000;
/// Times a read begins again because the catalogue changed under it.
const TRIES_MAX: usize = 4;

/// The entries of one list, as they are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Night by night.
    pub entries: Vec<Entry>,
    /// Whether something stands there that is no list: only a foreign hand can have put it there, and readers
    /// stumble over it.
    pub foreign: bool,
}

impl Cache {
    /// The nights of the room types that are `wanted`, with the prices in every rate plan.
    ///
    /// # Errors
    /// [`Miss`] when the cache cannot answer for all of these days.
    pub async fn read(
        &self,
        hotel: HotelId,
        days: Days,
        wanted: impl Fn(RoomTypeId, &RoomTypeFacts) -> bool + Send,
    ) -> Result<Seen, Miss> {
        let mut known = match self.known(hotel) {
            Some(known) => known,
            None => self.read_catalogue(hotel).await?,
        };
        for _ in 0..TRIES_MAX {
            let catalogue = &known.catalogue;
            let all = catalogue.room_types.iter().enumerate();
            let chosen: Vec<usize> = all
                .filter(|(_, (id, facts))| wanted(*id, facts))
                .map(|(index, _)| index)
                .collect();
            let pipe = self.question(hotel, days, catalogue, &chosen);
            let mut answers = self.impatiently(&pipe).await?.into_iter();
            let state = Vec::<Option<Vec<u8>>>::from_redis_value(answers.next().unwrap_or(Value::Nil));
            let Ok([complete, revision]) = <[_; 2]>::try_from(state.unwrap_or_default()) else {
                return Err(Miss::Cold);
            };
            let complete = complete.and_then(|text| read_days(&text));
            if !complete.is_some_and(|complete| complete.contains(days)) {
                return Err(Miss::Cold);
            }
            if revision.as_deref() != Some(&known.revision) {
                known = self.read_catalogue(hotel).await?;
                continue;
            }
            let reached = Reached::decode(&bytes(answers.next().unwrap_or(Value::Nil))).ok_or(Miss::Cold)?;
            let plans = catalogue.rate_plans.len();
            let mut next = |form| values(form, days, &mut answers);
            let room_types = chosen
                .iter()
                .map(|index| RoomTypeNights {
                    index: *index,
                    left: next(Form::Rooms),
                    prices: (0..plans).map(|_| next(Form::Prices)).collect(),
                })
                .collect();
            return Ok(Seen {
                catalogue: Arc::clone(catalogue),
                room_types,
                reached: Some(reached),
            });
        }
        Err(Miss::Cold)
    }

    fn question(&self, hotel: HotelId, days: Days, catalogue: &Catalogue, chosen: &[usize]) -> Pipeline {
        let layout = self.layout();
        let mut pipe = Pipeline::with_capacity(2 + chosen.len() * (1 + catalogue.rate_plans.len()) * 2);
        pipe.cmd("HMGET")
            .arg(layout.catalogue(hotel))
            .arg("warm")
            .arg("rev");
        pipe.cmd("GET").arg(layout.freshness());
        for (room_type, _) in chosen.iter().filter_map(|index| catalogue.room_types.get(*index)) {
            self.ask_packed(&mut pipe, hotel, *room_type, None, days);
            for (rate_plan, _) in &catalogue.rate_plans {
                self.ask_packed(&mut pipe, hotel, *room_type, Some(*rate_plan), days);
            }
        }
        pipe
    }

    fn ask_packed(
        &self,
        pipe: &mut Pipeline,
        hotel: HotelId,
        room_type: RoomTypeId,
        rate_plan: Option<RatePlanId>,
        days: Days,
    ) {
        let width = if rate_plan.is_some() {
            Form::Prices.width()
        } else {
            Form::Rooms.width()
        };
        for span in days.spans() {
            let key = self.layout().packed(hotel, room_type, rate_plan, span.chunk);
            let from = span.first * width;
            pipe.cmd("GETRANGE")
                .arg(key)
                .arg(from)
                .arg(from + span.days * width - 1);
        }
    }

    async fn read_catalogue(&self, hotel: HotelId) -> Result<Arc<Known>, Miss> {
        let mut pipe = redis::pipe();
        pipe.cmd("HGETALL").arg(self.layout().catalogue(hotel));
        let answer = self
            .impatiently(&pipe)
            .await?
            .into_iter()
            .next()
            .unwrap_or(Value::Nil);
        let fields = BTreeMap::<Vec<u8>, Vec<u8>>::from_redis_value(answer).map_err(|_| Miss::Cold)?;
        let stored = Stored::from_fields(fields);
        let catalogue = Arc::new(stored.catalogue().ok_or(Miss::Cold)?);
        let known = Arc::new(Known {
            revision: stored.revision,
            catalogue,
        });
        self.remember(hotel, &known);
        Ok(known)
    }

    /// A hotel's catalogue with versions, for whoever compares it. A value of another type holds nothing.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn stored(&self, hotel: HotelId) -> Result<Stored, redis::RedisError> {
        let fields = self.hash(self.layout().catalogue(hotel)).await?;
        Ok(Stored::from_fields(fields))
    }

    /// The fields of a hash; none when it is missing or of another type.
    pub(super) async fn hash(&self, key: String) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, redis::RedisError> {
        let mut pipe = redis::pipe();
        pipe.ignore_errors().cmd("HGETALL").arg(key);
        let answer = self.patiently(&pipe).await?.into_iter().next();
        let answer = answer.filter(|answer| !is_foreign(answer));
        answer.map_or_else(
            || Ok(BTreeMap::new()),
            |answer| Ok(BTreeMap::from_redis_value(answer.extract_error()?)?),
        )
    }

    /// What is held of each of these lists, with versions, for whoever compares them.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn entries(
        &self,
        hotel: HotelId,
        lists: &[(RoomTypeId, Option<RatePlanId>)],
        days: Days,
    ) -> Result<Vec<Held>, redis::RedisError> {
        let mut held = Vec::with_capacity(lists.len());
        for some in lists.chunks(LISTS_PER_CALL) {
            let mut pipe = redis::pipe();
            pipe.ignore_errors();
            for (room_type, rate_plan) in some {
                self.ask_packed(&mut pipe, hotel, *room_type, *rate_plan, days);
            }
            let mut answers = self.patiently(&pipe).await?.into_iter();
            for (_, rate_plan) in some {
                let form = if rate_plan.is_some() {
                    Form::Prices
                } else {
                    Form::Rooms
                };
                held.push(held_of(form, days, &mut answers)?);
            }
        }
        Ok(held)
    }

    /// The public keys of a room type's nights.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn dated(
        &self,
        hotel: HotelId,
        room_type: RoomTypeId,
        nights: &[StayDate],
    ) -> Result<Vec<Option<Vec<u8>>>, redis::RedisError> {
        if nights.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = redis::cmd("MGET");
        for night in nights {
            read.arg(self.layout().dated(hotel, room_type, *night));
        }
        read.query_async(&mut self.0.writer.clone()).await
    }
}

/// Whether Redis answered that a key holds a value of another type.
fn is_foreign(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "WRONGTYPE")
}

fn held_of(
    form: Form,
    days: Days,
    answers: &mut impl Iterator<Item = Value>,
) -> Result<Held, redis::RedisError> {
    let mut held = Held {
        entries: Vec::with_capacity(days.count()),
        foreign: false,
    };
    for span in days.spans() {
        let mut answer = answers.next().unwrap_or(Value::Nil);
        if is_foreign(&answer) {
            held.foreign = true;
            answer = Value::Nil;
        }
        let answer = answer.extract_error()?;
        held.entries.extend(form.decode(&bytes(answer), span.days));
    }
    Ok(held)
}

fn entries(form: Form, days: Days, answers: &mut impl Iterator<Item = Value>) -> Vec<Entry> {
    let mut all = Vec::with_capacity(days.count());
    for span in days.spans() {
        all.extend(form.decode(&bytes(answers.next().unwrap_or(Value::Nil)), span.days));
    }
    all
}

fn values(form: Form, days: Days, answers: &mut impl Iterator<Item = Value>) -> Vec<Option<u64>> {
    entries(form, days, answers)
        .into_iter()
        .map(|entry| entry.value)
        .collect()
}
