//! The rules of rooms and holds, as values: commands go in, outcomes and changes come out.
//!
//! A [`Ledger`] is the part of the books that a batch of commands is about. Commands are applied to it
//! one after the other, in the order in which they arrived, so a batch ends exactly as its commands would
//! have ended one by one. What was changed is read from it at the end and written with a few statements.
//!
//! 1. `(held + sold) * 10 <= total * 11` for every night, always ([`rules::overbooking`]): ten percent more than
//!    there is, never one room more. Only a hotel that insists can bring a night below what is already sold (`forced`),
//!    and such a night sells nothing.
//! 2. All nights of all lines of a hold or none.
//! 3. A command that comes again finds its work done. A release that comes before its hold forbids it.
//! 4. `held` and `sold` of a night are the sums of the holds in these states.
//! 5. A refused command leaves nothing behind. A hold that comes again after its refusal is decided anew;
//!    if nobody waits for it any more, it expires like any other.

mod hold;
mod set;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::command::InventoryCommand;
use contract::{HoldId, HotelId, Outcome, RoomTypeId, SagaId, Stay, StayDate, Why};
use rules::limits::ROOMS_MAX;
use rules::{Ask, Blocked, Facts, Night, NightFacts, Today};

pub use hold::{Hold, HoldState, Taking};
pub(crate) use set::{NightSet, NotSet, Wanted, set_night};

/// Names a room type at its hotel.
pub type RoomTypeKey = (HotelId, RoomTypeId);
/// Names a hold.
pub type HoldKey = (HotelId, HoldId);
/// Names a line of a hold, from [`FIRST_LINE`] on. The order is the order in which lines are locked, so whoever has the
/// first has them all.
pub type LineKey = (HotelId, HoldId, u16);
/// Every hold has this line. What forbids a hold that comes later is one too, so that of a hold and its release, in two
/// transactions at once, one is refused by the key.
pub const FIRST_LINE: u16 = 1;
/// Names a night of a room type. The order is the order in which nights are locked.
pub type NightKey = (HotelId, RoomTypeId, StayDate);

/// The books say something that cannot be: a hold takes rooms of a night that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("hold {hold_id} of hotel {hotel_id} takes rooms of the night {night}, which is not in the books")]
pub struct Contradiction {
    hotel_id: HotelId,
    hold_id: HoldId,
    night: StayDate,
}

/// What the rules say against a hold. How many rooms is no field here: the command is as the quote had it.
fn reason(blocked: Blocked) -> Why {
    blocked.why().unwrap_or(Why::RoomsOutOfRange {
        least: 1,
        most: ROOMS_MAX.into(),
    })
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Lines of holds that were not there, in key order.
    pub new_holds: Vec<(LineKey, Hold)>,
    /// Lines whose state changed, or whose last nights were given back, in key order.
    pub changed_holds: Vec<(LineKey, Hold)>,
    /// By how much held and sold changed, in key order.
    pub nights: Vec<(NightKey, i32, i32)>,
}

/// The part of the books that a batch is about.
#[derive(Debug)]
pub struct Ledger {
    now: DateTime<Utc>,
    room_types: BTreeSet<RoomTypeKey>,
    nights: BTreeMap<NightKey, Tracked<Night>>,
    holds: BTreeMap<LineKey, Tracked<Hold>>,
}

/// A row as it was read, if it was there, and as it is now.
#[derive(Debug)]
struct Tracked<T> {
    before: Option<T>,
    now: T,
}

impl Ledger {
    /// The books as read: when that was, the room types that the hotels offer, the nights and all lines of the holds
    /// that the commands are about. What is not given does not exist.
    pub fn new(
        now: DateTime<Utc>,
        room_types: BTreeSet<RoomTypeKey>,
        nights: impl IntoIterator<Item = (NightKey, Night)>,
        holds: impl IntoIterator<Item = (LineKey, Hold)>,
    ) -> Self {
        Self {
            now,
            room_types,
            nights: nights
                .into_iter()
                .map(|(key, night)| (key, Tracked::read(night)))
                .collect(),
            holds: holds
                .into_iter()
                .map(|(key, hold)| (key, Tracked::read(hold)))
                .collect(),
        }
    }

