//! Runs as the former release kept them, in every state that there was, and what becomes of them.

use contract::SagaId;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use uuid::Uuid;

use super::carry_over;
use crate::engine::What;
use crate::fixtures::{
    booking, cancellation, commands, done, migrate, pass, runner, start, state, story, take, undone,
};
use crate::timers;

/// A line of the former log: kind, step, entry, outcome, attempt, and the JSON of its reply's outcome.
type Line = (
    &'static str,
    &'static str,
    i32,
    &'static str,
    i32,
    Option<&'static str>,
);

const NO: &str = r#"{"refused": {"code": "sold_out", "message": "No."}}"#;
const YES: &str = r#""done""#;

/// A run as it stood: its state, what it waited for (step, undo, sendings), its reason, and its lines.
struct Was {
    saga_id: SagaId,
    saga: contract::saga::SagaData,
    state: &'static str,
    waits: Option<(&'static str, bool, i32)>,
    reason: Option<&'static str>,
    lines: Vec<Line>,
}

impl Was {
    async fn write(&self, pool: &PgPool) {
        let data = serde_json::to_value(&self.saga).unwrap();
        let (step, undo, attempt) = self.waits.map_or((None, None, None), |(step, undo, attempt)| {
            (Some(step), Some(undo), Some(attempt))
        });
        #[expect(clippy::disallowed_methods, reason = "a table that no service writes any more")]
        let run = sqlx::query(
            "insert into orchestrator.saga (saga_id, type, state, reservation_id, hotel_id, shard, epoch, data, lines,
                 step, undo, attempt, sent_first_at, due_at, wake_at, deadline, reason, traceparent, created_at)
             select $1, $2, $3, $4, $5, 2, 1, $6::jsonb::json, $7, $8, $9, $10, at, at + interval '1 hour',
                 at + interval '1 hour', now() + interval '15 minutes', $11, 'a trace', now() - interval '1 minute'
             from (select case when $8::text is not null then now() end as at) as sent",
        );
        let run = run
            .bind(self.saga_id.uuid())
            .bind(self.saga.name())
            .bind(self.state)
            .bind(self.saga.reservation_id().uuid())
            .bind(self.saga.hotel_id().uuid())
            .bind(data)
            .bind(i32::try_from(self.lines.len()).unwrap())
            .bind(step)
            .bind(undo)
            .bind(attempt)
            .bind(self.reason);
        run.execute(pool).await.unwrap();
        for (seq, line) in (1_i32..).zip(&self.lines) {
            self.line(pool, seq, *line).await;
        }
    }

    async fn line(&self, pool: &PgPool, seq: i32, (kind, step, entry, outcome, attempt, reply): Line) {
        let said = (entry > 0).then_some("Said");
        let reply = reply.map(|outcome| {
            let outcome: serde_json::Value = serde_json::from_str(outcome).unwrap();
            serde_json::json!({"saga_id": self.saga_id, "step": step, "undo": kind == "undo", "attempt": attempt,
                               "outcome": outcome})
        });
        #[expect(clippy::disallowed_methods, reason = "a table that no service writes any more")]
        let written = sqlx::query(
            "insert into orchestrator.saga_step
                 (saga_id, step, kind, entry, seq, outcome, attempt, command_name, command, reply, epoch, sent_at, at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, case when $8 is not null then '{}'::json end, $9::jsonb::json, 1,
                 case when $3 <> 'opening' then now() - interval '1 minute' end,
                 now() - interval '1 minute' + $5 * interval '1 ms')",
        );
        let written = written
            .bind(self.saga_id.uuid())
            .bind(step)
            .bind(kind)
            .bind(entry)
            .bind(seq)
            .bind(outcome)
            .bind(attempt)
            .bind(said)
            .bind(reply);
        written.execute(pool).await.unwrap();
    }
}

const OPENED: Line = ("opening", "open-reservation", 0, "ok", 0, None);

fn sent(step: &'static str, kind: &'static str, attempt: i32) -> Line {
    (kind, step, attempt, "sent", attempt, None)
}

