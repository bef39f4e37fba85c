//! One group's transaction: what is known of the requests, and what is new.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::saga::{BookStay, SagaData};
use contract::{BookingCode, GuestId, HoldId, HotelId, PaymentId, ReservationId};
use futures::future::BoxFuture;
use platform::Broken;
use platform::http::{Key, Stored};
use platform::outbox::Outgoing;
use sqlx::PgConnection;

use super::turns::{Refused, firsts, key_of, refuse};
use super::{Created, Creation, Draw, Failed, Known, Order, start};
use crate::model::{Promised, Reservation, State};
use crate::store::asked::{self, Asked, Claimed};
use crate::store::read;
use crate::store::write::{self, Booking};
use crate::view;

/// What came of a group.
pub(super) struct Booked {
    /// In the order of the group.
    pub(super) created: Vec<Created>,
    /// The bookings that were open before.
    pub(super) open: u32,
}

/// Books the group, as far as there are places; the open bookings are counted unless they are known.
pub(super) fn book(
    db: &mut PgConnection,
    group: Arc<[Creation]>,
    open_max: u32,
    open: Option<u32>,
    draw: Draw,
) -> BoxFuture<'_, Result<Booked, Failed>> {
    Box::pin(async move {
        let open = match open {
            Some(open) => open,
            None => read::open(db, open_max).await?,
        };
        let places = usize::try_from(open_max.saturating_sub(open)).unwrap_or(usize::MAX);
        let first = firsts(&group);
        let asked: Vec<Asked<'_>> = first.iter().map(|at| asked(&group[*at])).collect();
        let looked = asked::look(db, &asked).await?;
        let (mut known, mut used, mut guests) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (at, found) in first.iter().zip(looked.found) {
            known.extend(found.claimed.map(|claimed| (*at, claimed)));
            used.extend(found.used.map(|reservation_id| (*at, reservation_id)));
            guests.extend(found.guest.map(|guest_id| (email_of(&group[*at]), guest_id)));
        }
        let mut new: Vec<usize> = first
            .iter()
            .copied()
            .filter(|at| !known.contains_key(at))
            .collect();
        let refused = refuse(&group, &mut new, &used, looked.one_hotel, places);
        let accepted = book_new(db, &group, &new, guests, looked.now, draw).await?;
        let created = answers(&group, &first, &accepted, &known, &refused)?;
        Ok(Booked { created, open })
    })
}

fn asked(creation: &Creation) -> Asked<'_> {
    Asked {
        key: &creation.key,
        hotel_id: Some(creation.order.quote.hotel_id),
        quote: Some(creation.order.quote.quote_id),
        email: Some(&creation.order.guest.email),
    }
}

fn email_of(creation: &Creation) -> &str {
    creation.order.guest.email.as_str()
}

/// A booking that was made.
struct Taken {
    reservation_id: ReservationId,
    /// As it stands, for a caller that does not wait.
    shown: Option<Stored>,
}

impl Taken {
    fn now(creation: &Creation, row: &Reservation) -> Self {
        Self {
            reservation_id: row.reservation_id,
            shown: (!creation.waits).then(|| view::outcome(row)),
        }
    }
}

/// Books the requests at `new`, which are in the order of their keys. Of the guests those are known already.
async fn book_new<'a>(
    db: &mut PgConnection,
    group: &'a [Creation],
    new: &[usize],
    mut guests: HashMap<&'a str, GuestId>,
    now: DateTime<Utc>,
    draw: Draw,
) -> Result<HashMap<usize, Taken>, Failed> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    let mut rows = Vec::with_capacity(new.len());
    for at in new {
        let known = guests.len();
        let email = email_of(&group[*at]);
        let guest_id = *guests.entry(email).or_insert(group[*at].guest_id);
        rows.push((
            reservation(&group[*at], guest_id, draw(), now)?,
            guests.len() > known,
        ));
    }
    let mut bookings = Vec::with_capacity(new.len());
    let mut messages = Vec::with_capacity(new.len());
    for (at, (row, guest_is_new)) in new.iter().zip(&rows) {
        messages.push(start_saga(&group[*at], row)?);
        bookings.push(Booking {
            key: &group[*at].key,
            fingerprint: &group[*at].fingerprint,
            reservation: row,
            quote: &group[*at].order.quote,
            guest_is_new: *guest_is_new,
        });
    }
    if !write::book(db, &bookings, &messages).await? {
        return Err(Failed::Overtaken);
    }
    let taken = |(at, (row, _)): (&usize, &(Reservation, bool))| (*at, Taken::now(&group[*at], row));
    Ok(new.iter().zip(&rows).map(taken).collect())
}

