//! One look at a hotel: what the cache holds against what the tables say.

use std::collections::{BTreeMap, BTreeSet};

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};

use super::{Difference, Plan, RebuildError, Rebuilder};
use crate::cache::{HotelWrites, NightKey, Put};
use crate::catalogue::{About, Catalogue, Stored, body, version};
use crate::database::{AskError, NIGHTS_PER_CALL};
use crate::layout::{Days, Entry, place};

/// Nights of a room type: rooms left, or the prices in a rate plan.
pub(super) type List = (RoomTypeId, Option<RatePlanId>);

/// What one look at a hotel saw.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) keys: u64,
    pub(super) differences: BTreeSet<Difference>,
    pub(super) writes: HotelWrites,
    /// Every list of nights of the hotel.
    pub(super) lists: Vec<List>,
}

impl Rebuilder {
    pub(super) async fn look(&self, plan: &Plan, hotel: HotelId) -> Result<Look, RebuildError> {
        let mut look = Look::default();
        let stored = self.cache.stored(hotel).await?;
        let catalogue = match self.database.catalogue(hotel).await {
            Ok(catalogue) => Some(catalogue),
            Err(AskError::Unknown) => None,
            Err(error) => return Err(error.into()),
        };
        self.compare_facts(&mut look, hotel, &stored, catalogue.as_ref());
        let lists = lists(&stored, catalogue.as_ref());
        let mut from = plan.days.from;
        while from < plan.days.to {
            let days = Days {
                from,
                to: plan.days.to.min(from + NIGHTS_PER_CALL),
            };
            self.compare_nights(&mut look, hotel, &lists, catalogue.is_some(), days)
                .await?;
            from = days.to;
        }
        look.lists = lists;
        Ok(look)
    }

