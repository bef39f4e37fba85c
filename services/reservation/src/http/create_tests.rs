//! One key, one booking: whatever is repeated, at once, later, by another process or after a crash.

use std::sync::Arc;

use contract::GuestId;
use contract::quote::Quote;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::*;
use crate::fixtures::{World, at_once, confirm, migrate, quote, replayed, same, until};

#[sqlx::test(migrations = false)]
async fn a_repeat_gets_the_outcome_in_the_same_bytes_from_any_process_and_when_the_quote_has_expired(
    pool: PgPool,
) {
    let world = World::new(&pool).await;
    let quote = quote();
    let body = world.body(&quote, "pm_ok");
    let first = world.book("key", &body, 0).await;
    assert_eq!(first.status, 202, "{:?}", first.json());
    assert!(!replayed(&first));
    assert_eq!(first.json()["state"], "pending");
    assert_eq!(first.json()["guest"]["email"], "ana@example.com");
    let location = format!("/v1/reservations/{}", first.reservation_id());
    assert_eq!(first.header("location"), Some(location.as_str()));
    assert_eq!(world.get(&location).await.bytes, first.without_link());

    let restarted = World::again(&pool);
    for world in [&world, &restarted] {
        let again = world.book("key", &body, 0).await;
        assert!(same(&first, &again) && replayed(&again), "{again:?}");
    }

    // 202 is no outcome: the next one to ask is told it, and everybody after that in the same bytes.
    let row = world.stored(first.reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    let outcome = restarted.book("key", &body, 0).await;
    assert_eq!(outcome.status, 201, "{outcome:?}");
    assert_eq!(outcome.json()["state"], "confirmed");
    assert_eq!(outcome.header("location"), Some(location.as_str()));
    assert!(replayed(&outcome));
    world.cancel(row.reservation_id, 0).await;
    for world in [&world, &restarted, &World::again(&pool)] {
        for wait in [0, 10] {
            let again = world.book("key", &body, wait).await;
            assert!(same(&outcome, &again) && replayed(&again), "{again:?}");
        }
    }
    restarted.clock.set(quote.expires_at);
    let again = restarted.book("key", &body, 10).await;
    assert!(same(&outcome, &again) && replayed(&again), "{again:?}");
    assert_eq!(world.count("reservation").await, 1);
    assert_eq!(world.count("reservation").await, 1);
    assert_eq!(world.count("guest").await, 1);
}

#[sqlx::test(migrations = false)]
async fn a_key_with_another_request_has_no_effect(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = world.body(&quote(), "pm_ok");
    assert_eq!(world.book("key", &body, 0).await.status, 202);
    let mut others = vec![world.body(&quote(), "pm_ok")];
    for (pointer, value) in [
        ("/guest/name", json!("Somebody Else")),
        ("/guest/email", json!("new@example.com")),
        ("/payment_method", json!("pm_slow")),
        ("/party/adults", json!(1)),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        others.push(other);
    }
    for other in others {
        let answer = world.book("key", &other, 0).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "idempotency_key_reused"),
            "{other}"
        );
    }
    assert_eq!(world.count("reservation").await, 1);
    assert_eq!(world.count("guest").await, 1);
    assert_eq!(world.said().await, ["StartSaga"]);
}

#[sqlx::test(migrations = false)]
async fn white_space_and_the_order_of_fields_make_no_other_request(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = world.body(&quote(), "pm_ok");
    let first = world.book("key", &body, 0).await;
    let backwards = body.as_object().unwrap().iter().rev();
    let fields: Vec<String> = backwards
        .map(|(name, value)| format!("{}: {value}", json!(name)))
        .collect();
    let request = axum::http::Request::post("/v1/reservations")
        .header("content-type", "application/json; charset=utf-8")
        .header("idempotency-key", "key");
    let again = world
        .send(request.body(format!("{{\n{}\n}}", fields.join(",\n"))).unwrap())
        .await;
    assert!(same(&first, &again) && replayed(&again), "{again:?}");
}