fn answers(
    group: &[Creation],
    first: &[usize],
    accepted: &HashMap<usize, Taken>,
    known: &HashMap<usize, Claimed>,
    refused: &HashMap<usize, Refused>,
) -> Result<Vec<Created>, Failed> {
    let first_of: HashMap<(HotelId, &Key), usize> =
        first.iter().map(|at| (key_of(&group[*at]), *at)).collect();
    let mut created = Vec::with_capacity(group.len());
    for (at, creation) in group.iter().enumerate() {
        let leader = first_of.get(&key_of(creation)).copied().unwrap_or(at);
        created.push(match (refused.get(&leader), accepted.get(&leader)) {
            // Under this key another request was refused, which claims nothing: this one may come again.
            (Some(_), _) if creation.fingerprint != group[leader].fingerprint => Created::Full,
            (Some(why), _) => refusal(*why, accepted, refused)?,
            (None, Some(taken)) if at == leader => Created::Taken(taken.shown.clone()),
            (None, Some(_)) if creation.fingerprint != group[leader].fingerprint => {
                Created::Known(Known::Reused)
            }
            (None, Some(taken)) => Created::Known(Known::Open(taken.reservation_id)),
            (None, None) => {
                // A key that was claimed by somebody else and is not there any more: begin again.
                let claimed = known.get(&leader).ok_or(Failed::Overtaken)?;
                // A claim for this very reservation is its own: it was committed by a try whose connection was
                // lost before it could say so.
                if claimed.reservation_id == creation.reservation_id {
                    Created::Taken(None)
                } else {
                    Created::Known(Known::of(claimed, &creation.fingerprint))
                }
            }
        });
    }
    Ok(created)
}

fn refusal(
    why: Refused,
    accepted: &HashMap<usize, Taken>,
    refused: &HashMap<usize, Refused>,
) -> Result<Created, Failed> {
    Ok(match why {
        Refused::Late => Created::Full,
        Refused::Elsewhere => Created::Known(Known::Reused),
        Refused::Used(reservation_id) => Created::QuoteUsed(reservation_id),
        // Nothing came of the first one either.
        Refused::Second(before) if refused.contains_key(&before) => Created::Full,
        Refused::Second(before) => {
            // Whose key another process has just claimed: for this quote or not, that is to be seen anew.
            let taken = accepted.get(&before).ok_or(Failed::Overtaken)?;
            Created::QuoteUsed(taken.reservation_id)
        }
    })
}

fn reservation(
    creation: &Creation,
    guest_id: GuestId,
    code: BookingCode,
    now: DateTime<Utc>,
) -> Result<Reservation, Broken> {
    let Order {
        quote, terms, guest, ..
    } = &creation.order;
    let first = quote.lines.first();
    let (Some(room_type_id), Some(rate_plan_id), Some(cancellation_policy)) = (
        quote.room_type_id.or(first.map(|first| first.line.room_type_id)),
        quote.rate_plan_id.or(first.map(|first| first.line.rate_plan_id)),
        quote
            .cancellation_policy
            .or(first.and_then(|first| first.cancellation_policy)),
    ) else {
        return Err(Broken::Inconsistent(format!(
            "quote {} does not say what it is for",
            quote.quote_id
        )));
    };
    Ok(Reservation {
        hotel_id: quote.hotel_id,
        reservation_id: creation.reservation_id,
        code,
        hold_id: HoldId::of(quote.hotel_id),
        payment_id: PaymentId::of(quote.hotel_id),
        saga_id: creation.saga_id,
        cancellation_saga_id: None,
        state: State::Pending,
        version: 1,
        quote_id: quote.quote_id,
        room_type_id,
        rate_plan_id,
        rooms: quote.rooms,
        party: quote.party,
        lines: quote.lines.iter().map(|line| line.line).collect(),
        guest_id,
        guest_name: guest.name.as_str().to_owned(),
        guest_email: guest.email.as_str().to_owned(),
        guest_phone: guest.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        cancellation_policy,
        terms: terms.clone(),
        cancel_requested_at: None,
        cost: None,
        promised: Promised::of(quote),
        later: Vec::new(),
        refusal: None,
        created_at: now,
        updated_at: now,
    })
}

fn start_saga(creation: &Creation, row: &Reservation) -> Result<Outgoing, Broken> {
    let data = BookStay {
        reservation_id: row.reservation_id,
        hold_id: Some(row.hold_id),
        payment_id: Some(row.payment_id),
        hotel_id: row.hotel_id,
        room_type_id: row.lines.is_empty().then_some(row.room_type_id),
        rate_plan_id: row.rate_plan_id,
        stay: row.terms.stay,
        rooms: row.rooms,
        guest_id: row.guest_id,
        total: row.terms.total,
        payment_method: creation.order.payment_method.as_str().to_owned(),
        time_zone: Some(row.terms.time_zone.name().to_owned()),
        lines: row.lines.clone(),
    };
    Ok(start(row.saga_id, SagaData::BookStay(data))?.within(creation.envelope.clone()))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
