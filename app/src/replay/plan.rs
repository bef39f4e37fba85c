//! What will be done: dates moved into the platform's booking window, rooms and prices of the hotel,
//! and bookings and cancellations in the order in which the guests made them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use chrono::{Days, NaiveDate};
use contract::stay::NIGHTS_MAX;
use contract::{Stay, StayDate};

use super::file::{Booking, Deposit, Row};

/// Days between today and the first arrival: every stay can still be cancelled free of charge.
const LEAD_DAYS: u64 = 8;
/// The last night of sale, in days from now: the platform's booking window.
const WINDOW_DAYS: u64 = 730;

/// One thing that a guest did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    on: NaiveDate,
    /// Bookings of a day come before its cancellations.
    pub(crate) cancels: bool,
    /// Index of the row.
    pub(crate) row: usize,
}

/// The whole plan.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) shift_weeks: i64,
    /// Rooms of each room type.
    pub(crate) rooms: BTreeMap<String, u32>,
    /// Price in cents of each room type, deposit type and night.
    pub(crate) prices: BTreeMap<(String, Deposit), BTreeMap<StayDate, i64>>,
    /// First and last night of sale.
    pub(crate) nights: (StayDate, StayDate),
    pub(crate) events: Vec<Event>,
}

/// Eight days from now.
#[expect(clippy::disallowed_methods, reason = "a command's default, said in its help")]
pub(crate) fn default_start() -> anyhow::Result<StayDate> {
    let start = chrono::Utc::now().date_naive() + Days::new(LEAD_DAYS);
    Ok(StayDate::from_date(start)?)
}

/// `A=60` of the command line.
pub(crate) fn rooms_of_type(text: &str) -> Result<(String, u32), String> {
    let (name, rooms) = text
        .split_once('=')
        .ok_or("write ROOM_TYPE=ROOMS, such as A=60")?;
    let rooms = rooms
        .parse()
        .map_err(|_| format!("{rooms:?} is not a number of rooms"))?;
    Ok((name.to_owned(), rooms))
}

impl Plan {
    /// Plans `rows` so that the first arrival is on `from` or up to six days later.
    pub(crate) fn new(rows: &[Row], from: StayDate, given: &[(String, u32)]) -> anyhow::Result<Self> {
        let bookings = || rows.iter().filter_map(|row| row.booking.as_ref().ok());
        let first = bookings()
            .map(|booking| booking.arrival)
            .min()
            .context("no row can be booked")?;
        let days = (from.date() - first).num_days();
        let shift_weeks = days.div_euclid(7) + i64::from(days.rem_euclid(7) != 0);
        let shift = |booking: &Booking| stay(booking, shift_weeks);
        let sold: Vec<(&Booking, Stay)> = bookings()
            .filter_map(|booking| Some((booking, shift(booking).ok()?)))
            .collect();
        let occupied = occupied(&sold);
        let mut rooms: BTreeMap<String, u32> = occupied
            .iter()
            .map(|(name, nights)| (name.clone(), percentile_90(nights)))
            .collect();
        for booking in bookings() {
            rooms.entry(booking.room_type.clone()).or_insert(1);
        }
        rooms.extend(given.iter().cloned());
        let all_nights: BTreeSet<StayDate> = sold.iter().flat_map(|(_, stay)| stay.nights()).collect();
        let nights = all_nights
            .first()
            .zip(all_nights.last())
            .context("no row has a night")?;
        let window = (*nights.1).date() - from.date();
        ensure!(
            window.num_days() < i64::try_from(WINDOW_DAYS)?,
            "the stays span {} days, which do not fit into the booking window of {WINDOW_DAYS} days",
            window.num_days()
        );
        Ok(Self {
            shift_weeks,
            rooms,
            prices: prices(&sold),
            nights: (*nights.0, *nights.1),
            events: events(rows),
        })
    }
}

