//! Runs of two versions of a saga on a real database. In tests cancel-stay has a former version, in which the money
//! goes first.

use std::time::Duration;

use contract::SagaId;
use platform::Broken;
use sqlx::{Executor as _, PgPool};

use crate::fixtures::{
    booking, cancellation, commands, done, migrate, pass, runner, said, start, state, story, take,
};
use crate::runner::TIMER_BATCH;
use crate::timers;

async fn version(pool: &PgPool, saga_id: SagaId) -> i32 {
    sqlx::query_scalar!(
        "select definition from orchestrator.run where saga_id = $1",
        saga_id.uuid()
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// Makes a cancellation that was just begun one that the former version began: it waits for the refund.
async fn begun_yesterday(pool: &PgPool, saga_id: SagaId) {
    sqlx::query!(
        "update orchestrator.run set definition = 0 where saga_id = $1",
        saga_id.uuid()
    )
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_saga_goes_on_by_the_version_that_it_was_begun_with_beside_newer_ones(pool: PgPool) {
    migrate(&pool).await;
    let (old, new) = (SagaId::new(), SagaId::new());
    let begins = runner(&pool, "one").await;
    let asked = [start(old, cancellation()), start(new, cancellation())];
    take(&begins, &asked).await.unwrap();
    begun_yesterday(&pool, old).await;
    assert_eq!((version(&pool, old).await, version(&pool, new).await), (0, 1));
    // Another process, which knows nothing but the rows.
    let goes_on = runner(&pool, "two").await;
    for (first, second) in [
        ("refund-payment", "release-rooms"),
        ("release-rooms", "refund-payment"),
        ("mark-cancelled", "mark-cancelled"),
    ] {
        take(&goes_on, &[done(old, first), done(new, second)])
            .await
            .unwrap();
    }
    // The first was said before it became a run of yesterday.
    assert_eq!(
        commands(&pool, old).await,
        ["Release", "Release", "MarkCancelled"]
    );
    assert_eq!(
        story(&pool, old).await[1..3],
        ["refund-payment done 1", "release-rooms done 1"]
    );
    assert_eq!(commands(&pool, new).await, ["Release", "Refund", "MarkCancelled"]);
    for saga_id in [old, new] {
        assert_eq!(state(&pool, saga_id).await.0, "completed");
    }
    assert_eq!((version(&pool, old).await, version(&pool, new).await), (0, 1));
}

#[sqlx::test(migrations = false)]
async fn a_saga_whose_version_is_gone_is_not_run_by_another(pool: PgPool) {
    migrate(&pool).await;
    let saga_id = SagaId::new();
    let begins = runner(&pool, "one").await;
    take(&begins, &[start(saga_id, booking())]).await.unwrap();
    sqlx::query!(
        "update orchestrator.run set definition = 7 where saga_id = $1",
        saga_id.uuid()
    )
    .execute(&pool)
    .await
    .unwrap();
    let other = runner(&pool, "two").await;
    let refused = take(&other, &[done(saga_id, "hold-rooms")]).await;
    assert!(
        matches!(&refused, Err(Broken::Inconsistent(why)) if why.contains("version 7")),
        "{refused:?}"
    );
    assert_eq!(commands(&pool, saga_id).await, ["Hold"]);
}

/// What a later release may have left of a cancellation that released its rooms, each of which this code cannot read.
const LATER: [&str; 5] = [
    "update orchestrator.run set definition = 7 where kind = 'cancel-stay'",
    r#"update orchestrator.run set data = '{"type": "move-stay"}' where kind = 'cancel-stay'"#,
    "update orchestrator.journal set step = 'move-rooms' where step = 'release-rooms'",
    "update orchestrator.journal set body = '{}' where step = 'release-rooms'",
    "update orchestrator.journal set what = 'verb' where step = 'release-rooms'",
];

#[sqlx::test(migrations = false)]
async fn a_saga_that_cannot_be_read_does_not_stop_the_timer_of_others(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    for later in LATER {
        let (unreadable, readable) = (SagaId::new(), SagaId::new());
        let asked = [start(unreadable, cancellation()), start(readable, booking())];
        take(&runner, &asked).await.unwrap();
        take(&runner, &[done(unreadable, "release-rooms")]).await.unwrap();
        pool.execute(later).await.unwrap();
        pass(&pool, 6).await;
        let sleep = timers::round(&runner).await.unwrap();
        assert_eq!(commands(&pool, readable).await, ["Hold", "Hold"], "{later}");
        assert_eq!(
            commands(&pool, unreadable).await,
            ["Release", "Refund"],
            "{later}"
        );
        assert!(
            sleep > Duration::from_secs(1),
            "it is not looked at in a circle: {sleep:?}, {later}"
        );
        pool.execute("delete from orchestrator.run").await.unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn sagas_that_cannot_be_read_do_not_stand_before_others_and_go_on_when_they_can_be(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let count = usize::try_from(TIMER_BATCH).unwrap() + 20;
    let asked: Vec<_> = (0..count).map(|_| start(SagaId::new(), cancellation())).collect();
    take(&runner, &asked).await.unwrap();
    pool.execute(LATER[0]).await.unwrap();
    let last = SagaId::new();
    take(&runner, &[start(last, booking())]).await.unwrap();
    pass(&pool, 6).await;
    timers::round(&runner).await.unwrap();
    assert_eq!(commands(&pool, last).await, ["Hold", "Hold"]);
    pool.execute("update orchestrator.run set definition = 1")
        .await
        .unwrap();
    pass(&pool, 61).await;
    timers::round(&runner).await.unwrap();
    let said = said(&pool).await;
    let releases = said.iter().filter(|(_, kind, _)| kind == "Release").count();
    assert!(releases > count, "{releases} of {count}");
}
