//! Writing reservations: new ones with the first line of their history, and changed ones.

use chrono::{DateTime, NaiveDate, Utc};
use contract::quote::Quote;
use contract::{Refusal, SagaId, StayDate};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::Reservation;

/// A value of each reservation, as the array of a column.
fn column<'a, T>(rows: &[&'a Reservation], of: impl Fn(&'a Reservation) -> T) -> Vec<T> {
    rows.iter().map(|row| of(row)).collect()
}

/// Writes new reservations with the quotes they were made from. Answers how many: less than all when another
/// booking has just used one of the quotes.
pub(crate) async fn insert(
    db: &mut PgConnection,
    rows: &[&Reservation],
    quotes: &[&Quote],
) -> Result<usize, Broken> {
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| Broken::Inconsistent(format!("a quote cannot be written: {error}")))
    };
    let quotes: Vec<String> = quotes
        .iter()
        .map(|quote| json(serde_json::to_string(quote)))
        .collect::<Result<_, _>>()?;
    let policies: Vec<String> = rows
        .iter()
        .map(|row| json(serde_json::to_string(&row.cancellation_policy)))
        .collect::<Result<_, _>>()?;
    let small = |number: u16| i16::try_from(number).unwrap_or(i16::MAX);
    let written = sqlx::query!(
        "insert into reservation.reservation (hotel_id, reservation_id, saga_id, state, version, guest_id, \
             guest_name, guest_phone, adults, children, quote_id, used_quote_id, room_type_id, rate_plan_id, \
             check_in, check_out, rooms, currency, total_minor, quote, cancellation_policy, time_zone, free_until, \
             late_penalty_minor, created_at, updated_at) \
         select hotel_id, reservation_id, saga_id, 'pending', 1, guest_id, guest_name, guest_phone, adults, \
             children, quote_id, quote_id, room_type_id, rate_plan_id, check_in, check_out, rooms, currency, \
             total_minor, quote::json, cancellation_policy::json, time_zone, free_until, late_penalty_minor, \
             at, at \
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int2[], \
             $8::int2[], $9::uuid[], $10::uuid[], $11::uuid[], $12::date[], $13::date[], $14::int2[], \
             $15::text[], $16::int8[], $17::text[], $18::text[], $19::text[], $20::date[], $21::int8[], \
             $22::timestamptz[]) \
         as new (hotel_id, reservation_id, saga_id, guest_id, guest_name, guest_phone, adults, children, \
             quote_id, room_type_id, rate_plan_id, check_in, check_out, rooms, currency, total_minor, quote, \
             cancellation_policy, time_zone, free_until, late_penalty_minor, at) \
         on conflict (hotel_id, used_quote_id) where used_quote_id is not null do nothing",
        &column(rows, |row| row.hotel_id.uuid()),
        &column(rows, |row| row.reservation_id.uuid()),
        &column(rows, |row| row.saga_id.uuid()),
        &column(rows, |row| row.guest_id.uuid()),
        &column(rows, |row| row.guest_name.as_str()) as &[&str],
        &column(rows, |row| row.guest_phone.as_deref()) as &[Option<&str>],
        &column(rows, |row| small(row.party.adults)),
        &column(rows, |row| small(row.party.children)),
        &column(rows, |row| row.quote_id.uuid()),
        &column(rows, |row| row.room_type_id.uuid()),
        &column(rows, |row| row.rate_plan_id.uuid()),
        &column(rows, |row| row.terms.stay.check_in().date()),
        &column(rows, |row| row.terms.stay.check_out().date()),
        &column(rows, |row| small(row.rooms)),
        &column(rows, |row| row.terms.total.currency().code()) as &[&str],
        &column(rows, |row| row.terms.total.minor()),
        &quotes,
        &policies,
        &column(rows, |row| row.terms.time_zone.name()) as &[&str],
        &column(rows, |row| row.terms.free_until.map(StayDate::date)) as &[Option<NaiveDate>],
        &column(rows, |row| row.terms.late_penalty().minor()),
        &column(rows, |row| row.created_at),
    )
    .execute(db)
    .await?
    .rows_affected();
    Ok(usize::try_from(written).unwrap_or(usize::MAX))
}

/// Writes changed reservations, each of which the transaction has locked. A rejected one gives its quote back.
pub(crate) async fn update(db: &mut PgConnection, rows: &[&Reservation]) -> Result<(), Broken> {
    if rows.is_empty() {
        return Ok(());
    }
    let refusal = |of: fn(&Refusal) -> &str| column(rows, move |row| row.refusal.as_ref().map(of));
    let whole = |row: &&Reservation| row.refusal.as_ref().map(serde_json::to_string).transpose();
    let whole = rows.iter().map(whole).collect::<Result<Vec<_>, _>>();
    let whole =
        whole.map_err(|error| Broken::Inconsistent(format!("a refusal cannot be written: {error}")))?;
    let written = sqlx::query!(
        "update reservation.reservation r set state = new.state, version = new.version, \
             cancellation_saga_id = new.cancellation_saga_id, cancel_requested_at = new.cancel_requested_at, \
             penalty_minor = new.penalty_minor, refund_minor = new.refund_minor, kept_until = new.kept_until, \
             refusal_code = new.refusal_code, refusal_message = new.refusal_message, \
             refusal_night = new.refusal_night, refusal = new.refusal::json, updated_at = new.updated_at, \
             used_quote_id = case when new.state = 'rejected' then null else r.used_quote_id end \
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int4[], $5::uuid[], $6::timestamptz[], \
             $7::int8[], $8::int8[], $9::date[], $10::text[], $11::text[], $12::date[], $13::text[], \
             $14::timestamptz[]) \
         as new (hotel_id, reservation_id, state, version, cancellation_saga_id, cancel_requested_at, \
             penalty_minor, refund_minor, kept_until, refusal_code, refusal_message, refusal_night, refusal, \
             updated_at) \
         where r.hotel_id = new.hotel_id and r.reservation_id = new.reservation_id",
        &column(rows, |row| row.hotel_id.uuid()),
        &column(rows, |row| row.reservation_id.uuid()),
        &column(rows, |row| row.state.as_str()) as &[&str],
        &column(rows, |row| row.version),
        &column(rows, |row| row.cancellation_saga_id.map(SagaId::uuid)) as &[Option<Uuid>],
        &column(rows, |row| row.cancel_requested_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.cost.map(|cost| cost.penalty.minor())) as &[Option<i64>],
        &column(rows, |row| row.cost.map(|cost| cost.refund.minor())) as &[Option<i64>],
        &column(rows, |row| row.cost?.kept_until.map(StayDate::date)) as &[Option<NaiveDate>],
        &refusal(Refusal::word) as &[Option<&str>],
        &refusal(Refusal::message) as &[Option<&str>],
        &column(rows, |row| row
            .refusal
            .as_ref()
            .and_then(Refusal::night)
            .map(StayDate::date)) as &[Option<NaiveDate>],
        &whole as &[Option<String>],
        &column(rows, |row| row.updated_at),
    )
    .execute(db)
    .await?
    .rows_affected();
    if usize::try_from(written).is_ok_and(|written| written == rows.len()) {
        Ok(())
    } else {
        Err(Broken::Inconsistent(format!(
            "{written} of {} reservations were changed",
            rows.len()
        )))
    }
}
