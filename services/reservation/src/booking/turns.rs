//! Who in a group may be booked: the first request of each key, the first to arrive of each quote, and of those as
//! many as there are places for.

use std::collections::{HashMap, HashSet};

use contract::{HotelId, QuoteId, ReservationId};
use platform::http::Key;

use super::Creation;

/// Why a request of the group is not booked, though its key is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// This reservation used its quote before.
    Used(ReservationId),
    /// The request at this place in the group has the same quote and came before.
    Second(usize),
    /// A request for another hotel has the same key and came before, and a key is one booking's in all hotels together.
    Elsewhere,
    /// All places were taken when it came.
    Late,
}

/// The quote with its hotel, under which the index has it.
pub(super) fn quote_of(creation: &Creation) -> (HotelId, QuoteId) {
    (creation.order.quote.hotel_id, creation.order.quote.quote_id)
}

/// The key at the hotel where it is claimed.
pub(super) fn key_of(creation: &Creation) -> (HotelId, &Key) {
    (creation.order.quote.hotel_id, &creation.key)
}

/// The first request of each key, in the order of hotels and keys: two processes that claim the same keys wait for
/// each other and never deadlock.
pub(super) fn firsts(group: &[Creation]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut first: Vec<usize> = (0..group.len())
        .filter(|at| seen.insert(key_of(&group[*at])))
        .collect();
    first.sort_by_key(|at| key_of(&group[*at]));
    first
}

/// Takes out of `new` those that cannot be booked, with the reason of each. `used` are the reservations that use
/// the quotes of the group, by the places of its requests.
pub(super) fn refuse(
    group: &[Creation],
    new: &mut Vec<usize>,
    used: &HashMap<usize, ReservationId>,
    one_hotel: bool,
    places: usize,
) -> HashMap<usize, Refused> {
    let mut arrived = new.clone();
    arrived.sort_unstable();
    let (mut refused, mut taken, mut booked) = (HashMap::new(), HashMap::new(), 0);
    let mut keys = HashSet::new();
    for at in arrived {
        let before = *taken.entry(quote_of(&group[at])).or_insert(at);
        let why = match used.get(&at) {
            Some(reservation_id) => Refused::Used(*reservation_id),
            None if before != at => Refused::Second(before),
            None if one_hotel && keys.contains(&group[at].key) => Refused::Elsewhere,
            None if booked == places => Refused::Late,
            None => {
                keys.insert(&group[at].key);
                booked += 1;
                continue;
            }
        };
        refused.insert(at, why);
    }
    new.retain(|at| !refused.contains_key(at));
    refused
}
