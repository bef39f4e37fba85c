//! What the pages showed. A page says from when it is: the cache follows the log, so what it shows must have
//! been true at some moment from then until the answer was there. The cache reads several partitions and one
//! may be ahead of another, so a page may be somewhat older than it says; how often and by how much is told.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use contract::quote::Party;
use contract::{HotelId, RoomTypeId, Stay, StayDate};
use rules::{Ask, Capacity, Facts};
use serde_json::Value;

use super::{Judge, SEEN_LATE_US, minor};
use crate::journal::Entry;
use crate::timeline::Window;

/// The commit times in the change stream are in milliseconds, rounded down.
const MILLISECOND_US: i64 = 1_000;
/// By how much a page may be older than it says: tried one after the other, the last is the limit.
const LAGS_US: [i64; 6] = [50_000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000];
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
        let number = |name| {
            entry
                .parameter(name)
                .map_or(Some(None), |text| text.parse().ok().map(Some))
        };
        let party = Party {
            adults: number("adults")??,
            children: number("children")?.unwrap_or(0),
        };
        let rooms = number("rooms")?.unwrap_or(1);
        let date = |name| entry.parameter(name)?.parse::<StayDate>().ok();
        let stay = Stay::new(date("check_in")?, date("check_out")?).ok()?;
        let ask = Ask::new(stay, rooms, party).ok()?;
        let mut wrong = Vec::new();
        let mut listed = BTreeMap::new();
        for room_type in entry.answer.get("room_types")?.as_array()? {
            let id: RoomTypeId = room_type["room_type_id"].as_str()?.parse().ok()?;
            listed.insert(id, room_type["rooms_left"].as_i64()?);
            wrong.extend(self.rates(hotel, id, room_type, window)?);
        }
        let known = self.offers.room_types.keys().filter(|(other, _)| *other == hotel);
        for (_, id) in known {
            let told = listed.remove(id);
            wrong.extend(self.room_type(hotel, *id, &ask, told, window));
        }
        wrong.extend(listed.keys().map(|id| format!("room type {id} does not exist")));
        Some(wrong)
    }

    /// One room type night by night: what is wrong with it.
    fn calendar(&self, entry: &Entry, hotel: HotelId, window: Window) -> Option<Vec<String>> {
        let room_type: RoomTypeId = entry.parameter("room_type")?.parse().ok()?;
        let mut wrong = Vec::new();
        for night in entry.answer.get("nights")?.as_array()? {
            let date: StayDate = night["night"].as_str()?.parse().ok()?;
            let told = night["rooms_left"].as_i64()?;
            let possible = self.left(hotel, room_type, date, window);
            if !possible.contains(&told) {
                wrong.push(format!(
                    "{told} rooms left on {date}; between {} and {} it was {possible:?}",
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
    fn left(&self, hotel: HotelId, room_type: RoomTypeId, night: StayDate, window: Window) -> BTreeSet<i64> {
        let Some(left) = self.books.left.get(&(hotel, room_type, night)) else {
            return BTreeSet::from([0]);
        };
        let values = left.during(window);
        values
            .map(|left| left.map_or(0, |left| i64::from(*left)))
            .collect()
    }

    /// The fewest rooms of a stay: some night had as many, and no night had only fewer.
    fn room_type(
        &self,
        hotel: HotelId,
        id: RoomTypeId,
        ask: &Ask,
        told: Option<i64>,
        window: Window,
    ) -> Option<String> {
        let parties = self.offers.room_types.get(&(hotel, id))?.during(window);
        let places: BTreeSet<bool> = parties
            .map(|room| room.is_some_and(|(adults, children)| fits(ask, *adults, *children)))
            .collect();
        let nights: Vec<BTreeSet<i64>> = ask
            .stay
            .nights()
            .map(|night| self.left(hotel, id, night, window))
            .collect();
        let most = |night: &BTreeSet<i64>| night.last().copied().unwrap_or(0);
        let right = if let Some(told) = told {
            places.contains(&true)
                && nights.iter().any(|night| night.contains(&told))
                && nights.iter().all(|night| most(night) >= told)
        } else {
            let rooms = i64::from(ask.rooms);
            let mut least = nights.iter().map(BTreeSet::first);
            places.contains(&false) || least.any(|least| least.is_none_or(|least| *least < rooms))
        };
        (!right).then(|| {
            format!(
                "room type {id}: {told:?} rooms left; between {} and {} its nights had {nights:?}",
                window.from_us, window.to_us
            )
        })
    }

    fn rates(
        &self,
        hotel: HotelId,
        id: RoomTypeId,
        room_type: &Value,
        window: Window,
    ) -> Option<Vec<String>> {
        let mut wrong = Vec::new();
        for rate in room_type.get("rates")?.as_array()? {
            let plan = rate["rate_plan_id"].as_str()?.parse().ok()?;
            for night in rate["nights"].as_array()? {
                let date = night["night"].as_str()?.parse().ok()?;
                let told = minor(&night["price"])?;
                let of = self.offers.prices.get(&(hotel, id, plan, date));
                if !of.is_some_and(|of| of.during(window).any(|price| price == Some(&told))) {
                    wrong.push(format!(
                        "{told} for {date} in plan {plan}: never its price meanwhile"
                    ));
                }
            }
        }
        Some(wrong)
    }
}

/// Whether rooms for so many people each take the party.
fn fits(ask: &Ask, adults: u16, children: u16) -> bool {
    let capacity = Capacity {
        adults: adults.into(),
        children: children.into(),
    };
    let facts = Facts {
        capacity: Some(capacity),
        ..Facts::default()
    };
    rules::first(ask, &facts).is_none()
}

const fn whole(entry: &Entry) -> Window {
    Window {
        from_us: entry.began_us,
        to_us: entry.ended_us,
    }
}
