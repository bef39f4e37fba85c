//! What people said to runs, what came of it, and what is owed.

use chrono::{DateTime, Utc};
use contract::{SagaId, VerbId};
use platform::outbox::Outgoing;
use platform::trail::{self, Line};
use platform::{Broken, db};
use sqlx::PgConnection;
use uuid::Uuid;

use super::owed::close;
use super::write::{Message, json};
use crate::SCHEMA;
use crate::engine::Settled;
use crate::sagas::Debt;

/// What came of what people said, to be written beside the lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verbs {
    /// Verbs that were obeyed or not.
    pub(crate) ended: Vec<EndedVerb>,
    /// What is owed from now on, of each run in order.
    pub(crate) owed: Vec<(SagaId, Vec<Debt>)>,
    /// What was heard of a step of a run that was abandoned before.
    pub(crate) late: Vec<(SagaId, String, serde_json::Value)>,
    /// What is not owed any more.
    pub(crate) settled: Vec<(SagaId, Settled)>,
}

/// What came of a verb.
#[derive(Debug, Clone)]
pub(crate) struct EndedVerb {
    /// Which.
    pub(crate) verb_id: VerbId,
    /// Whether it was obeyed.
    pub(crate) is_applied: bool,
    /// The version of the run after it, or why not.
    pub(crate) outcome: serde_json::Value,
}

impl Verbs {
    /// Whether nobody said anything.
    pub(crate) const fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.owed.is_empty() && self.late.is_empty() && self.settled.is_empty()
    }
}

#[derive(Debug, sqlx::Encode)]
struct EndRow {
    verb_id: Uuid,
    is_applied: bool,
    outcome: String,
}
platform::row_type!(EndRow, "orchestrator.verb_end_1");

#[derive(Debug, sqlx::Encode)]
struct OwedRow {
    saga_id: Uuid,
    seq: i32,
    what: &'static str,
    step: &'static str,
    is_done: &'static str,
    thing: Uuid,
    amount_minor: Option<i64>,
    currency: Option<String>,
    evidence: Option<String>,
}
platform::row_type!(OwedRow, "orchestrator.obligation_2");

#[derive(Debug, sqlx::Encode)]
struct LateRow {
    saga_id: Uuid,
    step: String,
    evidence: String,
}
platform::row_type!(LateRow, "orchestrator.heard_late_1");

fn owed_rows(owed: &[(SagaId, Vec<Debt>)]) -> Vec<OwedRow> {
    let row = |saga_id: SagaId, seq: i32, debt: &Debt| OwedRow {
        saga_id: saga_id.uuid(),
        seq,
        what: debt.what.word(),
        step: debt.step,
        is_done: debt.is_done,
        thing: debt.thing,
        amount_minor: debt.amount.map(contract::Money::minor),
        currency: debt.amount.map(|amount| amount.currency().to_string()),
        evidence: debt
            .evidence
            .as_ref()
            .map(|said| serde_json::json!({"by_hand": said}).to_string()),
    };
    let of_run = |(saga_id, debts): &(SagaId, Vec<Debt>)| {
        let rows = (1..).zip(debts).map(|(seq, debt)| row(*saga_id, seq, debt));
        rows.collect::<Vec<_>>()
    };
    owed.iter().flat_map(of_run).collect()
}