fn settled(step: &'static str, kind: &'static str, outcome: &'static str, attempt: i32) -> Line {
    let reply = match outcome {
        "ok" => Some(YES),
        "refused" => Some(NO),
        _ => None,
    };
    (kind, step, 0, outcome, attempt, reply)
}

/// A run, with what its journal must say.
type Case = (Was, &'static [&'static str]);

fn booked(
    state: &'static str,
    waits: Option<(&'static str, bool, i32)>,
    reason: Option<&'static str>,
    lines: Vec<Line>,
) -> Was {
    Was {
        saga_id: SagaId::new(),
        saga: booking(),
        state,
        waits,
        reason,
        lines,
    }
}

fn sent_twice() -> Case {
    let lines = vec![
        OPENED,
        sent("hold-rooms", "do", 1),
        settled("hold-rooms", "do", "ok", 1),
        sent("authorize-payment", "do", 1),
        sent("authorize-payment", "do", 2),
    ];
    let wanted = &[
        "open-reservation opened 0",
        "hold-rooms done 1",
        "authorize-payment sent_again 2",
    ];
    (
        booked("running", Some(("authorize-payment", false, 2)), None, lines),
        wanted,
    )
}

fn refused_the_second_time() -> Case {
    let lines = vec![
        OPENED,
        sent("hold-rooms", "do", 1),
        sent("hold-rooms", "do", 2),
        settled("hold-rooms", "do", "refused", 2),
        sent("hold-rooms", "undo", 1),
    ];
    let wanted = &[
        "open-reservation opened 0",
        "hold-rooms sent_again 2",
        "hold-rooms refused 2",
    ];
    (
        booked("compensating", Some(("hold-rooms", true, 1)), None, lines),
        wanted,
    )
}

fn given_up() -> Case {
    let lines = vec![
        OPENED,
        sent("hold-rooms", "do", 1),
        settled("hold-rooms", "do", "given_up", 1),
        sent("hold-rooms", "undo", 1),
        settled("hold-rooms", "undo", "ok", 1),
        sent("open-reservation", "undo", 1),
    ];
    let wanted = &[
        "open-reservation opened 0",
        "hold-rooms given_up 1",
        "undo hold-rooms undone 1",
    ];
    (
        booked("compensating", Some(("open-reservation", true, 1)), None, lines),
        wanted,
    )
}

fn undone_wholly() -> Case {
    let lines = vec![
        OPENED,
        sent("hold-rooms", "do", 1),
        settled("hold-rooms", "do", "refused", 1),
        sent("open-reservation", "undo", 1),
        settled("open-reservation", "undo", "ok", 1),
    ];
    let wanted = &[
        "open-reservation opened 0",
        "hold-rooms refused 1",
        "undo open-reservation undone 1",
    ];
    (booked("compensated", None, Some("sold_out (No.)"), lines), wanted)
}

fn stuck() -> Case {
    let lines = vec![
        ("opening", "lock-reservation", 0, "ok", 0, None),
        sent("release-rooms", "pivot", 1),
        settled("release-rooms", "pivot", "ok", 1),
        sent("refund-payment", "then", 1),
        settled("refund-payment", "then", "refused", 1),
    ];
    let wanted = &[
        "lock-reservation opened 0",
        "release-rooms done 1",
        "refund-payment refused 1",
    ];
    let reason = "refund-payment comes after the pivot and was refused: sold_out (No.)";
    let was = Was {
        saga: cancellation(),
        ..booked("stuck", None, Some(reason), lines)
    };
    (was, wanted)
}

/// One run in each situation.
fn all() -> [Case; 5] {
    [
        sent_twice(),
        refused_the_second_time(),
        given_up(),
        undone_wholly(),
        stuck(),
    ]
}

#[sqlx::test(migrations = false)]
async fn every_run_becomes_a_journal_and_nothing_is_lost(pool: PgPool) {
    migrate(&pool).await;
    let all = all();
    for (was, _) in &all {
        was.write(&pool).await;
    }
    assert_eq!(
        carry_over(&pool).await.unwrap(),
        Some(u64::try_from(all.len()).unwrap())
    );
    for (was, wanted) in &all {
        assert_eq!(story(&pool, was.saga_id).await, *wanted);
        let reason = was.reason.map(str::to_owned);
        assert_eq!(state(&pool, was.saga_id).await, (was.state.to_owned(), reason));
    }
    #[expect(clippy::disallowed_methods, reason = "a table that no service reads any more")]
    let kept: i64 = sqlx::query_scalar("select count(*) from orchestrator.saga_step_former")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        kept,
        all.iter()
            .map(|(was, _)| i64::try_from(was.lines.len()).unwrap())
            .sum::<i64>()
    );
    assert_eq!(carry_over(&pool).await.unwrap(), None, "once");
}

