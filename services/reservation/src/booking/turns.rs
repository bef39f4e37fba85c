//! Who in a group may be booked: the first request of each key, the first to arrive of each quote, and of those as
//! many as there are places for.

use std::collections::{HashMap, HashSet};

use contract::{HotelId, QuoteId, ReservationId};

use super::Creation;

/// Why a request of the group is not booked, though its key is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// This reservation used its quote before.
    Used(ReservationId),
    /// The request at this place in the group has the same quote and came before.
    Second(usize),
    /// All places were taken when it came.
    Late,
}

/// The quote with its hotel, under which the index has it.
pub(super) fn quote_of(creation: &Creation) -> (HotelId, QuoteId) {
    (creation.order.quote.hotel_id, creation.order.quote.quote_id)
}

/// The first request of each key, in the order of the keys: two processes that claim the same keys wait for
/// each other and never deadlock.
pub(super) fn firsts(group: &[Creation]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut first: Vec<usize> = (0..group.len())
        .filter(|at| seen.insert(&group[*at].key))
        .collect();
    first.sort_by(|a, b| group[*a].key.cmp(&group[*b].key));
    first
}

/// Takes out of `new` those that cannot be booked, with the reason of each. `used` are the reservations that use
/// the quotes of the group, by the places of its requests.
pub(super) fn refuse(
    group: &[Creation],
    new: &mut Vec<usize>,
    used: &HashMap<usize, ReservationId>,
    places: usize,
) -> HashMap<usize, Refused> {
    let mut arrived = new.clone();
    arrived.sort_unstable();
    let (mut refused, mut taken, mut booked) = (HashMap::new(), HashMap::new(), 0);
    for at in arrived {
        let before = *taken.entry(quote_of(&group[at])).or_insert(at);
        let why = match used.get(&at) {
            Some(reservation_id) => Refused::Used(*reservation_id),
            None if before != at => Refused::Second(before),
            None if booked == places => Refused::Late,
            None => {
                booked += 1;
                continue;
            }
        };
        refused.insert(at, why);
    }
    new.retain(|at| !refused.contains_key(at));
    refused
}