/// Writes what came of verbs, in the transaction that writes the lines. A verb that was done before stays as it is.
pub(crate) async fn end_verbs(db: &mut PgConnection, verbs: &Verbs) -> Result<(), Broken> {
    let ended = verbs.ended.iter().map(|ended| {
        Ok(EndRow {
            verb_id: ended.verb_id.uuid(),
            is_applied: ended.is_applied,
            outcome: json(&ended.outcome)?,
        })
    });
    let ended: Vec<EndRow> = ended.collect::<Result<_, Broken>>()?;
    let owed = owed_rows(&verbs.owed);
    let late = verbs.late.iter().map(|(saga_id, step, evidence)| {
        Ok(LateRow {
            saga_id: saga_id.uuid(),
            step: step.clone(),
            evidence: json(evidence)?,
        })
    });
    let late: Vec<LateRow> = late.collect::<Result<_, Broken>>()?;
    let written = sqlx::query!(
        r#"with ended as (
               update orchestrator.verb
               set state = (case when verb.done_at is not null then verb.state::text
                                 when new.is_applied then 'applied' else 'refused' end)::orchestrator.verb_state,
                   outcome = case when verb.done_at is null then new.outcome::json else verb.outcome end,
                   done_at = coalesce(verb.done_at, clock_timestamp())
               from unnest($1::orchestrator.verb_end_1[]) as new where verb.verb_id = new.verb_id returning 1),
           owed as (
               insert into orchestrator.obligation
                   (saga_id, seq, what, step, is_done, thing, amount_minor, currency, opened_at, evidence)
               select new.saga_id,
                      new.seq + coalesce((select max(known.seq) from orchestrator.obligation known
                                          where known.saga_id = new.saga_id), 0),
                      new.what::orchestrator.debt_kind, new.step, new.is_done::orchestrator.sureness, new.thing,
                      new.amount_minor, new.currency, clock_timestamp(), new.evidence::json
               from unnest($2::orchestrator.obligation_2[]) as new returning 1),
           late as (
               update orchestrator.obligation as o
               set evidence = (coalesce(o.evidence::jsonb, '{}') || new.evidence::jsonb)::json
               from unnest($3::orchestrator.heard_late_1[]) as new
               where o.saga_id = new.saga_id and o.step = new.step and o.closed_at is null returning 1)
           select (select count(*) from ended) as "ended!", (select count(*) from owed) as "owed!",
                  (select count(*) from late) as "late!""#,
        &ended as &[EndRow],
        &owed as &[OwedRow],
        &late as &[LateRow],
    )
    .fetch_one(&mut *db)
    .await?;
    db::all_written("verbs", written.ended, ended.len())?;
    db::all_written("obligations", written.owed, owed.len())?;
    close(db, &verbs.settled).await
}

/// A verb, as it is kept.
#[derive(Debug)]
pub(crate) struct AskedRow {
    pub(crate) verb_id: Uuid,
    pub(crate) saga_id: Uuid,
    pub(crate) expected: Option<i32>,
    pub(crate) verb: serde_json::Value,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) digest: Option<String>,
    pub(crate) approved_by: Option<String>,
    pub(crate) state: String,
    pub(crate) outcome: Option<serde_json::Value>,
    pub(crate) asked_at: DateTime<Utc>,
    pub(crate) done_at: Option<DateTime<Utc>>,
}

/// A verb to keep.
#[derive(Debug)]
pub(crate) struct NewVerb {
    pub(crate) asked: crate::message::Asked,
    pub(crate) key: String,
    pub(crate) fingerprint: [u8; 32],
    /// What came of it, where that is known at once.
    pub(crate) outcome: Option<serde_json::Value>,
    /// Whether it waits for a second person.
    pub(crate) waits: bool,
}

