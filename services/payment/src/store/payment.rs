//! Payments.

use std::collections::HashMap;

use contract::{Currency, HotelId, Money, PaymentId, ReservationId};
use platform::Broken;
use platform::access::Sees;
use platform::db::all_written;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::{Begins, Payment, Terms};

/// What names a payment.
pub(crate) type Key = (HotelId, PaymentId);

/// A row of `payment.payment`.
pub(super) struct Row {
    pub(super) hotel_id: Uuid,
    pub(super) payment_id: Uuid,
    pub(super) reservation_id: Option<Uuid>,
    pub(super) state: String,
    pub(super) round: i32,
    pub(super) amount_minor: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) payment_method: Option<String>,
    pub(super) authorization_id: Option<String>,
    pub(super) captured_minor: i64,
    pub(super) refunded_minor: i64,
}

impl Row {
    pub(super) fn payment(self) -> Result<Payment, Broken> {
        let terms = match (
            self.reservation_id,
            self.amount_minor,
            &self.currency,
            self.payment_method,
        ) {
            (Some(reservation_id), Some(minor), Some(currency), Some(payment_method)) => Some(Terms {
                reservation_id: ReservationId::from_uuid(reservation_id),
                amount: money(minor, currency)?,
                payment_method,
            }),
            _ => None,
        };
        Ok(Payment {
            hotel_id: HotelId::from_uuid(self.hotel_id),
            payment_id: PaymentId::from_uuid(self.payment_id),
            state: self.state.parse()?,
            round: u32::try_from(self.round).unwrap_or(1),
            terms,
            authorization_id: self.authorization_id,
            captured_minor: self.captured_minor,
            refunded_minor: self.refunded_minor,
        })
    }
}

/// An amount as the database holds it.
pub(super) fn money(minor: i64, currency: &str) -> Result<Money, Broken> {
    let money = currency
        .parse::<Currency>()
        .and_then(|currency| Money::from_minor(minor, currency));
    money.map_err(|error| Broken::Inconsistent(format!("{minor} {currency}: {error}")))
}

pub(super) fn columns(keys: &[Key]) -> (Vec<Uuid>, Vec<Uuid>) {
    keys.iter()
        .map(|(hotel_id, payment_id)| (hotel_id.uuid(), payment_id.uuid()))
        .unzip()
}

#[derive(sqlx::Encode)]
struct OpeningRow<'a> {
    hotel_id: Uuid,
    payment_id: Uuid,
    round: i32,
    reservation_id: Option<Uuid>,
    amount_minor: Option<i64>,
    currency: Option<&'a str>,
    payment_method: Option<&'a str>,
}
platform::row_type!(OpeningRow<'_>, "payment.opening_2");

impl<'a> From<&'a Begins> for OpeningRow<'a> {
    fn from(opening: &'a Begins) -> Self {
        let terms = opening.terms.as_ref();
        Self {
            hotel_id: opening.payment.0.uuid(),
            payment_id: opening.payment.1.uuid(),
            round: i32::try_from(opening.round).unwrap_or(i32::MAX),
            reservation_id: terms.map(|terms| terms.reservation_id.uuid()),
            amount_minor: terms.map(|terms| terms.amount.minor()),
            currency: terms.map(|terms| terms.amount.currency().code()),
            payment_method: terms.map(|terms| terms.payment_method.as_str()),
        }
    }
}