/// The stay of a booking after all dates moved by whole weeks.
pub(crate) fn stay(booking: &Booking, shift_weeks: i64) -> anyhow::Result<Stay> {
    ensure!(
        booking.nights <= NIGHTS_MAX,
        "a stay has at most {NIGHTS_MAX} nights"
    );
    let (check_in, check_out) = dates(booking, shift_weeks)?;
    Ok(Stay::new(check_in, check_out)?)
}

/// Arrival and departure after all dates moved by whole weeks, whatever stay that makes.
pub(crate) fn dates(booking: &Booking, shift_weeks: i64) -> anyhow::Result<(StayDate, StayDate)> {
    let arrival = booking.arrival + chrono::TimeDelta::weeks(shift_weeks);
    let departure = arrival + Days::new(u64::from(booking.nights));
    Ok((StayDate::from_date(arrival)?, StayDate::from_date(departure)?))
}

type Nights = BTreeMap<StayDate, u32>;

fn occupied(sold: &[(&Booking, Stay)]) -> BTreeMap<String, Nights> {
    let mut occupied: BTreeMap<String, Nights> = BTreeMap::new();
    for (booking, stay) in sold {
        let nights = occupied.entry(booking.room_type.clone()).or_default();
        for night in stay.nights() {
            *nights.entry(night).or_default() += 1;
        }
    }
    occupied
}

/// The nearest-rank 90th percentile of the nights that have a guest.
fn percentile_90(nights: &Nights) -> u32 {
    let mut counts: Vec<u32> = nights.values().copied().collect();
    counts.sort_unstable();
    let rank = (counts.len() * 9).div_ceil(10);
    counts.get(rank.saturating_sub(1)).copied().unwrap_or(1).max(1)
}

/// The mean daily rate of the bookings of each night, in whole cents.
fn prices(sold: &[(&Booking, Stay)]) -> BTreeMap<(String, Deposit), BTreeMap<StayDate, i64>> {
    let mut sums: BTreeMap<(String, Deposit), BTreeMap<StayDate, (i64, i64)>> = BTreeMap::new();
    for (booking, stay) in sold {
        let of_type = sums
            .entry((booking.room_type.clone(), booking.deposit))
            .or_default();
        for night in stay.nights() {
            let (sum, count) = of_type.entry(night).or_default();
            *sum += booking.rate_minor;
            *count += 1;
        }
    }
    let mean = |(sum, count): (i64, i64)| (sum * 2 + count) / (count * 2);
    sums.into_iter()
        .map(|(key, nights)| {
            (
                key,
                nights
                    .into_iter()
                    .map(|(night, sum)| (night, mean(sum)))
                    .collect(),
            )
        })
        .collect()
}

fn events(rows: &[Row]) -> Vec<Event> {
    let mut events = Vec::with_capacity(rows.len() * 2);
    for (row, booking) in rows
        .iter()
        .enumerate()
        .filter_map(|(at, row)| Some((at, row.booking.as_ref().ok()?)))
    {
        events.push(Event {
            on: booking.booked_on,
            cancels: false,
            row,
        });
        if let Some(on) = booking.cancelled_on {
            // A file that says it was cancelled before it was booked means the same day.
            events.push(Event {
                on: on.max(booking.booked_on),
                cancels: true,
                row,
            });
        }
    }
    events.sort_unstable();
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_the_nearest_rank() {
        let day = |offset| StayDate::from_days_since_1970(20_000 + offset).unwrap();
        let nights: Nights = (1..=10)
            .map(|count| (day(count), u32::try_from(count).unwrap()))
            .collect();
        assert_eq!(percentile_90(&nights), 9);
        assert_eq!(percentile_90(&Nights::from([(day(0), 3)])), 3);
    }

    #[test]
    fn rooms_are_given_by_type() {
        assert_eq!(rooms_of_type("A=60"), Ok(("A".to_owned(), 60)));
        assert!(rooms_of_type("A").is_err());
        assert!(rooms_of_type("A=many").is_err());
    }
}