#[sqlx::test(migrations = false)]
async fn open_runs_go_on_where_they_were(pool: PgPool) {
    migrate(&pool).await;
    let all = all();
    for (was, _) in &all {
        was.write(&pool).await;
    }
    carry_over(&pool).await.unwrap();
    let runner = runner(&pool, "new").await;
    let [running, several, given_up] = [0, 1, 2].map(|at| all[at].0.saga_id);
    pass(&pool, 3_600).await;
    timers::round(&runner).await.unwrap();
    assert_eq!(commands(&pool, several).await, ["Release"]);
    assert_eq!(commands(&pool, given_up).await, ["Reject"]);
    assert_eq!(commands(&pool, running).await, ["Void"], "it is given up");
    take(
        &runner,
        &[
            undone(several, "hold-rooms"),
            undone(given_up, "open-reservation"),
        ],
    )
    .await
    .unwrap();
    assert_eq!(commands(&pool, several).await, ["Release", "Reject"]);
    assert_eq!(state(&pool, given_up).await.0, "compensated");
    take(
        &runner,
        &[
            done(all[4].0.saga_id, "refund-payment"),
            start(all[3].0.saga_id, booking()),
        ],
    )
    .await
    .unwrap();
    assert_eq!(state(&pool, all[4].0.saga_id).await.0, "stuck");
    assert_eq!(
        story(&pool, all[3].0.saga_id).await.len(),
        3,
        "an ended run is not begun again"
    );
    let what = What::ALL.map(What::word);
    let said = sqlx::query_scalar!(r#"select distinct what::text as "what!" from orchestrator.journal"#);
    let said = said.fetch_all(&pool).await.unwrap();
    assert!(said.iter().all(|word| what.contains(&word.as_str())), "{said:?}");
}

#[sqlx::test(migrations = false)]
async fn a_run_that_would_go_another_way_is_named_and_nothing_is_changed(pool: PgPool) {
    for wrong in [
        "update orchestrator.saga set step = 'book-rooms' where state = 'running'",
        "update orchestrator.saga set attempt = 1 where state = 'running'",
        "update orchestrator.saga set undo = true where state = 'running'",
        "update orchestrator.saga set version = 7 where state = 'running'",
        "update orchestrator.saga set reason = 'another' where state = 'stuck'",
        "update orchestrator.saga set state = 'running' where state = 'compensating' and step = 'hold-rooms'",
        "update orchestrator.saga_step set step = 'of-tomorrow' where step = 'authorize-payment'",
    ] {
        let fresh = format!(
            "drop schema if exists orchestrator cascade; drop table if exists {}",
            "_sqlx_migrations"
        );
        pool.execute(AssertSqlSafe(fresh)).await.unwrap();
        migrate(&pool).await;
        for (was, _) in all() {
            was.write(&pool).await;
        }
        pool.execute(wrong).await.unwrap();
        let refused = carry_over(&pool).await.unwrap_err().to_string();
        assert!(
            refused.contains("1 open runs would not go on as before"),
            "{wrong}: {refused}"
        );
        let runs = sqlx::query_scalar!("select saga_id from orchestrator.run");
        let runs: Vec<Uuid> = runs.fetch_all(&pool).await.unwrap();
        assert!(runs.is_empty(), "{wrong}");
        pool.execute("select from orchestrator.saga").await.unwrap();
    }
}
