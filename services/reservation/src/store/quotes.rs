//! Quotes that were booked. The index `quote_used_once` keeps a second booking out; here one asks who was first.

use std::collections::HashMap;

use contract::{HotelId, QuoteId, ReservationId};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

/// Which reservations use those of the quotes that are used, by their place among `quotes`.
pub(crate) async fn used(
    db: &mut PgConnection,
    quotes: &[(HotelId, QuoteId)],
) -> Result<HashMap<usize, ReservationId>, Broken> {
    let hotels: Vec<Uuid> = quotes.iter().map(|(hotel, _)| hotel.uuid()).collect();
    let ids: Vec<Uuid> = quotes.iter().map(|(_, quote)| quote.uuid()).collect();
    let rows = sqlx::query!(
        "select w.place as \"place!\", r.reservation_id \
         from unnest($1::uuid[], $2::uuid[]) with ordinality as w (hotel_id, quote_id, place) \
         join reservation.reservation r on (r.hotel_id, r.used_quote_id) = (w.hotel_id, w.quote_id)",
        &hotels,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
            (place, ReservationId::from_uuid(row.reservation_id))
        })
        .collect())
}
