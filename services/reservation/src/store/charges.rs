//! Charges that came after the booking. What was promised is in the quote.

use chrono::{DateTime, Utc};
use platform::Broken;
use sqlx::PgPool;
use uuid::Uuid;

use super::batches;
use crate::model::Reservation;

/// A charge as a row.
#[derive(sqlx::Encode)]
pub(super) struct ChargeRow {
    hotel_id: Uuid,
    reservation_id: Uuid,
    charge_no: i32,
    kind: &'static str,
    amount_minor: i64,
    at: DateTime<Utc>,
}
platform::row_type!(ChargeRow, "reservation.charge_1");

/// What is charged because this reservation has just changed.
pub(super) fn of(row: &Reservation) -> impl Iterator<Item = ChargeRow> {
    row.later.iter().map(|later| ChargeRow {
        hotel_id: row.hotel_id.uuid(),
        reservation_id: row.reservation_id.uuid(),
        charge_no: later.charge_no,
        kind: later.kind.as_str(),
        amount_minor: later.amount.minor(),
        at: row.updated_at,
    })
}

/// Charges each cancelled booking for its cancellation, of which that is not said, and answers to how many; for `bellhop
/// migrate`. Processes of the former release cancel without saying it.
///
/// # Errors
/// When the database cannot be reached, or refuses a statement.
pub async fn charge_cancelled(pool: &PgPool) -> Result<u64, Broken> {
    batches::all(async |last| {
        let rows = sqlx::query!(
            r#"with cancelled as (
                 select hotel_id, reservation_id, penalty_minor, updated_at from reservation.reservation r
                 where (hotel_id, reservation_id) > ($1, $2) and state = 'cancelled'
                   and not exists (
                       select from reservation.charge c
                       where (c.hotel_id, c.reservation_id) = (r.hotel_id, r.reservation_id))
                 order by hotel_id, reservation_id limit $3),
               charged as (
                 insert into reservation.charge (hotel_id, reservation_id, charge_no, kind, amount_minor, at)
                 select hotel_id, reservation_id, 1, 'cancellation', penalty_minor, updated_at from cancelled
                 on conflict do nothing)
               select hotel_id as "hotel_id!", reservation_id as "reservation_id!" from cancelled
               order by hotel_id, reservation_id"#,
            last.0,
            last.1,
            batches::AT_ONCE
        )
        .fetch_all(&mut *platform::db::lease(pool).await?)
        .await?;
        Ok(rows
            .iter()
            .map(|row| (row.hotel_id, row.reservation_id))
            .collect())
    })
    .await
}