/// Keeps a verb and says what goes with it. Answers false, and does nothing, where its actor has used its key before.
pub(crate) async fn ask(db: &mut PgConnection, new: &NewVerb, said: &[Outgoing]) -> Result<bool, Broken> {
    let spoken = &new.asked.spoken;
    let sent = Message::all(said);
    let state = match (&new.outcome, new.waits) {
        (Some(_), _) => "applied",
        (None, true) => "waits",
        (None, false) => "asked",
    };
    let written = sqlx::query!(
        r#"with kept as (
               insert into orchestrator.verb
                   (verb_id, saga_id, expected, verb, actor, reason, digest, key, fingerprint, state, outcome, done_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                       $10::text::orchestrator.verb_state, $11,
                       case when $10::text = 'applied' then now() end)
               on conflict on constraint verb_key do nothing returning 1),
           sent as (
               insert into orchestrator.outbox
                   (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
               select new.id, new.topic, new.key, new.type, new.payload::json, new.actor, new.traceparent,
                      new.deadline_ms
               from kept, unnest($12::orchestrator.message_1[]) as new returning 1)
           select (select count(*) from kept) as "kept!", (select count(*) from sent) as "sent!""#,
        spoken.verb_id.uuid(),
        new.asked.saga_id.uuid(),
        new.asked.expected.map(u32::cast_signed),
        serde_json::json!(spoken),
        &spoken.actor,
        &spoken.reason,
        new.asked.digest.as_deref(),
        &new.key,
        new.fingerprint.as_slice(),
        state,
        new.outcome.clone(),
        &sent as &[Message<'_>],
    )
    .fetch_one(&mut *db)
    .await?;
    if written.kept == 0 {
        return Ok(false);
    }
    db::all_written("messages", written.sent, said.len())?;
    let line = Line {
        actor: &spoken.actor,
        action: "verb_said",
        subject: spoken.verb_id.uuid(),
        body: serde_json::json!({
            "saga_id": new.asked.saga_id, "expected": new.asked.expected, "digest": new.asked.digest, "said": spoken,
            "waits": new.waits,
        }),
    };
    trail::append(db, SCHEMA, &line).await?;
    Ok(true)
}

/// The verb of this id.
pub(crate) async fn verb(db: &mut PgConnection, verb_id: Uuid) -> Result<Option<AskedRow>, Broken> {
    let row = sqlx::query_as!(
        AskedRow,
        r#"select verb_id, saga_id, expected, verb, actor, reason, fingerprint, digest, approved_by,
                  state::text as "state!", outcome, asked_at, done_at
           from orchestrator.verb where verb_id = $1"#,
        verb_id
    );
    Ok(row.fetch_optional(db).await?)
}

/// The verb of this id, which nobody else approves meanwhile, and what time it is.
pub(crate) async fn lock_verb(
    db: &mut PgConnection,
    verb_id: Uuid,
) -> Result<Option<(AskedRow, DateTime<Utc>)>, Broken> {
    let locked = sqlx::query_scalar!(
        r#"select clock_timestamp() as "now!" from orchestrator.verb where verb_id = $1 for update"#,
        verb_id
    );
    let Some(now) = locked.fetch_optional(&mut *db).await? else {
        return Ok(None);
    };
    Ok(verb(db, verb_id).await?.map(|row| (row, now)))
}

/// A second person has approved a verb, which goes its way.
pub(crate) async fn approve(
    db: &mut PgConnection,
    verb_id: Uuid,
    approved_by: &str,
    said: &[Outgoing],
) -> Result<(), Broken> {
    let sent = Message::all(said);
    let written = sqlx::query!(
        r#"with approved as (
               update orchestrator.verb set state = 'asked', approved_by = $2
               where verb_id = $1 and state = 'waits' returning 1),
           sent as (
               insert into orchestrator.outbox
                   (id, aggregatetype, aggregateid, type, payload, actor, traceparent, deadline_ms)
               select new.id, new.topic, new.key, new.type, new.payload::json, new.actor, new.traceparent,
                      new.deadline_ms
               from approved, unnest($3::orchestrator.message_1[]) as new returning 1)
           select (select count(*) from approved) as "approved!", (select count(*) from sent) as "sent!""#,
        verb_id,
        approved_by,
        &sent as &[Message<'_>],
    )
    .fetch_one(&mut *db)
    .await?;
    db::all_written("verbs", written.approved, 1)?;
    db::all_written("messages", written.sent, said.len())?;
    let line = Line {
        actor: approved_by,
        action: "verb_approved",
        subject: verb_id,
        body: serde_json::json!({}),
    };
    trail::append(db, SCHEMA, &line).await
}

/// The verb that this actor asked for under this key.
pub(crate) async fn asked_before(
    db: &mut PgConnection,
    actor: &str,
    key: &str,
) -> Result<Option<AskedRow>, Broken> {
    let row = sqlx::query_as!(
        AskedRow,
        r#"select verb_id, saga_id, expected, verb, actor, reason, fingerprint, digest, approved_by,
                  state::text as "state!", outcome, asked_at, done_at
           from orchestrator.verb where actor = $1 and key = $2"#,
        actor,
        key
    );
    Ok(row.fetch_optional(db).await?)
}
