//! A key is a hotel's: under one key each hotel has a booking of its own, as soon as no process of the former release
//! runs, to which a key is one booking's everywhere.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use sqlx::PgPool;

use super::*;
use crate::fixtures::{Answer, World, at_once, confirm, quote, replayed};

/// What the next release does to the database.
async fn next_release(world: &World) {
    world
        .sql("drop index reservation.key_names_one_booking".to_owned())
        .await;
}

fn reused(answer: &Answer) -> bool {
    (answer.status, answer.code().as_str()) == (422, "idempotency_key_reused")
}

#[sqlx::test(migrations = false)]
async fn one_key_is_one_booking_in_each_hotel_from_the_next_release_on(pool: PgPool) {
    let world = World::new(&pool).await;
    let (here, there) = (world.body(&quote(), "pm_ok"), world.body(&quote(), "pm_ok"));
    let first = world.book("booking-1", &here, 0).await;
    assert_eq!(first.status, 202, "{first:?}");
    assert!(reused(&world.book("booking-1", &there, 0).await));

    next_release(&world).await;
    let second = world.book("booking-1", &there, 0).await;
    assert_eq!(second.status, 202, "{second:?}");
    assert_ne!(first.reservation_id(), second.reservation_id());
    // Each repeat is told of its own, before and after the outcome.
    for (body, id) in [(&here, first.reservation_id()), (&there, second.reservation_id())] {
        let row = world.stored(id).await;
        for status in [202, 201] {
            let again = world.book("booking-1", body, 0).await;
            let told = (again.status, again.reservation_id(), replayed(&again));
            assert_eq!(told, (status, id, true), "{again:?}");
            world.command(vec![confirm(&row)]).await.unwrap();
        }
    }
    // In one hotel it is one key as ever.
    let another = world.body(&at(&quote(), &here), "pm_ok");
    assert!(reused(&world.book("booking-1", &another, 0).await));
    assert_eq!(world.count("reservation").await, 2);
}

/// A quote of the hotel whose quote books this.
fn at(other: &Quote, body: &Value) -> Quote {
    let said: Option<AtHotel> = Tokens::says(body["quote_token"].as_str().unwrap());
    Quote {
        hotel_id: said.unwrap().hotel_id,
        ..other.clone()
    }
}

#[sqlx::test(migrations = false)]
async fn requests_for_two_hotels_that_come_at_once_under_one_key_are_told_the_same(pool: PgPool) {
    let worlds = [Arc::new(World::new(&pool).await), Arc::new(World::again(&pool))];
    for (release, bookings) in [("this", 1), ("the next", 2)] {
        if release == "the next" {
            next_release(&worlds[0]).await;
        }
        let bodies = [
            worlds[0].body(&quote(), "pm_ok"),
            worlds[0].body(&quote(), "pm_ok"),
        ];
        let answers = at_once(40, |number| {
            let world = Arc::clone(&worlds[usize::from(number % 2 == 0)]);
            let body = bodies[usize::from(number % 4 < 2)].clone();
            let key = format!("{release}-release").replace(' ', "-");
            async move { world.book(&key, &body, 0).await }
        })
        .await;
        let booked = answers.iter().filter(|answer| answer.status == 202);
        let ids: HashSet<_> = booked.map(Answer::reservation_id).collect();
        assert_eq!(ids.len(), bookings, "{release}: {answers:?}");
        let others = answers.iter().filter(|answer| answer.status != 202);
        assert!(others.clone().all(reused), "{release}: {answers:?}");
        assert_eq!(others.count() > 0, bookings == 1, "{release}: {answers:?}");
    }
}

/// The hotel is read of the token as it is: a repeat is one though its token is not good any more.
#[sqlx::test(migrations = false)]
async fn a_repeat_is_one_when_quotes_are_signed_under_another_secret(pool: PgPool) {
    let world = World::new(&pool).await;
    let (body, other) = (
        world.body(&quote(), "pm_ok"),
        World::with_secret(&pool, "another secret as long as it has to be"),
    );
    assert_eq!(other.book("key", &body, 0).await.code(), "invalid_quote");
    let booked = world.book("key", &body, 0).await;
    assert_eq!(booked.status, 202, "{booked:?}");
    for release in ["this", "the next"] {
        if release == "the next" {
            next_release(&world).await;
        }
        let again = other.book("key", &body, 0).await;
        assert!(
            again.status == 202 && replayed(&again) && again.reservation_id() == booked.reservation_id(),
            "{release}: {again:?}"
        );
    }
    // What cannot be read names no hotel, and so no key.
    let mut unreadable = body.clone();
    unreadable["quote_token"] = "a.b.c".into();
    assert_eq!(other.book("key", &unreadable, 0).await.code(), "invalid_quote");
}
