//! Tests of who owns a shard when claims come late, on a real database. Each runner is a process; Kafka's word
//! reaches it as each test says.

use std::sync::Arc;
use std::time::Duration;

use contract::SagaId;
use platform::{Broken, db};
use sqlx::PgPool;

use crate::fixtures::{
    SHARD, SHARDS, assigned, booking, commands, done, idle, migrate, pass, revoked, runner, start, take,
    take_from,
};
use crate::runner::Runner;
use crate::{store, timers};

/// A shard beside [`SHARD`].
const OTHER: i32 = 3;
/// Takes a shard back as soon as it is found lost.
const AT_ONCE: Duration = Duration::ZERO;
/// Takes a shard back in no test.
const NEVER: Duration = Duration::MAX;

async fn works(runner: &Arc<Runner>) {
    take(runner, &[start(SagaId::new(), booking())]).await.unwrap();
}

async fn claims(pool: &PgPool, shard: i32) -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a test looks into the table")]
    let claims = sqlx::query_scalar("select count(*) from orchestrator.saga_epoch where shard = $1");
    claims.bind(shard).fetch_one(pool).await.unwrap()
}

async fn is_superseded(runner: &Arc<Runner>) {
    let taken = take(runner, &[start(SagaId::new(), booking())]).await;
    assert!(matches!(taken, Err(Broken::Superseded(_))), "{taken:?}");
}

/// Two processes: Kafka has given [`SHARD`] to the second one, but the first one's claim of it, from before, came
/// last. The first one has heard since that the shard is gone.
async fn after_a_late_claim(pool: &PgPool, reclaim_after: Duration) -> [Arc<Runner>; 2] {
    migrate(pool).await;
    let [first, second] = ["first", "second"].map(|name| idle(pool, name, reclaim_after));
    assigned(&second, &[SHARD, OTHER]).await;
    assigned(&first, &[0, 1, SHARD]).await;
    revoked(&first, &[0, 1, SHARD]).await;
    assigned(&first, &[0, 1]).await;
    [first, second]
}

#[sqlx::test(migrations = false)]
async fn a_shard_that_a_late_claim_took_is_taken_back_by_the_one_whom_kafka_names(pool: PgPool) {
    let [first, second] = after_a_late_claim(&pool, AT_ONCE).await;
    is_superseded(&second).await;
    for _ in 0..2 {
        timers::round(&second).await.unwrap();
    }
    works(&second).await;
    for _ in 0..3 {
        for runner in [&first, &second] {
            timers::round(runner).await.unwrap();
        }
    }
    works(&second).await;
    assert_eq!(
        claims(&pool, SHARD).await,
        3,
        "by the second, the first, and the second once more"
    );
    assert_eq!(
        claims(&pool, OTHER).await,
        1,
        "what was not lost is not claimed again"
    );
    assert_eq!(first.ownership.all().into_keys().collect::<Vec<_>>(), [0, 1]);
}

/// Two processes: the second one has taken [`SHARD`] over, and the first one was paused meanwhile.
async fn taken_over(pool: &PgPool, reclaim_after: Duration) -> [Arc<Runner>; 2] {
    migrate(pool).await;
    let paused = idle(pool, "paused", reclaim_after);
    assigned(&paused, &[SHARD]).await;
    [paused, runner(pool, "other").await]
}

/// However often the first one's timer looks, the second one keeps the shard.
async fn is_not_taken_back([paused, other]: [Arc<Runner>; 2]) {
    for _ in 0..3 {
        timers::round(&paused).await.unwrap();
    }
    is_superseded(&paused).await;
    works(&other).await;
}

#[sqlx::test(migrations = false)]
async fn a_lost_shard_is_not_taken_back_before_kafka_could_say_that_it_is_gone(pool: PgPool) {
    let [paused, other] = taken_over(&pool, NEVER).await;
    let first = timers::round(&paused).await;
    assert!(matches!(first, Err(Broken::Superseded(_))), "{first:?}");
    is_not_taken_back([paused, other]).await;
}

#[sqlx::test(migrations = false)]
async fn a_lost_shard_that_kafka_takes_away_is_not_taken_back(pool: PgPool) {
    let [paused, other] = taken_over(&pool, AT_ONCE).await;
    assert!(timers::round(&paused).await.is_err());
    revoked(&paused, &[SHARD]).await;
    is_not_taken_back([paused, other]).await;
}

#[sqlx::test(migrations = false)]
async fn an_ended_epoch_does_not_stop_the_timers_of_other_shards(pool: PgPool) {
    migrate(&pool).await;
    let first = idle(&pool, "first", NEVER);
    assigned(&first, &[SHARD, OTHER]).await;
    let saga_id = SagaId::new();
    take(&first, &[start(saga_id, booking())]).await.unwrap();
    assigned(&idle(&pool, "second", NEVER), &[OTHER]).await;
    pass(&pool, 6).await;
    timers::round(&first).await.unwrap();
    assert_eq!(
        commands(&pool, saga_id).await,
        ["Hold", "Hold"],
        "it was sent again"
    );
    take(&first, &[done(saga_id, "hold-rooms")]).await.unwrap();
}

