//! Runs as the former release kept them, a row that was locked at each step and two lines a step, become journals.
//! `bellhop migrate` does it once, while no orchestrator runs.

use std::time::Duration;

use platform::{Broken, db};
use sqlx::{Executor as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::engine::Pace;
use crate::store;

/// How long it may take.
const LIMIT: Duration = Duration::from_hours(2);
/// When something is due is not compared, so any will do.
const ANY_PACE: Pace = Pace::new(Duration::from_mins(1));
/// Open runs that are compared at once.
const COMPARED: i64 = 1_000;
/// Runs that are named when they cannot be carried over.
const NAMED: usize = 5;
/// Carrying over reads whole tables, which a service's own statements never do. Whoever still runs sagas by the former
/// tables finds them gone, and waits.
const ALONE: &str = "
    set local statement_timeout = 0; set local lock_timeout = '30s';
    set local enable_seqscan = on; set local enable_hashjoin = on; set local enable_mergejoin = on;
    lock table orchestrator.saga, orchestrator.saga_step in access exclusive mode";
const RENAMED: &str = "
    alter table orchestrator.saga rename to saga_former;
    alter table orchestrator.saga_step rename to saga_step_former";

/// Carries all runs over and answers how many, in one transaction; none where that was done before.
///
/// # Errors
/// When the database fails, or when an open run would go on another way than before, or cannot be read: then nothing
/// has changed.
pub async fn carry_over(pool: &PgPool) -> Result<Option<u64>, Broken> {
    db::unit_of_work_within(pool, LIMIT, |db| Box::pin(carried(db))).await
}

async fn carried(db: &mut PgConnection) -> Result<Option<u64>, Broken> {
    let is_there = sqlx::query_scalar!(r#"select to_regclass('orchestrator.saga') is not null as "there!""#);
    if !is_there.fetch_one(&mut *db).await? {
        return Ok(None);
    }
    db.execute(ALONE).await?;
    let runs = runs(db).await?;
    lines(db).await?;
    let mut after = Uuid::nil();
    let mut different = Vec::new();
    loop {
        let waits = waiting(db, after).await?;
        let Some(last) = waits.last() else { break };
        after = last.saga_id;
        different.extend(compare(db, &waits).await?);
    }
    if different.is_empty() {
        db.execute(RENAMED).await?;
        return Ok(Some(runs));
    }
    let count = different.len();
    different.truncate(NAMED);
    let named = different.join("; ");
    Err(Broken::Inconsistent(format!(
        "{count} open runs would not go on as before, so nothing was changed: {named}. Let the former release end them, \
         or mend what is said of them, and migrate again"
    )))
}

async fn runs(db: &mut PgConnection) -> Result<u64, Broken> {
    let done = sqlx::query!(
        "insert into orchestrator.run
             (saga_id, kind, definition, state, subject_kind, subject_id, hotel_id, shard, data, trace, wake_at, deadline,
              reason, created_at, ended_at)
         select saga_id, type, version, state::orchestrator.run_state, 'reservation', reservation_id, hotel_id, shard, data,
                traceparent, wake_at, deadline, case when state in ('compensated', 'stuck') then reason end, created_at,
                case when state in ('completed', 'compensated') then updated_at end
         from orchestrator.saga"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A line for each step that ended, and one for each further sending; what they say of an undo's step is said
/// by the other lines of that step.
async fn lines(db: &mut PgConnection) -> Result<(), Broken> {
    sqlx::query!(
        "insert into orchestrator.journal
             (saga_id, seq, what, step, place, undo, round, sendings, sent_at, body, epoch, at)
         select saga_id, row_number() over (partition by saga_id order by seq),
                (case when entry > 0 then 'sent_again' when kind = 'opening' then 'opened'
                      when outcome = 'given_up' then 'given_up'
                      when outcome = 'ok' then case when undo then 'undone' else 'done' end
                      else case when undo then 'undo_refused' else 'refused' end end)::orchestrator.line_what,
                step, place::orchestrator.line_place, undo, 1, attempt,
                case when kind <> 'opening' then sent_first end,
                case when reply is not null then
                    json_build_object('attempt', reply -> 'attempt', 'outcome', reply -> 'outcome') end,
                epoch, at
         from (select *, kind = 'undo' as undo,
                      coalesce(max(kind) filter (where kind <> 'undo') over (partition by saga_id, step), 'do') as place,
                      min(sent_at) over (partition by saga_id, step, (kind = 'undo')) as sent_first
               from orchestrator.saga_step) as former
         where entry = 0 or attempt > 1"
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the former release waited for in an open run, or that it was stuck.
struct Waits {
    saga_id: Uuid,
    state: String,
    step: Option<String>,
    undo: Option<bool>,
    attempt: Option<i32>,
    reason: Option<String>,
}

async fn waiting(db: &mut PgConnection, after: Uuid) -> Result<Vec<Waits>, Broken> {
    let rows = sqlx::query_as!(
        Waits,
        "select saga_id, state, step, undo, attempt, reason from orchestrator.saga
         where state not in ('completed', 'compensated') and saga_id > $1 order by saga_id limit $2",
        after,
        COMPARED
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Which of these would not go on as before, and how.
async fn compare(db: &mut PgConnection, waits: &[Waits]) -> Result<Vec<String>, Broken> {
    let ids: Vec<Uuid> = waits.iter().map(|waits| waits.saga_id).collect();
    let found = store::runs(db, &ids, ANY_PACE).await?;
    let mut different: Vec<String> = found.unreadable.iter().map(|(_, why)| why.to_string()).collect();
    for waits in waits {
        let saga_id = contract::SagaId::from_uuid(waits.saga_id);
        let Some(kept) = found.runs.get(&saga_id) else {
            continue;
        };
        let steps = &kept.outline()?.steps;
        let run = &kept.run;
        let now = run.waiting.map(|waiting| {
            let sendings = waiting.sendings.cast_signed();
            (steps[waiting.step].name, waiting.undo, sendings)
        });
        let before = waits.step.as_deref().zip(waits.undo).zip(waits.attempt);
        let before = before.map(|((step, undo), attempt)| (step, undo, attempt));
        let said = |reason: &Option<String>| reason.clone().unwrap_or_default();
        let stuck = waits.state == "stuck";
        if now != before
            || run.state.word() != waits.state
            || stuck && said(&run.reason) != said(&waits.reason)
        {
            different.push(format!(
                "{saga_id} is {} and waits for {before:?}, and would be {} and wait for {now:?}",
                waits.state,
                run.state.word()
            ));
        }
    }
    Ok(different)
}

#[cfg(test)]
#[path = "former_tests.rs"]
mod tests;
