//! Operations: what was asked for, and what is to be worked on.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use contract::{HotelId, PaymentId, Reply, SagaId};
use platform::Broken;
use platform::envelope::Traceparent;
use platform::outbox::{self, Heard};
use sqlx::PgConnection;
use uuid::Uuid;

use super::payment::{Key, columns};
use crate::model::{Asked, Ending, Kind, ONCE};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) payment: Key,
    pub(crate) kind: Kind,
    /// The saga for a void or a refund, none for what happens once to a payment.
    pub(crate) cause: Option<SagaId>,
    /// The round of the operation.
    pub(crate) round: u32,
    pub(crate) asked_minor: Option<i64>,
    /// The reply to write once the outcome is known; its outcome is filled in then.
    pub(crate) reply: Reply,
    /// The trace of whoever asked.
    pub(crate) trace: Option<Traceparent>,
}

/// What tells an operation from every other.
pub(crate) type OperationKey = (Key, Kind, Option<SagaId>, u32);

impl Intent {
    /// What tells it from every other.
    pub(crate) const fn key(&self) -> OperationKey {
        (self.payment, self.kind, self.cause, self.round)
    }
}

/// An intent as it stands in the database.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) operation_no: i64,
    pub(crate) payment: Key,
    pub(crate) kind: Kind,
    pub(crate) cause: Option<SagaId>,
    pub(crate) round: u32,
    /// Whether it had not been asked for before.
    pub(crate) new: bool,
    /// Whether it is the operation of its payment that is to be settled first.
    pub(crate) first: bool,
    /// How it ended, if it did.
    pub(crate) ending: Option<Ending>,
}

/// An operation that is to be worked on.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) operation_no: i64,
    pub(crate) payment: Key,
    pub(crate) kind: Kind,
    pub(crate) cause: Option<SagaId>,
    pub(crate) round: u32,
    pub(crate) asked_minor: Option<i64>,
    pub(crate) tries: i32,
}

/// An operation whose outcome is not known yet.
#[derive(Debug, Clone)]
pub(crate) struct Postponed {
    pub(crate) payment: Key,
    pub(crate) operation_no: i64,
    /// Whether the provider was called for it.
    pub(crate) is_tried: bool,
    pub(crate) wait_ms: i64,
    pub(crate) trouble: String,
}

/// The cause as the table's key has it: of each round its own.
fn column_of(cause: Option<SagaId>, round: u32) -> Uuid {
    let cause = cause.map_or(Uuid::nil(), SagaId::uuid);
    Uuid::from_u128(cause.as_u128() ^ u128::from(round.saturating_sub(ONCE)))
}

/// What a row of this kind says: the cause and the round of its operation.
fn asks(kind: Kind, cause: Uuid, round: i32) -> Result<(Option<SagaId>, u32), Broken> {
    let round =
        u32::try_from(round).map_err(|_| Broken::Inconsistent(format!("an operation of round {round}")))?;
    let round = kind.round(round);
    let cause = column_of(Some(SagaId::from_uuid(cause)), round);
    Ok(((!cause.is_nil()).then(|| SagaId::from_uuid(cause)), round))
}

fn ending_of(state: &str, refusal: Option<&str>) -> Result<Option<Ending>, Broken> {
    match (state, refusal) {
        ("due", _) => Ok(None),
        ("done", _) => Ok(Some(Ending::Done)),
        ("refused", Some(refusal)) => Ok(Some(Ending::Refused(refusal.parse()?))),
        _ => Err(Broken::Inconsistent(format!("an operation is {state}"))),
    }
}

pub(super) const fn key(hotel_id: Uuid, payment_id: Uuid) -> Key {
    (HotelId::from_uuid(hotel_id), PaymentId::from_uuid(payment_id))
}

#[derive(sqlx::Encode)]
struct IntentRow<'a> {
    hotel_id: Uuid,
    payment_id: Uuid,
    kind: &'a str,
    cause: Uuid,
    asked_minor: Option<i64>,
    saga_id: Uuid,
    step: &'a str,
    undo: bool,
    round: i32,
    attempt: i32,
    traceparent: Option<&'a str>,
}
platform::row_type!(IntentRow<'_>, "payment.intent_2");

impl<'a> From<&'a Intent> for IntentRow<'a> {
    fn from(intent: &'a Intent) -> Self {
        Self {
            hotel_id: intent.payment.0.uuid(),
            payment_id: intent.payment.1.uuid(),
            kind: intent.kind.word(),
            cause: column_of(intent.cause, intent.round),
            asked_minor: intent.asked_minor,
            saga_id: intent.reply.saga_id.uuid(),
            step: &intent.reply.step,
            undo: intent.reply.undo,
            round: i32::try_from(intent.reply.round).unwrap_or(i32::MAX),
            attempt: i32::try_from(intent.reply.attempt).unwrap_or(i32::MAX),
            traceparent: intent.trace.as_ref().map(Traceparent::as_str),
        }
    }
}

