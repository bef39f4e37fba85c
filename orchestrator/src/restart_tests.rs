//! What a process remembers of runs saves reading and changes nothing: whatever it forgets, the saga goes the same way.

use contract::SagaId;
use sqlx::PgPool;

use crate::fixtures::{
    SHARD, assigned, booking, cancellation, commands, done, idle, migrate, pass, refused, revoked, runner,
    start, state, story, take, undone,
};
use crate::message::Message;
use crate::timers;

/// A run's journal and its end in words.
async fn whole_story(pool: &PgPool, saga_id: SagaId) -> Vec<String> {
    let mut story = story(pool, saga_id).await;
    let (state, reason) = state(pool, saga_id).await;
    story.push(format!("{state} {reason:?}"));
    story
}

/// What happens to a saga.
#[derive(Clone)]
enum Happens {
    Message(fn(SagaId) -> Message),
    /// So many seconds pass, and the timer looks.
    Seconds(i32),
}

use Happens::{Message as Heard, Seconds};

/// Sagas with everything that can stand in a log: done, refused, refused after several sendings, given up, undone, an
/// undo that is refused.
fn ways() -> Vec<Vec<Happens>> {
    let begun = || Heard(|id| start(id, booking()));
    vec![
        vec![
            begun(),
            Heard(|id| done(id, "hold-rooms")),
            Heard(|id| done(id, "authorize-payment")),
            Seconds(6),
            Heard(|id| done(id, "book-rooms")),
            Heard(|id| refused(id, "capture-payment", "capture_declined")),
            Heard(|id| undone(id, "book-rooms")),
            Heard(|id| undone(id, "authorize-payment")),
            Seconds(6),
            Heard(|id| undone(id, "hold-rooms")),
            Heard(|id| undone(id, "open-reservation")),
        ],
        // Refused after two sendings: the other may still be carried out, so the step is undone too.
        vec![
            begun(),
            Seconds(6),
            Heard(|id| refused(id, "hold-rooms", "sold_out")),
            Seconds(6),
            Seconds(12),
            Heard(|id| undone(id, "hold-rooms")),
            Heard(|id| undone(id, "open-reservation")),
        ],
        // Given up, with the answer that comes too late.
        vec![
            begun(),
            Seconds(600),
            Seconds(6),
            Heard(|id| done(id, "hold-rooms")),
            Heard(|id| undone(id, "hold-rooms")),
            Heard(|id| undone(id, "open-reservation")),
        ],
        vec![
            Heard(|id| start(id, cancellation())),
            Heard(|id| done(id, "release-rooms")),
            Seconds(6),
            Heard(|id| done(id, "refund-payment")),
            Heard(|id| done(id, "mark-cancelled")),
        ],
    ]
}

#[sqlx::test(migrations = false)]
async fn what_a_process_forgets_changes_no_saga(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    for way in ways() {
        let (remembered, forgotten) = (SagaId::new(), SagaId::new());
        for happens in way {
            for saga_id in [remembered, forgotten] {
                drop(runner.recent.take([forgotten]));
                if let Heard(message) = happens {
                    take(&runner, &[message(saga_id)]).await.unwrap();
                }
            }
            if let Seconds(seconds) = happens {
                pass(&pool, seconds).await;
                timers::round(&runner).await.unwrap();
            }
            assert_eq!(
                whole_story(&pool, remembered).await,
                whole_story(&pool, forgotten).await
            );
        }
        let end = whole_story(&pool, remembered).await.pop().unwrap();
        assert!(
            end.starts_with("compensated") || end.starts_with("completed"),
            "{end}"
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_refusal_of_one_of_several_sendings_is_still_one_after_a_restart(pool: PgPool) {
    migrate(&pool).await;
    let before = runner(&pool, "before").await;
    let id = SagaId::new();
    take(&before, &[start(id, booking())]).await.unwrap();
    pass(&pool, 6).await;
    timers::round(&before).await.unwrap();
    take(&before, &[refused(id, "hold-rooms", "sold_out")])
        .await
        .unwrap();
    let after = runner(&pool, "after").await;
    pass(&pool, 6).await;
    timers::round(&after).await.unwrap();
    let lines = whole_story(&pool, id).await;
    assert_eq!(
        lines[lines.len() - 3..],
        [
            "hold-rooms refused 2",
            "undo hold-rooms sent_again 2",
            "compensating None"
        ]
    );
    assert_eq!(commands(&pool, id).await, ["Hold", "Hold", "Release", "Release"]);
}

#[sqlx::test(migrations = false)]
async fn a_saga_that_waits_is_looked_at_no_later_than_it_is_due_and_one_that_has_ended_never(pool: PgPool) {
    migrate(&pool).await;
    let runner = runner(&pool, "one").await;
    let id = SagaId::new();
    take(&runner, &[start(id, booking())]).await.unwrap();
    // The wait for the first step has grown; the next step's begins anew.
    for seconds in [6, 12, 24] {
        pass(&pool, seconds).await;
        timers::round(&runner).await.unwrap();
    }
    take(&runner, &[done(id, "hold-rooms")]).await.unwrap();
    pass(&pool, 6).await;
    timers::round(&runner).await.unwrap();
    let lines = story(&pool, id).await;
    assert_eq!(lines.last().unwrap(), "authorize-payment sent_again 2");
    let ended = SagaId::new();
    take(
        &runner,
        &[start(ended, booking()), refused(ended, "hold-rooms", "sold_out")],
    )
    .await
    .unwrap();
    take(&runner, &[undone(ended, "open-reservation")]).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
    let wrong: Vec<bool> = sqlx::query_scalar(
        "select case when state in ('running', 'compensating') then wake_at is null or wake_at > clock_timestamp() + interval '12 s'
                else wake_at is not null end
         from orchestrator.run",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(wrong, [false, false]);
}

#[sqlx::test(migrations = false)]
async fn what_was_claimed_anew_is_not_lost_with_its_former_epoch(pool: PgPool) {
    migrate(&pool).await;
    let first = idle(&pool, "first", std::time::Duration::MAX);
    assigned(&first, &[SHARD, 0]).await;
    let former = first.ownership.all();
    assigned(&idle(&pool, "second", std::time::Duration::MAX), &[SHARD]).await;
    assigned(&first, &[SHARD]).await;
    // A timer that read the epochs before says only now that they have ended.
    first.ownership.lost(&former);
    let held = first.ownership.all();
    assert_eq!(held.keys().collect::<Vec<_>>(), [&SHARD]);
    assert!(held[&SHARD] > former[&SHARD]);
    take(&first, &[start(SagaId::new(), booking())]).await.unwrap();
    revoked(&first, &[1, 3]).await;
    assert_eq!(first.ownership.all().into_keys().collect::<Vec<_>>(), [SHARD]);
}
