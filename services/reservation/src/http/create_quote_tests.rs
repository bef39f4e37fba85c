//! A quote is an order form for one booking, under however many keys, at once or later, in one process or several.

use std::collections::HashSet;
use std::sync::Arc;

use contract::GuestId;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::*;
use crate::fixtures::{Answer, World, at_once, confirm, mark_cancelled, quote, reject, replayed, until};

/// Whether the answer says that this reservation used the quote.
fn says_used(answer: &Answer, reservation_id: ReservationId) -> bool {
    let problem = answer.json();
    let itself = format!("/v1/reservations/{reservation_id}");
    let named =
        (&problem["pointer"], &problem["reservation_id"]) == (&json!("/quote_token"), &json!(reservation_id));
    let told = problem["detail"].as_str().unwrap_or_default().contains(&itself);
    (answer.status, answer.code().as_str()) == (409, "quote_used")
        && named
        && told
        && answer.header("location") == Some(&itself)
        && answer.header("content-type") == Some("application/problem+json")
        && !replayed(answer)
}

fn sold_out(row: &model::Reservation) -> contract::Refusal {
    let night = row.terms.stay.check_in();
    contract::Why::SoldOut { night }.into()
}

#[sqlx::test(migrations = false)]
async fn the_second_booking_of_a_quote_is_told_of_the_first_whatever_became_of_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let quote = quote();
    let body = world.body(&quote, "pm_ok");
    let first = world.book("key", &body, 0).await;
    assert_eq!(first.status, 202, "{first:?}");
    let id = first.reservation_id();
    let row = world.stored(id).await;
    let mut other_guest = body.clone();
    other_guest["guest"] = json!({"name": "Somebody Else", "email": "else@example.com"});
    let other = World::again(&pool);
    let used = async |state: &str| {
        for world in [&world, &other] {
            for (key, body, wait) in [("second", &body, 0), ("third", &other_guest, 1)] {
                let answer = world.book(key, body, wait).await;
                assert!(says_used(&answer, id), "{state}: {answer:?}");
            }
            assert_eq!(world.stored(id).await.state.as_str(), state);
        }
    };
    used("pending").await;
    world.command(vec![confirm(&row)]).await.unwrap();
    used("confirmed").await;
    world.cancel(id, 0).await;
    used("cancelling").await;
    world.command(vec![mark_cancelled(&row)]).await.unwrap();
    used("cancelled").await;
    // Used is said rather than expired: who is told to take a new quote would book a second time.
    world.clock.set(quote.expires_at);
    other.clock.set(quote.expires_at);
    used("cancelled").await;
    // Nothing was kept of them, and the first key still tells what it told.
    assert_eq!(world.count("reservation").await, 1);
    assert_eq!(world.count("guest").await, 1);
    assert_eq!(
        world
            .said()
            .await
            .iter()
            .filter(|kind| *kind == "StartSaga")
            .count(),
        2
    );
    let again = world.book("key", &body, 0).await;
    assert!(
        again.status == 201 && again.reservation_id() == id && replayed(&again),
        "{again:?}"
    );
    // What is wrong with the request itself is said first.
    let mut differs = body.clone();
    differs["party"]["adults"] = json!(36);
    assert_eq!(world.book("fourth", &differs, 0).await.code(), "party_differs");
    assert_eq!(
        world.book("key", &other_guest, 0).await.code(),
        "idempotency_key_reused"
    );
}

#[sqlx::test(migrations = false)]
async fn a_rejected_booking_gives_the_quote_back_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let body = world.body(&quote(), "pm_ok");
    let mut keys = Vec::new();
    for key in ["first", "second", "third"] {
        let answer = world.book(key, &body, 0).await;
        assert_eq!(answer.status, 202, "{key}: {answer:?}");
        let row = world.stored(answer.reservation_id()).await;
        // As long as it is pending nobody knows, and the second is told of the first.
        let meanwhile = world.book("meanwhile", &body, 0).await;
        assert!(says_used(&meanwhile, row.reservation_id), "{meanwhile:?}");
        world.command(vec![reject(&row, sold_out(&row))]).await.unwrap();
        keys.push((key, row.reservation_id));
    }
    let booked = world.book("meanwhile", &body, 0).await;
    assert_eq!(booked.status, 202, "{booked:?}");
    let row = world.stored(booked.reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    // A late rejection of one that was rejected takes nothing from the one that was booked.
    for (key, id) in keys {
        let rejected = world.stored(id).await;
        world
            .command(vec![reject(&rejected, sold_out(&rejected))])
            .await
            .unwrap();
        let again = world.book(key, &body, 0).await;
        assert_eq!(
            (again.status, again.code().as_str()),
            (409, "sold_out"),
            "{again:?}"
        );
    }
    let last = world.book("last", &body, 0).await;
    assert!(says_used(&last, row.reservation_id), "{last:?}");
}

