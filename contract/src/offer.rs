//! What may be offered, quoted and booked: the limits that search, calendar, quote and booking have in common,
//! each with the one code by which every endpoint refuses. Pure; whoever answers a request says where the field is.

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};

use crate::quote::{PARTY_MAX, Party};
use crate::stay::{NIGHTS_MAX, Stay, StayDate, StayError};

/// How far ahead a stay may begin, in days from today at the hotel.
pub const DAYS_AHEAD_MAX: u32 = 730;
/// The most rooms of one stay.
pub const ROOMS_MAX: u16 = 9;

/// Why a stay is not offered, quoted or booked. The text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// `check_out` is not after `check_in`.
    #[error("The stay has no night: `check_out` must be at least one day after `check_in`.")]
    NoNight,
    /// More than [`NIGHTS_MAX`] nights.
    #[error("A stay has at most {NIGHTS_MAX} nights; book the rest as a second stay.")]
    TooLong,
    /// The stay begins before today at the hotel.
    #[error("The stay begins in the past: it is already {today} at the hotel.")]
    InPast {
        /// Today, at the hotel.
        today: NaiveDate,
    },
    /// The stay begins more than [`DAYS_AHEAD_MAX`] days from today.
    #[error("A stay begins at most {DAYS_AHEAD_MAX} days from today, {today} at the hotel.")]
    TooFarAhead {
        /// Today, at the hotel.
        today: NaiveDate,
    },
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
}

/// The field of a request that breaks a limit.
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

impl Limit {
    /// The stable code of the problem, the same on every endpoint. All are answered with 422.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoNight => "invalid_stay",
            Self::TooLong => "stay_too_long",
            Self::InPast { .. } => "stay_in_past",
            Self::TooFarAhead { .. } => "stay_too_far_ahead",
            Self::Rooms | Self::Adults | Self::Children => "invalid_field",
            Self::TooFewAdults { .. } => "party_too_small",
            Self::TooManyAdults { .. } | Self::TooManyChildren { .. } => "party_too_large",
        }
    }

    /// Which field has to change.
    pub const fn field(self) -> Field {
        match self {
            Self::NoNight | Self::TooLong => Field::CheckOut,
            Self::InPast { .. } | Self::TooFarAhead { .. } => Field::CheckIn,
            Self::Rooms => Field::Rooms,
            Self::Adults | Self::TooFewAdults { .. } | Self::TooManyAdults { .. } => Field::Adults,
            Self::Children | Self::TooManyChildren { .. } => Field::Children,
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

/// The stay between two dates.
///
/// # Errors
/// [`Limit::NoNight`], [`Limit::TooLong`].
pub fn stay(check_in: StayDate, check_out: StayDate) -> Result<Stay, Limit> {
    Stay::new(check_in, check_out).map_err(|error| match error {
        StayError::TooLong => Limit::TooLong,
        StayError::Order | StayError::Date => Limit::NoNight,
    })
}

/// The days on which one may arrive: from today at the hotel up to [`DAYS_AHEAD_MAX`] days ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    today: NaiveDate,
}

impl Arrivals {
    /// The days at this moment for a hotel in this zone.
    pub fn at<Zone: TimeZone>(now: DateTime<Utc>, zone: &Zone) -> Self {
        Self {
            today: now.with_timezone(zone).date_naive(),
        }
    }

    /// Whether one may arrive on this day.
    ///
    /// # Errors
    /// [`Limit::InPast`], [`Limit::TooFarAhead`].
    pub fn check(self, check_in: StayDate) -> Result<(), Limit> {
        let today = self.today;
        if check_in.date() < today {
            return Err(Limit::InPast { today });
        }
        match today.checked_add_days(Days::new(u64::from(DAYS_AHEAD_MAX))) {
            Some(latest) if check_in.date() <= latest => Ok(()),
            _ => Err(Limit::TooFarAhead { today }),
        }
    }
}

/// How many people one room takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Adults.
    pub adults: u32,
    /// Children beside the adults; they may also take places that adults leave free.
    pub children: u32,
}

/// What can be said about a party and its rooms before it is known which rooms: their numbers, and an adult in
/// every room.
///
/// # Errors
/// [`Limit::Rooms`], [`Limit::Adults`], [`Limit::Children`], [`Limit::TooFewAdults`].
pub fn check_party(party: Party, rooms: u16) -> Result<(), Limit> {
    if !(1..=ROOMS_MAX).contains(&rooms) {
        Err(Limit::Rooms)
    } else if !(1..=PARTY_MAX).contains(&party.adults) {
        Err(Limit::Adults)
    } else if party.children > PARTY_MAX {
        Err(Limit::Children)
    } else if party.adults < rooms {
        Err(Limit::TooFewAdults { rooms })
    } else {
        Ok(())
    }
}

/// Whether everybody has a place in this many rooms. Children may take the places that adults leave free, never the
/// reverse.
///
/// # Errors
/// [`Limit::TooManyAdults`], [`Limit::TooManyChildren`].
pub fn check_places(party: Party, capacity: Capacity, rooms: u16) -> Result<(), Limit> {
    let (rooms, adults) = (u32::from(rooms), u32::from(party.adults));
    let for_adults = capacity.adults.saturating_mul(rooms);
    if adults > for_adults {
        return Err(Limit::TooManyAdults { places: for_adults });
    }
    let places = capacity
        .children
        .saturating_mul(rooms)
        .saturating_add(for_adults - adults);
    if u32::from(party.children) > places {
        Err(Limit::TooManyChildren { places })
    } else {
        Ok(())
    }
}

/// Why nights on end are not what a request may be about. The text is for people. Answered with 422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// `to` is not after `from`.
    #[error("There is no night in it: `to` is the day after the last night, so it must be after `from`.")]
    Empty,
    /// More nights than one request may be about.
    #[error("One request is about at most {0} nights; send several requests.")]
    TooLong(u32),
}

impl RangeError {
    /// The stable code of the problem, the same on every endpoint.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_range",
            Self::TooLong(_) => "range_too_long",
        }
    }
}

/// How many nights there are from `from` up to but without `to`, one to `most`.
///
/// # Errors
/// See [`RangeError`].
pub fn nights_between(from: StayDate, to: StayDate, most: u32) -> Result<u32, RangeError> {
    match u32::try_from(to.days_since_1970() - from.days_since_1970()) {
        Err(_) | Ok(0) => Err(RangeError::Empty),
        Ok(nights) if nights > most => Err(RangeError::TooLong(most)),
        Ok(nights) => Ok(nights),
    }
}

#[cfg(test)]
#[path = "offer_tests.rs"]
mod tests;
