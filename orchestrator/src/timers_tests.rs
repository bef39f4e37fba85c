//! Tests of the timer on a real database.

use contract::{SagaId, topics};
use sqlx::PgPool;

use super::*;
use crate::fixtures::{
    booking, cancellation, commands, done, migrate, pass, runner, said, start, state, story, take, undone,
};

#[sqlx::test(migrations = false)]
async fn a_missing_reply_is_asked_for_again_and_then_given_up(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking()), done(id, "hold-rooms")])
        .await
        .unwrap();
    round(&runner).await.unwrap();
    assert_eq!(story(&pool, id).await.len(), 2, "nothing is due yet");
    for seconds in [6, 12, 24, 48] {
        pass(&pool, seconds).await;
        round(&runner).await.unwrap();
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
    round(&runner).await.unwrap();
    let lines = story(&pool, id).await;
    assert_eq!(
        lines[lines.len() - 2..],
        ["authorize-payment sent_again 5", "authorize-payment given_up 5"]
    );
    take(&runner, &[done(id, "authorize-payment")]).await.unwrap();
    assert_eq!(story(&pool, id).await, lines, "a late reply changes nothing");
    for _ in 0..10 {
        pass(&pool, 600).await;
        round(&runner).await.unwrap();
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
        round(&runner).await.unwrap();
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
async fn the_timer_takes_more_than_one_batch_and_sleeps_until_the_next_is_due(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let count = usize::try_from(TIMER_BATCH).unwrap() + 20;
    let starts: Vec<_> = (0..count).map(|_| start(SagaId::new(), booking())).collect();
    take(&runner, &starts).await.unwrap();
    pass(&pool, 7).await;
    let sleep = round(&runner).await.unwrap();
    assert!(
        sleep > Duration::from_secs(1),
        "nothing is due for a while: {sleep:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_participant_that_is_down_is_not_flooded_and_each_command_goes_again_in_the_end(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let count = 300;
    let ids: Vec<_> = (0..count).map(|_| SagaId::new()).collect();
    let starts: Vec<_> = ids.iter().map(|id| start(*id, cancellation())).collect();
    take(&runner, &starts).await.unwrap();
    pass(&pool, 7).await;
    round(&runner).await.unwrap();
    let again = said(&pool).await.len() - count;
    assert!(
        (100..count / 2).contains(&again),
        "{again} of {count} went again at once"
    );
    // What was put off is looked at again after a few seconds, and all of it goes. The pivot is never given up.
    for _ in 0..20 {
        runner.resends.sent(topics::INVENTORY_COMMANDS, 1_000);
        pass(&pool, 5).await;
        round(&runner).await.unwrap();
    }
    for id in ids {
        let sent = commands(&pool, id).await;
        assert!(sent.len() > 1, "{id} was never sent again: {sent:?}");
    }
}