#[sqlx::test(migrations = false)]
async fn a_hundred_sends_of_one_key_are_one_booking(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let other = Arc::new(World::again(&pool));
    let body = world.body(&quote(), "pm_ok");
    let answers = at_once(100, |number| {
        let world = Arc::clone(if number % 2 == 0 { &world } else { &other });
        let body = body.clone();
        async move { world.book("key", &body, 0).await }
    })
    .await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 202 && same(&answers[0], answer)),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| !replayed(answer)).count(), 1);
    for table in ["reservation", "reservation_history", "guest", "outbox"] {
        assert_eq!(world.count(table).await, 1, "{table}");
    }
}

#[sqlx::test(migrations = false)]
async fn many_bookings_of_two_processes_at_once_are_all_made(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let other = Arc::new(World::again(&pool));
    let answers = at_once(200, |number| {
        let world = Arc::clone(if number % 2 == 0 { &world } else { &other });
        async move {
            let mut body = world.body(&quote(), "pm_ok");
            body["guest"]["email"] = json!(format!("guest{}@example.com", number % 7));
            world.book(&format!("key-{number}"), &body, 0).await
        }
    })
    .await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert_eq!(world.count("reservation").await, 200);
    assert_eq!(world.count("guest").await, 7);
    assert_eq!(world.count("outbox").await, 200);
}

