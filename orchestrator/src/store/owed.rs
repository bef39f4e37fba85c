//! What is owed because of runs: read for people, and counted.

use chrono::{DateTime, Utc};
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

/// What is owed because of one step of a run.
#[derive(Debug)]
pub(crate) struct ObligationRow {
    pub(crate) seq: i32,
    pub(crate) what: String,
    pub(crate) step: String,
    pub(crate) is_done: String,
    pub(crate) thing: Uuid,
    pub(crate) amount_minor: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) opened_at: DateTime<Utc>,
    pub(crate) owner: Option<String>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) evidence: Option<serde_json::Value>,
}

/// What is or was owed because of a run, in order.
pub(crate) async fn obligations(db: &mut PgConnection, saga_id: Uuid) -> Result<Vec<ObligationRow>, Broken> {
    let rows = sqlx::query_as!(
        ObligationRow,
        r#"select seq, what::text as "what!", step, is_done::text as "is_done!", thing, amount_minor, currency, opened_at,
                  owner, closed_at, evidence
           from orchestrator.obligation where saga_id = $1 order by seq"#,
        saga_id
    );
    Ok(rows.fetch_all(db).await?)
}

/// The place of an obligation in the list of all: the oldest comes first.
pub(crate) type Place = (DateTime<Utc>, Uuid, i32);

/// Which obligations are listed; what is not named is any.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwedFilter {
    /// Only those that are open, or only those that are closed.
    pub(crate) is_open: Option<bool>,
    /// Only rooms, money, or word to the guest.
    pub(crate) what: Option<&'static str>,
    /// Only those of this hotel.
    pub(crate) hotel_id: Option<Uuid>,
    /// Only those of this run.
    pub(crate) saga_id: Option<Uuid>,
    /// Only this one of a run.
    pub(crate) seq: Option<i32>,
    /// Only those after this one.
    pub(crate) after: Option<Place>,
}

/// An obligation with what its run says of it.
#[derive(Debug)]
pub(crate) struct ListedRow {
    pub(crate) saga_id: Uuid,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) reservation_id: Uuid,
    pub(crate) hotel_id: Uuid,
    /// In seconds, until now or until it was closed.
    pub(crate) age: i64,
    pub(crate) obligation: ObligationRow,
}

/// Obligations of all runs, the oldest first.
pub(crate) async fn owed(
    db: &mut PgConnection,
    filter: OwedFilter,
    limit: i64,
) -> Result<Vec<ListedRow>, Broken> {
    let rows = sqlx::query!(
        r#"select o.saga_id, o.seq, o.what::text as "what!", o.step, o.is_done::text as "is_done!", o.thing, o.amount_minor,
                  o.currency, o.opened_at, o.owner, o.closed_at, o.evidence,
                  r.kind, r.state::text as "state!", r.subject_id, r.hotel_id,
                  extract(epoch from coalesce(o.closed_at, clock_timestamp()) - o.opened_at)::bigint as "age!"
           from orchestrator.obligation o join orchestrator.run r on r.saga_id = o.saga_id
           where ($1::boolean is null or (o.closed_at is null) = $1) and ($2::text is null or o.what::text = $2)
             and ($3::uuid is null or r.hotel_id = $3) and ($4::uuid is null or o.saga_id = $4)
             and ($5::integer is null or o.seq = $5)
             and ($6::timestamptz is null or (o.opened_at, o.saga_id, o.seq) > ($6, $7::uuid, $8::integer))
           order by o.opened_at, o.saga_id, o.seq limit $9"#,
        filter.is_open,
        filter.what,
        filter.hotel_id,
        filter.saga_id,
        filter.seq,
        filter.after.map(|(opened_at, _, _)| opened_at),
        filter.after.map(|(_, saga_id, _)| saga_id),
        filter.after.map(|(_, _, seq)| seq),
        limit
    );
    let rows = rows.fetch_all(db).await?.into_iter().map(|row| ListedRow {
        saga_id: row.saga_id,
        kind: row.kind,
        state: row.state,
        reservation_id: row.subject_id,
        hotel_id: row.hotel_id,
        age: row.age,
        obligation: ObligationRow {
            seq: row.seq,
            what: row.what,
            step: row.step,
            is_done: row.is_done,
            thing: row.thing,
            amount_minor: row.amount_minor,
            currency: row.currency,
            opened_at: row.opened_at,
            owner: row.owner,
            closed_at: row.closed_at,
            evidence: row.evidence,
        },
    });
    Ok(rows.collect())
}

/// Money that is owed in one currency.
#[derive(Debug)]
pub(crate) struct OpenMoney {
    pub(crate) currency: String,
    pub(crate) payments: i64,
    pub(crate) minor: i64,
}

/// The money behind the open obligations of this hotel, this run, or all of them: of a payment that several steps are
/// about the largest amount, once.
pub(crate) async fn open_money(
    db: &mut PgConnection,
    hotel_id: Option<Uuid>,
    saga_id: Option<Uuid>,
) -> Result<Vec<OpenMoney>, Broken> {
    let sums = sqlx::query_as!(
        OpenMoney,
        r#"select currency as "currency!", count(*) as "payments!", sum(minor)::bigint as "minor!"
           from (select o.thing, o.currency, max(o.amount_minor) as minor
                 from orchestrator.obligation o join orchestrator.run r on r.saga_id = o.saga_id
                 where o.closed_at is null and o.amount_minor is not null
                   and ($1::uuid is null or r.hotel_id = $1) and ($2::uuid is null or o.saga_id = $2)
                 group by o.thing, o.currency) payment
           group by currency order by currency"#,
        hotel_id,
        saga_id
    );
    Ok(sums.fetch_all(db).await?)
}

/// How many obligations are open, of each kind that has one.
pub(crate) async fn open_obligations(db: &mut PgConnection) -> Result<Vec<(String, i64)>, Broken> {
    let counted = sqlx::query!(
        r#"select what::text as "what!", count(*) as "open!"
           from orchestrator.obligation where closed_at is null group by what"#
    );
    let counted = counted.fetch_all(db).await?.into_iter();
    Ok(counted.map(|row| (row.what, row.open)).collect())
}
