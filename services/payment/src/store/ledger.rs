//! Money that moved. A movement names the account that it debits and the one that it credits.

use chrono::{DateTime, Utc};
use contract::{HotelId, Money, PaymentId};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

/// A movement as it was booked.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) movement_id: Uuid,
    pub(crate) kind: String,
    pub(crate) amount: Money,
    pub(crate) at: DateTime<Utc>,
}

/// The movements of a payment, oldest first.
pub(crate) async fn of_payment(
    db: &mut PgConnection,
    hotel_id: HotelId,
    payment_id: PaymentId,
) -> Result<Vec<Booked>, Broken> {
    let rows = sqlx::query!(
        "select movement_id, kind, amount_minor, currency, at
         from payment.movement
         where hotel_id = $1 and payment_id = $2
         order by at, movement_id",
        hotel_id.uuid(),
        payment_id.uuid(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let amount = super::payment::money(row.amount_minor.abs(), &row.currency)?;
            Ok(Booked {
                movement_id: row.movement_id,
                kind: row.kind,
                amount,
                at: row.at,
            })
        })
        .collect()
}
