//! Tests of the runner on a real database.

use contract::SagaId;
use platform::{Broken, db};
use sqlx::PgPool;

use super::*;
use crate::fixtures::{
    SHARD, assigned, booking, cancellation, done, migrate, pass, refused, revoked, runner, start, take,
    undone,
};
use crate::timers;

/// A saga's log in words, in order.
async fn story(pool: &PgPool, saga_id: SagaId) -> Vec<String> {
    let mut db = pool.acquire().await.unwrap();
    let steps = store::steps(&mut db, saga_id.uuid()).await.unwrap();
    assert!(
        steps
            .iter()
            .map(|step| step.seq)
            .eq(1..=i32::try_from(steps.len()).unwrap()),
        "no gap in the log"
    );
    let words = |step: store::StepRow| {
        let command = step
            .command_name
            .map(|name| format!(" {name}"))
            .unwrap_or_default();
        format!(
            "{} {} {}{command} {}",
            step.kind, step.step, step.outcome, step.attempt
        )
    };
    steps.into_iter().map(words).collect()
}

async fn state(pool: &PgPool, saga_id: SagaId) -> (String, Option<String>) {
    let mut db = pool.acquire().await.unwrap();
    let saga = store::one(&mut db, saga_id.uuid()).await.unwrap().unwrap();
    (saga.state, saga.reason)
}

async fn said(pool: &PgPool) -> Vec<(String, String, serde_json::Value)> {
    let rows =
        sqlx::query!("select aggregatetype, type as kind, payload from orchestrator.outbox order by id");
    let rows = rows.fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|row| (row.aggregatetype, row.kind, row.payload))
        .collect()
}

/// Lines that were written after their epoch had ended, as the audit finds them.
async fn late_lines(pool: &PgPool) -> usize {
    let late = sqlx::query!(
        "select step.saga_id from orchestrator.saga_step step join orchestrator.saga using (saga_id)
         join orchestrator.saga_epoch owner on owner.shard = saga.shard and owner.epoch = step.epoch
         where step.at > owner.ended_at"
    );
    late.fetch_all(pool).await.unwrap().len()
}

/// Messages of four sagas with four ends, mixed, with repeats and nonsense.
fn messages(ids: &[SagaId; 4]) -> Vec<Message> {
    let [booked, sold_out, declined, cancelled] = *ids;
    let mut all = vec![
        start(booked, booking()),
        start(sold_out, booking()),
        start(declined, booking()),
        start(cancelled, cancellation()),
        start(booked, booking()),
        done(SagaId::from_uuid(uuid::Uuid::from_u128(7)), "hold-rooms"),
        refused(sold_out, "hold-rooms", "sold_out"),
    ];
    for step in ["hold-rooms", "hold-rooms", "authorize-payment", "book-rooms"] {
        all.extend([done(booked, step), done(declined, step)]);
    }
    all.push(refused(declined, "capture-payment", "capture_declined"));
    for step in ["authorize-payment", "hold-rooms", "open-reservation"] {
        all.push(undone(declined, step));
    }
    for step in ["capture-payment", "confirm-reservation", "no-such-step"] {
        all.push(done(booked, step));
    }
    all.push(undone(sold_out, "open-reservation"));
    for step in ["release-rooms", "refund-payment", "mark-cancelled"] {
        all.push(done(cancelled, step));
    }
    all
}

fn four() -> [SagaId; 4] {
    std::array::from_fn(|_| SagaId::new())
}

#[sqlx::test(migrations = false)]
async fn a_batch_leaves_what_its_messages_one_by_one_leave(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let (together, alone) = (four(), four());
    take(&runner, &messages(&together)).await.unwrap();
    let said_together = said(&pool).await.len();
    for message in messages(&alone) {
        take(&runner, &[message]).await.unwrap();
    }
    assert_eq!(said(&pool).await.len(), 2 * said_together);
    for (together, alone) in together.into_iter().zip(alone) {
        assert_eq!(story(&pool, together).await, story(&pool, alone).await);
        assert_eq!(state(&pool, together).await, state(&pool, alone).await);
    }
    let ends = [("completed", None), ("compensated", Some("sold_out (No.)"))];
    for (id, (word, reason)) in alone.into_iter().zip(ends) {
        assert_eq!(
            state(&pool, id).await,
            (word.to_owned(), reason.map(str::to_owned))
        );
    }
    assert_eq!(state(&pool, alone[2]).await.0, "compensated");
    assert_eq!(state(&pool, alone[3]).await.0, "completed");
    let wanted = [
        "opening open-reservation ok 0",
        "do hold-rooms sent Hold 1",
        "do hold-rooms refused 1",
        "undo open-reservation sent Reject 1",
        "undo open-reservation ok 1",
    ];
    assert_eq!(story(&pool, alone[1]).await, wanted);
}

