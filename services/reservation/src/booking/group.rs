//! One group's transaction: keys are claimed, guests found, reservations written, sagas asked for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::quote::Quote;
use contract::saga::{BookStay, SagaData};
use contract::{GuestId, ReservationId};
use futures::future::BoxFuture;
use platform::http::{Key, Stored};
use platform::outbox::Outgoing;
use platform::{Broken, outbox};
use sqlx::PgConnection;

use super::turns::{Refused, firsts, quote_of, refuse};
use super::{Created, Creation, Failed, Known, Order, start};
use crate::SCHEMA;
use crate::model::{Email, Reservation, State};
use crate::store::keys::{self, Claim, Claimed};
use crate::store::{guests, history, quotes, read, write};
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
) -> BoxFuture<'_, Result<Booked, Failed>> {
    Box::pin(async move {
        let open = match open {
            Some(open) => open,
            None => read::open(db, open_max).await?,
        };
        let places = usize::try_from(open_max.saturating_sub(open)).unwrap_or(usize::MAX);
        let now = keys::now(db).await?;
        let first = firsts(&group);
        // Quotes are looked at before keys: whoever uses one in between has claimed its key by the time that keys
        // are looked at. The other way about, a repeat whose first request commits in between would be told that its
        // own quote is used.
        let orders: Vec<_> = first.iter().map(|at| quote_of(&group[*at])).collect();
        let used = place_in_group(&first, quotes::used(db, &orders).await?);
        let wanted: Vec<&Key> = first.iter().map(|at| &group[*at].key).collect();
        let mut known: HashMap<usize, Claimed> = place_in_group(&first, keys::find(db, &wanted).await?);
        let mut new: Vec<usize> = first
            .iter()
            .copied()
            .filter(|at| !known.contains_key(at))
            .collect();
        let refused = refuse(&group, &mut new, &used, places);
        let mut accepted = HashMap::new();
        if !new.is_empty() {
            accepted = book_new(db, &group, &new, now).await?;
            let lost: Vec<usize> = new.into_iter().filter(|at| !accepted.contains_key(at)).collect();
            if !lost.is_empty() {
                let keys: Vec<&Key> = lost.iter().map(|at| &group[*at].key).collect();
                known.extend(place_in_group(&lost, keys::find(db, &keys).await?));
            }
        }
        let created = answers(&group, &first, &accepted, &known, &refused)?;
        Ok(Booked { created, open })
    })
}

