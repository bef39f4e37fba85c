//! A line of a hold: what it takes, how it stands, and who asked in which round.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use contract::command::HeldLines;
use contract::{HotelId, Refusal, RoomTypeId, SagaId, Stay, StayDate};

use super::NightKey;

/// How a line of a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// Takes rooms, until it is booked or expires.
    Held,
    /// Takes rooms for good.
    Sold,
    /// Gave its rooms back, or was never to have any.
    Released,
    /// Gave its rooms back because nobody booked them in time.
    Expired,
    /// Never had any: it was refused, and whoever asks again hears why.
    Refused,
}

/// Who asks, and in which round of its run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The run.
    pub saga_id: SagaId,
    /// Its round.
    pub round: u32,
    /// After this nobody waits for the answer; none where somebody always does.
    pub deadline: Option<DateTime<Utc>>,
}

impl Asked {
    /// Whether this round is older or newer than the one in which the line was decided. Rounds of two runs are not
    /// compared: to whoever did not hold, what stands is of its own round.
    pub(super) fn beside(self, line: &Hold) -> Ordering {
        if self.saga_id == line.saga_id {
            self.round.cmp(&line.round)
        } else {
            Ordering::Equal
        }
    }
}

/// What a hold takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// Which rooms.
    pub room_type_id: RoomTypeId,
    /// Which nights.
    pub stay: Stay,
    /// How many each night.
    pub rooms: u16,
}

impl Taking {
    /// What the lines of a command take.
    pub fn of(HeldLines(lines): &HeldLines) -> impl Iterator<Item = Self> {
        lines.iter().map(|line| Self {
            room_type_id: line.room_type_id,
            stay: line.stay,
            rooms: line.rooms,
        })
    }

    /// The same room by room.
    pub(super) fn each_room(self) -> impl Iterator<Item = Self> {
        (0..self.rooms).map(move |_| Self { rooms: 1, ..self })
    }

    /// The nights, in the order in which they are locked.
    pub fn nights(self, hotel_id: HotelId) -> impl Iterator<Item = NightKey> {
        let Self {
            room_type_id, stay, ..
        } = self;
        stay.nights().map(move |night| (hotel_id, room_type_id, night))
    }
}

/// A line of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The saga that asked first.
    pub saga_id: SagaId,
    /// The newest round of that saga's run that has decided or adopted it, from 1.
    pub round: u32,
    /// What it takes, took or was refused; none for a release that came before its hold, and for a hold of no number
    /// of rooms that there can be.
    pub taking: Option<Taking>,
    /// How it stands.
    pub state: HoldState,
    /// What was answered when it was refused.
    pub refusal: Option<Refusal>,
}

impl Hold {
    pub(super) const fn of(asked: Asked, state: HoldState, taking: Option<Taking>) -> Self {
        Self {
            saga_id: asked.saga_id,
            round: asked.round,
            taking,
            state,
            refusal: None,
        }
    }

    /// Whether it takes rooms now.
    pub const fn is_taking(&self) -> bool {
        matches!(self.state, HoldState::Held | HoldState::Sold)
    }

    /// What it takes now.
    pub fn takes(&self) -> Option<Taking> {
        self.taking.filter(|_| self.is_taking())
    }

    /// What stays sold when the nights from `from` on are given back, if anything does. Rooms that are only
    /// held go back as a whole, as nobody has slept in them.
    pub(super) fn kept(&self, from: Option<StayDate>) -> Option<Stay> {
        let sold = self.taking.filter(|_| self.state == HoldState::Sold)?.stay;
        Stay::new(sold.check_in(), from?.min(sold.check_out())).ok()
    }
}
