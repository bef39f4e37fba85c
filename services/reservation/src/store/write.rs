//! Writing reservations: new ones with their keys, guests and the first line of their history, and changed ones with
//! the lines and the answers that come of it; and what is to be said of it. One statement each.

use chrono::{DateTime, NaiveDate, Utc};
use contract::quote::Quote;
use contract::{Refusal, SagaId, StayDate};
use platform::Broken;
use platform::db::all_written;
use platform::http::{Key, Stored};
use platform::outbox::{Heard, Outgoing};
use sqlx::PgConnection;
use uuid::Uuid;

use super::charges::{self, ChargeRow};
use super::history::{Line, LineRow};
use crate::fingerprint::Fingerprint;
use crate::model::{Reservation, State};
use crate::view;

platform::message_row!("reservation.message_1");

/// A booking to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Booking<'a> {
    pub(crate) key: &'a Key,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) reservation: &'a Reservation,
    pub(crate) quote: &'a Quote,
    /// Whether its guest is written too: once for each guest whom nobody knows.
    pub(crate) guest_is_new: bool,
}

#[derive(sqlx::Encode)]
struct BookingRow<'a> {
    client: &'a str,
    key: &'a str,
    fingerprint: &'a [u8],
    keyed_fingerprint: &'a [u8],
    hotel_id: Uuid,
    reservation_id: Uuid,
    code: &'a str,
    hold_id: Uuid,
    payment_id: Uuid,
    saga_id: Uuid,
    guest_id: Uuid,
    guest_is_new: bool,
    guest_email: &'a str,
    guest_name: &'a str,
    guest_phone: Option<&'a str>,
    adults: i16,
    children: i16,
    quote_id: Uuid,
    room_type_id: Uuid,
    rate_plan_id: Uuid,
    check_in: NaiveDate,
    check_out: NaiveDate,
    rooms: i16,
    lines: Option<String>,
    currency: &'a str,
    total_minor: i64,
    quote: String,
    cancellation_policy: String,
    time_zone: &'a str,
    free_until: Option<NaiveDate>,
    at: DateTime<Utc>,
}
platform::row_type!(BookingRow<'_>, "reservation.booking_5");

impl<'a> BookingRow<'a> {
    fn of(booking: &Booking<'a>) -> Result<Self, Broken> {
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| Broken::Inconsistent(format!("a quote cannot be written: {error}")))
        };
        let small = |number: u16| i16::try_from(number).unwrap_or(i16::MAX);
        let (key, row) = (booking.key, booking.reservation);
        Ok(Self {
            client: &key.client,
            key: &key.text,
            fingerprint: &booking.fingerprint.plain,
            keyed_fingerprint: booking.fingerprint.keyed(),
            hotel_id: row.hotel_id.uuid(),
            reservation_id: row.reservation_id.uuid(),
            code: row.code.symbols(),
            hold_id: row.hold_id.uuid(),
            payment_id: row.payment_id.uuid(),
            saga_id: row.saga_id.uuid(),
            guest_id: row.guest_id.uuid(),
            guest_is_new: booking.guest_is_new,
            guest_email: &row.guest_email,
            guest_name: &row.guest_name,
            guest_phone: row.guest_phone.as_deref(),
            adults: small(row.party.adults),
            children: small(row.party.children),
            quote_id: row.quote_id.uuid(),
            room_type_id: row.room_type_id.uuid(),
            rate_plan_id: row.rate_plan_id.uuid(),
            check_in: row.terms.stay.check_in().date(),
            check_out: row.terms.stay.check_out().date(),
            rooms: small(row.rooms),
            lines: (!row.lines.is_empty())
                .then(|| json(serde_json::to_string(&row.lines)))
                .transpose()?,
            currency: row.terms.total.currency().code(),
            total_minor: row.terms.total.minor(),
            quote: json(serde_json::to_string(booking.quote))?,
            cancellation_policy: json(serde_json::to_string(&row.cancellation_policy))?,
            time_zone: row.terms.time_zone.name(),
            free_until: row.terms.free_until.map(StayDate::date),
            at: row.created_at,
        })
    }
}

