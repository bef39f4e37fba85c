//! What is owed because of runs: read for people, counted, and closed.

use chrono::{DateTime, Utc};
use contract::SagaId;
use platform::Broken;
use platform::trail::{self, Line};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::write::json;
use crate::SCHEMA;
use crate::engine::Settled;

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
    pub(crate) evidence: Option<Value>,
    pub(crate) settled: Option<Value>,
}

/// What is or was owed because of a run, in order.
pub(crate) async fn obligations(db: &mut PgConnection, saga_id: Uuid) -> Result<Vec<ObligationRow>, Broken> {
    let rows = sqlx::query_as!(
        ObligationRow,
        r#"select seq, what::text as "what!", step, is_done::text as "is_done!", thing, amount_minor, currency, opened_at,
                  owner, closed_at, evidence, settled
           from orchestrator.obligation where saga_id = $1 order by seq"#,
        saga_id
    );
    Ok(rows.fetch_all(db).await?)
}

/// The place of an obligation in the list of all: the oldest comes first.
pub(crate) type SortKey = (DateTime<Utc>, Uuid, i32);

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
    pub(crate) after: Option<SortKey>,
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
    /// What was heard last of the thing that it is about: of the run's last step about it that anything was heard of.
    pub(crate) heard: Option<Value>,
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
                  o.currency, o.opened_at, o.owner, o.closed_at, o.evidence, o.settled,
                  r.kind, r.state::text as "state!", r.subject_id, r.hotel_id,
                  extract(epoch from coalesce(o.closed_at, clock_timestamp()) - o.opened_at)::bigint as "age!",
                  (select e.evidence from orchestrator.obligation e
                   where e.saga_id = o.saga_id and e.thing = o.thing and e.evidence is not null
                   order by e.seq desc limit 1) as heard
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
        heard: row.heard,
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
            settled: row.settled,
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

#[derive(Debug, sqlx::Encode)]
struct SettledRow {
    saga_id: Uuid,
    step: &'static str,
    settled: String,
}
platform::row_type!(SettledRow, "orchestrator.settled_1");

/// What is kept of how it was settled: the verb, and the participant's answer or what shows that it was done by hand.
fn told(settled: &Settled) -> Value {
    let mut told = serde_json::json!({"verb_id": settled.verb_id});
    if let Some(answer) = &settled.answer {
        told["answer"] = serde_json::json!(answer);
    }
    if let Some(evidence) = &settled.evidence {
        told["by_hand"] = evidence.as_str().into();
    }
    told
}

/// Closes what was settled; what somebody has closed before stays as it is.
pub(super) async fn close(db: &mut PgConnection, settled: &[(SagaId, Settled)]) -> Result<(), Broken> {
    if settled.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (saga_id, settled) in settled {
        let told = json(&told(settled))?;
        rows.extend(settled.steps.iter().map(|&step| SettledRow {
            saga_id: saga_id.uuid(),
            step,
            settled: told.clone(),
        }));
    }
    sqlx::query!(
        "update orchestrator.obligation as o set closed_at = clock_timestamp(), settled = new.settled::json
         from unnest($1::orchestrator.settled_1[]) as new
         where o.saga_id = new.saga_id and o.step = new.step and o.closed_at is null",
        &rows as &[SettledRow]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who is to see to an obligation.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) saga_id: Uuid,
    pub(crate) seq: i32,
    pub(crate) owner: String,
    /// Who says so.
    pub(crate) by: String,
}

/// Says who sees to an obligation. Answers false, and does nothing, where it is not open.
pub(crate) async fn own(db: &mut PgConnection, handed: &Handed) -> Result<bool, Broken> {
    let owned = sqlx::query!(
        "update orchestrator.obligation set owner = $3 where saga_id = $1 and seq = $2 and closed_at is null",
        handed.saga_id,
        handed.seq,
        handed.owner
    );
    if owned.execute(&mut *db).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let line = Line {
        actor: &handed.by,
        action: "obligation_handed",
        subject: handed.saga_id,
        body: serde_json::json!({"seq": handed.seq, "owner": handed.owner}),
    };
    trail::append(db, SCHEMA, &line).await?;
    Ok(true)
}
