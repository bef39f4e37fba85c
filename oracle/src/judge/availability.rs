//! What the pages showed. A page says from when it is: the cache follows the log, so what it shows must have
//! been true at some moment from then until the answer was there. The cache reads several partitions and one
//! may be ahead of another, so a page may be somewhat older than it says; how often and by how much is told.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use contract::{HotelId, RatePlanId, RoomTypeId, Stay, StayDate};
use serde_json::Value;

use super::{Judge, SEEN_LATE_US, minor};
use crate::journal::Entry;
use crate::timeline::Window;

/// The commit times in the change stream are in milliseconds, rounded down.
const MILLISECOND_US: i64 = 1_000;
/// By how much a page may be older than it says: tried one after the other, the last is the limit.
const LAGS_US: [i64; 6] = [50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000];
/// Names a room type.
type Of = (HotelId, RoomTypeId);
/// The pages that are counted as calendars.
pub(super) const CALENDARS: &str = "calendar pages";

impl Judge {
    /// A page with room types and their fewest rooms over a stay, or a calendar.
    pub(super) fn page(&mut self, entry: &Entry, hotel: &str, what: &'static str) -> Option<()> {
        if entry.status != 200 {
            self.verdict.answer("pages refused", whole(entry));
            return (entry.status < 500).then_some(());
        }
        let hotel: HotelId = hotel.parse().ok()?;
        let told = self.window(entry, what)?;
        let cached = entry.text("/freshness/source")? == "cache";
        let mut first = None;
        for lag_us in [0].iter().chain(LAGS_US.iter().take_while(|_| cached)) {
            let window = Window {
                from_us: told.from_us - lag_us,
                ..told
            };
            let wrong = match what {
                CALENDARS => self.calendar(entry, hotel, window)?,
                _ => self.availability(entry, hotel, window)?,
            };
            if wrong.is_empty() {
                if *lag_us > 0 {
                    self.verdict.older_than_told(*lag_us);
                }
                return Some(());
            }
            first.get_or_insert(wrong);
        }
        self.verdict.violations.extend(first.unwrap_or_default());
        Some(())
    }

    /// Room types with their fewest rooms over a stay, and prices: what is wrong with them.
    fn availability(&self, entry: &Entry, hotel: HotelId, window: Window) -> Option<Vec<String>> {
        let wanted = Wanted::of(entry)?;
        let mut wrong = Vec::new();
        let mut listed = BTreeMap::new();
        for room_type in entry.answer.get("room_types")?.as_array()? {
            let id: RoomTypeId = room_type["room_type_id"].as_str()?.parse().ok()?;
            listed.insert(id, Told::of(room_type)?);
            wrong.extend(self.rates((hotel, id), room_type, window)?);
        }
        let known = self.offers.room_types.keys().filter(|(other, _)| *other == hotel);
        for of in known {
            let told = listed.remove(&of.1);
            wrong.extend(match &told {
                Some(told) => self.is_sold(*of, &wanted, told, window),
                None => self.is_not_sold(*of, &wanted, window),
            });
        }
        wrong.extend(listed.keys().map(|id| format!("room type {id} does not exist")));
        Some(wrong)
    }

    /// One room type night by night: what is wrong with it. A night without a price cannot be quoted, so that nothing
    /// of it is on offer.
    fn calendar(&self, entry: &Entry, hotel: HotelId, window: Window) -> Option<Vec<String>> {
        let room_type: RoomTypeId = entry.parameter("room_type_id")?.parse().ok()?;
        let mut wrong = Vec::new();
        for night in entry.answer.get("nights")?.as_array()? {
            let date: StayDate = night["night"].as_str()?.parse().ok()?;
            let told = night["rooms_left"].as_i64()?;
            let price = match night.get("lowest_price") {
                Some(price) => Some(minor(price)?),
                None => None,
            };
            let prices = self.offers.lowest((hotel, room_type), date, window);
            let left = match price {
                Some(_) => self.left((hotel, room_type), date, window),
                None => BTreeSet::from([0]),
            };
            if !left.contains(&told) || !prices.contains(&price) {
                wrong.push(format!(
                    "{told} rooms left on {date} for {price:?}; between {} and {} it was {left:?} for {prices:?}",
                    window.from_us, window.to_us
                ));
            }
        }
        Some(wrong)
    }

    /// From what the answer says of its own age to the moment when it was there.
    fn window(&mut self, entry: &Entry, what: &'static str) -> Option<Window> {
        let as_of = DateTime::parse_from_rfc3339(entry.text("/freshness/as_of")?).ok()?;
        let from_us = if entry.text("/freshness/source")? == "cache" {
            self.verdict.compared("pages from the cache");
            self.verdict.age(entry.ended_us - as_of.timestamp_micros());
            as_of.timestamp_micros() / MILLISECOND_US * MILLISECOND_US
        } else {
            self.verdict.compared("pages from the database");
            entry.began_us - SEEN_LATE_US
        };
        let window = Window {
            from_us,
            to_us: entry.ended_us,
        };
        if as_of.timestamp_micros() > entry.ended_us {
            self.verdict.violation("the page is from the future");
        }
        self.verdict.answer(what, window);
        Some(window)
    }

    /// What may have been left of a night; nothing where nothing was offered.
    fn left(&self, (hotel, room_type): Of, night: StayDate, window: Window) -> BTreeSet<i64> {
        let Some(left) = self.books.left.get(&(hotel, room_type, night)) else {
            return BTreeSet::from([0]);
        };
        let values = left.during(window);
        values
            .map(|left| left.map_or(0, |left| i64::from(*left)))
            .collect()
    }

