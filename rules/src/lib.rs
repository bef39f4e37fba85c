//! What may be sold, decided once: search, quote and hold ask the same function about what each of them knows.
//!
//! Values in, values out: no IO, no clock. [`evaluate`] takes what is asked and the facts that the caller has, and gives
//! every reason against it in one order ([`Blocked`]). A fact that the caller does not know counts as allowed, so whoever
//! knows less refuses less, and never for another reason: the reasons of all facts are those of the hotel's part and
//! those of the inventory's part together.

pub mod blocked;
pub mod combine;
pub mod dates;
pub mod limits;
pub mod occupancy;
pub mod overbooking;

use contract::quote::Party;
use contract::{Stay, StayDate};

pub use blocked::{Blocked, Field};
pub use dates::Today;
pub use occupancy::Capacity;
pub use overbooking::Night;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// When.
    pub stay: Stay,
    /// How many rooms.
    pub rooms: u16,
    /// Who, in all rooms together; a hold does not know.
    pub party: Option<Party>,
}

/// What is known of what is asked for. What is not known counts as allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts<'a> {
    /// Today, at the hotel.
    pub today: Option<Today>,
    /// Whether the hotel has ever offered rooms of this type.
    pub offered: Option<bool>,
    /// How many people a room of this type takes.
    pub capacity: Option<Capacity>,
    /// The nights of the stay in date order, as many as are known.
    pub nights: &'a [NightFacts],
    /// Whether the price of the whole is an amount that can be charged.
    pub payable: Option<bool>,
}

/// What is known of one night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NightFacts {
    /// Whether the hotel sells nothing more.
    pub closed: Option<bool>,
    /// Rooms left to sell; none where no room is offered.
    pub left: Option<u32>,
    /// Whether the night has a price.
    pub priced: Option<bool>,
}

impl Ask {
    /// What a request asks for, if it makes sense whatever the hotel is. Its dates are a stay by [`dates::stay`].
    ///
    /// # Errors
    /// The first reason that needs no facts.
    pub fn new(stay: Stay, rooms: u16, party: Party) -> Result<Self, Blocked> {
        let ask = Self {
            stay,
            rooms,
            party: Some(party),
        };
        first(&ask, &Facts::default()).map_or(Ok(ask), Err)
    }
}

/// Every reason why this cannot be sold, in the order of [`Blocked`]; none when nothing that is known stands against it.
pub fn evaluate(ask: &Ask, facts: &Facts<'_>) -> Vec<Blocked> {
    reasons(ask, facts).collect()
}

/// The first of the reasons that [`evaluate`] gives, which is the one that is told.
pub fn first(ask: &Ask, facts: &Facts<'_>) -> Option<Blocked> {
    reasons(ask, facts).next()
}

fn reasons(ask: &Ask, facts: &Facts<'_>) -> impl Iterator<Item = Blocked> {
    let (check_in, rooms, today) = (ask.stay.check_in(), ask.rooms, facts.today);
    let [out_of_range, adults, children, too_few] = occupancy::of_party(ask.party, rooms);
    let [too_many_adults, too_many_children] = occupancy::of_rooms(ask.party, facts.capacity, rooms);
    let whole = [
        out_of_range,
        adults,
        children,
        too_few,
        today.and_then(|today| today.is_past(check_in)),
        today.and_then(|today| today.is_too_far_ahead(check_in)),
        (facts.offered == Some(false)).then_some(Blocked::NotOffered),
        too_many_adults,
        too_many_children,
    ];
    let few = move |left: u32| left < u32::from(rooms);
    let closed = each_night(ask, facts, Blocked::Closed, |night| night.closed == Some(true));
    let sold_out = each_night(ask, facts, Blocked::SoldOut, move |night| {
        night.left.is_some_and(few)
    });
    let no_price = each_night(ask, facts, Blocked::NoPrice, |night| night.priced == Some(false));
    let too_expensive = (facts.payable == Some(false)).then_some(Blocked::TooExpensive);
    let nights = closed.chain(sold_out).chain(no_price);
    whole.into_iter().flatten().chain(nights).chain(too_expensive)
}

/// The nights that something stands against.
fn each_night(
    ask: &Ask,
    facts: &Facts<'_>,
    blocked: fn(StayDate) -> Blocked,
    stands_against: impl Fn(&NightFacts) -> bool,
) -> impl Iterator<Item = Blocked> {
    let check_in = ask.stay.check_in();
    let nights = (0..ask.stay.nights_count()).zip(facts.nights);
    let against = nights.filter(move |(_, known)| stands_against(known));
    // A date costs more than all the rest, so that only those are made that are told.
    against.map(move |(at, _)| blocked(check_in.plus_days(at)))
}

#[cfg(test)]
mod properties_tests;
#[cfg(test)]
mod truth_tests;
