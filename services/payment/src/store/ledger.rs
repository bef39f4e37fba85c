//! Money that moved, and the double-entry ledger that books it.

use chrono::{DateTime, Utc};
use contract::{HotelId, Money, PaymentId, ReservationId};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::Moved;

/// A movement to be booked. Its transfer in the ledger has its id.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "an id is called the same wherever it is"
)]
pub(crate) struct Movement {
    pub(crate) hotel_id: HotelId,
    pub(crate) movement_id: Uuid,
    pub(crate) payment_id: PaymentId,
    pub(crate) reservation_id: ReservationId,
    pub(crate) moved: Moved,
}

/// A movement as it was booked.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) movement_id: Uuid,
    pub(crate) kind: String,
    pub(crate) amount: Money,
    pub(crate) at: DateTime<Utc>,
}

impl Movement {
    /// Positive for a capture, negative for a refund.
    fn signed(&self) -> i64 {
        match self.moved {
            Moved::Captured(amount) => amount.minor(),
            Moved::Refunded(amount) => -amount.minor(),
        }
    }

    fn currency(&self) -> String {
        let (Moved::Captured(amount) | Moved::Refunded(amount)) = self.moved;
        amount.currency().code().to_owned()
    }
}

/// Books movements, each with the two entries of its transfer: what the provider owes us, and what we owe
/// the hotel.
pub(crate) async fn book(db: &mut PgConnection, movements: &[Movement]) -> Result<(), Broken> {
    let hotels: Vec<Uuid> = movements
        .iter()
        .map(|movement| movement.hotel_id.uuid())
        .collect();
    let ids: Vec<Uuid> = movements.iter().map(|movement| movement.movement_id).collect();
    let payments: Vec<Uuid> = movements
        .iter()
        .map(|movement| movement.payment_id.uuid())
        .collect();
    let reservations: Vec<Uuid> = movements
        .iter()
        .map(|movement| movement.reservation_id.uuid())
        .collect();
    let amounts: Vec<i64> = movements.iter().map(Movement::signed).collect();
    let currencies: Vec<String> = movements.iter().map(Movement::currency).collect();
    sqlx::query!(
        "with moved as (
             insert into payment.movement
                 (hotel_id, movement_id, payment_id, reservation_id, kind, amount_minor, currency)
             select hotel_id, movement_id, payment_id, reservation_id,
                    case when amount_minor > 0 then 'capture' else 'refund' end, amount_minor, currency
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[])
                  as movement (hotel_id, movement_id, payment_id, reservation_id, amount_minor, currency)
             returning hotel_id, movement_id, amount_minor, currency
         )
         insert into payment.ledger_entry (hotel_id, transfer_id, account, amount_minor, currency)
         select hotel_id, movement_id, side.account, side.sign * amount_minor, currency
         from moved cross join (values ('provider_clearing', 1), ('hotel_payable', -1)) as side (account, sign)",
        &hotels,
        &ids,
        &payments,
        &reservations,
        &amounts,
        &currencies,
    )
    .execute(db)
    .await?;
    Ok(())
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