    /// Applies one command.
    pub fn apply(&mut self, saga_id: SagaId, command: &InventoryCommand) -> Result<Outcome, Contradiction> {
        let decided = match *command {
            InventoryCommand::Hold {
                hotel_id,
                hold_id,
                ref lines,
                ref time_zone,
            } => {
                let takings: Vec<Taking> = Taking::of(lines).collect();
                let today = self.today(time_zone.as_deref());
                self.hold((hotel_id, hold_id), saga_id, &takings, today)?
            }
            InventoryCommand::Book { hotel_id, hold_id } => self.book((hotel_id, hold_id))?,
            InventoryCommand::Release {
                hotel_id,
                hold_id,
                from,
            } => {
                self.release((hotel_id, hold_id), saga_id, from)?;
                Ok(())
            }
        };
        Ok(decided.map_or_else(|why| Outcome::Refused(why.into()), |()| Outcome::Done))
    }

    fn hold(
        &mut self,
        key: HoldKey,
        saga_id: SagaId,
        takings: &[Taking],
        today: Today,
    ) -> Result<Result<(), Why>, Contradiction> {
        match self.state(key) {
            None => {}
            Some(HoldState::Held | HoldState::Sold) => return Ok(Ok(())),
            Some(HoldState::Released) => return Ok(Err(Why::HoldReleased)),
            Some(HoldState::Expired) => return Ok(Err(Why::HoldExpired)),
        }
        if let Err(why) = self.may_take_all(key.0, takings, today) {
            return Ok(Err(why));
        }
        for (line, taking) in (FIRST_LINE..).zip(takings) {
            let hold = Hold {
                saga_id,
                taking: Some(*taking),
                state: HoldState::Held,
            };
            self.insert((key.0, key.1, line), hold);
            self.count(key, Some(*taking), |night, rooms| night.held += rooms)?;
        }
        Ok(Ok(()))
    }

    fn insert(&mut self, key: LineKey, now: Hold) {
        self.holds.insert(key, Tracked { before: None, now });
    }

    /// How a hold stands: as those of its lines that take rooms, if any does.
    fn state(&self, key: HoldKey) -> Option<HoldState> {
        let states = || lines_of(&self.holds, key).map(|(_, line)| line.now.state);
        let is_taking = |state: &HoldState| matches!(state, HoldState::Held | HoldState::Sold);
        states().find(is_taking).or_else(|| states().next())
    }

    fn keys_of(&self, key: HoldKey) -> Vec<LineKey> {
        lines_of(&self.holds, key).map(|(key, _)| *key).collect()
    }

    /// Today at the hotel. Whoever asks without a zone, or with one that only a newer database of zones has, may be
    /// anywhere.
    fn today(&self, time_zone: Option<&str>) -> Today {
        let zone = time_zone.and_then(|zone| zone.parse::<Tz>().ok());
        zone.map_or_else(|| Today::somewhere(self.now), |zone| Today::at(self.now, &zone))
    }

