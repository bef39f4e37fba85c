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
//! 3. A command that comes again finds its work done, or its refusal, for good: a refused hold is kept like any other,
//!    so rooms that come free later are not taken by a repeat for which nobody waits.
//! 4. `held` and `sold` of a night are the sums of the holds in these states.
//! 5. A command carries the round of its run. What an older round asks changes nothing. A newer round takes rooms over
//!    what was released, has expired or was refused, and adopts what is held or sold. A release forbids all holds of its
//!    round and of those before, also when it comes first. Rounds of two runs are not compared: whoever cancels a
//!    booking releases what stands, in whichever round it was sold.
//! 6. A hold for which nobody waits any more when it is taken from the queue is not begun. Nothing is kept of that: whoever
//!    still waits after all asks again, with a later deadline.

mod hold;
mod sale;
mod set;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::command::InventoryCommand;
use contract::{HoldId, HotelId, Outcome, Refusal, RoomTypeId, Stay, StayDate, Why};
use rules::limits::ROOMS_MAX;
use rules::{Night, Today};

pub use hold::{Asked, Hold, HoldState, Taking};
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

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Lines of holds that were not there, in key order.
    pub new_holds: Vec<(LineKey, Hold)>,
    /// Lines of which something changed, in key order.
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
    pub fn apply(&mut self, asked: Asked, command: &InventoryCommand) -> Result<Outcome, Contradiction> {
        match *command {
            InventoryCommand::Hold {
                hotel_id,
                hold_id,
                ref lines,
                ref time_zone,
            } => {
                let takings: Vec<Taking> = Taking::of(lines).collect();
                let today = self.today(time_zone.as_deref());
                self.hold((hotel_id, hold_id), asked, &takings, today)
            }
            InventoryCommand::Book { hotel_id, hold_id } => self.book((hotel_id, hold_id), asked),
            InventoryCommand::Release {
                hotel_id,
                hold_id,
                from,
            } => {
                self.release((hotel_id, hold_id), asked, from)?;
                Ok(Outcome::Done)
            }
        }
    }

    fn hold(
        &mut self,
        key: HoldKey,
        asked: Asked,
        takings: &[Taking],
        today: Today,
    ) -> Result<Outcome, Contradiction> {
        if let Some(known) = self.standing(key) {
            let is_newer = asked.beside(known) == Ordering::Greater;
            match known.state {
                HoldState::Held | HoldState::Sold => {
                    self.raise(key, asked);
                    return Ok(Outcome::Done);
                }
                HoldState::Released | HoldState::Expired | HoldState::Refused if is_newer => {}
                HoldState::Released => return Ok(refused(Why::HoldReleased)),
                HoldState::Expired => return Ok(refused(Why::HoldExpired)),
                HoldState::Refused => {
                    let again = known.refusal.clone();
                    return Ok(Outcome::Refused(
                        again.unwrap_or_else(|| Why::HoldReleased.into()),
                    ));
                }
            }
        }
        if asked.deadline.is_some_and(|deadline| deadline < self.now) {
            return Ok(refused(Why::TooLate));
        }
        match self.may_take_all(key.0, takings, today) {
            Ok(()) => self.take(key, asked, takings).map(|()| Outcome::Done),
            Err(why) => {
                self.refuse(key, asked, takings, &why.into());
                Ok(refused(why))
            }
        }
    }

    /// Each room is a line, also of rooms that were asked for together; in every round each takes its own place again. A line of
    /// several rooms, by a former process, becomes so many; lines that a former round had besides are this round's too.
    fn take(&mut self, key: HoldKey, asked: Asked, takings: &[Taking]) -> Result<(), Contradiction> {
        for (line, taking) in (FIRST_LINE..).zip(takings.iter().copied().flat_map(Taking::each_room)) {
            let hold = Hold::of(asked, HoldState::Held, Some(taking));
            self.put((key.0, key.1, line), hold);
            self.count(key, Some(taking), |night, rooms| night.held += rooms)?;
        }
        self.raise(key, asked);
        Ok(())
    }

    /// Keeps the refusal, so that whoever asks again hears the same: with the lines that are there, or as the first one.
    fn refuse(&mut self, key: HoldKey, asked: Asked, takings: &[Taking], refusal: &Refusal) {
        let first = takings.first().copied();
        let first = first.filter(|taking| (1..=ROOMS_MAX).contains(&taking.rooms));
        let mut lines = self.keys_of(key);
        if lines.is_empty() {
            lines.push((key.0, key.1, FIRST_LINE));
        }
        for line in lines {
            let known = self.holds.get(&line).map(|hold| hold.now.taking);
            let mut hold = Hold::of(asked, HoldState::Refused, known.unwrap_or(first));
            hold.refusal = Some(refusal.clone());
            self.put(line, hold);
        }
    }

    fn put(&mut self, key: LineKey, now: Hold) {
        match self.holds.get_mut(&key) {
            Some(tracked) => tracked.now = now,
            None => drop(self.holds.insert(key, Tracked { before: None, now })),
        }
    }

    /// A newer round of the run that asked first takes over what stands.
    fn raise(&mut self, key: HoldKey, asked: Asked) {
        for line in self.keys_of(key) {
            if let Some(hold) = self.holds.get_mut(&line)
                && asked.beside(&hold.now) == Ordering::Greater
            {
                hold.now.round = asked.round;
            }
        }
    }

    /// The line that says how a hold stands: one that takes rooms, if any does.
    fn standing(&self, key: HoldKey) -> Option<&Hold> {
        let lines = || lines_of(&self.holds, key).map(|(_, line)| &line.now);
        lines().find(|line| line.is_taking()).or_else(|| lines().next())
    }

    fn state(&self, key: HoldKey) -> Option<HoldState> {
        self.standing(key).map(|line| line.state)
    }

    fn keys_of(&self, key: HoldKey) -> Vec<LineKey> {
        lines_of(&self.holds, key).map(|(key, _)| *key).collect()
    }

    /// A hold that is due but has not been given back yet still has its rooms, so it may be booked.
    fn book(&mut self, key: HoldKey, asked: Asked) -> Result<Outcome, Contradiction> {
        let Some(known) = self.standing(key) else {
            return Ok(refused(Why::HoldExpired));
        };
        let is_older = asked.beside(known) == Ordering::Less;
        match known.state {
            HoldState::Sold => {}
            HoldState::Held if !is_older => self.sell(key)?,
            HoldState::Held | HoldState::Released | HoldState::Expired | HoldState::Refused => {
                return Ok(refused(Why::HoldExpired));
            }
        }
        self.raise(key, asked);
        Ok(Outcome::Done)
    }

    fn sell(&mut self, key: HoldKey) -> Result<(), Contradiction> {
        for line in self.keys_of(key) {
            let Some(hold) = self.holds.get_mut(&line).filter(|hold| hold.now.is_taking()) else {
                continue;
            };
            hold.now.state = HoldState::Sold;
            let taking = hold.now.taking;
            self.count(key, taking, |night, rooms| {
                night.held -= rooms;
                night.sold += rooms;
            })?;
        }
        Ok(())
    }

    fn release(&mut self, key: HoldKey, asked: Asked, from: Option<StayDate>) -> Result<(), Contradiction> {
        let known = self.standing(key);
        if known.is_some_and(|known| asked.beside(known) == Ordering::Less) {
            return Ok(());
        }
        let lines = self.keys_of(key);
        if lines.is_empty() {
            let tombstone = Hold::of(asked, HoldState::Released, None);
            self.put((key.0, key.1, FIRST_LINE), tombstone);
        }
        for line in lines {
            self.release_line(line, from)?;
        }
        self.raise(key, asked);
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
                if self.holds.get(&line).is_some_and(|hold| hold.now.is_taking()) {
                    self.give_back(line, HoldState::Expired)?;
                }
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
            match &hold.before {
                None => changes.new_holds.push((*key, hold.now.clone())),
                Some(before) if *before != hold.now => changes.changed_holds.push((*key, hold.now.clone())),
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

impl<T: Clone> Tracked<T> {
    fn read(row: T) -> Self {
        Self {
            before: Some(row.clone()),
            now: row,
        }
    }
}

fn refused(why: Why) -> Outcome {
    Outcome::Refused(why.into())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod edges;
