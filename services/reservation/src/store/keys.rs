//! Idempotency keys: who claimed one, for which request, and what came of it. Groups of keys are claimed by one
//! statement, and their answers come later, with the outcome; where one request makes one thing,
//! [`platform::repeat`] does both in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::{HotelId, ReservationId};
use platform::Broken;
use platform::http::{Key, Stored};
use sqlx::PgConnection;
use uuid::Uuid;

/// Taken, without an outcome so far.
pub(crate) const ACCEPTED: u16 = 202;

/// A key that was claimed.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) fingerprint: [u8; 32],
    pub(crate) reservation_id: ReservationId,
    /// The outcome as it was told first; none as long as nobody was told one.
    pub(crate) outcome: Option<Stored>,
}

/// A claim to be made.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) key: &'a Key,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) hotel_id: HotelId,
    pub(crate) reservation_id: ReservationId,
}

/// The columns of keys.
struct Columns<'a> {
    clients: Vec<&'a str>,
    routes: Vec<&'a str>,
    keys: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(keys: impl Iterator<Item = &'a Key> + Clone) -> Self {
        Self {
            clients: keys.clone().map(|key| key.client.as_str()).collect(),
            routes: keys.clone().map(|key| key.route.as_str()).collect(),
            keys: keys.map(|key| key.text.as_str()).collect(),
        }
    }
}

/// The database's time.
pub(crate) async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, Broken> {
    Ok(sqlx::query_scalar!("select now() as \"now!\"")
        .fetch_one(db)
        .await?)
}

/// Those of the keys that are claimed, by their place among `keys`.
pub(crate) async fn find(db: &mut PgConnection, keys: &[&Key]) -> Result<HashMap<usize, Claimed>, Broken> {
    let columns = Columns::of(keys.iter().copied());
    let rows = sqlx::query!(
        "select w.place as \"place!\", k.fingerprint, k.reservation_id, k.response_status, k.response_body, \
             k.response_location, k.response_content_type \
         from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w (client, route, key, place) \
         join reservation.idempotency_key k on (k.client, k.route, k.key) = (w.client, w.route, w.key)",
        &columns.clients as &[&str],
        &columns.routes as &[&str],
        &columns.keys as &[&str]
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
            let fingerprint = row
                .fingerprint
                .try_into()
                .map_err(|_| Broken::Inconsistent("a fingerprint has 32 bytes".to_owned()))?;
            let outcome = outcome(
                row.response_status,
                row.response_body,
                row.response_location,
                row.response_content_type,
            );
            let claimed = Claimed {
                fingerprint,
                reservation_id: ReservationId::from_uuid(row.reservation_id),
                outcome,
            };
            Ok((place, claimed))
        })
        .collect()
}

/// Claims keys. Answers those that were free, by their place among `claims`.
pub(crate) async fn claim(db: &mut PgConnection, claims: &[Claim<'_>]) -> Result<Vec<bool>, Broken> {
    let columns = Columns::of(claims.iter().map(|claim| claim.key));
    let rows = sqlx::query!(
        "insert into reservation.idempotency_key \
             (client, route, key, fingerprint, hotel_id, reservation_id, claimed_at) \
         select client, route, key, fingerprint, hotel_id, reservation_id, now() \
         from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::uuid[]) \
         as new (client, route, key, fingerprint, hotel_id, reservation_id) \
         on conflict do nothing returning client, route, key",
        &columns.clients as &[&str],
        &columns.routes as &[&str],
        &columns.keys as &[&str],
        &claims
            .iter()
            .map(|claim| claim.fingerprint.as_slice())
            .collect::<Vec<_>>() as &[&[u8]],
        &claims
            .iter()
            .map(|claim| claim.hotel_id.uuid())
            .collect::<Vec<Uuid>>(),
        &claims
            .iter()
            .map(|claim| claim.reservation_id.uuid())
            .collect::<Vec<Uuid>>(),
    )
    .fetch_all(db)
    .await?;
    let won: std::collections::HashSet<(&str, &str, &str)> = rows
        .iter()
        .map(|row| (row.client.as_str(), row.route.as_str(), row.key.as_str()))
        .collect();
    Ok(claims
        .iter()
        .map(|claim| {
            won.contains(&(
                claim.key.client.as_str(),
                claim.key.route.as_str(),
                claim.key.text.as_str(),
            ))
        })
        .collect())
}

/// Keeps the outcomes of keys that have none yet. The former release kept a 202 as if it were one.
pub(crate) async fn keep(db: &mut PgConnection, answers: &[(&Key, &Stored)]) -> Result<(), Broken> {
    let columns = Columns::of(answers.iter().map(|(key, _)| *key));
    sqlx::query!(
        "update reservation.idempotency_key k set response_status = new.status, response_body = new.body, \
             response_location = new.location, response_content_type = new.content_type \
         from unnest($1::text[], $2::text[], $3::text[], $4::int2[], $5::bytea[], $6::text[], $7::text[]) \
         as new (client, route, key, status, body, location, content_type) \
         where (k.client, k.route, k.key) = (new.client, new.route, new.key) \
             and (k.response_status is null or k.response_status = 202)",
        &columns.clients as &[&str],
        &columns.routes as &[&str],
        &columns.keys as &[&str],
        &answers
            .iter()
            .map(|(_, answer)| status(answer))
            .collect::<Vec<_>>(),
        &answers
            .iter()
            .map(|(_, answer)| answer.body.as_slice())
            .collect::<Vec<_>>() as &[&[u8]],
        &answers
            .iter()
            .map(|(_, answer)| answer.location.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &answers
            .iter()
            .map(|(_, answer)| answer.content_type.as_str())
            .collect::<Vec<_>>() as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}

fn status(answer: &Stored) -> i16 {
    i16::try_from(answer.status).unwrap_or(i16::MAX)
}

/// What was kept, unless it is a 202 of the former release.
fn outcome(
    status: Option<i16>,
    body: Option<Vec<u8>>,
    location: Option<String>,
    content_type: Option<String>,
) -> Option<Stored> {
    let (Some(status), Some(body), Some(content_type)) = (status, body, content_type) else {
        return None;
    };
    let status = u16::try_from(status).unwrap_or(500);
    (status != ACCEPTED).then_some(Stored {
        status,
        body,
        location,
        content_type,
    })
}
