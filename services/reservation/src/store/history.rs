//! The history: every state of every reservation.

use std::str::FromStr as _;

use contract::{HotelId, ReservationId};
use platform::Broken;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::model::{State, Transition};

/// A line and whose it is.
pub(crate) type Line = (HotelId, ReservationId, Transition);

/// Writes lines.
pub(crate) async fn append(db: &mut PgConnection, lines: &[Line]) -> Result<(), Broken> {
    if lines.is_empty() {
        return Ok(());
    }
    let hotels: Vec<Uuid> = lines.iter().map(|line| line.0.uuid()).collect();
    let reservations: Vec<Uuid> = lines.iter().map(|line| line.1.uuid()).collect();
    let versions: Vec<i32> = lines.iter().map(|line| line.2.version).collect();
    let from: Vec<&str> = lines
        .iter()
        .map(|line| line.2.from.map_or("", State::as_str))
        .collect();
    let to: Vec<&str> = lines.iter().map(|line| line.2.to.as_str()).collect();
    let reasons: Vec<Option<&str>> = lines.iter().map(|line| line.2.reason.as_deref()).collect();
    let at: Vec<_> = lines.iter().map(|line| line.2.at).collect();
    sqlx::query!(
        "insert into reservation.reservation_history \
             (hotel_id, reservation_id, version, from_state, state, reason, at) \
         select * from unnest($1::uuid[], $2::uuid[], $3::int4[], $4::text[], $5::text[], $6::text[], \
             $7::timestamptz[])",
        &hotels,
        &reservations,
        &versions,
        &from as &[&str],
        &to as &[&str],
        &reasons as &[Option<&str>],
        &at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A reservation's lines, oldest first; empty when there is no such reservation.
pub(crate) async fn of(pool: &PgPool, reservation_id: ReservationId) -> Result<Vec<Transition>, Broken> {
    let rows = sqlx::query!(
        "select h.version, h.from_state, h.state, h.reason, h.at \
         from reservation.reservation r \
         join reservation.reservation_history h using (hotel_id, reservation_id) \
         where r.reservation_id = $1 order by h.version",
        reservation_id.uuid()
    )
    .fetch_all(&mut *platform::db::lease(pool).await?)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = |text: &str| State::from_str(text).map_err(Broken::Inconsistent);
            Ok(Transition {
                version: row.version,
                from: match row.from_state.as_str() {
                    "" => None,
                    from => Some(state(from)?),
                },
                to: state(&row.state)?,
                reason: row.reason,
                at: row.at,
            })
        })
        .collect()
}
