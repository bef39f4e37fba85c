//! What travels with the commands of a run: the trace of the request that it came of, and when nobody waits any more.

use contract::SagaId;
use platform::Envelope;
use platform::envelope::Traceparent;
use sqlx::PgPool;

use crate::fixtures::{booking, done, migrate, pass, refused, runner, start, take, take_within, undone};
use crate::{spans, timers};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn asked() -> Envelope {
    Envelope {
        trace: Traceparent::read(TRACE),
        ..Envelope::default()
    }
}

/// Each command with its trace, and in how many seconds it is given up from when it was sent.
#[expect(
    clippy::disallowed_methods,
    reason = "tests look at columns that no service reads"
)]
async fn said(pool: &PgPool) -> Vec<(String, Option<String>, Option<i64>)> {
    sqlx::query_as(
        "select type, traceparent, round((deadline_ms - extract(epoch from created_at) * 1000) / 1000)::bigint
         from orchestrator.outbox order by id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

fn line(kind: &str, trace: Option<String>, seconds: Option<i64>) -> (String, Option<String>, Option<i64>) {
    (kind.to_owned(), trace, seconds)
}

/// What a command of this step brings: the request's trace, and the step as its parent.
fn of_step(saga_id: SagaId, step: &str, undo: bool) -> String {
    let trace = Traceparent::read(TRACE).unwrap();
    let own = spans::of_step(&trace, saga_id, step, undo, 1);
    assert_eq!(own.trace_id(), trace.trace_id());
    own.to_string()
}

#[sqlx::test(migrations = false)]
async fn every_command_of_a_run_has_the_trace_of_its_start_and_a_deadline_where_it_may_be_given_up(
    pool: PgPool,
) {
    migrate(&pool).await;
    let one = runner(&pool, "one").await;
    let (booked, untraced) = (SagaId::new(), SagaId::new());
    take_within(&one, &[start(booked, booking())], &asked())
        .await
        .unwrap();
    // Sent again by the timer: nobody gives it up later for that.
    pass(&pool, 6).await;
    timers::round(&one).await.unwrap();
    // Answered by participants of the former release, to another process.
    let two = runner(&pool, "two").await;
    for step in [
        "hold-rooms",
        "authorize-payment",
        "book-rooms",
        "capture-payment",
        "confirm-reservation",
    ] {
        take(&two, &[done(booked, step)]).await.unwrap();
    }
    take(&two, &[start(untraced, booking())]).await.unwrap();
    let of = |step| Some(of_step(booked, step, false));
    let hold = of("hold-rooms");
    assert_eq!(
        said(&pool).await,
        [
            line("Hold", hold.clone(), Some(60)),
            // The same step, and so the same span.
            line("Hold", hold, Some(54)),
            line("Authorize", of("authorize-payment"), Some(120)),
            line("Book", of("book-rooms"), Some(60)),
            line("Capture", of("capture-payment"), None),
            line("Confirm", of("confirm-reservation"), None),
            line("Hold", None, Some(60)),
        ]
    );
}

#[sqlx::test(migrations = false)]
async fn undoing_has_the_trace_and_no_deadline(pool: PgPool) {
    migrate(&pool).await;
    let one = runner(&pool, "one").await;
    let saga_id = SagaId::new();
    take_within(&one, &[start(saga_id, booking())], &asked())
        .await
        .unwrap();
    take(&one, &[done(saga_id, "hold-rooms")]).await.unwrap();
    take(&one, &[refused(saga_id, "authorize-payment", "payment_declined")])
        .await
        .unwrap();
    take(&one, &[undone(saga_id, "hold-rooms")]).await.unwrap();
    let said = said(&pool).await;
    assert_eq!(
        said[2..],
        [
            line("Release", Some(of_step(saga_id, "hold-rooms", true)), None),
            line("Reject", Some(of_step(saga_id, "open-reservation", true)), None)
        ]
    );
}
