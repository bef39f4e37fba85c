//! Operations: what was asked for, what became of it, and who is asked for the reply.

use std::collections::HashMap;

use contract::{HotelId, PaymentId, Reply, SagaId};
use platform::Broken;
use platform::envelope::Traceparent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::payment::{Key, columns};
use crate::model::{Ending, Kind};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) payment: Key,
    pub(crate) kind: Kind,
    /// The saga for a void or a refund, none for what happens once to a payment.
    pub(crate) cause: Option<SagaId>,
    pub(crate) asked_minor: Option<i64>,
    /// The reply to write once the outcome is known; its outcome is filled in then.
    pub(crate) reply: Reply,
    /// The trace of whoever asked.
    pub(crate) trace: Option<Traceparent>,
}

/// An intent as it stands in the database.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) operation_no: i64,
    pub(crate) payment: Key,
    pub(crate) kind: Kind,
    pub(crate) cause: Option<SagaId>,
    /// Whether it had not been asked for before.
    pub(crate) new: bool,
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
    pub(crate) asked_minor: Option<i64>,
    pub(crate) tries: i32,
}

/// How an operation ended, to be written.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) payment: Key,
    pub(crate) operation_no: i64,
    pub(crate) ending: Ending,
}

/// An operation whose outcome is not known yet.
#[derive(Debug, Clone)]
pub(crate) struct Postponed {
    pub(crate) payment: Key,
    pub(crate) operation_no: i64,
    pub(crate) wait_ms: i64,
    pub(crate) trouble: String,
}

fn cause_of(cause: Uuid) -> Option<SagaId> {
    (!cause.is_nil()).then(|| SagaId::from_uuid(cause))
}

fn ending_of(state: &str, refusal: Option<&str>) -> Result<Option<Ending>, Broken> {
    match (state, refusal) {
        ("due", _) => Ok(None),
        ("done", _) => Ok(Some(Ending::Done)),
        ("refused", Some(refusal)) => Ok(Some(Ending::Refused(refusal.parse()?))),
        _ => Err(Broken::Inconsistent(format!("an operation is {state}"))),
    }
}

const fn key(hotel_id: Uuid, payment_id: Uuid) -> Key {
    (HotelId::from_uuid(hotel_id), PaymentId::from_uuid(payment_id))
}

/// Records intents, each once, and answers how they stand. One that is asked for again keeps its outcome
/// and only learns who waits for the reply. New ones are left to this process for `lease_ms`.
pub(crate) async fn record(
    db: &mut PgConnection,
    intents: &[Intent],
    lease_ms: i64,
) -> Result<Vec<Recorded>, Broken> {
    let keys: Vec<Key> = intents.iter().map(|intent| intent.payment).collect();
    let (hotels, payments) = columns(&keys);
    let kinds: Vec<String> = intents
        .iter()
        .map(|intent| intent.kind.word().to_owned())
        .collect();
    let causes: Vec<Uuid> = intents
        .iter()
        .map(|intent| intent.cause.map_or(Uuid::nil(), SagaId::uuid))
        .collect();
    let asked: Vec<Option<i64>> = intents.iter().map(|intent| intent.asked_minor).collect();
    let sagas: Vec<Uuid> = intents.iter().map(|intent| intent.reply.saga_id.uuid()).collect();
    let steps: Vec<String> = intents.iter().map(|intent| intent.reply.step.clone()).collect();
    let undos: Vec<bool> = intents.iter().map(|intent| intent.reply.undo).collect();
    let attempts: Vec<i32> = intents
        .iter()
        .map(|intent| i32::try_from(intent.reply.attempt).unwrap_or(i32::MAX))
        .collect();
    let traces = intents.iter().map(|intent| intent.trace.as_ref());
    let traces: Vec<Option<&str>> = traces.map(|trace| trace.map(Traceparent::as_str)).collect();
    let rows = sqlx::query!(
        r#"insert into payment.operation
             (hotel_id, payment_id, kind, cause, asked_minor, saga_id, step, undo, attempt, traceparent, next_attempt_at)
           select hotel_id, payment_id, kind, cause, asked_minor, saga_id, step, undo, attempt, traceparent,
                  now() + make_interval(secs => $10::bigint / 1000.0)
           from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[],
                       $8::boolean[], $9::integer[], $11::text[]) with ordinality
                as intent (hotel_id, payment_id, kind, cause, asked_minor, saga_id, step, undo, attempt, traceparent,
                           place)
           order by place
           on conflict (hotel_id, payment_id, kind, cause) do update
           set saga_id = excluded.saga_id, step = excluded.step, undo = excluded.undo, attempt = excluded.attempt,
               traceparent = excluded.traceparent
           returning operation_no, hotel_id, payment_id, kind, cause, state, refusal, (xmax = 0) as "new!""#,
        &hotels,
        &payments,
        &kinds,
        &causes,
        &asked as &[Option<i64>],
        &sagas,
        &steps,
        &undos,
        &attempts,
        lease_ms,
        &traces as &[Option<&str>],
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Recorded {
                operation_no: row.operation_no,
                payment: key(row.hotel_id, row.payment_id),
                kind: row.kind.parse()?,
                cause: cause_of(row.cause),
                new: row.new,
                ending: ending_of(&row.state, row.refusal.as_deref())?,
            })
        })
        .collect()
}

