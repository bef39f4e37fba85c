//! The platform under simulation: every table, every queue, the provider, the cache and the clock.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use contract::penalty::Penalty;
use contract::{HotelId, ReservationId, RoomTypeId, Stay, StayDate, Version};
use fastrand::Rng;
use inventory::model::NightKey;
use reservation::model::{Cost, State};
use rules::Night;
use uuid::Uuid;

use crate::broker::{Body, Broker};
use crate::cache::{Cache, Change};
use crate::coordinator::Coordinator;
use crate::money::Money as Payments;
use crate::price::{self, DAY, ZONES, day_at};
use crate::provider::{Card, Provider, token};
use crate::rates::{Rates, strikes};
use crate::reservations::{Other, Reservations, Wish};
use crate::rooms::Rooms;
use crate::seen::{Seen, Sight};

/// A guest's wish to cancel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cancelled {
    pub(crate) reservation_id: ReservationId,
    pub(crate) at: DateTime<Utc>,
    /// What was agreed for that moment.
    pub(crate) cost: Cost,
}

/// The world.
#[derive(Debug)]
pub struct World {
    pub(crate) random: Rng,
    pub(crate) rates: Rates,
    pub(crate) now: DateTime<Utc>,
    /// Changes of nights so far, by which they are in order.
    changes: u64,
    /// Outboxes, relay and broker.
    pub broker: Broker,
    /// The inventory.
    pub rooms: Rooms,
    /// The payment service.
    pub money: Payments,
    /// The payment provider.
    pub provider: Provider,
    /// The reservation service.
    pub reservations: Reservations,
    /// The orchestrator.
    pub coordinator: Coordinator,
    /// The availability cache.
    pub cache: Cache,
    /// Which messages were handled, by their id; a message is for one reader.
    pub(crate) inbox: Vec<bool>,
    /// Bookings that guests have yet to make.
    pub(crate) wishes: Vec<(Wish, Card)>,
    /// What was agreed with each guest who booked.
    pub(crate) agreed: BTreeMap<ReservationId, Wish>,
    /// When guests cancelled, as they remember it.
    pub(crate) cancelled: Vec<Cancelled>,
    /// Nights that a hotel forced below what was taken, each with what may still be taken: never more again.
    pub(crate) forced: BTreeMap<NightKey, i32>,
    /// What was seen.
    pub seen: Seen,
    story: Option<Vec<String>>,
}

impl World {
    /// The world of a seed: one to three nights with very few rooms or with ten, two to four guests. Most stays are
    /// far away; some begin soon, and then it is shortly before midnight, in UTC or at the hotel, which lies on
    /// either side of UTC.
    pub fn new(seed: u64, told: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let rates = Rates::draw(&mut random);
        let room_type = (
            HotelId::from_uuid(Uuid::from_u128(1)),
            RoomTypeId::from_uuid(Uuid::from_u128(2)),
        );
        let (zone, ahead) = ZONES[random.usize(0..ZONES.len())];
        let (is_soon, is_large) = (random.u32(0..4) == 0, random.u32(0..6) == 0);
        let ahead = if random.bool() { ahead } else { 0 };
        let second = if is_soon {
            DAY - random.i64(1..1_200) - ahead
        } else {
            0
        };
        let now = DateTime::from_timestamp(20_000 * DAY + second.rem_euclid(DAY), 0).unwrap_or_default();
        let there = date(day_at(zone, now));
        let first = there.plus_days(if is_soon { random.u32(0..=2) } else { 30 });
        let nights = random.usize(1..=3);
        let mut total = || if is_large { 10 } else { random.i32(1..=2) };
        let totals: Vec<i32> = (0..nights).map(|_| total()).collect();
        let other = (room_type.0, RoomTypeId::from_uuid(Uuid::from_u128(3)));
        let others: Vec<i32> = (0..nights).map(|_| total()).collect();
        let wishes = (0..random.usize(2..=4))
            .map(|_| {
                let rooms = rooms(&mut random, is_large);
                let (wish, card) = wish(&mut random, room_type, zone, first, nights, rooms);
                // Some want rooms of both types, and some only of the other.
                let wish = match random.u32(0..4) {
                    0 => {
                        // The other room is for the same nights on the same terms, or for nights and on terms of its own.
                        let (own, _) = self::wish(&mut random, other, zone, first, nights, 1);
                        let of = if random.bool() { own } else { wish };
                        let other = Other {
                            room_type: other.1,
                            stay: of.stay,
                            penalty: of.penalty,
                            is_flexible: of.is_flexible,
                        };
                        Wish {
                            other: Some(other),
                            ..wish
                        }
                    }
                    1 if random.bool() => Wish {
                        room_type: other,
                        ..wish
                    },
                    _ => wish,
                };
                (wish, card)
            })
            .collect();
        let mut world = Self {
            rates,
            now,
            changes: 0,
            broker: Broker::default(),
            rooms: {
                let mut rooms = Rooms::new(now, room_type, first, &totals);
                rooms.offer(other, first, &others);
                rooms
            },
            money: Payments::default(),
            provider: Provider::default(),
            reservations: Reservations::default(),
            coordinator: Coordinator::default(),
            cache: Cache::default(),
            inbox: Vec::new(),
            wishes,
            agreed: BTreeMap::new(),
            cancelled: Vec::new(),
            forced: BTreeMap::new(),
            seen: Seen::default(),
            story: told.then(Vec::new),
            random,
        };
        let all: Vec<NightKey> = world.rooms.nights.keys().copied().collect();
        world.coordinator.take_over();
        world.nights_changed(&all);
        world
    }