    /// Whether all lines may be taken, each from what those before it leave.
    fn may_take_all(&self, hotel_id: HotelId, takings: &[Taking], today: Today) -> Result<(), Why> {
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

    /// A hold that is due but has not been given back yet still has its rooms, so it may be booked.
    fn book(&mut self, key: HoldKey) -> Result<Result<(), Why>, Contradiction> {
        match self.state(key) {
            Some(HoldState::Sold) => return Ok(Ok(())),
            None | Some(HoldState::Released | HoldState::Expired) => return Ok(Err(Why::HoldExpired)),
            Some(HoldState::Held) => {}
        }
        for line in self.keys_of(key) {
            let Some(hold) = self.holds.get_mut(&line) else {
                continue;
            };
            hold.now.state = HoldState::Sold;
            let taking = hold.now.taking;
            self.count(key, taking, |night, rooms| {
                night.held -= rooms;
                night.sold += rooms;
            })?;
        }
        Ok(Ok(()))
    }

    fn release(
        &mut self,
        key: HoldKey,
        saga_id: SagaId,
        from: Option<StayDate>,
    ) -> Result<(), Contradiction> {
        let lines = self.keys_of(key);
        if lines.is_empty() {
            let tombstone = Hold {
                saga_id,
                taking: None,
                state: HoldState::Released,
            };
            self.insert((key.0, key.1, FIRST_LINE), tombstone);
        }
        for line in lines {
            self.release_line(line, from)?;
        }
        Ok(())
    }

    fn release_line(&mut self, key: LineKey, from: Option<StayDate>) -> Result<(), Contradiction> {
        let Some(hold) = self.holds.get(&key) else {
            return Ok(());
        };
        if let Some(kept) = hold.now.kept(from) {
            self.shorten(key, kept)
        } else if hold.now.takes().is_some() {
            self.give_back(key, HoldState::Released)
        } else {
            Ok(())
        }
    }

    /// The nights after those that are kept are on sale again; the hold names what is left of it.
    fn shorten(&mut self, key: LineKey, kept: Stay) -> Result<(), Contradiction> {
        let Some(taking) = self.holds.get_mut(&key).and_then(|hold| hold.now.taking.as_mut()) else {
            return Ok(());
        };
        let rest = Stay::new(kept.check_out(), taking.stay.check_out()).ok();
        let rest = rest.map(|stay| Taking { stay, ..*taking });
        taking.stay = kept;
        self.count((key.0, key.1), rest, |night, rooms| night.sold -= rooms)
    }

    /// A hold whose time is over gives its rooms back; in any other state nothing happens.
    pub fn expire(&mut self, key: HoldKey) -> Result<(), Contradiction> {
        if self.state(key) == Some(HoldState::Held) {
            for line in self.keys_of(key) {
                self.give_back(line, HoldState::Expired)?;
            }
        }
        Ok(())
    }

    fn give_back(&mut self, key: LineKey, state: HoldState) -> Result<(), Contradiction> {
        let Some(hold) = self.holds.get_mut(&key) else {
            return Ok(());
        };
        let was = std::mem::replace(&mut hold.now.state, state);
        let taking = hold.now.taking;
        self.count((key.0, key.1), taking, |night, rooms| {
            let counter = if was == HoldState::Sold {
                &mut night.sold
            } else {
                &mut night.held
            };
            *counter -= rooms;
        })
    }

    fn count(
        &mut self,
        key: HoldKey,
        taking: Option<Taking>,
        change: impl Fn(&mut Night, i32),
    ) -> Result<(), Contradiction> {
        let (hotel_id, hold_id) = key;
        if let Some(taking) = taking {
            for night_key in taking.nights(hotel_id) {
                let night = night_key.2;
                let counted = self.nights.get_mut(&night_key);
                let counted = counted.ok_or(Contradiction {
                    hotel_id,
                    hold_id,
                    night,
                })?;
                change(&mut counted.now, i32::from(taking.rooms));
            }
        }
        Ok(())
    }

    /// What differs from what was read.
    pub fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for (key, hold) in &self.holds {
            match hold.before {
                None => changes.new_holds.push((*key, hold.now)),
                Some(before) if before != hold.now => changes.changed_holds.push((*key, hold.now)),
                Some(_) => {}
            }
        }
        for (key, night) in &self.nights {
            let before = night.before.unwrap_or(night.now);
            let (held, sold) = (night.now.held - before.held, night.now.sold - before.sold);
            if (held, sold) != (0, 0) {
                changes.nights.push((*key, held, sold));
            }
        }
        changes
    }
}

/// The lines of a hold, in their order.
fn lines_of<T>(
    holds: &BTreeMap<LineKey, T>,
    (hotel_id, hold_id): HoldKey,
) -> impl Iterator<Item = (&LineKey, &T)> {
    holds.range((hotel_id, hold_id, 0)..=(hotel_id, hold_id, u16::MAX))
}

impl<T: Copy> Tracked<T> {
    const fn read(row: T) -> Self {
        Self {
            before: Some(row),
            now: row,
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod edges;
