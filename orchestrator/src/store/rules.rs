//! Rules that hold commands back.

use chrono::{DateTime, Utc};
use contract::{HotelId, RuleId};
use platform::Broken;
use platform::trail::{self, Line};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::SCHEMA;
use crate::rules::{Does, Rule, Subject};

/// A rule, as it is kept.
#[derive(Debug)]
pub(crate) struct RuleRow {
    pub(crate) rule_id: Uuid,
    pub(crate) kind: String,
    pub(crate) saga: Option<String>,
    pub(crate) step: Option<String>,
    pub(crate) undo: Option<bool>,
    pub(crate) hotel_id: Option<Uuid>,
    pub(crate) per_minute: Option<i32>,
    pub(crate) made_by: String,
    pub(crate) reason: String,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) lifted_by: Option<String>,
    pub(crate) lift_reason: Option<String>,
    pub(crate) lifted_at: Option<DateTime<Utc>>,
    pub(crate) fingerprint: Vec<u8>,
    /// How many runs it holds back now.
    pub(crate) holds: i64,
}

/// A rule to make.
#[derive(Debug, Clone)]
pub(crate) struct NewRule {
    pub(crate) rule: Rule,
    pub(crate) made_by: String,
    pub(crate) reason: String,
    pub(crate) key: String,
    pub(crate) fingerprint: [u8; 32],
}

/// Who lifts a rule, and why.
#[derive(Debug, Clone)]
pub(crate) struct Lift {
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// The rules in force, oldest first.
pub(crate) async fn rules_in_force(db: &mut PgConnection) -> Result<Vec<Rule>, Broken> {
    let rows = sqlx::query!(
        "select rule_id, saga, step, undo, hotel_id, per_minute from orchestrator.rule
         where lifted_at is null order by rule_id"
    )
    .fetch_all(db)
    .await?;
    let rules = rows.into_iter().map(|row| Rule {
        id: RuleId::from_uuid(row.rule_id),
        does: row
            .per_minute
            .map_or(Does::Pause, |most| Does::Limit(most.unsigned_abs())),
        subject: Subject {
            saga: row.saga,
            step: row.step,
            undo: row.undo,
            hotel_id: row.hotel_id.map(HotelId::from_uuid),
        },
    });
    Ok(rules.collect())
}

/// Makes a rule. Answers false, and does nothing, where its actor has used its key before.
pub(crate) async fn make_rule(db: &mut PgConnection, new: &NewRule) -> Result<bool, Broken> {
    let Rule { id, does, subject } = &new.rule;
    let (kind, per_minute) = match does {
        Does::Pause => ("pause", None),
        Does::Limit(most) => ("limit", Some(most.cast_signed())),
    };
    let made = sqlx::query!(
        "insert into orchestrator.rule
             (rule_id, kind, saga, step, undo, hotel_id, per_minute, made_by, reason, key, fingerprint)
         values ($1, $2::text::orchestrator.rule_kind, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict on constraint rule_key do nothing",
        id.uuid(),
        kind,
        subject.saga,
        subject.step,
        subject.undo,
        subject.hotel_id.map(HotelId::uuid),
        per_minute,
        new.made_by,
        new.reason,
        new.key,
        new.fingerprint.as_slice(),
    )
    .execute(&mut *db)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    let line = Line {
        actor: &new.made_by,
        action: "rule_made",
        subject: id.uuid(),
        body: json!({
            "kind": kind, "per_minute": per_minute, "saga": subject.saga, "step": subject.step, "undo": subject.undo,
            "hotel_id": subject.hotel_id, "reason": new.reason,
        }),
    };
    trail::append(db, SCHEMA, &line).await?;
    Ok(true)
}

/// The rule of this id.
pub(crate) async fn rule(db: &mut PgConnection, rule_id: Uuid) -> Result<Option<RuleRow>, Broken> {
    let row = sqlx::query_as!(
        RuleRow,
        r#"select rule_id, kind::text as "kind!", saga, step, undo, hotel_id, per_minute, made_by, reason, made_at,
                  lifted_by, lift_reason, lifted_at, fingerprint,
                  (select count(*) from orchestrator.run where held_by = rule_id) as "holds!"
           from orchestrator.rule where rule_id = $1"#,
        rule_id
    );
    Ok(row.fetch_optional(db).await?)
}

/// The rule that this actor made under this key.
pub(crate) async fn rule_made_before(
    db: &mut PgConnection,
    made_by: &str,
    key: &str,
) -> Result<Option<RuleRow>, Broken> {
    let known = sqlx::query_scalar!(
        "select rule_id from orchestrator.rule where made_by = $1 and key = $2",
        made_by,
        key
    );
    match known.fetch_optional(&mut *db).await? {
        Some(rule_id) => rule(db, rule_id).await,
        None => Ok(None),
    }
}

/// Rules, newest first: those in force, those that were lifted, or all.
pub(crate) async fn rules(
    db: &mut PgConnection,
    in_force: Option<bool>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<RuleRow>, Broken> {
    let rows = sqlx::query_as!(
        RuleRow,
        r#"select rule_id, kind::text as "kind!", saga, step, undo, hotel_id, per_minute, made_by, reason, made_at,
                  lifted_by, lift_reason, lifted_at, fingerprint,
                  (select count(*) from orchestrator.run where held_by = rule_id) as "holds!"
           from orchestrator.rule
           where rule_id < $1 and ($2::boolean is null or $2 = (lifted_at is null))
           order by rule_id desc limit $3"#,
        before.unwrap_or(Uuid::max()),
        in_force,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// Lifts a rule; one that was lifted before stays as it is.
pub(crate) async fn lift_rule(db: &mut PgConnection, rule_id: Uuid, lift: &Lift) -> Result<(), Broken> {
    let lifted = sqlx::query!(
        "update orchestrator.rule set lifted_at = clock_timestamp(), lifted_by = $2, lift_reason = $3
         where rule_id = $1 and lifted_at is null",
        rule_id,
        lift.by,
        lift.reason
    )
    .execute(&mut *db)
    .await?;
    if lifted.rows_affected() == 0 {
        return Ok(());
    }
    let line = Line {
        actor: &lift.by,
        action: "rule_lifted",
        subject: rule_id,
        body: json!({"reason": lift.reason}),
    };
    trail::append(db, SCHEMA, &line).await
}

/// Has the timer look now at the runs of these shards, of so many, that no rule holds back any more. Answers how many there are.
pub(crate) async fn wake_held(
    db: &mut PgConnection,
    in_force: &[Uuid],
    shards: &[i32],
    count: i32,
) -> Result<u64, Broken> {
    let woken = sqlx::query!(
        "update orchestrator.run set wake_at = now()
         where held_by <> all($1) and shard % $3 = any($2) and wake_at > now()",
        in_force,
        shards,
        count
    )
    .execute(db)
    .await?;
    Ok(woken.rows_affected())
}

/// Open runs of this saga and this hotel, where they are named, newest first.
pub(crate) async fn open_runs(
    db: &mut PgConnection,
    subject: &Subject,
    limit: i64,
) -> Result<Vec<Uuid>, Broken> {
    let ids = sqlx::query_scalar!(
        "select saga_id from orchestrator.run
         where state in ('running', 'compensating') and ($1::text is null or kind = $1)
           and ($2::uuid is null or hotel_id = $2)
         order by saga_id desc limit $3",
        subject.saga,
        subject.hotel_id.map(HotelId::uuid),
        limit
    );
    Ok(ids.fetch_all(db).await?)
}