    /// Remembers that a message was handled. Answers whether that is new.
    pub(crate) fn remember(&mut self, id: u64) -> bool {
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        if self.inbox.len() <= at {
            self.inbox.resize(at + 1, false);
        }
        !std::mem::replace(&mut self.inbox[at], true)
    }

    pub(crate) fn strikes(&mut self, chance: u32) -> bool {
        strikes(&mut self.random, chance)
    }

    /// Adds a sentence to the story, if it is told.
    pub(crate) fn tell(&mut self, sentence: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(sentence());
        }
    }

    /// How often anything was written that a law speaks of.
    pub(crate) const fn writes(&self) -> u64 {
        self.rooms.writes
            + self.money.writes
            + self.provider.writes
            + self.reservations.writes
            + self.coordinator.writes
            + self.cache.writes
    }

    /// The story so far, in words.
    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    pub(crate) fn nights_changed(&mut self, changed: &[NightKey]) {
        for key in changed {
            self.changes += 1;
            let change = self.change_of(*key);
            if let Some(most) = self.forced.get_mut(key) {
                *most = change.row.taken().min(*most);
            }
            self.broker.commit(Body::Change(change));
        }
    }

    pub(crate) fn change_of(&self, key: NightKey) -> Change {
        let nothing = Night {
            total: 0,
            held: 0,
            sold: 0,
            closed: true,
        };
        Change {
            key,
            version: Version::from_bits(self.changes),
            row: self.rooms.nights.get(&key).copied().unwrap_or(nothing),
        }
    }

    /// A guest books.
    pub(crate) fn book(&mut self) {
        if let Some((wish, card)) = self.wishes.pop() {
            let start = self.reservations.create(wish, token(card), self.now);
            self.tell(|| {
                format!(
                    "a guest books {:?} with a card that is {card:?}: {}",
                    wish.stay, start.saga_id
                )
            });
            self.agreed.insert(start.saga.reservation_id(), wish);
            self.broker.commit(Body::Start(start));
        }
    }

    /// A guest cancels.
    ///
    /// # Errors
    /// When something that could be cancelled is not.
    pub(crate) fn cancel(&mut self, id: ReservationId) -> Result<(), String> {
        let (start, noted) = self.reservations.cancel(id, self.now);
        self.tell(|| {
            format!(
                "the guest cancels {id}{}",
                if noted { " while it is being booked" } else { "" }
            )
        });
        if noted {
            self.seen.note(Sight::CancelledDuringBooking);
        }
        self.wished(id, noted || start.is_some())?;
        if let Some(start) = start {
            self.broker.commit(Body::Start(start));
        }
        Ok(())
    }

    /// Remembers the wish. It may be accepted as long as something of the stay is left, and is then.
    fn wished(&mut self, id: ReservationId, accepted: bool) -> Result<(), String> {
        let (Some((row, _)), Some(agreed)) = (self.reservations.rows.get(&id), self.agreed.get(&id)) else {
            return Ok(());
        };
        let at = self.now;
        let is_over = price::is_over(agreed, at);
        let is_open =
            matches!(row.state, State::Pending | State::Confirmed) && row.cancel_requested_at.is_none();
        if accepted && is_over || is_open && !is_over {
            return Err(format!("the guest cancels {id} at {at}, accepted: {accepted}"));
        }
        if accepted {
            let cost = price::cost(agreed, at);
            let reservation_id = id;
            self.cancelled.push(Cancelled {
                reservation_id,
                at,
                cost,
            });
        } else if is_open {
            self.seen.note(Sight::StayOver);
        }
        Ok(())
    }

    /// So many seconds pass.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.rooms.now = self.now;
        self.tell(|| format!("{seconds} s pass"));
    }
}

/// How many rooms a guest wants: few of few, many of many.
fn rooms(random: &mut Rng, is_large: bool) -> u16 {
    if is_large {
        random.u16(2..=6)
    } else {
        1 + u16::from(random.u32(0..5) == 0)
    }
}

fn date(days_since_1970: i64) -> StayDate {
    let days = i32::try_from(days_since_1970).unwrap_or_default();
    StayDate::from_days_since_1970(days).unwrap_or_else(|_| unreachable!("a date like any other"))
}

fn wish(
    random: &mut Rng,
    room_type: (HotelId, RoomTypeId),
    zone: Tz,
    first: StayDate,
    nights: usize,
    rooms: u16,
) -> (Wish, Card) {
    let nights = u32::try_from(nights).unwrap_or(1);
    let from = random.u32(0..nights);
    let to = random.u32(from + 1..=nights);
    let stay = Stay::new(first.plus_days(from), first.plus_days(to));
    let eur = "EUR".parse();
    let penalties = [
        Penalty::FirstNight,
        Penalty::Percent(0),
        Penalty::Percent(33),
        Penalty::Full,
    ];
    let wish = Wish {
        room_type,
        stay: stay.unwrap_or_else(|_| unreachable!("at least one night")),
        rooms,
        other: None,
        // A stay may be free, and then no provider is asked.
        price: if random.u32(0..8) == 0 { 0 } else { 10_001 },
        currency: eur.unwrap_or_else(|_| unreachable!("a currency like any other")),
        penalty: penalties[random.usize(0..penalties.len())],
        is_flexible: random.bool(),
        zone,
    };
    let card = match random.u32(0..10) {
        0 => Card::Declined,
        1 => Card::CaptureDeclined,
        2 => Card::DeclinedFirst,
        _ => Card::Good,
    };
    (wish, card)
}