/// Writes new bookings, with what is to be said. Answers false, and the transaction must be rolled back, when another
/// one has just written a key, a guest or a quote of theirs, or a code is another booking's.
///
/// Guests are written in the order of their addresses, then reservations in the order of their quotes: a part that waits
/// for another process does so before the next begins.
pub(crate) async fn book(
    db: &mut PgConnection,
    bookings: &[Booking<'_>],
    said: &[Outgoing],
) -> Result<bool, Broken> {
    let rows: Vec<BookingRow<'_>> = bookings.iter().map(BookingRow::of).collect::<Result<_, _>>()?;
    let done = sqlx::query!(
        r#"with new as materialized (select * from unnest($1::reservation.booking_5[])),
         guests as (
             insert into reservation.guest (guest_id, email)
             select guest_id, guest_email from new
             where guest_is_new order by guest_email collate "C" on conflict do nothing returning 1),
         bookings as (
             insert into reservation.reservation (hotel_id, reservation_id, code, hold_id, payment_id, saga_id, state, version, guest_id,
                 guest_name, guest_phone, adults, children, quote_id, used_quote_id, room_type_id, rate_plan_id,
                 check_in, check_out, rooms, lines, currency, total_minor, quote, cancellation_policy, time_zone,
                 free_until, created_at, updated_at, client, key, fingerprint, keyed_fingerprint)
             select hotel_id, reservation_id, code, hold_id, payment_id, saga_id, 'pending', 1, guest_id, guest_name, guest_phone, adults,
                 children, quote_id, quote_id, room_type_id, rate_plan_id, check_in, check_out, rooms, lines::json,
                 currency, total_minor, quote::json, cancellation_policy::json, time_zone, free_until,
                 at, at, client, key, fingerprint, keyed_fingerprint
             from new where (select count(*) from guests) = (select count(*) from new where guest_is_new)
             order by hotel_id, quote_id on conflict do nothing returning 1),
         lines as (
             insert into reservation.reservation_history (hotel_id, reservation_id, version, from_state, state, at)
             select hotel_id, reservation_id, 1, '', 'pending', at from new
             where (select count(*) from bookings) = cardinality($1) returning 1),
         messages as (
             insert into reservation.outbox
                 (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
             select id, topic, key, type, payload::json, actor, traceparent, deadline_ms
             from unnest($2::reservation.message_1[])
             where (select count(*) from bookings) = cardinality($1) returning 1)
         select (select count(*) from bookings) as "bookings!", (select count(*) from lines) as "lines!",
             (select count(*) from messages) as "messages!""#,
        &rows as &[BookingRow<'_>],
        &Message::all(said) as &[Message<'_>],
    )
    .fetch_one(db)
    .await?;
    if usize::try_from(done.bookings) != Ok(rows.len()) {
        return Ok(false);
    }
    all_written("lines of history", done.lines, rows.len())?;
    all_written("messages", done.messages, said.len())?;
    Ok(true)
}

/// A reservation that has moved, and the answer if it ended its booking.
pub(crate) type Changed<'a> = (&'a Reservation, Option<&'a Stored>);

#[derive(sqlx::Encode)]
struct ChangeRow<'a> {
    hotel_id: Uuid,
    reservation_id: Uuid,
    state: &'a str,
    version: i32,
    cancellation_saga_id: Option<Uuid>,
    cancel_requested_at: Option<DateTime<Utc>>,
    penalty_minor: Option<i64>,
    refund_minor: Option<i64>,
    kept_until: Option<NaiveDate>,
    refusal_code: Option<&'a str>,
    refusal_message: Option<&'a str>,
    refusal_night: Option<NaiveDate>,
    refusal: Option<String>,
    updated_at: DateTime<Utc>,
    answer_status: Option<i16>,
    told: Option<Vec<u8>>,
}
platform::row_type!(ChangeRow<'_>, "reservation.change_2");

impl<'a> ChangeRow<'a> {
    fn of((row, answer): &Changed<'a>) -> Result<Self, Broken> {
        let refusal = row.refusal.as_ref();
        let whole = refusal.map(serde_json::to_string).transpose();
        let unwritten = |error| Broken::Inconsistent(format!("a refusal cannot be written: {error}"));
        Ok(Self {
            hotel_id: row.hotel_id.uuid(),
            reservation_id: row.reservation_id.uuid(),
            state: row.state.as_str(),
            version: row.version,
            cancellation_saga_id: row.cancellation_saga_id.map(SagaId::uuid),
            cancel_requested_at: row.cancel_requested_at,
            penalty_minor: row.cost.map(|cost| cost.penalty.minor()),
            refund_minor: row.cost.map(|cost| cost.refund.minor()),
            kept_until: row.cost.and_then(|cost| cost.kept_until).map(StayDate::date),
            refusal_code: refusal.map(Refusal::word),
            refusal_message: refusal.map(Refusal::message),
            refusal_night: refusal.and_then(Refusal::night).map(StayDate::date),
            refusal: whole.map_err(unwritten)?,
            updated_at: row.updated_at,
            answer_status: answer.map(|answer| i16::try_from(answer.status).unwrap_or(i16::MAX)),
            told: answer.map(|answer| view::without_guest(answer, row)),
        })
    }
}

/// Writes changed reservations, each of which the transaction has locked, with the lines of their history, what they
/// are charged since, what is to be said and what was heard. A rejected one gives its quote back. An answer that is there
/// stays.
pub(crate) async fn change(
    db: &mut PgConnection,
    changed: &[Changed<'_>],
    lines: &[Line],
    said: &[Outgoing],
    heard: &[Uuid],
) -> Result<Heard, Broken> {
    let cancelled = changed.iter().map(|(row, _)| *row);
    let cancelled = cancelled.filter(|row| row.state == State::Cancelled);
    let charges: Vec<ChargeRow> = cancelled.flat_map(charges::of).collect();
    let changed: Vec<ChangeRow<'_>> = changed.iter().map(ChangeRow::of).collect::<Result<_, _>>()?;
    let lines: Vec<LineRow<'_>> = lines.iter().map(LineRow::from).collect();
    let done = sqlx::query!(
        r#"with changed as (
             update reservation.reservation r set state = new.state, version = new.version,
                 cancellation_saga_id = new.cancellation_saga_id, cancel_requested_at = new.cancel_requested_at,
                 penalty_minor = new.penalty_minor, refund_minor = new.refund_minor, kept_until = new.kept_until,
                 refusal_code = new.refusal_code, refusal_message = new.refusal_message,
                 refusal_night = new.refusal_night, refusal = new.refusal::json, updated_at = new.updated_at,
                 used_quote_id = case when new.state = 'rejected' then null else r.used_quote_id end,
                 answer_status = coalesce(r.answer_status, new.answer_status),
                 told = case when r.answer is null then coalesce(r.told, new.told) end
             from unnest($1::reservation.change_2[]) new
             where r.hotel_id = new.hotel_id and r.reservation_id = new.reservation_id returning 1),
         lines as (
             insert into reservation.reservation_history
                 (hotel_id, reservation_id, version, from_state, state, reason, at)
             select * from unnest($2::reservation.line_1[]) returning 1),
         charges as (
             insert into reservation.charge (hotel_id, reservation_id, charge_no, kind, amount_minor, at)
             select * from unnest($4::reservation.charge_1[]) returning 1),
         messages as (
             insert into reservation.outbox
                 (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
             select id, topic, key, type, payload::json, actor, traceparent, deadline_ms
             from unnest($3::reservation.message_1[]) returning 1),
         heard as (insert into reservation.inbox (message_id) select * from unnest($5::uuid[]) returning 1)
         select (select count(*) from changed) as "changed!", (select count(*) from lines) as "lines!",
             (select count(*) from messages) as "messages!", (select count(*) from charges) as "charges!",
             (select count(*) from heard) as "heard!""#,
        &changed as &[ChangeRow<'_>],
        &lines as &[LineRow<'_>],
        &Message::all(said) as &[Message<'_>],
        &charges as &[ChargeRow],
        heard,
    )
    .fetch_one(db)
    .await?;
    all_written("changed reservations", done.changed, changed.len())?;
    all_written("lines of history", done.lines, lines.len())?;
    all_written("charges", done.charges, charges.len())?;
    all_written("messages", done.messages, said.len())?;
    Heard::written(done.heard, heard)
}
