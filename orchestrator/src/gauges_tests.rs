//! What the gauges say of runs.

use contract::SagaId;
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use super::*;
use crate::fixtures::{booking, cancellation, done, migrate, refused, runner, start, take};

/// What `/metrics` says of sagas after a look.
async fn told(pool: &PgPool) -> Vec<String> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _told_here = metrics::set_default_local_recorder(&recorder);
    tell(pool).await.unwrap();
    let said = recorder.handle().render();
    let mut lines: Vec<String> = said
        .lines()
        .filter(|line| line.starts_with("bellhop_"))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

fn lines(of: &[(&str, [u32; 3])]) -> Vec<String> {
    lines_and_owed(of, [0, 0, 0])
}

fn lines_and_owed(of: &[(&str, [u32; 3])], owed: [u32; 3]) -> Vec<String> {
    let owed = ["rooms", "money", "guest"].into_iter().zip(owed);
    let owed = owed.map(|(what, open)| format!(r#"bellhop_obligations_open{{what="{what}"}} {open}"#));
    let each = of.iter().flat_map(|(kind, [open, overdue, stuck])| {
        [("open", open), ("overdue", overdue), ("stuck", stuck)]
            .map(|(what, count)| format!(r#"bellhop_sagas_{what}{{type="{kind}"}} {count}"#))
    });
    let mut lines: Vec<String> = each.chain(owed).collect();
    lines.sort();
    lines
}

#[sqlx::test(migrations = false)]
async fn open_overdue_and_stuck_runs_are_told_from_the_database(pool: PgPool) {
    migrate(&pool).await;
    assert_eq!(
        told(&pool).await,
        lines(&[("book-stay", [0, 0, 0]), ("cancel-stay", [0, 0, 0])])
    );
    let runner = runner(&pool, "one").await;
    let [open, late, back, ended, stuck] = std::array::from_fn(|_| SagaId::new());
    for id in [open, late, back] {
        take(&runner, &[start(id, booking())]).await.unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "a test looks into the table")]
    let deadlines: Vec<i64> = sqlx::query_scalar(
        "select distinct extract(epoch from deadline - created_at)::bigint from orchestrator.run",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(deadlines, [15 * 60], "as the setting says");
    take(
        &runner,
        &[done(back, "hold-rooms"), refused(back, "authorize-payment", "no")],
    )
    .await
    .unwrap();
    take(
        &runner,
        &[start(ended, cancellation()), start(stuck, cancellation())],
    )
    .await
    .unwrap();
    for step in ["release-rooms", "refund-payment", "mark-cancelled"] {
        take(&runner, &[done(ended, step)]).await.unwrap();
    }
    take(
        &runner,
        &[
            done(stuck, "release-rooms"),
            refused(stuck, "refund-payment", "no"),
        ],
    )
    .await
    .unwrap();
    let sql = format!(
        "update orchestrator.run set created_at = created_at - interval '1 hour',
             deadline = now() - interval '1 second' where saga_id in ('{late}', '{ended}', '{stuck}')"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    // As right after a restart: nothing was counted in this process.
    let wanted = [("book-stay", [3, 1, 0]), ("cancel-stay", [0, 0, 1])];
    assert_eq!(told(&pool).await, lines(&wanted));
    // A kind that this release does not know is told too.
    pool.execute(AssertSqlSafe(format!(
        "update orchestrator.run set kind = 'of-tomorrow' where saga_id = '{late}'"
    )))
    .await
    .unwrap();
    let wanted = [
        ("book-stay", [2, 0, 0]),
        ("cancel-stay", [0, 0, 1]),
        ("of-tomorrow", [1, 1, 0]),
    ];
    assert_eq!(told(&pool).await, lines(&wanted));
    // What is owed counts until it is closed.
    pool.execute(AssertSqlSafe(format!(
        "insert into orchestrator.obligation (saga_id, seq, what, step, is_done, thing, opened_at, closed_at)
         select '{ended}', seq, case when seq > 2 then 'guest' else 'rooms' end::orchestrator.debt_kind, 'any', 'done', '{ended}',
                now(), case when seq = 1 then now() end
         from generate_series(1, 4) seq"
    )))
    .await
    .unwrap();
    assert_eq!(told(&pool).await, lines_and_owed(&wanted, [1, 0, 2]));
}

#[sqlx::test(migrations = false)]
async fn the_counting_goes_on_until_the_process_stops(pool: PgPool) {
    let tasks = Tasks::new();
    // Before the tables are there it fails, which is not its end.
    super::start(&tasks, &pool, Duration::from_millis(20));
    migrate(&pool).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!tasks.is_stopping());
    tasks.stop();
    assert!(tasks.drained().await);
}