#[sqlx::test(migrations = false)]
async fn what_comes_twice_changes_nothing(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let ids = four();
    take(&runner, &messages(&ids)).await.unwrap();
    let (before, lines) = (said(&pool).await, story(&pool, ids[2]).await);
    take(&runner, &messages(&ids)).await.unwrap();
    assert_eq!(said(&pool).await, before);
    assert_eq!(story(&pool, ids[2]).await, lines);
}

#[sqlx::test(migrations = false)]
async fn a_command_carries_its_saga_step_and_attempt(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking())]).await.unwrap();
    let (topic, kind, payload) = said(&pool).await.remove(0);
    assert_eq!((topic.as_str(), kind.as_str()), ("inventory.commands", "Hold"));
    assert_eq!(payload["saga_id"], id.to_string());
    assert_eq!(payload["step"], "hold-rooms");
    assert_eq!(
        (&payload["attempt"], &payload["undo"]),
        (&1.into(), &false.into())
    );
    assert_eq!(payload["command"]["type"], "hold");
}

#[sqlx::test(migrations = false)]
async fn a_paused_owner_writes_nothing_once_another_took_over(pool: PgPool) {
    migrate(&pool).await;
    let paused = runner(&pool, "paused").await;
    let id = SagaId::new();
    take(&paused, &[start(id, booking())]).await.unwrap();
    let other = runner(&pool, "other").await;
    let zombie = take(&paused, &[done(id, "hold-rooms")]).await;
    assert!(matches!(zombie, Err(Broken::Superseded(_))), "{zombie:?}");
    assert!(matches!(timers::round(&paused).await, Err(Broken::Superseded(_))));
    assert_eq!(story(&pool, id).await.len(), 2, "the paused one wrote nothing");
    take(&other, &[done(id, "hold-rooms")]).await.unwrap();
    assert_eq!(story(&pool, id).await.len(), 4);
    assert_eq!(late_lines(&pool).await, 0);
}

/// A line of a writer that does not hold its epoch, which is what the audit looks for.
fn line_of_a_zombie(saga_id: SagaId) -> NewLine {
    NewLine {
        saga_id,
        epoch: 1,
        step: "hold-rooms",
        kind: "do",
        entry: 0,
        seq: 3,
        outcome: "given_up",
        attempt: 1,
        command: None,
        reply: None,
        sent_at: None,
    }
}

#[sqlx::test(migrations = false)]
async fn a_writer_that_was_under_way_when_its_epoch_ended_would_be_seen(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let id = SagaId::new();
    take(&first, &[start(id, booking())]).await.unwrap();
    let others = pool.clone();
    db::unit_of_work::<_, Broken, _>(&pool, move |db| {
        Box::pin(async move {
            runner(&others, "second").await;
            store::append(db, &[line_of_a_zombie(id)]).await
        })
    })
    .await
    .unwrap();
    assert_eq!(late_lines(&pool).await, 1);
}

#[sqlx::test(migrations = false)]
async fn what_another_owner_wrote_meanwhile_is_read_and_not_remembered(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let id = SagaId::new();
    take(&first, &[start(id, booking()), done(id, "hold-rooms")])
        .await
        .unwrap();
    let second = runner(&pool, "second").await;
    take(&second, &[done(id, "authorize-payment")]).await.unwrap();
    assigned(&first, &[SHARD]).await;
    take(&first, &[done(id, "book-rooms")]).await.unwrap();
    let lines = story(&pool, id).await;
    assert_eq!(
        lines[lines.len() - 2..],
        ["do book-rooms ok 1", "pivot capture-payment sent Capture 1"]
    );
}