    fn compare_facts(&self, look: &mut Look, hotel: HotelId, stored: &Stored, truth: Option<&Catalogue>) {
        let truth = truth.map(Catalogue::facts).unwrap_or_default();
        let all: BTreeSet<About> = stored.facts.keys().chain(truth.keys()).copied().collect();
        for about in all {
            look.keys += 1;
            let held = stored.facts.get(&about).map(Vec::as_slice).unwrap_or_default();
            let should = truth.get(&about).map(Vec::as_slice);
            if body(held) == should {
                continue;
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            look.differences.insert(Difference {
                key: format!("{} {}", self.cache.layout().catalogue(hotel), about.field()),
                cache: body(held).map(text),
                database: should.map(text),
            });
            let mut new = version(held).bits().to_be_bytes().to_vec();
            new.extend_from_slice(should.unwrap_or_default());
            look.writes.facts.insert(
                about,
                Put {
                    new,
                    expected: Some(held.to_vec()),
                },
            );
        }
    }

    async fn compare_nights(
        &self,
        look: &mut Look,
        hotel: HotelId,
        lists: &[List],
        exists: bool,
        days: Days,
    ) -> Result<(), RebuildError> {
        let nights: Vec<StayDate> = (days.from..days.to)
            .filter_map(|day| StayDate::from_days_since_1970(day).ok())
            .collect();
        let held = self.cache.entries(hotel, lists, days).await?;
        let mut public_keys = BTreeMap::new();
        for (room_type, _) in lists.iter().filter(|(_, rate_plan)| rate_plan.is_none()) {
            public_keys.insert(*room_type, self.cache.dated(hotel, *room_type, &nights).await?);
        }
        let truth = if exists {
            self.truth(hotel, lists, days).await?
        } else {
            vec![vec![None; days.count()]; lists.len()]
        };
        for (((room_type, rate_plan), held), truth) in lists.iter().zip(held).zip(truth) {
            if held.foreign {
                self.replace_list(look, hotel, (*room_type, *rate_plan), &nights, &truth);
                continue;
            }
            for (at, night) in nights.iter().enumerate() {
                look.keys += 1;
                let (entry, should) = (
                    held.entries.get(at).copied().unwrap_or_default(),
                    truth.get(at).copied().flatten(),
                );
                let key = NightKey {
                    room_type: *room_type,
                    rate_plan: *rate_plan,
                    night: *night,
                };
                let values = public_keys.get(room_type);
                let public = values.and_then(|values| values.get(at)?.as_deref());
                self.compare_night(look, hotel, key, entry, public, should);
            }
        }
        Ok(())
    }

    /// A list of another type, which nobody can read, gives way to what the tables say.
    fn replace_list(
        &self,
        look: &mut Look,
        hotel: HotelId,
        (room_type, rate_plan): List,
        nights: &[StayDate],
        truth: &[Option<u64>],
    ) {
        let chunk = nights.first().map_or(0, |night| place(night.days_since_1970()).0);
        look.differences.insert(Difference {
            key: self.cache.layout().packed(hotel, room_type, rate_plan, chunk),
            cache: Some("a value of another type".to_owned()),
            database: Some("a list of nights".to_owned()),
        });
        for (night, should) in nights.iter().zip(truth) {
            look.keys += 1;
            let key = NightKey {
                room_type,
                rate_plan,
                night: *night,
            };
            look.writes
                .nights
                .insert(key, Put::right(Entry::default(), *should));
        }
    }

    fn compare_night(
        &self,
        look: &mut Look,
        hotel: HotelId,
        key: NightKey,
        held: Entry,
        public: Option<&[u8]>,
        should: Option<u64>,
    ) {
        let text = |value: Option<u64>| value.map(|value| value.to_string());
        let layout = self.cache.layout();
        // What is past may have left the cache; what is there of it must be right.
        let past = key.night.days_since_1970() < self.first_kept();
        let mut differs = false;
        let has_left = past && public.is_none();
        if key.rate_plan.is_none() && !has_left && public != text(should).as_deref().map(str::as_bytes) {
            look.differences.insert(Difference {
                key: layout.dated(hotel, key.room_type, key.night),
                cache: public.map(|value| String::from_utf8_lossy(value).into_owned()),
                database: text(should),
            });
            differs = true;
        }
        let has_left = past && held.value.is_none();
        if held.value != should && !has_left {
            let (chunk, _) = place(key.night.days_since_1970());
            let name = format!(
                "{} {}",
                layout.packed(hotel, key.room_type, key.rate_plan, chunk),
                key.night
            );
            look.differences.insert(Difference {
                key: name,
                cache: text(held.value),
                database: text(should),
            });
            differs = true;
        }
        if differs {
            look.writes.nights.insert(key, Put::right(held, should));
        }
    }

    /// What the tables say of each list.
    async fn truth(
        &self,
        hotel: HotelId,
        lists: &[List],
        days: Days,
    ) -> Result<Vec<Vec<Option<u64>>>, RebuildError> {
        let lists_of_prices: Vec<_> = lists
            .iter()
            .filter_map(|(room_type, rate_plan)| Some((*room_type, (*rate_plan)?)))
            .collect();
        let (inventory, price_lists) = tokio::try_join!(
            self.database.inventory(hotel, days),
            self.database.price_lists(hotel, lists_of_prices, days),
        )?;
        let mut price_lists = price_lists.into_iter();
        let mut truth = Vec::with_capacity(lists.len());
        for (room_type, rate_plan) in lists {
            let mut list = vec![None; days.count()];
            if rate_plan.is_some() {
                for row in price_lists.next().unwrap_or_default() {
                    days.set(&mut list, row.night, row.price.minor().unsigned_abs());
                }
            } else {
                for row in inventory.iter().filter(|row| row.room_type_id == *room_type) {
                    days.set(&mut list, row.night, row.left());
                }
            }
            truth.push(list);
        }
        Ok(truth)
    }
}

/// Every list of nights that the cache or the tables know of.
fn lists(stored: &Stored, truth: Option<&Catalogue>) -> Vec<List> {
    let mut room_types: BTreeSet<RoomTypeId> = BTreeSet::new();
    let mut rate_plans: BTreeSet<RatePlanId> = BTreeSet::new();
    for about in stored.facts.keys() {
        match about {
            About::Hotel => {}
            About::RoomType(id) => drop(room_types.insert(*id)),
            About::RatePlan(id) => drop(rate_plans.insert(*id)),
        }
    }
    if let Some(catalogue) = truth {
        room_types.extend(catalogue.room_types.iter().map(|(id, _)| *id));
        rate_plans.extend(catalogue.rate_plans.iter().map(|(id, _)| *id));
    }
    let plans = |room_type: RoomTypeId| {
        let priced = rate_plans.iter().map(move |plan| (room_type, Some(*plan)));
        std::iter::once((room_type, None))
            .chain(priced)
            .collect::<Vec<_>>()
    };
    room_types.iter().copied().flat_map(plans).collect()
}