    /// Whether the party may have fitted.
    fn fits(&self, of: Of, wanted: &Wanted, window: Window) -> BTreeSet<bool> {
        let rooms = self.offers.room_types.get(&of);
        let rooms = rooms.into_iter().flat_map(|room| room.during(window));
        rooms
            .map(|room| room.is_some_and(|(adults, children)| wanted.fits(*adults, *children)))
            .collect()
    }

    /// What is wrong with a room type that was told: some night had as many rooms, no night had only fewer, and the
    /// plans are those in which every night had a price.
    fn is_sold(&self, of: Of, wanted: &Wanted, told: &Told, window: Window) -> Vec<String> {
        let nights: Vec<BTreeSet<i64>> = wanted.left(|night| self.left(of, night, window));
        let most = |night: &BTreeSet<i64>| night.last().copied().unwrap_or(0);
        let rooms = told.left >= wanted.rooms
            && nights.iter().any(|night| night.contains(&told.left))
            && nights.iter().all(|night| most(night) >= told.left);
        let priced = self.offers.priced(of, &wanted.nights, window);
        let in_time = format!("between {} and {}", window.from_us, window.to_us);
        let (id, left) = (of.1, told.left);
        let wrong = [
            (!rooms).then(|| {
                format!("room type {id}: {left} rooms left told; {in_time} its nights had {nights:?}")
            }),
            (!self.fits(of, wanted, window).contains(&true))
                .then(|| format!("room type {id} is told, and {in_time} it did not take the party")),
            told.plans
                .is_empty()
                .then(|| format!("room type {id} is told without a price")),
            (!priced.contains(&told.plans)).then(|| {
                format!(
                    "room type {id}: rates of {:?} told; {in_time} it had prices in {priced:?}",
                    told.plans
                )
            }),
        ];
        wrong.into_iter().flatten().collect()
    }

    /// What is wrong with a room type that was not told: it was large enough, had rooms and a price all the while.
    fn is_not_sold(&self, of: Of, wanted: &Wanted, window: Window) -> Vec<String> {
        let nights = wanted.left(|night| self.left(of, night, window));
        let least = |night: &BTreeSet<i64>| night.first().copied().unwrap_or(0);
        let priced = self.offers.priced(of, &wanted.nights, window);
        let right = self.fits(of, wanted, window).contains(&false)
            || nights.iter().any(|night| least(night) < wanted.rooms)
            || priced.iter().any(BTreeSet::is_empty);
        let wrong = (!right).then(|| {
            format!(
                "room type {} is not told; between {} and {} its nights had {nights:?} and prices in {priced:?}",
                of.1, window.from_us, window.to_us
            )
        });
        wrong.into_iter().collect()
    }

    /// Prices that no night had.
    fn rates(&self, (hotel, id): Of, room_type: &Value, window: Window) -> Option<Vec<String>> {
        let mut wrong = Vec::new();
        for rate in room_type.get("rates")?.as_array()? {
            let plan = rate["rate_plan_id"].as_str()?.parse().ok()?;
            for night in rate["nights"].as_array()? {
                let date = night["night"].as_str()?.parse().ok()?;
                let told = minor(&night["price"])?;
                if !self.offers.was(&(hotel, id, plan, date), told, window) {
                    wrong.push(format!(
                        "{told} for {date} in plan {plan}: never its price meanwhile"
                    ));
                }
            }
        }
        Some(wrong)
    }
}

/// What a guest looks for.
struct Wanted {
    nights: Vec<StayDate>,
    rooms: i64,
    adults: i64,
    children: i64,
}

impl Wanted {
    fn of(entry: &Entry) -> Option<Self> {
        let number = |name, unsaid| match entry.parameter(name) {
            Some(text) => text.parse::<i64>().ok(),
            None => unsaid,
        };
        let date = |name| entry.parameter(name)?.parse::<StayDate>().ok();
        let stay = Stay::new(date("check_in")?, date("check_out")?).ok()?;
        Some(Self {
            nights: stay.nights().collect(),
            rooms: number("rooms", Some(1))?,
            adults: number("adults", None)?,
            children: number("children", Some(0))?,
        })
    }

    fn left(&self, of: impl Fn(StayDate) -> BTreeSet<i64>) -> Vec<BTreeSet<i64>> {
        self.nights.iter().map(|night| of(*night)).collect()
    }

    /// Whether rooms for so many people each take the party: a child may sleep where an adult could, never the reverse.
    fn fits(&self, adults: u16, children: u16) -> bool {
        let (adults, children) = (i64::from(adults) * self.rooms, i64::from(children) * self.rooms);
        self.adults <= adults && self.adults + self.children <= adults + children
    }
}

/// What a page says of a room type.
struct Told {
    left: i64,
    plans: BTreeSet<RatePlanId>,
}

impl Told {
    fn of(room_type: &Value) -> Option<Self> {
        let rates = room_type.get("rates")?.as_array()?.iter();
        let plans = rates.map(|rate| rate["rate_plan_id"].as_str()?.parse().ok());
        Some(Self {
            left: room_type["rooms_left"].as_i64()?,
            plans: plans.collect::<Option<_>>()?,
        })
    }
}

const fn whole(entry: &Entry) -> Window {
    Window {
        from_us: entry.began_us,
        to_us: entry.ended_us,
    }
}
