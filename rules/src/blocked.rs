//! Every reason against a stay, in the order in which reasons are told, each with the one code by which every endpoint
//! refuses. Whoever answers a request says where the field is.

use chrono::NaiveDate;
use contract::quote::PARTY_MAX;
use contract::stay::NIGHTS_MAX;
use contract::{StayDate, Why};

use crate::limits::{DAYS_AHEAD_MAX, ROOMS_MAX};

/// Why a stay is not offered, quoted or held. The text is for people.
///
/// The order of the variants is the order of the reasons: first what is said by the request alone, then what is said by
/// the hotel, by the room type, by the nights (within one reason the earliest first), by the price. So whoever knows
/// fewer facts tells the same first reason as whoever knows them all, or a later one, never an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Blocked {
    /// `check_out` is not after `check_in`.
    #[error("The stay has no night: `check_out` must be at least one day after `check_in`.")]
    NoNight,
    /// More than [`NIGHTS_MAX`] nights.
    #[error("A stay has at most {NIGHTS_MAX} nights; book the rest as a second stay.")]
    TooLong,
    /// No rooms, or more than [`ROOMS_MAX`].
    #[error("A stay takes 1 to {ROOMS_MAX} rooms.")]
    Rooms,
    /// No adults, or more than [`PARTY_MAX`].
    #[error("A stay is for 1 to {PARTY_MAX} adults.")]
    Adults,
    /// More children than [`PARTY_MAX`].
    #[error("A stay is for at most {PARTY_MAX} children.")]
    Children,
    /// Fewer adults than rooms.
    #[error("Each room needs at least one adult: {rooms} rooms need {rooms} adults. Ask for fewer rooms.")]
    TooFewAdults {
        /// The rooms asked for.
        rooms: u16,
    },
    /// The stay begins before today at the hotel.
    #[error("The stay begins in the past: it is already {today} at the hotel.")]
    InPast {
        /// Today, at the hotel.
        today: NaiveDate,
        /// The day of arrival.
        check_in: StayDate,
    },
    /// The stay begins more than [`DAYS_AHEAD_MAX`] days from today.
    #[error("A stay begins at most {DAYS_AHEAD_MAX} days from today, {today} at the hotel.")]
    TooFarAhead {
        /// Today, at the hotel.
        today: NaiveDate,
    },
    /// The hotel has never offered rooms of this type.
    #[error("The hotel does not offer this type of room.")]
    NotOffered,
    /// More adults than the rooms take.
    #[error("The rooms take at most {places} adults; ask for more rooms or a larger room type.")]
    TooManyAdults {
        /// Adults that fit.
        places: u32,
    },
    /// More people than the rooms take.
    #[error(
        "Beside the adults the rooms take at most {places} children; ask for more rooms or a larger room type."
    )]
    TooManyChildren {
        /// Children that fit beside these adults.
        places: u32,
    },
    /// The hotel takes no bookings for this night.
    #[error("The hotel takes no bookings for the night of {0}.")]
    Closed(StayDate),
    /// The night has not enough rooms left, or none are offered.
    #[error("The night of {0} is sold out.")]
    SoldOut(StayDate),
    /// The night has no price in this rate plan.
    #[error("The night of {0} has no price in this rate plan; choose other dates or another rate plan.")]
    NoPrice(StayDate),
    /// The price of the whole is above the largest amount of money.
    #[error("The total is larger than the largest amount that can be charged.")]
    TooExpensive,
}

/// The field of a request that has to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The day of arrival.
    CheckIn,
    /// The day of departure.
    CheckOut,
    /// How many rooms.
    Rooms,
    /// How many adults.
    Adults,
    /// How many children.
    Children,
}

impl Blocked {
    /// The reason by which every endpoint refuses; none where nothing is wrong but a field that is out of its bounds.
    pub fn why(self) -> Option<Why> {
        Some(match self {
            Self::NoNight => Why::InvalidStay,
            Self::TooLong => Why::StayTooLong { most: NIGHTS_MAX },
            Self::Rooms | Self::Adults | Self::Children => return None,
            Self::TooFewAdults { rooms } => Why::PartyTooSmall { least: rooms.into() },
            Self::InPast { check_in, .. } => Why::StayInPast { night: check_in },
            Self::TooFarAhead { .. } => Why::StayTooFarAhead { most: DAYS_AHEAD_MAX },
            Self::NotOffered => Why::UnknownRoomType,
            Self::TooManyAdults { places } | Self::TooManyChildren { places } => {
                Why::PartyTooLarge { most: places }
            }
            Self::Closed(night) => Why::Closed { night },
            Self::SoldOut(night) => Why::SoldOut { night },
            Self::NoPrice(night) => Why::NoPrice { night },
            Self::TooExpensive => Why::InvalidAmount,
        })
    }

    /// Hands status, code, sentence and arguments to whoever answers; or the sentence alone, where nothing is wrong but
    /// a field that is out of its bounds.
    pub fn tell<T>(
        self,
        refused: impl FnOnce(u16, &str, &str, Vec<(&str, serde_json::Value)>) -> T,
        out_of_bounds: impl FnOnce(String) -> T,
    ) -> T {
        match self.why() {
            Some(why) => why.saying(self.to_string()).tell(refused),
            None => out_of_bounds(self.to_string()),
        }
    }

    /// The night that decided, where one did.
    pub const fn night(self) -> Option<StayDate> {
        match self {
            Self::InPast { check_in: night, .. }
            | Self::Closed(night)
            | Self::SoldOut(night)
            | Self::NoPrice(night) => Some(night),
            _ => None,
        }
    }

    /// Which field has to change; none where somebody else was first, or the hotel sells nothing: then another night may
    /// do.
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::NoNight | Self::TooLong => Some(Field::CheckOut),
            Self::Rooms | Self::TooExpensive => Some(Field::Rooms),
            Self::Adults | Self::TooFewAdults { .. } | Self::TooManyAdults { .. } => Some(Field::Adults),
            Self::Children | Self::TooManyChildren { .. } => Some(Field::Children),
            Self::InPast { .. } | Self::TooFarAhead { .. } => Some(Field::CheckIn),
            Self::NotOffered | Self::Closed(_) | Self::SoldOut(_) | Self::NoPrice(_) => None,
        }
    }
}

impl Field {
    /// Its name as a parameter of a query.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::CheckIn => "check_in",
            Self::CheckOut => "check_out",
            Self::Rooms => "rooms",
            Self::Adults => "adults",
            Self::Children => "children",
        }
    }

    /// Its JSON pointer in a body, where the people are a `party`.
    pub const fn pointer(self) -> &'static str {
        match self {
            Self::CheckIn => "/check_in",
            Self::CheckOut => "/check_out",
            Self::Rooms => "/rooms",
            Self::Adults => "/party/adults",
            Self::Children => "/party/children",
        }
    }
}

#[cfg(test)]
#[path = "blocked_tests.rs"]
mod tests;