/// Lets a runner wait for the database after Kafka has given it [`SHARD`], until nobody waits for the claim any
/// more; then Kafka may take the shard away. The claim is made all the same as soon as the database allows it.
async fn assigned_in_vain(waits: &Arc<Runner>, is_revoked: bool) {
    let waiting = Arc::clone(waits);
    db::unit_of_work::<_, Broken, _>(&waits.pool, move |db| {
        Box::pin(async move {
            store::claim_alone(db).await?;
            let claim = assigned(&waiting, &[SHARD]);
            let claimed = tokio::time::timeout(Duration::from_millis(300), claim).await;
            assert!(claimed.is_err(), "it had to wait");
            if is_revoked {
                revoked(&waiting, &[SHARD]).await;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_claim_that_had_to_wait_ends_nothing_of_what_kafka_took_away_meanwhile(pool: PgPool) {
    migrate(&pool).await;
    let second = runner(&pool, "second").await;
    let first = idle(&pool, "first", NEVER);
    assigned_in_vain(&first, true).await;
    // Claims come one after the other, so the first one's is over.
    assigned(&idle(&pool, "third", NEVER), &[OTHER]).await;
    works(&second).await;
    assert!(first.ownership.all().is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_claim_that_nobody_waited_for_is_made_by_the_timer(pool: PgPool) {
    migrate(&pool).await;
    let runner = idle(&pool, "one", NEVER);
    assigned_in_vain(&runner, false).await;
    is_superseded(&runner).await;
    timers::round(&runner).await.unwrap();
    works(&runner).await;
}

#[sqlx::test(migrations = false)]
async fn a_timer_leaves_the_runs_of_other_owners_alone(pool: PgPool) {
    migrate(&pool).await;
    let [first, second] = ["first", "second"].map(|name| idle(&pool, name, NEVER));
    assigned(&first, &[SHARD]).await;
    assigned(&second, &[OTHER]).await;
    let saga_id = SagaId::new();
    take(&first, &[start(saga_id, booking())]).await.unwrap();
    pass(&pool, 6).await;
    let said = async || commands(&pool, saga_id).await.len();
    let sleep = timers::round(&second).await.unwrap();
    assert_eq!(said().await, 1, "due, and not the second one's");
    assert!(
        sleep >= Duration::from_secs(4),
        "nor does it wake for it: {sleep:?}"
    );
    timers::round(&first).await.unwrap();
    assert_eq!(said().await, 2);
    // The same the other way round once Kafka has moved the shard.
    revoked(&first, &[SHARD]).await;
    assigned(&second, &[SHARD]).await;
    pass(&pool, 60).await;
    timers::round(&first).await.unwrap();
    assert_eq!(said().await, 2);
    timers::round(&second).await.unwrap();
    assert_eq!(commands(&pool, saga_id).await, ["Hold", "Hold", "Release"]);
    // And of one who has nothing.
    let none = idle(&pool, "none", NEVER);
    pass(&pool, 60).await;
    timers::round(&none).await.unwrap();
    assert_eq!(said().await, 3);
}

#[sqlx::test(migrations = false)]
async fn a_run_belongs_to_the_shard_from_which_its_messages_come(pool: PgPool) {
    migrate(&pool).await;
    let [former, latter] = ["former", "latter"].map(|name| idle(&pool, name, NEVER));
    assigned(&former, &[SHARD]).await;
    assigned(&latter, &[OTHER]).await;
    let id = SagaId::new();
    take(&former, &[start(id, booking())]).await.unwrap();
    let sent = async || {
        #[expect(clippy::disallowed_methods, reason = "a test looks into the table")]
        let sent: i64 = sqlx::query_scalar("select count(*) from orchestrator.outbox")
            .fetch_one(&pool)
            .await
            .unwrap();
        sent
    };
    assert_eq!(sent().await, 1);
    // As when a topic has got more partitions: what is about this run comes by another one from now on.
    take_from(OTHER, &latter, &[done(id, "hold-rooms")])
        .await
        .unwrap();
    assert_eq!(sent().await, 2);
    pass(&pool, 3_600).await;
    timers::round(&former).await.unwrap();
    assert_eq!(
        sent().await,
        2,
        "the former owner's timer has nothing to do with it"
    );
    timers::round(&latter).await.unwrap();
    assert_eq!(sent().await, 3);
}

/// As when a topic was made anew with fewer partitions than it had: nobody has the shard any more that the run is in.
#[sqlx::test(migrations = false)]
async fn a_run_whose_shard_is_gone_belongs_to_the_one_in_its_place(pool: PgPool) {
    migrate(&pool).await;
    let former = idle(&pool, "former", NEVER);
    let gone = SHARDS + OTHER;
    assigned(&former, &[gone]).await;
    let id = SagaId::new();
    take_from(gone, &former, &[start(id, booking())]).await.unwrap();
    revoked(&former, &[gone]).await;
    let [other, latter] = ["other", "latter"].map(|name| idle(&pool, name, NEVER));
    assigned(&other, &[0, 1, SHARD]).await;
    assigned(&latter, &[OTHER]).await;
    pass(&pool, 10).await;
    timers::round(&other).await.unwrap();
    assert_eq!(commands(&pool, id).await, ["Hold"]);
    timers::round(&latter).await.unwrap();
    assert_eq!(commands(&pool, id).await, ["Hold", "Hold"]);
    take_from(OTHER, &latter, &[done(id, "hold-rooms")])
        .await
        .unwrap();
    assert_eq!(commands(&pool, id).await, ["Hold", "Hold", "Authorize"]);
}

#[sqlx::test(migrations = false)]
async fn no_two_epochs_have_one_number(pool: PgPool) {
    migrate(&pool).await;
    let [first, second] = ["first", "second"].map(|name| idle(&pool, name, NEVER));
    assigned(&first, &[0, SHARD, OTHER]).await;
    assigned(&second, &[SHARD, 1]).await;
    assigned(&first, &[SHARD]).await;
    let mut epochs: Vec<i64> = [first, second]
        .iter()
        .flat_map(|runner| runner.ownership.all().into_values())
        .collect();
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 5, "{epochs:?}");
}
