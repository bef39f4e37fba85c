//! Whether rooms may be sold: the inventory's part of the rules, on what its rows say.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use contract::{HotelId, Why};
use rules::limits::ROOMS_MAX;
use rules::{Ask, Blocked, Facts, NightFacts, Today};

use super::{Ledger, NightKey, Taking};

/// What the rules say against a hold. How many rooms is no field here: the command is as the quote had it.
fn reason(blocked: Blocked) -> Why {
    blocked.why().unwrap_or(Why::RoomsOutOfRange {
        least: 1,
        most: ROOMS_MAX.into(),
    })
}

impl Ledger {
    /// Today at the hotel. Whoever asks without a zone, or with one that only a newer database of zones has, may be
    /// anywhere.
    pub(super) fn today(&self, time_zone: Option<&str>) -> Today {
        let zone = time_zone.and_then(|zone| zone.parse::<Tz>().ok());
        zone.map_or_else(|| Today::somewhere(self.now), |zone| Today::at(self.now, &zone))
    }

    /// Whether all lines may be taken, each from what those before it leave.
    pub(super) fn may_take_all(
        &self,
        hotel_id: HotelId,
        takings: &[Taking],
        today: Today,
    ) -> Result<(), Why> {
        let rooms: u32 = takings.iter().map(|taking| u32::from(taking.rooms)).sum();
        if !(1..=u32::from(ROOMS_MAX)).contains(&rooms) {
            return Err(reason(Blocked::Rooms));
        }
        let mut before = BTreeMap::new();
        for taking in takings {
            self.may_take(hotel_id, *taking, today, &before)?;
            for night in taking.nights(hotel_id) {
                *before.entry(night).or_insert(0) += u32::from(taking.rooms);
            }
        }
        Ok(())
    }

    /// The inventory's part of the rules, on what its rows say.
    fn may_take(
        &self,
        hotel_id: HotelId,
        taking: Taking,
        today: Today,
        before: &BTreeMap<NightKey, u32>,
    ) -> Result<(), Why> {
        let facts_of = |key: NightKey| {
            let mut facts = self.facts_of(&key);
            let asked = before.get(&key).copied().unwrap_or(0);
            facts.left = facts.left.map(|left| left.saturating_sub(asked));
            facts
        };
        let nights: Vec<NightFacts> = taking.nights(hotel_id).map(facts_of).collect();
        let facts = Facts {
            today: Some(today),
            offered: Some(self.room_types.contains(&(hotel_id, taking.room_type_id))),
            nights: &nights,
            ..Facts::default()
        };
        let ask = Ask {
            stay: taking.stay,
            rooms: taking.rooms,
            party: None,
        };
        rules::first(&ask, &facts).map_or(Ok(()), |blocked| Err(reason(blocked)))
    }

    /// A night that is not in the books was never offered, and has no rooms.
    fn facts_of(&self, key: &NightKey) -> NightFacts {
        let night = self.nights.get(key).map(|night| night.now);
        NightFacts {
            closed: Some(night.is_some_and(|night| night.closed)),
            left: Some(night.map_or(0, |night| night.free())),
            priced: None,
        }
    }
}
