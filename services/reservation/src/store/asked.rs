//! What is known of a request before anything is done: who claimed its key, who used its quote, who its guest is. One
//! statement, and so one snapshot: a repeat that comes while its first request is being committed sees all of it or
//! nothing.

use chrono::{DateTime, Utc};
use contract::{GuestId, HotelId, QuoteId, ReservationId};
use platform::Broken;
use platform::http::{Key, Stored};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::Email;
use crate::view;

/// Taken, without an outcome so far.
pub(crate) const ACCEPTED: u16 = 202;

/// A request that is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) key: &'a Key,
    /// With its hotel, under which the index has it; none where the quote is none, or is not asked for.
    pub(crate) quote: Option<(HotelId, QuoteId)>,
    /// Of the guest, if that is asked for.
    pub(crate) email: Option<&'a Email>,
}

/// What is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) claimed: Option<Claimed>,
    /// The reservation that uses the quote.
    pub(crate) used: Option<ReservationId>,
    pub(crate) guest: Option<GuestId>,
}

/// A key that was claimed.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) fingerprint: [u8; 32],
    pub(crate) reservation_id: ReservationId,
    /// The outcome as it was told first; none as long as there is none.
    pub(crate) outcome: Option<Stored>,
}

#[derive(sqlx::Encode)]
struct Wanted<'a> {
    client: &'a str,
    route: &'a str,
    key: &'a str,
    hotel_id: Option<Uuid>,
    quote_id: Option<Uuid>,
    email: Option<&'a str>,
}
platform::row_type!(Wanted<'_>, "reservation.wanted_1");

/// What is known of these requests, in their order, and the database's time.
///
/// Earlier releases claimed keys in `idempotency_key` too, at first there alone, and kept the answers of what they ended
/// there.
pub(crate) async fn look(
    db: &mut PgConnection,
    asked: &[Asked<'_>],
) -> Result<(Vec<Found>, DateTime<Utc>), Broken> {
    let wanted: Vec<Wanted<'_>> = asked.iter().map(wanted).collect();
    let rows = sqlx::query!(
        r#"select now() as "now!", u.reservation_id as "used_by?", g.guest_id as "guest_id?",
             coalesce(b.reservation_id, k.reservation_id) as claimed_by,
             coalesce(b.fingerprint, k.fingerprint) as fingerprint,
             coalesce(r.answer_status, k.response_status) as status, coalesce(r.answer, k.response_body) as answer
           from unnest($1::reservation.wanted_1[])
             with ordinality as w (client, route, key, hotel_id, quote_id, email, place)
           left join reservation.reservation u on (u.hotel_id, u.used_quote_id) = (w.hotel_id, w.quote_id)
           left join reservation.guest g on g.email = w.email
           left join reservation.reservation b on (b.client, b.key) = (w.client, w.key)
           left join reservation.idempotency_key k on (k.client, k.route, k.key) = (w.client, w.route, w.key)
           left join reservation.reservation r on (r.hotel_id, r.reservation_id)
             = (coalesce(b.hotel_id, k.hotel_id), coalesce(b.reservation_id, k.reservation_id))
           order by w.place"#,
        &wanted as &[Wanted<'_>]
    )
    .fetch_all(db)
    .await?;
    let now = rows.first().map_or(DateTime::UNIX_EPOCH, |row| row.now);
    let found = rows.into_iter().map(|row| {
        let claimed = match (row.claimed_by, row.fingerprint) {
            (Some(by), Some(fingerprint)) => {
                let reservation_id = ReservationId::from_uuid(by);
                Some(Claimed {
                    fingerprint: whole(fingerprint)?,
                    reservation_id,
                    outcome: outcome(reservation_id, row.status, row.answer),
                })
            }
            _ => None,
        };
        Ok(Found {
            claimed,
            used: row.used_by.map(ReservationId::from_uuid),
            guest: row.guest_id.map(GuestId::from_uuid),
        })
    });
    Ok((found.collect::<Result<_, Broken>>()?, now))
}

fn wanted<'a>(asked: &Asked<'a>) -> Wanted<'a> {
    Wanted {
        client: &asked.key.client,
        route: &asked.key.route,
        key: &asked.key.text,
        hotel_id: asked.quote.map(|(hotel_id, _)| hotel_id.uuid()),
        quote_id: asked.quote.map(|(_, quote_id)| quote_id.uuid()),
        email: asked.email.map(Email::as_str),
    }
}

fn whole(fingerprint: Vec<u8>) -> Result<[u8; 32], Broken> {
    let wrong = |_| Broken::Inconsistent("a fingerprint has 32 bytes".to_owned());
    fingerprint.try_into().map_err(wrong)
}

/// What was answered. A 202, which a former release kept, is no outcome.
fn outcome(reservation_id: ReservationId, status: Option<i16>, body: Option<Vec<u8>>) -> Option<Stored> {
    let status = u16::try_from(status?).ok()?;
    (status != ACCEPTED).then_some(view::kept(status, body?, reservation_id))
}
