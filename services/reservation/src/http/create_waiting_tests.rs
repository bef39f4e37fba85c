//! Waiting for the outcome of a booking: told in time, told by another process, told late, told after a crash.

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgPool;

use super::*;
use crate::fixtures::{Answer, World, confirm, quote, reject, replayed, same, until};

/// Books, waiting, and answers the reservation as soon as it is there.
async fn begun(
    world: &Arc<World>,
    key: &'static str,
    wait: u32,
) -> (tokio::task::JoinHandle<Answer>, Value, model::Reservation) {
    let quote = quote();
    let body = world.body(&quote, "pm_ok");
    let (sender, sent) = (Arc::clone(world), body.clone());
    let waiting = platform::Tasks::new().spawn_work(async move { sender.book(key, &sent, wait).await });
    let path = format!("/v1/reservations?hotel_id={}", quote.hotel_id);
    until("the reservation is there", async || {
        world.get(&path).await.json()["items"][0].is_object()
    })
    .await;
    let page = world.get(&path).await.json();
    let reservation_id = page["items"][0]["reservation_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let row = world.stored(reservation_id).await;
    (waiting, body, row)
}

#[sqlx::test(migrations = false)]
async fn who_waits_gets_the_confirmation_and_so_does_a_repeat_that_waits_beside_it(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let other = Arc::new(World::again(&pool));
    let (waiting, body, row) = begun(&world, "key", 20).await;
    // Who does not wait is told how it stands.
    for world in [&world, &other] {
        let meanwhile = world.book("key", &body, 0).await;
        assert_eq!(
            (meanwhile.status, meanwhile.json()["state"].as_str()),
            (202, Some("pending"))
        );
        assert_eq!(meanwhile.reservation_id(), row.reservation_id);
        assert!(replayed(&meanwhile));
    }
    let repeats = [&world, &other].map(|world| {
        let (world, body) = (Arc::clone(world), body.clone());
        platform::Tasks::new().spawn_work(async move { world.book("key", &body, 20).await })
    });
    // One for the first, and one for the repeat in its process.
    until("both repeats wait", async || {
        world.app.waiting.watched(row.reservation_id) == 2
            && other.app.waiting.watched(row.reservation_id) == 1
    })
    .await;
    world.command(vec![confirm(&row)]).await.unwrap();
    let answer = waiting.await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["state"].as_str()),
        (201, Some("confirmed"))
    );
    for repeat in repeats {
        let repeat = repeat.await.unwrap();
        assert!(same(&answer, &repeat) && replayed(&repeat), "{repeat:?}");
    }
    let again = world.book("key", &body, 20).await;
    assert!(same(&answer, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn who_waits_gets_the_refusal_with_the_night_and_the_reservation(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let (waiting, body, row) = begun(&world, "key", 30).await;
    let night = row.terms.stay.check_in();
    let refusal = contract::Why::SoldOut { night }.into();
    world.command(vec![reject(&row, refusal)]).await.unwrap();
    // As soon as it is known, and not only when there is no more time.
    let told = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await;
    let answer = told.expect("before the wait is over").unwrap();
    let problem = answer.json();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "sold_out"),
        "{problem}"
    );
    assert_eq!(problem["night"], night.to_string());
    assert_eq!(problem["reservation_id"], row.reservation_id.to_string());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let again = world.book("key", &body, 0).await;
    assert!(same(&answer, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn who_waits_is_answered_when_another_process_hears_of_the_outcome(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let other = World::again(&pool);
    let (waiting, _, row) = begun(&world, "key", 20).await;
    other.command(vec![confirm(&row)]).await.unwrap();
    assert_eq!(waiting.await.unwrap().status, 201);
}

#[sqlx::test(migrations = false)]
async fn who_waits_where_it_is_confirmed_is_handed_the_answer_and_a_repeat_asks_once(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let (waiting, body, row) = begun(&world, "key", 20).await;
    let heard = platform::cost::Statements::heard();
    world.command(vec![confirm(&row)]).await.unwrap();
    let first = waiting.await.unwrap();
    let asked = || {
        // Now and then all who wait are looked for.
        let is_look = |statement: &String| statement.starts_with("select reservation_id, state");
        heard
            .take()
            .into_iter()
            .filter(|statement| !is_look(statement))
            .collect::<Vec<_>>()
    };
    let statements = asked();
    assert_eq!(statements.len(), 2, "the command's alone: {statements:#?}");
    let again = world.book("key", &body, 20).await;
    assert!(same(&first, &again) && replayed(&again), "{again:?}");
    let statements = asked();
    assert_eq!(statements.len(), 1, "{statements:#?}");
}

/// As an earlier release left a booking that it ended, and whose outcome it told or did not: its answer is not with it.
async fn ended_by_an_earlier_release(world: &World, row: &model::Reservation, told: Option<&str>) {
    world.command(vec![confirm(row)]).await.unwrap();
    world.claimed_by_an_earlier_release().await;
    let id = row.reservation_id;
    world
        .sql(format!(
            "update reservation.reservation set told = null, answer_status = null where reservation_id = '{id}'"
        ))
        .await;
    if let Some(told) = told {
        world
            .sql(format!(
                "update reservation.idempotency_key set response_status = 201, response_body = '{told}', \
                     response_location = '/v1/reservations/{id}', response_content_type = 'application/json' \
                 where reservation_id = '{id}'"
            ))
            .await;
    }
}

#[sqlx::test(migrations = false)]
async fn what_an_earlier_release_told_stays_and_its_claims_are_claims(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let body = world.body(&quote(), "pm_ok");
    let taken = world.book("told", &body, 0).await;
    let row = world.stored(taken.reservation_id()).await;
    ended_by_an_earlier_release(&world, &row, Some(r#"{"told": "by it"}"#)).await;
    let told = world.book("told", &body, 0).await;
    assert_eq!((told.status, told.json()["told"].as_str()), (201, Some("by it")));
    // Also where the booking does not know its key.
    let without = format!(
        "update reservation.reservation set client = null, key = null, fingerprint = null, keyed_fingerprint = null \
         where reservation_id = '{}'",
        row.reservation_id
    );
    world.sql(without).await;
    let again = world.book("told", &body, 0).await;
    assert!(same(&told, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn what_an_earlier_release_did_not_tell_is_kept_by_who_tells_it_first(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let body = world.body(&quote(), "pm_ok");
    let taken = world.book("untold", &body, 0).await;
    let row = world.stored(taken.reservation_id()).await;
    ended_by_an_earlier_release(&world, &row, None).await;
    let told = world.book("untold", &body, 0).await;
    assert_eq!(
        (told.status, told.json()["state"].as_str()),
        (201, Some("confirmed"))
    );
    world.cancel(row.reservation_id, 0).await;
    let again = World::again(&pool).book("untold", &body, 0).await;
    assert!(same(&told, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn who_waited_in_vain_is_told_so_and_a_repeat_the_outcome(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let (waiting, body, row) = begun(&world, "key", 1).await;
    let answer = waiting.await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["state"].as_str()),
        (202, Some("pending"))
    );
    assert_eq!(answer.header("preference-applied"), Some("wait=1"));
    let again = world.book("key", &body, 1).await;
    assert!(same(&answer, &again) && replayed(&again), "{again:?}");
    let night = row.terms.stay.check_in();
    let refusal = contract::Why::SoldOut { night }.into();
    world.command(vec![reject(&row, refusal)]).await.unwrap();
    let outcome = world.book("key", &body, 0).await;
    assert_eq!((outcome.status, outcome.code().as_str()), (409, "sold_out"));
    assert!(replayed(&outcome));
    let again = World::again(&pool).book("key", &body, 1).await;
    assert!(same(&outcome, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn a_crash_while_waiting_is_answered_from_the_reservation(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let (waiting, body, row) = begun(&world, "key", 20).await;
    waiting.abort();
    let restarted = World::again(&pool);
    restarted.command(vec![confirm(&row)]).await.unwrap();
    let answer = restarted.book("key", &body, 20).await;
    assert_eq!(
        (answer.status, answer.reservation_id()),
        (201, row.reservation_id)
    );
    assert!(replayed(&answer));
    let again = restarted.book("key", &body, 0).await;
    assert!(same(&answer, &again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn an_outcome_that_was_told_stays_though_another_process_tells_it_once_more(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    let key = Key {
        client: "development".to_owned(),
        route: "POST /v1/reservations".to_owned(),
        text: row.quote_id.to_string(),
    };
    let unanswered = Unanswered {
        key,
        hotel_id: Some(row.hotel_id),
        reservation_id: row.reservation_id,
    };
    world.command(vec![confirm(&row)]).await.unwrap();
    let first = world.app.answer(unanswered.clone()).await.unwrap();
    assert_eq!(first.status, 201);
    // A repeat that looked before the first answer was kept is answered when the reservation stands otherwise.
    world.cancel(row.reservation_id, 0).await;
    let late = World::again(&pool).app.answer(unanswered).await.unwrap();
    assert_eq!(late, first);
    let shown = world
        .get(&format!("/v1/reservations/{}", row.reservation_id))
        .await;
    assert_eq!(shown.json()["state"], "cancelling");
}

#[sqlx::test(migrations = false)]
async fn a_202_that_the_former_release_kept_is_no_outcome_either(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = world.body(&quote(), "pm_ok");
    let first = world.book("key", &body, 0).await;
    world.claimed_by_an_earlier_release().await;
    let kept = "update reservation.idempotency_key set response_status = 202, response_body = '{}', \
                response_content_type = 'application/json', claimed_until = now() + interval '1 hour'";
    world.sql(kept.to_owned()).await;
    let again = world.book("key", &body, 0).await;
    assert!(same(&first, &again) && replayed(&again), "{again:?}");
    let row = world.stored(first.reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    let outcome = world.book("key", &body, 0).await;
    assert_eq!(
        (outcome.status, outcome.reservation_id()),
        (201, first.reservation_id())
    );
    let again = world.book("key", &body, 0).await;
    assert!(same(&outcome, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn a_repeat_is_answered_as_soon_as_there_is_an_outcome_whether_the_first_lives_or_not(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let (waiting, body, row) = begun(&world, "key", 20).await;
    let other = World::again(&pool);
    other.command(vec![confirm(&row)]).await.unwrap();
    let repeat = other.book("key", &body, 20).await;
    assert_eq!(
        (repeat.status, repeat.reservation_id()),
        (201, row.reservation_id)
    );
    let first = waiting.await.unwrap();
    assert!(same(&first, &repeat), "{first:?}");
}

#[sqlx::test(migrations = false)]
async fn who_waits_while_the_process_stops_is_answered_at_once(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let (waiting, body, _) = begun(&world, "key", 20).await;
    world.app.tasks.stop();
    let answer = waiting.await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["state"].as_str()),
        (202, Some("pending"))
    );
    let again = World::again(&pool).book("key", &body, 0).await;
    assert!(same(&answer, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn a_refused_payment_is_402_and_every_other_refusal_409(pool: PgPool) {
    let world = World::new(&pool).await;
    for (code, status) in [
        ("payment_declined", 402),
        ("capture_declined", 402),
        ("payment_voided", 409),
        ("payment_unavailable", 409),
        ("sold_out", 409),
        ("closed", 409),
        ("hold_expired", 409),
        ("timed_out", 409),
    ] {
        let body = world.body(&quote(), "pm_ok");
        let taken = world.book(code, &body, 0).await;
        assert_eq!(taken.status, 202, "{taken:?}");
        let row = world.stored(taken.reservation_id()).await;
        let refusal = serde_json::from_value(serde_json::json!({"code": code, "message": "No."}));
        let refusal = refusal.expect("a code that the platform knows");
        world.command(vec![reject(&row, refusal)]).await.unwrap();
        let told = world.book(code, &body, 0).await;
        assert_eq!((told.status, told.code().as_str()), (status, code), "{told:?}");
    }
}
