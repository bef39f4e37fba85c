//! What is known of a request before anything is done: who claimed its key, who used its quote, who its guest is. One
//! statement, and so one snapshot: a repeat that comes while its first request is being committed sees all of it or
//! nothing.

use chrono::{DateTime, Utc};
use contract::{GuestId, HotelId, QuoteId, ReservationId};
use platform::Broken;
use platform::http::{Key, Stored};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::fingerprint::KeptFingerprint;
use crate::model::Email;
use crate::view::{self, GuestBody};

/// Taken, without an outcome so far.
pub(crate) const ACCEPTED: u16 = 202;

/// A request that is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) key: &'a Key,
    /// At which the key was claimed and the quote was used, if they were; none where the quote names none.
    pub(crate) hotel_id: Option<HotelId>,
    /// None where it is not asked for.
    pub(crate) quote: Option<QuoteId>,
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
    pub(crate) fingerprint: KeptFingerprint,
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

/// What is known of some requests.
#[derive(Debug)]
pub(crate) struct Looked {
    /// In the order of the requests.
    pub(crate) found: Vec<Found>,
    /// The database's time.
    pub(crate) now: DateTime<Utc>,
    /// Whether a key is one booking's in all hotels together still: as long as the index of the former release stands,
    /// whose processes take what they find under a key for the only one.
    pub(crate) one_hotel: bool,
}

/// What is known of these requests. A key that was claimed at another hotel is another one, but as long as
/// [`Looked::one_hotel`]: then whoever claimed it has it.
///
/// Earlier releases claimed keys in `idempotency_key` too, at first there alone, and kept the answers of what they ended
/// there.
pub(crate) async fn look(db: &mut PgConnection, asked: &[Asked<'_>]) -> Result<Looked, Broken> {
    let wanted: Vec<Wanted<'_>> = asked.iter().map(wanted).collect();
    let rows = sqlx::query!(
        r#"select now() as "now!", u.reservation_id as "used_by?", g.guest_id as "guest_id?",
             to_regclass('reservation.key_names_one_booking') is not null as "one_hotel!",
             coalesce(b.reservation_id, k.reservation_id, e.reservation_id) as claimed_by,
             coalesce(b.fingerprint, k.fingerprint, e.fingerprint) as fingerprint,
             coalesce(b.keyed_fingerprint, e.keyed_fingerprint) as keyed_fingerprint,
             coalesce(r.answer_status, k.response_status) as status, coalesce(r.answer, k.response_body) as answer,
             r.told, r.guest_id as "whose?", r.guest_name as "guest_name?", r.guest_phone, rg.email as "guest_email?"
           from unnest($1::reservation.wanted_1[])
             with ordinality as w (client, route, key, hotel_id, quote_id, email, place)
           left join reservation.reservation u on (u.hotel_id, u.used_quote_id) = (w.hotel_id, w.quote_id)
           left join reservation.guest g on g.email = w.email
           left join reservation.reservation b on (b.hotel_id, b.client, b.key) = (w.hotel_id, w.client, w.key)
           left join reservation.idempotency_key k on (k.client, k.route, k.key) = (w.client, w.route, w.key)
           left join lateral (
             select reservation_id, fingerprint, keyed_fingerprint from reservation.reservation
             where to_regclass('reservation.key_names_one_booking') is not null
               and (client, key) = (w.client, w.key) limit 1) e on true
           left join reservation.reservation r on (r.hotel_id, r.reservation_id)
             = (coalesce(b.hotel_id, k.hotel_id), coalesce(b.reservation_id, k.reservation_id))
           left join reservation.guest rg on rg.guest_id = r.guest_id
           order by w.place"#,
        &wanted as &[Wanted<'_>]
    )
    .fetch_all(db)
    .await?;
    let now = rows.first().map_or(DateTime::UNIX_EPOCH, |row| row.now);
    let one_hotel = rows.first().is_some_and(|row| row.one_hotel);
    let found = rows.into_iter().map(|row| {
        let guest = row.whose.zip(row.guest_name).zip(row.guest_email);
        let guest = guest.map(|((guest_id, name), email)| GuestBody {
            guest_id: GuestId::from_uuid(guest_id),
            name,
            email,
            phone: row.guest_phone,
        });
        let told = row.told.zip(guest).map(|(told, guest)| guest.within(told));
        let claimed = match (row.claimed_by, row.fingerprint) {
            (Some(by), Some(fingerprint)) => {
                let reservation_id = ReservationId::from_uuid(by);
                Some(Claimed {
                    fingerprint: KeptFingerprint {
                        plain: whole(fingerprint)?,
                        keyed: row.keyed_fingerprint.map(whole).transpose()?,
                    },
                    reservation_id,
                    outcome: outcome(reservation_id, row.status, told.or(row.answer)),
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
    let found = found.collect::<Result<_, Broken>>()?;
    Ok(Looked {
        found,
        now,
        one_hotel,
    })
}

fn wanted<'a>(asked: &Asked<'a>) -> Wanted<'a> {
    Wanted {
        client: &asked.key.client,
        route: &asked.key.route,
        key: &asked.key.text,
        hotel_id: asked.hotel_id.map(HotelId::uuid),
        quote_id: asked.quote.map(QuoteId::uuid),
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
