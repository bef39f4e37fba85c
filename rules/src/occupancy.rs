//! How many rooms and people one stay takes, and who fits into a room.

use contract::quote::{PARTY_MAX, Party};

use crate::blocked::Blocked;
use crate::limits::ROOMS_MAX;

/// How many people one room takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Adults.
    pub adults: u32,
    /// Children beside the adults; they may also take places that adults leave free.
    pub children: u32,
}

/// Whether rooms and party are numbers that a stay can have, whatever room they get.
pub fn in_range(party: Party, rooms: u16) -> bool {
    let [rooms, adults, children, _] = of_party(Some(party), rooms);
    (rooms, adults, children) == (None, None, None)
}

/// What stands against a party and its rooms before it is known which rooms: their numbers, and an adult in every room.
pub(crate) fn of_party(party: Option<Party>, rooms: u16) -> [Option<Blocked>; 4] {
    let against = |condition: fn(Party, u16) -> bool, blocked| {
        party
            .is_some_and(|party| condition(party, rooms))
            .then_some(blocked)
    };
    [
        (!(1..=ROOMS_MAX).contains(&rooms)).then_some(Blocked::Rooms),
        against(
            |party, _| !(1..=PARTY_MAX).contains(&party.adults),
            Blocked::Adults,
        ),
        against(|party, _| party.children > PARTY_MAX, Blocked::Children),
        against(
            |party, rooms| party.adults < rooms,
            Blocked::TooFewAdults { rooms },
        ),
    ]
}

/// What stands against a party in so many rooms of this size. Children may take the places that adults leave free, never
/// the reverse.
pub(crate) fn of_rooms(party: Option<Party>, capacity: Option<Capacity>, rooms: u16) -> [Option<Blocked>; 2] {
    let Some((party, capacity)) = party.zip(capacity) else {
        return [None, None];
    };
    let (rooms, adults) = (u32::from(rooms), u32::from(party.adults));
    let for_adults = capacity.adults.saturating_mul(rooms);
    let places = capacity
        .children
        .saturating_mul(rooms)
        .saturating_add(for_adults.saturating_sub(adults));
    let (too_many, too_small) = (adults > for_adults, u32::from(party.children) > places);
    [
        too_many.then_some(Blocked::TooManyAdults { places: for_adults }),
        too_small.then_some(Blocked::TooManyChildren { places }),
    ]
}

#[cfg(test)]
#[path = "occupancy_tests.rs"]
mod tests;