/// Locks payments, always in the same order, and begins those of the openings that do not exist. Answers those that
/// exist then. Each key stands once in `openings`.
///
/// # Errors
/// [`Broken::Overtaken`] when another transaction has just begun one of them.
pub(crate) async fn lock_or_open(
    db: &mut PgConnection,
    keys: &[Key],
    openings: &[Begins],
) -> Result<HashMap<Key, Payment>, Broken> {
    let (hotels, payments) = columns(keys);
    let opened: Vec<OpeningRow<'_>> = openings.iter().map(OpeningRow::from).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"with known as materialized (
             select hotel_id, payment_id, reservation_id, state, round, amount_minor, currency, payment_method,
                    authorization_id, captured_minor, refunded_minor
             from payment.payment
             where (hotel_id, payment_id) in (select * from unnest($1::uuid[], $2::uuid[]))
             order by hotel_id, payment_id
             for update),
         opened as (
             insert into payment.payment
                 (hotel_id, payment_id, reservation_id, state, round, amount_minor, currency, payment_method)
             select hotel_id, payment_id, reservation_id,
                    case when amount_minor is null then 'voided' else 'new' end, round, amount_minor, currency,
                    payment_method
             from unnest($3::payment.opening_2[]) as opening
             where (select count(*) from known where known.hotel_id = opening.hotel_id
                 and known.payment_id = opening.payment_id) = 0
             order by hotel_id, payment_id
             on conflict do nothing
             returning hotel_id, payment_id, reservation_id, state, round, amount_minor, currency, payment_method,
                       authorization_id, captured_minor, refunded_minor)
         select hotel_id as "hotel_id!", payment_id as "payment_id!", reservation_id, state as "state!",
                round as "round!", amount_minor, currency, payment_method, authorization_id, captured_minor as "captured_minor!",
                refunded_minor as "refunded_minor!"
         from (select * from known union all select * from opened) as payment"#,
        &hotels,
        &payments,
        &opened as &[OpeningRow<'_>],
    )
    .fetch_all(db)
    .await?;
    let payments = by_key(rows)?;
    if openings
        .iter()
        .all(|opening| payments.contains_key(&opening.payment))
    {
        Ok(payments)
    } else {
        Err(Broken::Overtaken("a payment was begun by somebody else"))
    }
}

/// Gives a payment that was voided before it was ever authorised the terms of a newer round, which begins it after all.
/// One statement, and none where there is no such payment, which is nearly always. The payments are locked.
pub(crate) async fn agree(
    db: &mut PgConnection,
    payments: &mut HashMap<Key, Payment>,
    begun: &[Begins],
) -> Result<(), Broken> {
    let mut rows = Vec::new();
    for begins in begun {
        if let (Some(payment), Some(terms)) = (payments.get_mut(&begins.payment), &begins.terms)
            && payment.terms.is_none()
            && begins.round > payment.round
        {
            payment.terms = Some(terms.clone());
            rows.push(OpeningRow::from(begins));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let done = sqlx::query!(
        "update payment.payment as payment
         set reservation_id = agreed.reservation_id, amount_minor = agreed.amount_minor, currency = agreed.currency,
             payment_method = agreed.payment_method, updated_at = now()
         from unnest($1::payment.opening_2[]) as agreed
         where payment.hotel_id = agreed.hotel_id and payment.payment_id = agreed.payment_id
           and payment.amount_minor is null",
        &rows as &[OpeningRow<'_>],
    )
    .execute(db)
    .await?;
    all_written("terms", done.rows_affected(), rows.len())
}

/// Reads payments without locking them.
pub(crate) async fn read(db: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Payment>, Broken> {
    let (hotels, payments) = columns(keys);
    let rows = sqlx::query_as!(
        Row,
        "select payment.hotel_id, payment.payment_id, payment.reservation_id, payment.state, payment.round,
                payment.amount_minor, payment.currency, payment.payment_method, payment.authorization_id, payment.captured_minor,
                payment.refunded_minor
         from payment.payment
         where (hotel_id, payment_id) in (select * from unnest($1::uuid[], $2::uuid[]))",
        &hotels,
        &payments,
    )
    .fetch_all(db)
    .await?;
    by_key(rows)
}

/// Reads one payment by its id alone.
pub(crate) async fn by_id(
    db: &mut PgConnection,
    sees: &Sees,
    payment_id: PaymentId,
) -> Result<Option<Payment>, Broken> {
    let row = sqlx::query_as!(
        Row,
        "select hotel_id, payment_id, reservation_id, state, round, amount_minor, currency, payment_method,
                authorization_id, captured_minor, refunded_minor
         from payment.payment
         where payment_id = $1 and ($2 or hotel_id = any($3))
         order by hotel_id
         limit 1",
        payment_id.uuid(),
        sees.all(),
        sees.hotels(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::payment).transpose()
}

fn by_key(rows: Vec<Row>) -> Result<HashMap<Key, Payment>, Broken> {
    let payments = rows.into_iter().map(Row::payment);
    payments
        .map(|payment| payment.map(|payment| ((payment.hotel_id, payment.payment_id), payment)))
        .collect()
}
