//! Runs that ended well long ago go, and what comes late after them begins nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::SagaId;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use uuid::{NoContext, Timestamp, Uuid};

use super::remove_ended;
use crate::fixtures::{booking, cancellation, done, migrate, refused, runner, start, take, undone};
use crate::runner::Runner;

/// An id that was made so long ago.
fn made(ago: TimeDelta, now: DateTime<Utc>) -> SagaId {
    let at = now - ago;
    let seconds = u64::try_from(at.timestamp()).unwrap();
    SagaId::from_uuid(Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        at.timestamp_subsec_nanos(),
    )))
}

async fn now(pool: &PgPool) -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "tests ask the database what time it is")]
    let now = sqlx::query_scalar("select now()").fetch_one(pool).await;
    now.unwrap()
}

async fn ids(pool: &PgPool, table: &str) -> Vec<Uuid> {
    let sql = format!("select distinct saga_id from orchestrator.{table} order by saga_id");
    #[expect(clippy::disallowed_methods, reason = "tests look at one column of two tables")]
    let ids = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await;
    ids.unwrap()
}

/// Lets a run end well or get stuck, so many days ago.
async fn ended(pool: &PgPool, runner: &Arc<Runner>, days: i64, how: &str) -> SagaId {
    let id = made(TimeDelta::days(days), now(pool).await);
    let rest: Vec<_> = match how {
        "completed" => ["release-rooms", "refund-payment", "mark-cancelled"]
            .map(|step| done(id, step))
            .to_vec(),
        "compensated" => vec![
            refused(id, "hold-rooms", "sold_out"),
            undone(id, "open-reservation"),
        ],
        "stuck" => vec![done(id, "release-rooms"), refused(id, "refund-payment", "no")],
        _ => Vec::new(),
    };
    let saga = if how == "compensated" {
        booking()
    } else {
        cancellation()
    };
    take(runner, &[start(id, saga)]).await.unwrap();
    for message in rest {
        take(runner, &[message]).await.unwrap();
    }
    let sql = format!(
        "update orchestrator.run set created_at = created_at - interval '{days} days',
             ended_at = ended_at - interval '{days} days' where saga_id = '{id}'"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    id
}

#[sqlx::test(migrations = false)]
async fn runs_that_ended_well_long_ago_go_with_their_lines_and_no_others(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let mut kept = Vec::new();
    for (days, how) in [
        (399, "completed"),
        (399, "compensated"),
        (900, "stuck"),
        (900, "running"),
        (1, "completed"),
    ] {
        kept.push(ended(&pool, &runner, days, how).await.uuid());
    }
    for (days, how) in [(401, "completed"), (401, "compensated"), (2_000, "completed")] {
        ended(&pool, &runner, days, how).await;
    }
    // Begun long ago and ended lately.
    let late = ended(&pool, &runner, 900, "completed").await;
    pool.execute(AssertSqlSafe(format!(
        "update orchestrator.run set ended_at = now() where saga_id = '{late}'"
    )))
    .await
    .unwrap();
    kept.push(late.uuid());
    kept.sort_unstable();
    let removed = remove_ended(pool.clone(), 400).await.unwrap();
    assert_eq!(removed, 3);
    assert_eq!(ids(&pool, "run").await, kept);
    assert_eq!(ids(&pool, "journal").await, kept);
    assert_eq!(remove_ended(pool.clone(), 400).await.unwrap(), 0);
}

#[sqlx::test(migrations = false)]
async fn a_start_that_comes_again_after_its_run_was_removed_begins_nothing(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let now = now(&pool).await;
    // Nothing was removed yet, so a run may be as old as it is: its service was away.
    let old = made(TimeDelta::days(500), now);
    take(&runner, &[start(old, booking())]).await.unwrap();
    assert_eq!(ids(&pool, "run").await, [old.uuid()]);
    let gone = ended(&pool, &runner, 450, "completed").await;
    assert_eq!(remove_ended(pool.clone(), 400).await.unwrap(), 1);
    let young = [made(TimeDelta::days(399), now), SagaId::new()];
    let starts: Vec<_> = [gone, young[0], young[1], old]
        .map(|id| start(id, cancellation()))
        .into();
    take(&runner, &starts).await.unwrap();
    let mut wanted = [old.uuid(), young[0].uuid(), young[1].uuid()];
    wanted.sort_unstable();
    assert_eq!(ids(&pool, "run").await, wanted);
    // Who keeps runs for longer later brings none back, and a reply to what is gone is nobody's.
    pool.execute(
        "insert into orchestrator.run (saga_id, kind, definition, state, subject_kind, subject_id, hotel_id, shard, data,
             deadline, created_at, ended_at)
         values ('01800000-0000-7000-8000-000000000001', 'cancel-stay', 1, 'completed', 'reservation',
             gen_random_uuid(), gen_random_uuid(), 0, '{}', now(), '2022-04-01', '2022-04-02')",
    )
    .await
    .unwrap();
    assert_eq!(remove_ended(pool.clone(), 900).await.unwrap(), 1);
    take(
        &runner,
        &[done(gone, "release-rooms"), start(gone, cancellation())],
    )
    .await
    .unwrap();
    assert_eq!(ids(&pool, "run").await.len(), 3);
}

#[sqlx::test(migrations = false)]
async fn removers_do_not_wait_for_each_other_or_for_who_reads(pool: PgPool) {
    migrate(&pool).await;
    pool.execute(
        "insert into orchestrator.run (saga_id, kind, definition, state, subject_kind, subject_id, hotel_id, shard, data,
             deadline, created_at, ended_at)
         select ('01800000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'cancel-stay', 1, 'completed',
             'reservation', gen_random_uuid(), gen_random_uuid(), 0, '{}', now(), timestamptz '2022-04-01',
             timestamptz '2022-04-02'
         from generate_series(1, 700) n;
         insert into orchestrator.journal (saga_id, seq, what, step, place, undo, round, sendings, epoch, at)
         select saga_id, 1, 'opened', 'open', 'opening', false, 1, 0, 1, now() from orchestrator.run",
    )
    .await
    .unwrap();
    let mut busy = pool.acquire().await.unwrap();
    busy.execute("begin; select from orchestrator.run order by saga_id limit 3 for update")
        .await
        .unwrap();
    let worker = || async {
        let mut removed = 0;
        loop {
            match remove_ended(pool.clone(), 30).await.unwrap() {
                0 => return removed,
                batch => removed += batch,
            }
        }
    };
    let both = async { tokio::join!(worker(), worker()) };
    let (one, two) = tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .expect("nobody waits");
    assert_eq!(one + two, 697);
    busy.execute("commit").await.unwrap();
    assert_eq!(
        (ids(&pool, "run").await.len(), ids(&pool, "journal").await.len()),
        (3, 3)
    );
}
