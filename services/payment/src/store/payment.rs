//! Payments.

use std::collections::HashMap;

use contract::{Currency, HotelId, Money, PaymentId, ReservationId};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::{Payment, Terms};

/// What names a payment.
pub(crate) type Key = (HotelId, PaymentId);

/// A payment to begin, or without terms a tombstone.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) key: Key,
    pub(crate) terms: Option<Terms>,
}

/// A row of `payment.payment`.
struct Row {
    hotel_id: Uuid,
    payment_id: Uuid,
    reservation_id: Option<Uuid>,
    state: String,
    amount_minor: Option<i64>,
    currency: Option<String>,
    payment_method: Option<String>,
    authorization_id: Option<String>,
    captured_minor: i64,
    refunded_minor: i64,
}

impl Row {
    fn payment(self) -> Result<Payment, Broken> {
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

/// Begins payments that do not exist. Each key stands once in `openings`.
pub(crate) async fn open(db: &mut PgConnection, openings: &[Opening]) -> Result<(), Broken> {
    let keys: Vec<Key> = openings.iter().map(|opening| opening.key).collect();
    let (hotels, payments) = columns(&keys);
    let terms = || openings.iter().map(|opening| opening.terms.as_ref());
    let reservations: Vec<Option<Uuid>> = terms().map(|terms| Some(terms?.reservation_id.uuid())).collect();
    let amounts: Vec<Option<i64>> = terms().map(|terms| Some(terms?.amount.minor())).collect();
    let currencies: Vec<Option<String>> = terms()
        .map(|terms| Some(terms?.amount.currency().code().to_owned()))
        .collect();
    let methods: Vec<Option<String>> = terms().map(|terms| Some(terms?.payment_method.clone())).collect();
    sqlx::query!(
        "insert into payment.payment (hotel_id, payment_id, reservation_id, state, amount_minor, currency, payment_method)
         select hotel_id, payment_id, reservation_id,
                case when amount_minor is null then 'voided' else 'new' end, amount_minor, currency, payment_method
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[])
              as opening (hotel_id, payment_id, reservation_id, amount_minor, currency, payment_method)
         order by hotel_id, payment_id
         on conflict do nothing",
        &hotels,
        &payments,
        &reservations as &[Option<Uuid>],
        &amounts as &[Option<i64>],
        &currencies as &[Option<String>],
        &methods as &[Option<String>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Locks payments, always in the same order, and answers those that exist.
pub(crate) async fn lock(db: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Payment>, Broken> {
    let (hotels, payments) = columns(keys);
    let rows = sqlx::query_as!(
        Row,
        "select payment.hotel_id, payment.payment_id, payment.reservation_id, payment.state, payment.amount_minor,
                payment.currency, payment.payment_method, payment.authorization_id, payment.captured_minor,
                payment.refunded_minor
         from payment.payment
         where (hotel_id, payment_id) in (select * from unnest($1::uuid[], $2::uuid[]))
         order by hotel_id, payment_id
         for update",
        &hotels,
        &payments,
    )
    .fetch_all(db)
    .await?;
    by_key(rows)
}

/// Reads payments without locking them.
pub(crate) async fn read(db: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Payment>, Broken> {
    let (hotels, payments) = columns(keys);
    let rows = sqlx::query_as!(
        Row,
        "select payment.hotel_id, payment.payment_id, payment.reservation_id, payment.state, payment.amount_minor,
                payment.currency, payment.payment_method, payment.authorization_id, payment.captured_minor,
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
pub(crate) async fn by_id(db: &mut PgConnection, payment_id: PaymentId) -> Result<Option<Payment>, Broken> {
    let row = sqlx::query_as!(
        Row,
        "select hotel_id, payment_id, reservation_id, state, amount_minor, currency, payment_method,
                authorization_id, captured_minor, refunded_minor
         from payment.payment
         where payment_id = $1
         order by hotel_id
         limit 1",
        payment_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::payment).transpose()
}

/// Writes what payments have become. They are locked.
pub(crate) async fn change(db: &mut PgConnection, payments: &[&Payment]) -> Result<(), Broken> {
    let keys: Vec<Key> = payments
        .iter()
        .map(|payment| (payment.hotel_id, payment.payment_id))
        .collect();
    let (hotels, ids) = columns(&keys);
    let states: Vec<String> = payments
        .iter()
        .map(|payment| payment.state.word().to_owned())
        .collect();
    let authorizations: Vec<Option<String>> = payments
        .iter()
        .map(|payment| payment.authorization_id.clone())
        .collect();
    let captured: Vec<i64> = payments.iter().map(|payment| payment.captured_minor).collect();
    let refunded: Vec<i64> = payments.iter().map(|payment| payment.refunded_minor).collect();
    sqlx::query!(
        "update payment.payment
         set state = changed.state, authorization_id = changed.authorization_id,
             captured_minor = changed.captured_minor, refunded_minor = changed.refunded_minor, updated_at = now()
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
              as changed (hotel_id, payment_id, state, authorization_id, captured_minor, refunded_minor)
         where payment.hotel_id = changed.hotel_id and payment.payment_id = changed.payment_id",
        &hotels,
        &ids,
        &states,
        &authorizations as &[Option<String>],
        &captured,
        &refunded,
    )
    .execute(db)
    .await?;
    Ok(())
}

fn by_key(rows: Vec<Row>) -> Result<HashMap<Key, Payment>, Broken> {
    let payments = rows.into_iter().map(Row::payment);
    payments
        .map(|payment| payment.map(|payment| ((payment.hotel_id, payment.payment_id), payment)))
        .collect()
}