fn place_in_group<T>(places: &[usize], found: HashMap<usize, T>) -> HashMap<usize, T> {
    found
        .into_iter()
        .filter_map(|(place, value)| Some((*places.get(place)?, value)))
        .collect()
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

/// Books the requests at `new`. Answers those whose key was free.
async fn book_new(
    db: &mut PgConnection,
    group: &[Creation],
    new: &[usize],
    now: DateTime<Utc>,
) -> Result<HashMap<usize, Taken>, Failed> {
    let emails: Vec<Email> = new
        .iter()
        .map(|at| group[*at].order.guest.email.clone())
        .collect();
    let mut guest_ids = guests::known(db, &emails).await?;
    let mut new_guests: HashMap<String, (Email, GuestId)> = HashMap::new();
    let mut rows = Vec::with_capacity(new.len());
    for (at, email) in new.iter().zip(&emails) {
        let guest_id = *guest_ids.entry(email.as_str().to_owned()).or_insert_with(|| {
            let guest_id = GuestId::new();
            new_guests.insert(email.as_str().to_owned(), (email.clone(), guest_id));
            guest_id
        });
        rows.push(reservation(&group[*at], guest_id, now));
    }
    let claims: Vec<Claim<'_>> = new
        .iter()
        .zip(&rows)
        .map(|(at, row)| claim(&group[*at], row))
        .collect();
    let free = keys::claim(db, &claims).await?;
    let mut accepted = HashMap::new();
    let mut booked = Vec::new();
    for ((at, row), free) in new.iter().zip(&rows).zip(free) {
        if free {
            booked.push((&group[*at], row));
            accepted.insert(*at, Taken::now(&group[*at], row));
        }
    }
    let booked_guests: HashSet<GuestId> = booked.iter().map(|(_, row)| row.guest_id).collect();
    let mut guests: Vec<(Email, GuestId)> = new_guests
        .into_values()
        .filter(|(_, guest_id)| booked_guests.contains(guest_id))
        .collect();
    guests.sort();
    if guests::insert(db, &guests).await? < guests.len() {
        return Err(Failed::Overtaken);
    }
    booked.sort_by_key(|(creation, _)| quote_of(creation));
    write_bookings(db, &booked).await?;
    Ok(accepted)
}

/// Writes new bookings, in the order of their quotes.
async fn write_bookings(db: &mut PgConnection, booked: &[(&Creation, &Reservation)]) -> Result<(), Failed> {
    if booked.is_empty() {
        return Ok(());
    }
    let rows: Vec<&Reservation> = booked.iter().map(|(_, row)| *row).collect();
    let quotes: Vec<&Quote> = booked.iter().map(|(creation, _)| &creation.order.quote).collect();
    if write::insert(db, &rows, &quotes).await? < rows.len() {
        return Err(Failed::Overtaken);
    }
    let lines: Vec<_> = rows
        .iter()
        .map(|row| (row.hotel_id, row.reservation_id, row.beginning()))
        .collect();
    history::append(db, &lines).await?;
    let messages = booked
        .iter()
        .map(|(creation, row)| start_saga(creation, row))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(outbox::write(db, SCHEMA, &messages).await?)
}

fn answers(
    group: &[Creation],
    first: &[usize],
    accepted: &HashMap<usize, Taken>,
    known: &HashMap<usize, Claimed>,
    refused: &HashMap<usize, Refused>,
) -> Result<Vec<Created>, Failed> {
    let first_of: HashMap<&Key, usize> = first.iter().map(|at| (&group[*at].key, *at)).collect();
    let mut created = Vec::with_capacity(group.len());
    for (at, creation) in group.iter().enumerate() {
        let leader = first_of.get(&creation.key).copied().unwrap_or(at);
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

fn reservation(creation: &Creation, guest_id: GuestId, now: DateTime<Utc>) -> Reservation {
    let Order {
        quote, terms, guest, ..
    } = &creation.order;
    Reservation {
        hotel_id: quote.hotel_id,
        reservation_id: creation.reservation_id,
        saga_id: creation.saga_id,
        cancellation_saga_id: None,
        state: State::Pending,
        version: 1,
        quote_id: quote.quote_id,
        room_type_id: quote.room_type_id,
        rate_plan_id: quote.rate_plan_id,
        rooms: quote.rooms,
        party: quote.party,
        guest_id,
        guest_name: guest.name.as_str().to_owned(),
        guest_email: guest.email.as_str().to_owned(),
        guest_phone: guest.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        cancellation_policy: quote.cancellation_policy,
        terms: terms.clone(),
        cancel_requested_at: None,
        cost: None,
        refusal: None,
        created_at: now,
        updated_at: now,
    }
}

fn claim<'a>(creation: &'a Creation, row: &Reservation) -> Claim<'a> {
    Claim {
        key: &creation.key,
        fingerprint: creation.fingerprint,
        hotel_id: row.hotel_id,
        reservation_id: row.reservation_id,
    }
}

fn start_saga(creation: &Creation, row: &Reservation) -> Result<Outgoing, Broken> {
    let data = BookStay {
        reservation_id: row.reservation_id,
        hotel_id: row.hotel_id,
        room_type_id: row.room_type_id,
        rate_plan_id: row.rate_plan_id,
        stay: row.terms.stay,
        rooms: row.rooms,
        guest_id: row.guest_id,
        total: row.terms.total,
        payment_method: creation.order.payment_method.as_str().to_owned(),
        time_zone: Some(row.terms.time_zone.name().to_owned()),
    };
    Ok(start(row.saga_id, SagaData::BookStay(data))?.within(creation.envelope.clone()))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
