//! The number of a reservation's guest links: a link of another number opens nothing.

use platform::Broken;
use platform::db::all_written;
use sqlx::PgConnection;

use crate::model::Reservation;

/// Gives the links of a reservation, which the transaction has locked, another number.
pub(crate) async fn withdraw(db: &mut PgConnection, row: &Reservation) -> Result<(), Broken> {
    let done = sqlx::query!(
        "update reservation.reservation set link_no = link_no + 1 where (hotel_id, reservation_id) = ($1, $2)",
        row.hotel_id.uuid(),
        row.reservation_id.uuid()
    )
    .execute(db)
    .await?;
    all_written("reservations", done.rows_affected(), 1)
}