/// Of these authorisations, each with its message and its deadline, the messages of those whose deadline is over and that
/// nobody has asked for before.
pub(crate) async fn not_begun(
    db: &mut PgConnection,
    late: &[(Uuid, Asked, DateTime<Utc>)],
) -> Result<HashSet<Uuid>, Broken> {
    if late.is_empty() {
        return Ok(HashSet::new());
    }
    let messages: Vec<Uuid> = late.iter().map(|(message, ..)| *message).collect();
    let keys: Vec<Key> = late.iter().map(|(_, asked, _)| asked.payment).collect();
    let (hotels, payments) = columns(&keys);
    let causes = late
        .iter()
        .map(|(_, asked, _)| column_of(asked.cause, asked.round));
    let causes: Vec<Uuid> = causes.collect();
    let deadlines: Vec<DateTime<Utc>> = late.iter().map(|(.., deadline)| *deadline).collect();
    let messages = sqlx::query_scalar!(
        r#"select message as "message!"
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
                as asked (message, hotel_id, payment_id, cause, deadline)
           where deadline < clock_timestamp()
             and not exists (select from payment.operation as known
                             where known.hotel_id = asked.hotel_id and known.payment_id = asked.payment_id
                               and known.kind = 'authorize' and known.cause = asked.cause)"#,
        &messages,
        &hotels,
        &payments,
        &causes,
        &deadlines,
    );
    Ok(messages.fetch_all(db).await?.into_iter().collect())
}

/// Records intents, each once, and answers how they stand. One that is asked for again keeps its outcome
/// and only learns who waits for the reply. New ones are left to this process for `lease_ms`. The payments are locked.
/// The messages that brought them are put into the inbox with them.
pub(crate) async fn record(
    db: &mut PgConnection,
    intents: &[Intent],
    messages: &[Uuid],
    lease_ms: i64,
) -> Result<(Vec<Recorded>, Heard), Broken> {
    if intents.is_empty() {
        return Ok((Vec::new(), outbox::hear(db, crate::SCHEMA, messages).await?));
    }
    let intents: Vec<IntentRow<'_>> = intents.iter().map(IntentRow::from).collect();
    // What was due before is as it was when the statement began, so what it makes due is looked at beside.
    let rows = sqlx::query!(
        r#"with recorded as (
             insert into payment.operation
                 (hotel_id, payment_id, kind, cause, asked_minor, saga_id, step, undo, round, attempt, traceparent,
                  next_attempt_at)
             select hotel_id, payment_id, kind, cause, asked_minor, saga_id, step, undo, round, attempt,
                    traceparent, now() + make_interval(secs => $2::bigint / 1000.0)
             from unnest($1::payment.intent_2[]) with ordinality
                  as intent (hotel_id, payment_id, kind, cause, asked_minor, saga_id, step, undo, round, attempt,
                             traceparent, place)
             order by place
             on conflict (hotel_id, payment_id, kind, cause) do update
             set saga_id = excluded.saga_id, step = excluded.step, undo = excluded.undo, round = excluded.round,
                 attempt = excluded.attempt, traceparent = excluded.traceparent
             returning operation_no, hotel_id, payment_id, kind, cause, round, state, refusal, (xmax = 0) as new),
         heard as (insert into payment.inbox (message_id) select * from unnest($3::uuid[]) returning 1)
         select (select count(*) from heard) as "heard!", operation_no as "operation_no!", hotel_id as "hotel_id!", payment_id as "payment_id!", kind as "kind!",
                cause as "cause!", round as "round!", state as "state!", refusal, new as "new!",
                coalesce(operation_no = least(
                    min(operation_no) filter (where state = 'due') over (partition by hotel_id, payment_id),
                    (select min(before.operation_no) from payment.operation as before
                     where before.hotel_id = recorded.hotel_id and before.payment_id = recorded.payment_id
                       and before.state = 'due')), false) as "first!"
         from recorded"#,
        &intents as &[IntentRow<'_>],
        lease_ms,
        messages,
    )
    .fetch_all(db)
    .await?;
    let heard = Heard::written(rows.first().map_or(0, |row| row.heard), messages)?;
    let recorded = rows.into_iter().map(|row| {
        let kind: Kind = row.kind.parse()?;
        let (cause, round) = asks(kind, row.cause, row.round)?;
        Ok(Recorded {
            operation_no: row.operation_no,
            payment: key(row.hotel_id, row.payment_id),
            kind,
            cause,
            round,
            new: row.new,
            first: row.first,
            ending: ending_of(&row.state, row.refusal.as_deref())?,
        })
    });
    Ok((recorded.collect::<Result<_, Broken>>()?, heard))
}

