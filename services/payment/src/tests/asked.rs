//! Who is answered, what is worked on first, and what becomes of what the desk has no place for.

use contract::Outcome;
use platform::consumer::Participant as _;
use platform::{Broken, Tasks, db};
use sqlx::{Executor as _, PgPool};

use super::world::{Booking, SECRET, World, migrate, parts, record};
use crate::desk::{Job, postpone};
use crate::model::{Answer, Call, Kind};
use crate::provider::{Heard, Provider};
use crate::store::operation;
use crate::{Config, assemble};

const DUE_NOW: &str = "update payment.operation set next_attempt_at = now() where state = 'due'";

#[sqlx::test(migrations = false)]
async fn of_several_who_ask_the_same_the_last_is_answered_in_one_batch_and_in_two(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, last) = (Booking::new(), Booking::new());
    let same = [first, first.again(), first.again()].map(|booking| booking.authorize("pm_ok", "50.00"));
    world.send(same.to_vec()).await;
    assert_eq!(world.replied(&same[2]).await, Outcome::Done);
    for earlier in &same[..2] {
        assert!(world.replies(earlier.saga_id).await.is_empty());
    }
    // The process of the first died after the commit; whoever asks again is told, under its own attempt.
    let (mut again, other) = (
        last.authorize("pm_ok", "50.00"),
        last.again().authorize("pm_ok", "50.00"),
    );
    again.attempt = 3;
    for asked in [last.authorize("pm_ok", "50.00"), other.clone(), again.clone()] {
        drop(world.record(vec![asked]).await);
    }
    world.pool.execute(DUE_NOW).await.unwrap();
    assert_eq!(world.replied(&again).await, Outcome::Done);
    assert!(world.replies(other.saga_id).await.is_empty());
    assert_eq!(world.replies(last.saga_id).await.len(), 1);
    world.check_ledgers().await;
}

#[sqlx::test(migrations = false)]
async fn of_the_operations_of_a_payment_the_first_is_worked_on_and_the_others_wait(pool: PgPool) {
    let world = World::new(pool).await;
    let [one, other] = [Booking::new(), Booking::new()];
    let jobs = world
        .record(vec![
            one.authorize("pm_ok", "50.00"),
            other.authorize("pm_ok", "50.00"),
            one.capture(),
            other.void(),
        ])
        .await;
    let kinds: Vec<Kind> = jobs.iter().map(|job| job.due.kind).collect();
    assert_eq!(kinds, [Kind::Authorize, Kind::Authorize]);
    assert!(
        world.record(vec![one.again().refund("1.00")]).await.is_empty(),
        "nor in a later batch"
    );
}

/// A provider that does everything at once.
#[derive(Clone)]
struct Willing;

impl Provider for Willing {
    async fn submit(&self, _: &str, _: &Call) -> Heard {
        Heard::answered(Answer::Succeeded {
            authorization_id: Some("auth_1".to_owned()),
        })
    }

    async fn ask(&self, _: &str) -> Heard {
        Heard::answered(Answer::NeverSeen)
    }

    fn name(&self) -> &'static str {
        "willing"
    }
}

#[sqlx::test(migrations = false)]
async fn what_the_desk_has_no_place_for_is_taken_up_when_it_has(pool: PgPool) {
    migrate(&pool).await;
    let tasks = Tasks::new();
    let config = Config {
        provider_url: String::new(),
        provider_timeout_ms: 500,
        provider_calls_max: 16,
        payment_webhook_secret: SECRET.parse().unwrap(),
    };
    let (commands, _) = assemble(&parts(&tasks), &config, &pool, Willing).unwrap();
    let places = commands.desk.places();
    let batch = (0..places + 50).map(|_| Booking::new().authorize("pm_ok", "10.00"));
    let jobs = record(&pool, &commands, batch.collect()).await;
    assert_eq!(jobs.len(), places + 50);
    // All at once: nobody at the desk has a turn in between.
    commands.committed(jobs).await;
    let left = async || -> i64 {
        #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
        let left = sqlx::query_scalar("select count(*) from payment.operation where state = 'due'")
            .fetch_one(&pool)
            .await;
        left.unwrap()
    };
    let settled = async {
        let mut look = tokio::time::interval(std::time::Duration::from_millis(50));
        while left().await > 0 {
            // The time of whoever had recorded them is over; those that are being settled are left out.
            pool.execute(
                "update payment.operation set next_attempt_at = now() where operation_no in (
                     select operation_no from payment.operation where state = 'due' and next_attempt_at > now()
                     for update skip locked)",
            )
            .await
            .unwrap();
            look.tick().await;
        }
    };
    let settled = tokio::time::timeout(std::time::Duration::from_mins(1), settled).await;
    assert!(settled.is_ok(), "{} are never taken up", left().await);
    tasks.stop();
    assert!(tasks.drained().await);
}

#[sqlx::test(migrations = false)]
async fn an_unknown_outcome_is_asked_for_less_and_less_often(pool: PgPool) {
    let world = World::new(pool).await;
    let mut job: Job = world
        .record(vec![Booking::new().authorize("pm_ok", "50.00")])
        .await
        .remove(0);
    let mut waits = Vec::new();
    for tries in 1..=9 {
        let put_off = postpone(&job, "no answer in time".to_owned());
        waits.push(put_off.wait_ms);
        // As the database keeps it, and gives it to whoever takes the operation up next.
        let due = db::unit_of_work::<_, Broken, _>(&world.pool, move |db| {
            Box::pin(async move {
                operation::postpone(db, &[put_off]).await?;
                db.execute("update payment.operation set next_attempt_at = now() - interval '1 second'")
                    .await?;
                operation::claim(db, 1, 3_600_000).await
            })
        });
        job.due = due.await.unwrap().remove(0);
        assert_eq!(job.due.tries, tries);
    }
    // Each between half of the doubled wait and all of it, up to a quarter of a minute.
    for (at, wait) in waits.iter().enumerate() {
        let whole = (150_i64 << at).min(15_000);
        assert!((whole / 2..=whole).contains(wait), "{waits:?}");
    }
}
