//! Codes for bookings that were made when there were none.

use platform::Broken;
use sqlx::PgPool;

use super::batches;

/// Gives a code to each booking that has none, and answers to how many; for `bellhop migrate`. What processes of the
/// former release write meanwhile has one by the table's default.
///
/// # Errors
/// When the database cannot be reached, or refuses a statement.
pub async fn give_codes(pool: &PgPool) -> Result<u64, Broken> {
    batches::all(async |last| {
        let rows = sqlx::query!(
            r#"with without as (
                 select hotel_id, reservation_id from reservation.reservation
                 where (hotel_id, reservation_id) > ($1, $2) and code is null
                 order by hotel_id, reservation_id limit $3 for no key update),
               given as (
                 update reservation.reservation r set code = reservation.booking_code() from without w
                 where (r.hotel_id, r.reservation_id) = (w.hotel_id, w.reservation_id)
                 returning r.hotel_id, r.reservation_id)
               select hotel_id as "hotel_id!", reservation_id as "reservation_id!" from given
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