#[sqlx::test(migrations = false)]
async fn who_takes_over_waits_for_the_transaction_that_is_being_written(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let others = pool.clone();
    db::unit_of_work::<_, Broken, _>(&pool, move |db| {
        Box::pin(async move {
            store::hold_epochs(db, &first.ownership.all()).await?;
            let second = tokio::time::timeout(Duration::from_millis(300), runner(&others, "second"));
            assert!(second.await.is_err(), "the epoch ended while it was held");
            Ok(())
        })
    })
    .await
    .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_shard_that_is_not_ours_is_not_touched(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    revoked(&runner, &[SHARD]).await;
    let taken = take(&runner, &[start(SagaId::new(), booking())]).await;
    assert!(matches!(taken, Err(Broken::Superseded(_))), "{taken:?}");
}

#[sqlx::test(migrations = false)]
async fn a_missing_reply_is_asked_for_again_and_then_given_up(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking()), done(id, "hold-rooms")])
        .await
        .unwrap();
    timers::round(&runner).await.unwrap();
    assert_eq!(story(&pool, id).await.len(), 4, "nothing is due yet");
    for seconds in [5, 10, 20, 40] {
        pass(&pool, seconds).await;
        timers::round(&runner).await.unwrap();
    }
    let sent = said(&pool).await;
    let again: Vec<_> = sent.iter().filter(|(_, kind, _)| kind == "Authorize").collect();
    assert_eq!(
        again
            .iter()
            .map(|(.., body)| body["attempt"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert!(
        again
            .iter()
            .all(|(.., body)| body["command"] == again[0].2["command"]),
        "the same command"
    );
    pass(&pool, 120).await;
    timers::round(&runner).await.unwrap();
    let lines = story(&pool, id).await;
    assert_eq!(
        lines[lines.len() - 2..],
        [
            "do authorize-payment given_up 5",
            "undo authorize-payment sent Void 1"
        ]
    );
    take(&runner, &[done(id, "authorize-payment")]).await.unwrap();
    assert_eq!(story(&pool, id).await, lines, "a late reply changes nothing");
    for _ in 0..10 {
        pass(&pool, 600).await;
        timers::round(&runner).await.unwrap();
    }
    assert_eq!(
        state(&pool, id).await.0,
        "compensating",
        "an undo is never given up"
    );
    let rest = ["authorize-payment", "hold-rooms", "open-reservation"].map(|step| undone(id, step));
    take(&runner, &rest).await.unwrap();
    let (word, reason) = state(&pool, id).await;
    assert_eq!(word, "compensated");
    assert!(reason.unwrap().starts_with("payment_unavailable"));
    let reject = said(&pool)
        .await
        .into_iter()
        .find(|(_, kind, _)| kind == "Reject")
        .unwrap();
    assert_eq!(reject.2["command"]["refusal"]["code"], "payment_unavailable");
}

#[sqlx::test(migrations = false)]
async fn the_pivot_is_never_given_up(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    let before = ["hold-rooms", "authorize-payment", "book-rooms"].map(|step| done(id, step));
    take(&runner, &[start(id, booking())]).await.unwrap();
    take(&runner, &before).await.unwrap();
    for _ in 0..20 {
        pass(&pool, 3_600).await;
        timers::round(&runner).await.unwrap();
    }
    assert_eq!(state(&pool, id).await, ("running".to_owned(), None));
    let captures = said(&pool)
        .await
        .iter()
        .filter(|(_, kind, _)| kind == "Capture")
        .count();
    assert_eq!(captures, 21);
}

#[sqlx::test(migrations = false)]
async fn a_refusal_after_the_pivot_is_stuck_with_its_reason(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, cancellation()), done(id, "release-rooms")])
        .await
        .unwrap();
    take(&runner, &[refused(id, "refund-payment", "refund_failed")])
        .await
        .unwrap();
    let (word, reason) = state(&pool, id).await;
    assert_eq!(word, "stuck");
    assert_eq!(
        reason.unwrap(),
        "refund-payment comes after the pivot and was refused: refund_failed (No.)"
    );
    let before = said(&pool).await;
    timers::round(&runner).await.unwrap();
    take(&runner, &[done(id, "refund-payment")]).await.unwrap();
    assert_eq!(said(&pool).await, before, "nothing more happens by itself");
}

#[sqlx::test(migrations = false)]
async fn the_timer_takes_more_than_one_batch_and_sleeps_until_the_next_is_due(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let count = usize::try_from(TIMER_BATCH).unwrap() + 20;
    let starts: Vec<_> = (0..count).map(|_| start(SagaId::new(), booking())).collect();
    take(&runner, &starts).await.unwrap();
    pass(&pool, 6).await;
    let sleep = timers::round(&runner).await.unwrap();
    assert_eq!(said(&pool).await.len(), 2 * count);
    assert!(
        sleep > Duration::from_secs(1),
        "nothing is due for a while: {sleep:?}"
    );
}
