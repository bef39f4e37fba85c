//! The platform under simulation: every table, every queue, the provider, the cache and the clock.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{HotelId, Money, ReservationId, RoomTypeId, Stay, StayDate};
use fastrand::Rng;
use inventory::model::{Night, NightKey};
use uuid::Uuid;

use crate::broker::{Body, Broker, Reader};
use crate::cache::{Cache, Change};
use crate::coordinator::Coordinator;
use crate::money::Money as Payments;
use crate::provider::{Card, Provider, token};
use crate::rates::{Rates, strikes};
use crate::reservations::{Reservations, Wish};
use crate::rooms::Rooms;
use crate::seen::{Seen, Sight};

/// The world.
#[derive(Debug)]
pub struct World {
    pub(crate) random: Rng,
    pub(crate) rates: Rates,
    pub(crate) now: DateTime<Utc>,
    lsn: u64,
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
    pub(crate) inbox: BTreeSet<(Reader, u64)>,
    /// Bookings that guests have yet to make.
    pub(crate) wishes: Vec<(Wish, Card)>,
    /// What was seen.
    pub seen: Seen,
    story: Option<Vec<String>>,
}

impl World {
    /// The world of a seed: one to three nights with very few rooms, two to four guests.
    pub fn new(seed: u64, told: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let rates = Rates::draw(&mut random);
        let room_type = (
            HotelId::from_uuid(Uuid::from_u128(1)),
            RoomTypeId::from_uuid(Uuid::from_u128(2)),
        );
        let today =
            StayDate::from_days_since_1970(20_000).unwrap_or_else(|_| unreachable!("a date like any other"));
        let first = today.plus_days(30);
        let nights = random.usize(1..=3);
        let totals: Vec<i32> = (0..nights).map(|_| random.i32(1..=2)).collect();
        let wishes = (0..random.usize(2..=4))
            .map(|_| wish(&mut random, room_type, first, nights))
            .collect();
        let mut world = Self {
            rates,
            now: DateTime::from_timestamp(20_000 * 86_400, 0).unwrap_or_default(),
            lsn: 0,
            broker: Broker::default(),
            rooms: Rooms::new(today, room_type, first, &totals),
            money: Payments::default(),
            provider: Provider::default(),
            reservations: Reservations::default(),
            coordinator: Coordinator::default(),
            cache: Cache::default(),
            inbox: BTreeSet::new(),
            wishes,
            seen: Seen::default(),
            story: told.then(Vec::new),
            random,
        };
        let all: Vec<NightKey> = world.rooms.nights.keys().copied().collect();
        world.coordinator.take_over();
        world.nights_changed(&all);
        world
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

    /// The story so far, in words.
    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    pub(crate) fn nights_changed(&mut self, changed: &[NightKey]) {
        for key in changed {
            self.lsn += 1;
            let change = self.change_of(*key);
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
            lsn: self.lsn,
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
            self.broker.commit(Body::Start(start));
        }
    }

    /// A guest cancels.
    pub(crate) fn cancel(&mut self, id: ReservationId) {
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
        if let Some(start) = start {
            self.broker.commit(Body::Start(start));
        }
    }

    /// So many seconds pass.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.tell(|| format!("{seconds} s pass"));
    }
}

fn wish(random: &mut Rng, room_type: (HotelId, RoomTypeId), first: StayDate, nights: usize) -> (Wish, Card) {
    let nights = u32::try_from(nights).unwrap_or(1);
    let from = random.u32(0..nights);
    let to = random.u32(from + 1..=nights);
    let stay = Stay::new(first.plus_days(from), first.plus_days(to));
    let eur = "EUR"
        .parse()
        .unwrap_or_else(|_| unreachable!("a currency like any other"));
    let money = |minor| Money::from_minor(minor, eur).unwrap_or(Money::zero(eur));
    let total = 10_000 * i64::from(to - from);
    let wish = Wish {
        room_type,
        stay: stay.unwrap_or_else(|_| unreachable!("at least one night")),
        rooms: if random.u32(0..5) == 0 { 2 } else { 1 },
        total: money(total),
        late_penalty: money(*random.choice([0, 3_000, total].iter()).unwrap_or(&0)),
        is_flexible: random.bool(),
    };
    let card = match random.u32(0..10) {
        0 => Card::Declined,
        1 => Card::CaptureDeclined,
        _ => Card::Good,
    };
    (wish, card)
}