/// Takes operations whose time has come and that wait for no earlier one of their payment, and leaves
/// them to this process for `lease_ms`.
pub(crate) async fn claim(db: &mut PgConnection, limit: i64, lease_ms: i64) -> Result<Vec<Due>, Broken> {
    let rows = sqlx::query!(
        "update payment.operation
         set next_attempt_at = now() + make_interval(secs => $2::bigint / 1000.0)
         from (
             select due.hotel_id, due.payment_id, due.kind, due.cause
             from payment.operation as due
             where due.state = 'due' and due.next_attempt_at <= now()
               and not exists (
                   select from payment.operation as earlier
                   where earlier.hotel_id = due.hotel_id and earlier.payment_id = due.payment_id
                     and earlier.state = 'due' and earlier.operation_no < due.operation_no)
             order by due.next_attempt_at
             limit $1
             for update skip locked
         ) as taken
         where operation.hotel_id = taken.hotel_id and operation.payment_id = taken.payment_id
           and operation.kind = taken.kind and operation.cause = taken.cause
         returning operation.operation_no, operation.hotel_id, operation.payment_id, operation.kind,
                   operation.cause, operation.round, operation.asked_minor, operation.tries",
        limit,
        lease_ms,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind: Kind = row.kind.parse()?;
            let (cause, round) = asks(kind, row.cause, row.round)?;
            Ok(Due {
                operation_no: row.operation_no,
                payment: key(row.hotel_id, row.payment_id),
                kind,
                cause,
                round,
                asked_minor: row.asked_minor,
                tries: row.tries,
            })
        })
        .collect()
}

/// In how many milliseconds the next operation becomes due, of those that are not yet.
pub(crate) async fn next_due_ms(db: &mut PgConnection) -> Result<Option<i64>, Broken> {
    let next = sqlx::query_scalar!(
        "select ceil(extract(epoch from min(next_attempt_at) - now()) * 1000)::bigint
         from payment.operation where state = 'due' and next_attempt_at > now()"
    )
    .fetch_one(db)
    .await?;
    Ok(next)
}

/// Puts off operations whose outcome is not known.
pub(crate) async fn postpone(db: &mut PgConnection, postponed: &[Postponed]) -> Result<(), Broken> {
    let keys: Vec<Key> = postponed.iter().map(|postponed| postponed.payment).collect();
    let (hotels, payments) = columns(&keys);
    let numbers: Vec<i64> = postponed.iter().map(|postponed| postponed.operation_no).collect();
    let tried: Vec<i32> = postponed
        .iter()
        .map(|postponed| i32::from(postponed.is_tried))
        .collect();
    let waits: Vec<i64> = postponed.iter().map(|postponed| postponed.wait_ms).collect();
    let troubles: Vec<String> = postponed
        .iter()
        .map(|postponed| postponed.trouble.clone())
        .collect();
    sqlx::query!(
        "update payment.operation
         set tries = operation.tries + postponed.tried, trouble = postponed.trouble,
             next_attempt_at = now() + make_interval(secs => postponed.wait_ms / 1000.0)
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::integer[])
              as postponed (hotel_id, payment_id, operation_no, wait_ms, trouble, tried)
         where operation.hotel_id = postponed.hotel_id and operation.payment_id = postponed.payment_id
           and operation.operation_no = postponed.operation_no and operation.state = 'due'",
        &hotels,
        &payments,
        &numbers,
        &waits,
        &troubles,
        &tried,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes what is due of these payments due now. Answers how many operations that were.
pub(crate) async fn wake(db: &mut PgConnection, keys: &[Key]) -> Result<u64, Broken> {
    let (hotels, payments) = columns(keys);
    let done = sqlx::query!(
        "update payment.operation set next_attempt_at = now()
         where (hotel_id, payment_id) in (select * from unnest($1::uuid[], $2::uuid[])) and state = 'due'",
        &hotels,
        &payments,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