/// The operation of each payment that is to be settled first. The payments are locked.
pub(crate) async fn first_due(db: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, i64>, Broken> {
    let (hotels, payments) = columns(keys);
    let rows = sqlx::query!(
        r#"select hotel_id, payment_id, min(operation_no) as "operation_no!"
           from payment.operation
           where (hotel_id, payment_id) in (select * from unnest($1::uuid[], $2::uuid[])) and state = 'due'
           group by hotel_id, payment_id"#,
        &hotels,
        &payments,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (key(row.hotel_id, row.payment_id), row.operation_no))
        .collect())
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
                   operation.cause, operation.asked_minor, operation.tries",
        limit,
        lease_ms,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                operation_no: row.operation_no,
                payment: key(row.hotel_id, row.payment_id),
                kind: row.kind.parse()?,
                cause: cause_of(row.cause),
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

/// A reply and the trace of whoever asked.
type Traced = (Reply, Option<Traceparent>);

/// Settles operations that are due and answers the number and the reply of each that was.
pub(crate) async fn settle(db: &mut PgConnection, ended: &[Ended]) -> Result<HashMap<i64, Traced>, Broken> {
    let keys: Vec<Key> = ended.iter().map(|ended| ended.payment).collect();
    let (hotels, payments) = columns(&keys);
    let numbers: Vec<i64> = ended.iter().map(|ended| ended.operation_no).collect();
    let refusals: Vec<Option<String>> = ended
        .iter()
        .map(|ended| match ended.ending {
            Ending::Done => None,
            Ending::Refused(why) => Some(why.word().to_owned()),
        })
        .collect();
    let rows = sqlx::query!(
        "update payment.operation
         set state = case when ended.refusal is null then 'done' else 'refused' end, refusal = ended.refusal,
             settled_at = now()
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[])
              as ended (hotel_id, payment_id, operation_no, refusal)
         where operation.hotel_id = ended.hotel_id and operation.payment_id = ended.payment_id
           and operation.operation_no = ended.operation_no and operation.state = 'due'
         returning operation.operation_no, operation.saga_id, operation.step, operation.undo, operation.attempt,
                   operation.state, operation.refusal, operation.traceparent",
        &hotels,
        &payments,
        &numbers,
        &refusals as &[Option<String>],
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let ending = ending_of(&row.state, row.refusal.as_deref())?.unwrap_or(Ending::Done);
            let reply = Reply {
                saga_id: SagaId::from_uuid(row.saga_id),
                step: row.step,
                undo: row.undo,
                attempt: u32::try_from(row.attempt).unwrap_or(1),
                outcome: ending.outcome(),
            };
            let trace = row.traceparent.as_deref().and_then(Traceparent::read);
            Ok((row.operation_no, (reply, trace)))
        })
        .collect()
}

/// Puts off operations whose outcome is not known.
pub(crate) async fn postpone(db: &mut PgConnection, postponed: &[Postponed]) -> Result<(), Broken> {
    let keys: Vec<Key> = postponed.iter().map(|postponed| postponed.payment).collect();
    let (hotels, payments) = columns(&keys);
    let numbers: Vec<i64> = postponed.iter().map(|postponed| postponed.operation_no).collect();
    let waits: Vec<i64> = postponed.iter().map(|postponed| postponed.wait_ms).collect();
    let troubles: Vec<String> = postponed
        .iter()
        .map(|postponed| postponed.trouble.clone())
        .collect();
    sqlx::query!(
        "update payment.operation
         set tries = operation.tries + 1, trouble = postponed.trouble,
             next_attempt_at = now() + make_interval(secs => postponed.wait_ms / 1000.0)
         from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[])
              as postponed (hotel_id, payment_id, operation_no, wait_ms, trouble)
         where operation.hotel_id = postponed.hotel_id and operation.payment_id = postponed.payment_id
           and operation.operation_no = postponed.operation_no and operation.state = 'due'",
        &hotels,
        &payments,
        &numbers,
        &waits,
        &troubles,
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
