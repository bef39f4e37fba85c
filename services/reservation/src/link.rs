//! The guest's link to their reservation: given with the answer to who has booked it or looked it up, and kept nowhere.
//!
//! An answer is kept without it, and has it spliced in each time it is given. All that a link says follows from the
//! reservation, so a repeat is told the same bytes.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use contract::{ReservationId, StayDate};
use platform::access::{Link, Links};
use platform::http::Stored;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Reservation;

/// A link is good until so many days after the check-out.
const DAYS_AFTER: i64 = 30;
/// One that is asked for later is good for so many hours.
const HOURS_LATER: i64 = 24;
/// The number of a reservation's links until they are withdrawn for the first time: the column's default.
const FIRST: i32 = 1;

/// Opens the reservation to its guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GuestLink {
    /// Send it as `Authorization: Bearer`. Whoever has it is the guest.
    #[schema(example = "bhl_1_1_01936f5e7d5c7c3a9a440d3f6a1b2c4d_1_1800000000_…")]
    token: String,
    /// From then on it opens nothing.
    ends_at: DateTime<Utc>,
}

impl GuestLink {
    fn new(links: &Links, link: &Link) -> Self {
        Self {
            token: links.write(link),
            ends_at: link.ends_at,
        }
    }
}

/// What of an answer its link follows from.
#[derive(Deserialize)]
struct Booked {
    reservation_id: ReservationId,
    check_out: StayDate,
}

/// The answer to a booking as it is given: a reservation with the first of its links, which opens nothing any more once they
/// were withdrawn. A refusal is given as it is.
pub(crate) fn given(links: &Links, mut answer: Stored) -> Stored {
    if answer.status >= 400 {
        return answer;
    }
    let Ok(booked) = serde_json::from_slice::<Booked>(&answer.body) else {
        return answer;
    };
    let link = Link {
        reservation: booked.reservation_id.uuid(),
        number: FIRST,
        ends_at: end(booked.check_out),
    };
    let link = serde_json::to_vec(&GuestLink::new(links, &link)).unwrap_or_default();
    if answer.body.pop() == Some(b'}') {
        answer.body.extend_from_slice(br#","guest_link":"#);
        answer.body.extend(link);
        answer.body.push(b'}');
    }
    answer
}

/// A link for a guest who has shown that they are the guest, with the number that the reservation's links have now.
pub(crate) fn again(links: &Links, row: &Reservation, number: i32, now: DateTime<Utc>) -> GuestLink {
    let soon = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now) + TimeDelta::hours(HOURS_LATER);
    let link = Link {
        reservation: row.reservation_id.uuid(),
        number,
        ends_at: end(row.terms.stay.check_out()).max(soon),
    };
    GuestLink::new(links, &link)
}

fn end(check_out: StayDate) -> DateTime<Utc> {
    check_out.date().and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(DAYS_AFTER)
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
