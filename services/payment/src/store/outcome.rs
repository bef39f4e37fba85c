//! Outcomes: what they are about is locked and read by one statement, and everything that comes of them written by
//! another.

use std::collections::HashMap;

use contract::{HotelId, Outcome, PaymentId, Reply, ReservationId, SagaId};
use platform::Broken;
use platform::db::all_written;
use platform::envelope::Traceparent;
use platform::outbox::Outgoing;
use sqlx::PgConnection;
use uuid::Uuid;

use super::operation::key;
use super::payment::{Key, Row, columns};
use crate::model::{Ending, Moved, Payment};

platform::message_row!("payment.message_1");

/// How an operation ended, to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedOperation {
    pub(crate) payment: Key,
    pub(crate) operation_no: i64,
    pub(crate) ending: Ending,
}

/// A movement to be booked.
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

/// The reply that somebody waits for, without its outcome, and the trace of whoever asked.
pub(crate) type Awaited = (Reply, Option<Traceparent>);

/// Payments and who waits for the operations that are due still.
#[derive(Debug, Default)]
pub(crate) struct Locked {
    pub(crate) payments: HashMap<Key, Payment>,
    pub(crate) awaited: HashMap<i64, Awaited>,
}

/// Locks those of the operations that are due, with their payments, always in the same order.
pub(crate) async fn lock_due(db: &mut PgConnection, operations: &[(Key, i64)]) -> Result<Locked, Broken> {
    let keys: Vec<Key> = operations.iter().map(|(key, _)| *key).collect();
    let (hotels, payments) = columns(&keys);
    let numbers: Vec<i64> = operations.iter().map(|(_, number)| *number).collect();
    let rows = sqlx::query!(
        "select p.hotel_id, p.payment_id, p.reservation_id, p.state, p.amount_minor, p.currency, p.payment_method,
                p.round as payment_round, p.authorization_id, p.captured_minor, p.refunded_minor, o.operation_no, o.saga_id, o.step, o.undo,
                o.round, o.attempt, o.traceparent
         from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as ended (hotel_id, payment_id, operation_no)
         join payment.payment p on p.hotel_id = ended.hotel_id and p.payment_id = ended.payment_id
         join payment.operation o on o.hotel_id = ended.hotel_id and o.payment_id = ended.payment_id
             and o.operation_no = ended.operation_no and o.state = 'due'
         order by p.hotel_id, p.payment_id, o.operation_no
         for update of p, o",
        &hotels,
        &payments,
        &numbers,
    )
    .fetch_all(db)
    .await?;
    let mut locked = Locked::default();
    for row in rows {
        let reply = Reply {
            saga_id: SagaId::from_uuid(row.saga_id),
            step: row.step,
            undo: row.undo,
            round: u32::try_from(row.round).unwrap_or(1),
            attempt: u32::try_from(row.attempt).unwrap_or(1),
            outcome: Outcome::Done,
        };
        let trace = row.traceparent.as_deref().and_then(Traceparent::read);
        locked.awaited.insert(row.operation_no, (reply, trace));
        let payment = Row {
            hotel_id: row.hotel_id,
            payment_id: row.payment_id,
            reservation_id: row.reservation_id,
            state: row.state,
            round: row.payment_round,
            amount_minor: row.amount_minor,
            currency: row.currency,
            payment_method: row.payment_method,
            authorization_id: row.authorization_id,
            captured_minor: row.captured_minor,
            refunded_minor: row.refunded_minor,
        };
        let (hotel_id, payment_id) = (row.hotel_id, row.payment_id);
        locked
            .payments
            .insert(key(hotel_id, payment_id), payment.payment()?);
    }
    Ok(locked)
}

#[derive(sqlx::Encode)]
struct EndedRow {
    hotel_id: Uuid,
    payment_id: Uuid,
    operation_no: i64,
    refusal: Option<&'static str>,
}
platform::row_type!(EndedRow, "payment.ended_1");

impl From<&EndedOperation> for EndedRow {
    fn from(ended: &EndedOperation) -> Self {
        Self {
            hotel_id: ended.payment.0.uuid(),
            payment_id: ended.payment.1.uuid(),
            operation_no: ended.operation_no,
            refusal: match ended.ending {
                Ending::Done => None,
                Ending::Refused(why) => Some(why.word()),
            },
        }
    }
}

#[derive(sqlx::Encode)]
struct ChangeRow<'a> {
    hotel_id: Uuid,
    payment_id: Uuid,
    state: &'a str,
    round: i32,
    authorization_id: Option<&'a str>,
    captured_minor: i64,
    refunded_minor: i64,
}
platform::row_type!(ChangeRow<'_>, "payment.change_2");

impl<'a> From<&'a Payment> for ChangeRow<'a> {
    fn from(payment: &'a Payment) -> Self {
        Self {
            hotel_id: payment.hotel_id.uuid(),
            payment_id: payment.payment_id.uuid(),
            state: payment.state.word(),
            round: i32::try_from(payment.round).unwrap_or(i32::MAX),
            authorization_id: payment.authorization_id.as_deref(),
            captured_minor: payment.captured_minor,
            refunded_minor: payment.refunded_minor,
        }
    }
}