#[sqlx::test(migrations = false)]
async fn twenty_keys_at_once_are_one_booking_for_each_quote_in_three_processes(pool: PgPool) {
    let worlds = [
        Arc::new(World::new(&pool).await),
        Arc::new(World::again(&pool)),
        Arc::new(World::again(&pool)),
    ];
    for round in 0..5 {
        let bodies: Vec<Value> = (0..6).map(|_| worlds[0].body(&quote(), "pm_ok")).collect();
        let answers = at_once(120, |number| {
            let world = Arc::clone(&worlds[usize::try_from(number % 3).unwrap()]);
            // Two processes meet the quotes in opposite orders.
            let of = if number % 2 == 0 {
                number / 20
            } else {
                5 - number / 20
            };
            let mut body = bodies[usize::try_from(of).unwrap()].clone();
            body["guest"]["email"] = json!(format!("guest{}@example.com", number % 4));
            async move { world.book(&format!("{round}-{number}"), &body, 0).await }
        })
        .await;
        let booked: HashSet<ReservationId> = answers
            .iter()
            .filter(|answer| answer.status == 202)
            .map(Answer::reservation_id)
            .collect();
        let taken = answers.iter().filter(|answer| answer.status == 202).count();
        assert_eq!((taken, booked.len()), (6, 6), "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 202) {
            let named = answer.reservation_id();
            assert!(booked.contains(&named) && says_used(answer, named), "{answer:?}");
        }
    }
    assert_eq!(worlds[0].count("reservation").await, 30);
    assert_eq!(worlds[0].said().await.len(), 30);
}

#[sqlx::test(migrations = false)]
async fn in_a_full_house_the_quote_of_a_refused_booking_stays_free(pool: PgPool) {
    crate::fixtures::migrate(&pool).await;
    let world = Arc::new(World::with_places(&pool, 1));
    let held = world.body(&quote(), "pm_ok");
    let open = world.book("held", &held, 0).await;
    let body = world.body(&quote(), "pm_ok");
    // Two keys of one quote, both too late: nobody is told of a booking that was not made.
    let answers = at_once(2, |number| {
        let (world, body) = (Arc::clone(&world), body.clone());
        async move { world.book(&format!("late-{number}"), &body, 0).await }
    })
    .await;
    assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
    // A quote that was used is used, full or not.
    let again = world.book("other", &held, 0).await;
    assert!(says_used(&again, open.reservation_id()), "{again:?}");
    let row = world.stored(open.reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    until("there is a place", async || {
        world.book("late-0", &body, 0).await.status == 202
    })
    .await;
    let second = world.book("late-1", &body, 0).await;
    assert_eq!(second.code(), "quote_used", "{second:?}");
}

#[sqlx::test(migrations = false)]
async fn bookings_of_the_former_release_may_share_a_quote(pool: PgPool) {
    let world = World::new(&pool).await;
    let quote = quote();
    let body = world.body(&quote, "pm_ok");
    for key in ["one", "two"] {
        assert_eq!(world.book(key, &body, 0).await.status, 202);
        let forget = "update reservation.reservation set used_quote_id = null";
        world.sql(forget.to_owned()).await;
    }
    assert_eq!(world.count("reservation").await, 2);
    let third = world.book("three", &body, 0).await;
    let fourth = world.book("four", &body, 0).await;
    assert!(says_used(&fourth, third.reservation_id()), "{fourth:?}");
}

#[sqlx::test(migrations = false)]
async fn two_keys_of_one_group_are_told_apart_by_who_came_first(pool: PgPool) {
    let world = World::new(&pool).await;
    let body: NewReservation = serde_json::from_value(world.body(&quote(), "pm_ok")).unwrap();
    let Ok(order) = check(&world.app, body) else {
        panic!("it can be booked");
    };
    let creation = |key: &str, fingerprint: u8| Creation {
        key: Key {
            client: "development".to_owned(),
            route: "POST /v1/reservations".to_owned(),
            text: key.to_owned(),
        },
        fingerprint: crate::fingerprint::tests::fingerprint(fingerprint),
        order: order.clone(),
        reservation_id: ReservationId::new(),
        saga_id: SagaId::new(),
        guest_id: GuestId::new(),
        envelope: Envelope::default(),
        waits: true,
    };
    // The keys in the opposite order of their arrival; one key twice, and once with another request.
    let group = vec![
        creation("z", 1),
        creation("y", 1),
        creation("z", 1),
        creation("y", 2),
        creation("a", 1),
    ];
    let first = group[0].reservation_id;
    let mut bookings = crate::booking::Bookings {
        pool: pool.clone(),
        open: crate::open::Open::new(100),
        draw: contract::BookingCode::draw,
    };
    let created: Vec<Created> = bookings
        .settle(group)
        .await
        .into_iter()
        .map(|created| created.unwrap_or_else(|problem| panic!("{problem:?}")))
        .collect();
    assert!(matches!(created[0], Created::Taken(None)), "{created:?}");
    assert!(
        matches!(created[1], Created::QuoteUsed(id) if id == first),
        "{created:?}"
    );
    assert!(
        matches!(created[2], Created::Known(crate::booking::Known::Open(id)) if id == first),
        "{created:?}"
    );
    // The key y was not claimed, so this is no reuse of it: it may come again.
    assert!(matches!(created[3], Created::Full), "{created:?}");
    assert!(
        matches!(created[4], Created::QuoteUsed(id) if id == first),
        "{created:?}"
    );
    assert_eq!(world.count("reservation").await, 1);
}
