//! Tests of the runner on a real database.

use contract::SagaId;
use platform::{Broken, db};
use sqlx::PgPool;

use super::*;
use crate::engine::{Line, What};
use crate::fixtures::{
    SHARD, assigned, booking, cancellation, done, journal, migrate, pass, refused, revoked, runner, said,
    start, state, story, take, undone,
};
use crate::store::{Batch, NewLine};
use crate::{sagas, timers};

/// What a line says of the message that it came of.
#[sqlx::test(migrations = false)]
async fn a_line_names_the_message_of_the_answer_or_of_the_further_sending(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking())]).await.unwrap();
    pass(&pool, 6).await;
    timers::round(&runner).await.unwrap();
    take(&runner, &[done(id, "hold-rooms")]).await.unwrap();
    let journal = journal(&pool, id).await;
    let heard = sqlx::query_scalar!("select message_id from orchestrator.inbox");
    let heard = heard.fetch_all(&pool).await.unwrap();
    let sent = sqlx::query_scalar!("select id from orchestrator.outbox order by id");
    let sent = sent.fetch_all(&pool).await.unwrap();
    assert!(heard.contains(&journal[0].message_id.unwrap()));
    assert_eq!(journal[1].message_id, Some(sent[1]));
    assert!(heard.contains(&journal[2].message_id.unwrap()));
    assert_ne!(journal[0].message_id, journal[2].message_id);
    assert_eq!(journal[2].sent_at, journal[1].sent_at);
}

/// Lines that were written after their epoch had ended, as the audit finds them.
async fn late_lines(pool: &PgPool) -> usize {
    let late = sqlx::query!(
        "select line.saga_id from orchestrator.journal line join orchestrator.saga_epoch owner using (epoch)
         where line.at > owner.ended_at"
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
        "open-reservation opened 0",
        "hold-rooms refused 1",
        "undo open-reservation undone 1",
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
    assert_eq!(story(&pool, id).await.len(), 1, "the paused one wrote nothing");
    take(&other, &[done(id, "hold-rooms")]).await.unwrap();
    assert_eq!(story(&pool, id).await.len(), 2);
    assert_eq!(late_lines(&pool).await, 0);
}

/// The next line of a booking that waits for its rooms.
fn next_line(saga_id: SagaId, seq: u32) -> NewLine {
    NewLine {
        saga_id,
        seq,
        line: Line {
            what: What::GivenUp,
            step: 1,
            undo: false,
            round: 1,
            sendings: 1,
            sent_at: None,
            answer: None,
            verb: None,
            held_back: None,
            at: DateTime::UNIX_EPOCH,
        },
        outline: sagas::outline(&booking()),
        message_id: None,
        shard: SHARD,
    }
}

/// Writes a line under the epoch that this runner believes it has.
async fn append(runner: &Runner, line: NewLine) -> Result<(), Broken> {
    let mut db = runner.pool.acquire().await.unwrap();
    let batch = Batch {
        lines: vec![line],
        ..Batch::default()
    };
    let written = store::write(&mut db, &runner.ownership.all(), runner.deadline, &batch).await;
    written.map(drop)
}

#[sqlx::test(migrations = false)]
async fn a_line_is_written_by_whoever_holds_the_epoch_and_is_first(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let id = SagaId::new();
    take(&first, &[start(id, booking())]).await.unwrap();
    append(&first, next_line(id, 2)).await.unwrap();
    let second = append(&first, next_line(id, 2)).await;
    assert!(matches!(second, Err(Broken::Overtaken("a line"))), "{second:?}");
    let other = runner(&pool, "second").await;
    let zombie = append(&first, next_line(id, 3)).await;
    assert!(matches!(zombie, Err(Broken::Superseded(_))), "{zombie:?}");
    append(&other, next_line(id, 3)).await.unwrap();
    assert_eq!(story(&pool, id).await.len(), 3);
    assert_eq!(late_lines(&pool).await, 0);
}

#[sqlx::test(migrations = false)]
async fn a_writer_waits_for_who_takes_over_and_then_writes_nothing(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let id = SagaId::new();
    take(&first, &[start(id, booking())]).await.unwrap();
    let (writer, others) = (Arc::clone(&first), pool.clone());
    let writes = db::unit_of_work::<_, Broken, _>(&pool, move |db| {
        Box::pin(async move {
            store::lock_epochs(db, &[SHARD]).await?;
            store::end_epochs(db, &[SHARD]).await?;
            // The statement is under way and waits for the row of the epoch.
            let mut writes = Box::pin(async move { take(&writer, &[done(id, "hold-rooms")]).await });
            let waits = tokio::time::timeout(Duration::from_millis(300), &mut writes).await;
            assert!(waits.is_err(), "it did not wait: {waits:?}");
            assert_eq!(story(&others, id).await.len(), 1);
            Ok(writes)
        })
    });
    let wrote = writes.await.unwrap().await;
    assert!(matches!(wrote, Err(Broken::Superseded(_))), "{wrote:?}");
    assert_eq!(story(&pool, id).await.len(), 1);
    assert_eq!(said(&pool).await.len(), 1);
}

/// A line that is written past all of this, which is what the audit looks for.
#[sqlx::test(migrations = false)]
async fn a_line_that_was_written_after_its_epoch_had_ended_would_be_seen(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let id = SagaId::new();
    take(&first, &[start(id, booking())]).await.unwrap();
    runner(&pool, "second").await;
    let late = sqlx::query!(
        "insert into orchestrator.journal (saga_id, seq, what, step, place, undo, round, sendings, epoch, at)
         values ($1, 2, 'given_up', 'hold-rooms', 'do', false, 1, 1, 1, clock_timestamp())",
        id.uuid()
    );
    late.execute(&pool).await.unwrap();
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
        ["authorize-payment done 1", "book-rooms done 1"]
    );
}

#[sqlx::test(migrations = false)]
async fn who_takes_over_waits_for_the_transaction_that_is_being_written(pool: PgPool) {
    migrate(&pool).await;
    let first = runner(&pool, "first").await;
    let others = pool.clone();
    db::unit_of_work::<_, Broken, _>(&pool, move |db| {
        Box::pin(async move {
            // As the statement of a batch does.
            sqlx::query!("select shard from orchestrator.saga_epoch where ended_at is null for share")
                .fetch_all(&mut *db)
                .await?;
            drop(first);
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