#[sqlx::test(migrations = false)]
async fn a_booking_beyond_the_bound_is_refused_and_taken_when_another_has_ended(pool: PgPool) {
    migrate(&pool).await;
    let world = Arc::new(World::with_places(&pool, 3));
    let bodies: Vec<Value> = (0..10).map(|_| world.body(&quote(), "pm_ok")).collect();
    let answers = at_once(10, |number| {
        let world = Arc::clone(&world);
        let body = bodies[usize::try_from(number).unwrap()].clone();
        async move { world.book(&format!("key-{number}"), &body, 0).await }
    })
    .await;
    let taken: Vec<usize> = (0..10).filter(|at| answers[*at].status == 202).collect();
    assert_eq!(taken.len(), 3, "{answers:?}");
    let refused = (0..10).find(|at| answers[*at].status == 503).unwrap();
    assert_eq!(answers[refused].code(), "unavailable");
    assert!(answers[refused].header("retry-after").is_some());
    assert_eq!(world.count("reservation").await, 3);

    // A repeat takes no place, and another process sees that there is none.
    let first = taken[0];
    let other = World::with_places(&pool, 3);
    for world in [world.as_ref(), &other] {
        let again = world.book(&format!("key-{first}"), &bodies[first], 0).await;
        assert!(same(&answers[first], &again) && replayed(&again), "{again:?}");
        let again = world.book(&format!("key-{refused}"), &bodies[refused], 0).await;
        assert_eq!(again.status, 503, "{again:?}");
    }

    let row = world.stored(answers[first].reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    until("there is a place again", async || {
        let again = world.book(&format!("key-{refused}"), &bodies[refused], 0).await;
        again.status == 202 && !replayed(&again)
    })
    .await;
    assert_eq!(world.count("reservation").await, 4);
}

#[sqlx::test(migrations = false)]
async fn a_booking_that_waits_has_its_place_also_behind_others_that_have_ended_since(pool: PgPool) {
    migrate(&pool).await;
    let wide = World::with_places(&pool, 100);
    let mut ids = Vec::new();
    for number in 0..6 {
        let answer = wide
            .book(&format!("key-{number}"), &wide.body(&quote(), "pm_ok"), 0)
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        ids.push(answer.reservation_id());
    }
    // The later half has an outcome; the earlier half waits on.
    for id in &ids[3..] {
        let row = wide.stored(*id).await;
        wide.command(vec![confirm(&row)]).await.unwrap();
    }
    for (places, status) in [(3, 503), (4, 202)] {
        let narrow = World::with_places(&pool, places);
        let key = format!("another-{places}");
        let answer = narrow.book(&key, &narrow.body(&quote(), "pm_ok"), 0).await;
        assert_eq!(answer.status, status, "{places} places: {answer:?}");
    }
}

#[sqlx::test(migrations = false)]
async fn two_callers_with_one_key_are_independent(pool: PgPool) {
    let world = World::new(&pool).await;
    let body: NewReservation = serde_json::from_value(world.body(&quote(), "pm_ok")).unwrap();
    let Ok(order) = check(&world.app, body) else {
        panic!("it can be booked");
    };
    for client in ["one", "two"] {
        let creation = Creation {
            key: Key {
                client: client.to_owned(),
                route: "POST /v1/reservations".to_owned(),
                text: "key".to_owned(),
            },
            fingerprint: crate::fingerprint::tests::fingerprint(7),
            order: Order {
                quote: Quote {
                    quote_id: QuoteId::new(),
                    ..order.quote.clone()
                },
                ..order.clone()
            },
            reservation_id: ReservationId::new(),
            saga_id: SagaId::new(),
            guest_id: GuestId::new(),
            envelope: Envelope::default(),
            waits: false,
        };
        let created = world.app.bookings.ask(creation).await.unwrap().unwrap();
        assert!(matches!(created, Created::Taken(Some(_))), "{created:?}");
    }
    assert_eq!(world.count("reservation").await, 2);
}

#[sqlx::test(migrations = false)]
async fn what_is_refused_does_not_burn_the_key(pool: PgPool) {
    let world = World::new(&pool).await;
    let good = world.body(&quote(), "pm_ok");
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let expired = Quote {
        expires_at: world.clock.now(),
        ..quote()
    };
    let nowhere = Quote {
        time_zone: "Mars/Olympus".to_owned(),
        ..quote()
    };
    for (body, status, code, pointer) in [
        (
            with("/quote_token", json!("a.b.c")),
            422,
            "invalid_quote",
            "/quote_token",
        ),
        (
            world.body(&nowhere, "pm_ok"),
            422,
            "invalid_quote",
            "/quote_token",
        ),
        (
            world.body(&expired, "pm_ok"),
            409,
            "quote_expired",
            "/quote_token",
        ),
        (with("/party/children", json!(2)), 422, "party_differs", "/party"),
        (
            with("/guest/name", json!("A\u{0}B")),
            422,
            "invalid_field",
            "/guest/name",
        ),
        (
            with("/guest/email", json!("nobody")),
            422,
            "invalid_field",
            "/guest/email",
        ),
        (
            with("/payment_method", json!("visa")),
            422,
            "invalid_field",
            "/payment_method",
        ),
        (
            with("/guest/name", json!("4111 1111 1111 1111")),
            422,
            "card_data_refused",
            "/guest/name",
        ),
        (
            with("/payment_method", json!("pm_4111111111111111")),
            422,
            "card_data_refused",
            "/payment_method",
        ),
        (
            with("/guest", json!({"name": "A", "email": "a@b.cc", "vip": 1})),
            422,
            "invalid_field",
            "/guest/vip",
        ),
    ] {
        let answer = world.book("key", &body, 0).await;
        let problem = answer.json();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{problem}"
        );
        assert_eq!(problem["pointer"], pointer, "{problem}");
    }
    for two in ["two words", "\"open", ""] {
        let answer = world.book(two, &good, 0).await;
        assert_eq!(answer.code(), "idempotency_key_invalid", "{two}");
    }
    assert_eq!(world.count("reservation").await, 0);
    assert_eq!(world.count("guest").await, 0);
    assert_eq!(world.book("key", &good, 0).await.status, 202);
}

#[sqlx::test(migrations = false)]
async fn a_key_is_required_and_those_of_an_earlier_release_are_forgotten(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = world.body(&quote(), "pm_ok");
    for key in ["", "with space", &"x".repeat(256)] {
        assert_eq!(world.book(key, &body, 0).await.status, 400, "{key}");
    }
    assert_eq!(world.book("key", &body, 0).await.status, 202);
    assert_eq!(
        world.count("idempotency_key").await,
        0,
        "nobody claims in the former table"
    );
    world.claimed_by_an_earlier_release().await;
    let config = platform::repeat::RepeatConfig {
        idempotency_kept_hours: 1,
    };
    let forget = || platform::repeat::forget(&pool, crate::SCHEMA, config, 10);
    assert_eq!(forget().await.unwrap(), 0);
    world
        .sql("update reservation.idempotency_key set claimed_at = now() - interval '2 hours'".to_owned())
        .await;
    assert_eq!(forget().await.unwrap(), 1);
}
