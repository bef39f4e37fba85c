//! A line of a hold: what it takes, and how it stands.

use contract::command::HeldLines;
use contract::{HotelId, RoomTypeId, SagaId, Stay, StayDate};

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

    /// The nights, in the order in which they are locked.
    pub fn nights(self, hotel_id: HotelId) -> impl Iterator<Item = NightKey> {
        let Self {
            room_type_id, stay, ..
        } = self;
        stay.nights().map(move |night| (hotel_id, room_type_id, night))
    }
}

/// A line of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The saga that asked first.
    pub saga_id: SagaId,
    /// What it takes or took; none for a release that came before its hold.
    pub taking: Option<Taking>,
    /// How it stands.
    pub state: HoldState,
}

impl Hold {
    /// What it takes now.
    pub fn takes(&self) -> Option<Taking> {
        self.taking
            .filter(|_| matches!(self.state, HoldState::Held | HoldState::Sold))
    }

    /// What stays sold when the nights from `from` on are given back, if anything does. Rooms that are only
    /// held go back as a whole, as nobody has slept in them.
    pub(super) fn kept(&self, from: Option<StayDate>) -> Option<Stay> {
        let sold = self.taking.filter(|_| self.state == HoldState::Sold)?.stay;
        Stay::new(sold.check_in(), from?.min(sold.check_out())).ok()
    }
}