#[derive(sqlx::Encode)]
struct MovementRow {
    hotel_id: Uuid,
    movement_id: Uuid,
    payment_id: Uuid,
    reservation_id: Uuid,
    kind: &'static str,
    amount_minor: i64,
    currency: &'static str,
    debit: &'static str,
    credit: &'static str,
}
platform::row_type!(MovementRow, "payment.movement_1");

/// What the provider owes us, and what we owe the hotel.
const ACCOUNTS: (&str, &str) = ("provider_clearing", "hotel_payable");

impl From<&Movement> for MovementRow {
    fn from(movement: &Movement) -> Self {
        let (kind, amount, sign, (debit, credit)) = match movement.moved {
            Moved::Captured(amount) => ("capture", amount, 1, ACCOUNTS),
            Moved::Refunded(amount) => ("refund", amount, -1, (ACCOUNTS.1, ACCOUNTS.0)),
        };
        Self {
            hotel_id: movement.hotel_id.uuid(),
            movement_id: movement.movement_id,
            payment_id: movement.payment_id.uuid(),
            reservation_id: movement.reservation_id.uuid(),
            kind,
            amount_minor: sign * amount.minor(),
            currency: amount.currency().code(),
            debit,
            credit,
        }
    }
}

/// What comes of outcomes. Everything in it is locked.
#[derive(Debug, Default)]
pub(crate) struct Written<'a> {
    pub(crate) ended: Vec<EndedOperation>,
    pub(crate) changed: Vec<&'a Payment>,
    pub(crate) movements: Vec<Movement>,
    pub(crate) said: &'a [Outgoing],
}

/// Writes what comes of outcomes, and makes due now what waited for them. Answers how many operations that were.
pub(crate) async fn write(db: &mut PgConnection, written: &Written<'_>) -> Result<i64, Broken> {
    let ended: Vec<EndedRow> = written.ended.iter().map(EndedRow::from).collect();
    let changed: Vec<ChangeRow<'_>> = written
        .changed
        .iter()
        .map(|payment| ChangeRow::from(*payment))
        .collect();
    let movements: Vec<MovementRow> = written.movements.iter().map(MovementRow::from).collect();
    let done = sqlx::query!(
        r#"with ended as (
             update payment.operation
             set state = case when ended.refusal is null then 'done' else 'refused' end, refusal = ended.refusal,
                 settled_at = now()
             from unnest($1::payment.ended_1[]) as ended
             where operation.hotel_id = ended.hotel_id and operation.payment_id = ended.payment_id
               and operation.operation_no = ended.operation_no and operation.state = 'due'
             returning 1),
         changed as (
             update payment.payment
             set state = changed.state, round = changed.round, authorization_id = changed.authorization_id,
                 captured_minor = changed.captured_minor, refunded_minor = changed.refunded_minor, updated_at = now()
             from unnest($2::payment.change_2[]) as changed
             where payment.hotel_id = changed.hotel_id and payment.payment_id = changed.payment_id
             returning 1),
         moved as (
             insert into payment.movement
                 (hotel_id, movement_id, payment_id, reservation_id, kind, amount_minor, currency, debit, credit)
             select hotel_id, movement_id, payment_id, reservation_id, kind, amount_minor, currency,
                    debit::payment.account, credit::payment.account
             from unnest($3::payment.movement_1[]) returning 1),
         messages as (
             insert into payment.outbox
                 (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
             select id, topic, key, type, payload::json, actor, traceparent, deadline_ms
             from unnest($4::payment.message_1[]) returning 1),
         woken as (
             update payment.operation set next_attempt_at = now()
             where (hotel_id, payment_id) in (select hotel_id, payment_id from unnest($1::payment.ended_1[]))
               and state = 'due'
               and operation_no not in (select operation_no from unnest($1::payment.ended_1[]))
             returning 1)
         select (select count(*) from ended) as "ended!", (select count(*) from changed) as "changed!",
             (select count(*) from moved) as "moved!", (select count(*) from messages) as "messages!",
             (select count(*) from woken) as "woken!""#,
        &ended as &[EndedRow],
        &changed as &[ChangeRow<'_>],
        &movements as &[MovementRow],
        &Message::all(written.said) as &[Message<'_>],
    )
    .fetch_one(db)
    .await?;
    all_written("outcomes", done.ended, ended.len())?;
    all_written("payments", done.changed, changed.len())?;
    all_written("movements", done.moved, movements.len())?;
    all_written("messages", done.messages, written.said.len())?;
    Ok(done.woken)
}
