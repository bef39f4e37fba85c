//! The inventory's tables, and its model on them as production runs it: read, apply, write the changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contract::command::InventoryCommand;
use contract::{CommandEnvelope, HotelId, Outcome, RoomTypeId, StayDate};
use inventory::model::{
    Asked, Contradiction, Hold, HoldKey, HoldState, Ledger, LineKey, NightKey, RoomTypeKey,
};
use rules::{Night, overbooking};

/// Rows of `inventory.room_night` and `inventory.hold`.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// The time, as the database knows it.
    pub now: DateTime<Utc>,
    room_types: BTreeSet<RoomTypeKey>,
    /// Nights by key.
    pub nights: BTreeMap<NightKey, Night>,
    /// Lines of holds by key, each with when it expires, in seconds.
    pub holds: BTreeMap<LineKey, (Hold, i64)>,
    /// How often anything of it was written; the laws are looked at only after something was.
    pub writes: u64,
}

/// What becomes of a hotel's wish to have so many rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// It has as many.
    Done,
    /// More are taken, and the hotel insisted.
    Forced,
    /// More are taken.
    Refused,
}

/// Who asks the inventory, in which round of its run, and until when it waits for the answer.
pub const fn asked<C>(envelope: &CommandEnvelope<C>, deadline: Option<DateTime<Utc>>) -> Asked {
    Asked {
        saga_id: envelope.saga_id,
        round: envelope.round,
        deadline,
    }
}

impl Rooms {
    /// Nights with so many rooms each, from `first` on.
    pub fn new(
        now: DateTime<Utc>,
        room_type: (HotelId, RoomTypeId),
        first: StayDate,
        totals: &[i32],
    ) -> Self {
        let mut rooms = Self {
            now,
            room_types: BTreeSet::new(),
            nights: BTreeMap::new(),
            holds: BTreeMap::new(),
            writes: 0,
        };
        rooms.offer(room_type, first, totals);
        rooms
    }

    /// Nights with so many rooms each of one more type.
    pub fn offer(&mut self, room_type: RoomTypeKey, first: StayDate, totals: &[i32]) {
        self.room_types.insert(room_type);
        for (at, total) in (0..).zip(totals) {
            let night = Night {
                total: *total,
                held: 0,
                sold: 0,
                closed: false,
            };
            self.nights
                .insert((room_type.0, room_type.1, first.plus_days(at)), night);
        }
    }

    /// The lines of a hold, in their order.
    pub fn lines(&self, (hotel, hold): HoldKey) -> impl Iterator<Item = &Hold> {
        let lines = self.holds.range((hotel, hold, 0)..=(hotel, hold, u16::MAX));
        lines.map(|(_, (line, _))| line)
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(
            self.now,
            self.room_types.clone(),
            self.nights.iter().map(|(key, night)| (*key, *night)),
            self.holds.iter().map(|(key, (hold, _))| (*key, hold.clone())),
        )
    }

    /// One transaction over a batch of commands. Answers the outcomes and the nights that changed.
    ///
    /// # Errors
    /// When the books contradict themselves.
    pub fn settle(
        &mut self,
        commands: &[(Asked, InventoryCommand)],
        expires_at: i64,
    ) -> Result<(Vec<Outcome>, Vec<NightKey>), Contradiction> {
        let mut ledger = self.ledger();
        let mut outcomes = Vec::with_capacity(commands.len());
        for (asked, command) in commands {
            outcomes.push(ledger.apply(*asked, command)?);
        }
        Ok((outcomes, self.write(&ledger, expires_at)))
    }

    /// Holds whose time is over give their rooms back. Answers the nights that changed.
    ///
    /// # Errors
    /// When the books contradict themselves.
    pub fn expire(&mut self, now: i64) -> Result<Vec<NightKey>, Contradiction> {
        let over: BTreeSet<HoldKey> = self
            .holds
            .iter()
            .filter(|(_, (hold, at))| hold.state == HoldState::Held && *at <= now)
            .map(|((hotel, hold, _), _)| (*hotel, *hold))
            .collect();
        let mut ledger = self.ledger();
        for key in over {
            ledger.expire(key)?;
        }
        Ok(self.write(&ledger, 0))
    }

    /// When the next hold expires.
    pub fn next_expiry(&self) -> Option<i64> {
        let held = self
            .holds
            .values()
            .filter(|(hold, _)| hold.state == HoldState::Held);
        held.map(|(_, at)| *at).min()
    }

    /// The hotel says how many rooms a night has. Production's rule, which the inventory keeps to itself.
    pub fn set_total(&mut self, key: NightKey, total: i32, insists: bool) -> Set {
        let Some(night) = self.nights.get_mut(&key) else {
            return Set::Refused;
        };
        let below = !overbooking::fits(total, night.taken());
        if below && !insists {
            return Set::Refused;
        }
        let forced = below && total != night.total;
        night.total = total;
        self.writes += 1;
        if forced { Set::Forced } else { Set::Done }
    }

    fn write(&mut self, ledger: &Ledger, expires_at: i64) -> Vec<NightKey> {
        let changes = ledger.changes();
        self.writes += 1;
        for (key, hold) in changes.new_holds {
            self.holds.insert(key, (hold, expires_at));
        }
        for (key, changed) in changes.changed_holds {
            if let Some((hold, at)) = self.holds.get_mut(&key) {
                // What takes rooms anew lives anew.
                *at = if hold.round < changed.round {
                    expires_at
                } else {
                    *at
                };
                *hold = changed;
            }
        }
        let mut touched = Vec::with_capacity(changes.nights.len());
        for (key, held, sold) in changes.nights {
            if let Some(night) = self.nights.get_mut(&key) {
                night.held += held;
                night.sold += sold;
                touched.push(key);
            }
        }
        touched
    }
}
