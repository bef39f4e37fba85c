//! Cancelling by the date at the hotel, where that of UTC is another: on both sides of UTC, with the database's
//! clock set.

use contract::Money;
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, Quote};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::*;
use crate::fixtures::{Answer, World, at, confirm, day, euros, mark_cancelled, quote};

/// A moment at which the date at the hotel is not that of UTC, or just is again.
struct Moment {
    zone: &'static str,
    at: &'static str,
    there: &'static str,
}

/// Moments around the nights of 2127-03-10, -11 and -12, for which the quote of the tests is.
const MOMENTS: [Moment; 11] = [
    moment("Pacific/Kiritimati", "2127-03-09T10:30:00Z", "2127-03-10"),
    moment("Pacific/Kiritimati", "2127-03-10T09:59:59Z", "2127-03-10"),
    moment("Pacific/Kiritimati", "2127-03-10T10:00:00Z", "2127-03-11"),
    moment("Pacific/Kiritimati", "2127-03-11T23:00:00Z", "2127-03-12"),
    moment("Asia/Kathmandu", "2127-03-10T18:14:59Z", "2127-03-10"),
    moment("Asia/Kathmandu", "2127-03-10T18:15:00Z", "2127-03-11"),
    moment("America/St_Johns", "2127-03-11T02:00:00Z", "2127-03-10"),
    moment("Pacific/Pago_Pago", "2127-03-11T10:59:59Z", "2127-03-10"),
    moment("Pacific/Pago_Pago", "2127-03-11T11:00:00Z", "2127-03-11"),
    moment("Pacific/Pago_Pago", "2127-03-13T03:00:00Z", "2127-03-12"),
    moment("Europe/Lisbon", "2127-03-11T12:00:00Z", "2127-03-11"),
];

const fn moment(zone: &'static str, at: &'static str, there: &'static str) -> Moment {
    Moment { zone, at, there }
}

/// What the nights of the quote of the tests come to: 90, 100 and 110 EUR in two rooms, with 6 % tax.
const NIGHTS: [i64; 3] = [19_080, 21_200, 23_320];

fn policy(free_until_days_before: Option<u16>, penalty: Penalty) -> CancellationPolicy {
    CancellationPolicy {
        free_until_days_before,
        penalty,
    }
}

fn quoted(zone: &str, cancellation_policy: CancellationPolicy) -> Quote {
    Quote {
        time_zone: zone.to_owned(),
        cancellation_policy: Some(cancellation_policy),
        expires_at: at("2127-03-14T00:00:00Z"),
        ..quote()
    }
}

async fn booked(world: &World, quote: &Quote) -> Reservation {
    let answer = world
        .book(&quote.quote_id.to_string(), &world.body(quote, "pm_ok"), 0)
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");
    world.stored(answer.reservation_id()).await
}

async fn said(world: &World, row: &Reservation) -> Value {
    let path = format!("/v1/reservations/{}/cancellation-quote", row.reservation_id);
    world.get(&path).await.json()
}

fn minor(money: &Value) -> i64 {
    serde_json::from_value::<Money>(money.clone()).unwrap().minor()
}

/// What the hotel keeps on a day, by the prices: nights that are over, and of the rest what the policy says.
fn kept(there: &str, penalty: Penalty) -> (usize, i64) {
    let over = NIGHTS
        .iter()
        .zip(["2127-03-10", "2127-03-11", "2127-03-12"])
        .filter(|(_, night)| *night < there)
        .count();
    let rest: i64 = NIGHTS[over..].iter().sum();
    let kept = match penalty {
        Penalty::FirstNight => NIGHTS[over],
        Penalty::Percent(percent) => (rest * i64::from(percent) + 50) / 100,
        Penalty::Full => rest,
    };
    (over, NIGHTS[..over].iter().sum::<i64>() + kept)
}

/// Checks what the cancellation quote says, night by night.
fn assert_said(said: &Value, there: &str, penalty: Penalty) {
    let (over, kept) = kept(there, penalty);
    assert_eq!(
        (said["as_of"].as_str(), minor(&said["penalty"])),
        (Some(there), kept),
        "{said}"
    );
    assert_eq!(minor(&said["refund"]), 63_600 - kept, "{said}");
    let nights = said["nights"].as_array().unwrap();
    let sum = |field: &str| nights.iter().map(|night| minor(&night[field])).sum::<i64>();
    assert_eq!((sum("penalty"), sum("refund")), (kept, 63_600 - kept), "{said}");
    for (at, night) in nights.iter().enumerate() {
        assert_eq!(minor(&night["amount"]), NIGHTS[at], "{said}");
        assert_eq!(night["begun"], at < over, "{said}");
    }
}

/// What the saga that cancels was told.
async fn told(world: &World, row: &Reservation) -> Value {
    let row = world.stored(row.reservation_id).await;
    let saga = row.cancellation_saga_id.unwrap().to_string();
    world.payload("StartSaga", &saga).await["saga"].clone()
}

fn assert_cancelled(answer: &Answer, there: &str, penalty: Penalty) {
    let (over, kept) = kept(there, penalty);
    let body = answer.json();
    assert_eq!(
        (answer.status, body["state"].as_str()),
        (202, Some("cancelling")),
        "{body}"
    );
    assert_eq!(minor(&body["penalty"]), kept, "{body}");
    assert_eq!(minor(&body["refund"]), 63_600 - kept, "{body}");
    let kept_until = if over > 0 { json!(there) } else { Value::Null };
    assert_eq!(body["kept_until"], kept_until, "{body}");
}

const PENALTIES: [Penalty; 4] = [
    Penalty::FirstNight,
    Penalty::Percent(0),
    Penalty::Percent(33),
    Penalty::Full,
];

#[sqlx::test(migrations = false)]
async fn the_date_at_the_hotel_decides_which_nights_have_begun(pool: PgPool) {
    let world = World::at(&pool, "2127-03-09T00:00:00Z").await;
    for (number, moment) in MOMENTS.iter().enumerate() {
        let penalty = PENALTIES[number % PENALTIES.len()];
        world.set_clock("2127-03-09T00:00:00Z").await;
        let row = booked(&world, &quoted(moment.zone, policy(None, penalty))).await;
        world.command(vec![confirm(&row)]).await.unwrap();
        world.set_clock(moment.at).await;
        assert_said(&said(&world, &row).await, moment.there, penalty);
        let answer = world.cancel(row.reservation_id, 0).await;
        assert_cancelled(&answer, moment.there, penalty);
        let told = told(&world, &row).await;
        let body = answer.json();
        for field in ["penalty", "refund", "kept_until"] {
            assert_eq!(told[field], body[field], "{told}");
        }
        // What was decided stays, whatever day it becomes meanwhile, and other systems are told.
        world.set_clock("2127-03-20T00:00:00Z").await;
        let later = said(&world, &row).await;
        assert_said(&later, moment.there, penalty);
        assert_eq!(later["cancellable"], false);
        world.command(vec![mark_cancelled(&row)]).await.unwrap();
        assert_said(&said(&world, &row).await, moment.there, penalty);
        let id = row.reservation_id.to_string();
        let event = world.payload("reservation.cancelled", &id).await;
        let fact = &event["fact"]["cancelled"];
        assert_eq!(
            (&fact["penalty"], &fact["kept_until"]),
            (&body["penalty"], &body["kept_until"])
        );
    }
}

#[sqlx::test(migrations = false)]
async fn a_cancellation_that_was_noted_costs_what_it_did_when_the_guest_asked(pool: PgPool) {
    let world = World::at(&pool, "2127-03-09T00:00:00Z").await;
    for (number, moment) in MOMENTS.iter().enumerate() {
        let penalty = PENALTIES[number % PENALTIES.len()];
        world.set_clock("2127-03-09T00:00:00Z").await;
        let row = booked(&world, &quoted(moment.zone, policy(None, penalty))).await;
        world.set_clock(moment.at).await;
        assert_eq!(world.cancel(row.reservation_id, 0).await.status, 202);
        // Another day at the hotel and in UTC, when the booking comes to its end.
        world.set_clock("2127-03-13T15:00:00Z").await;
        let noted = said(&world, &row).await;
        assert_said(&noted, moment.there, penalty);
        assert_eq!(noted["cancellable"], false);
        world.command(vec![confirm(&row)]).await.unwrap();
        assert_cancelled(&world.cancel(row.reservation_id, 0).await, moment.there, penalty);
        assert_said(&said(&world, &row).await, moment.there, penalty);
        let (over, _) = kept(moment.there, penalty);
        let kept_until = if over > 0 {
            json!(moment.there)
        } else {
            Value::Null
        };
        assert_eq!(told(&world, &row).await["kept_until"], kept_until);
    }
}

#[sqlx::test(migrations = false)]
async fn the_last_free_day_and_the_day_of_departure_are_the_hotels(pool: PgPool) {
    let world = World::at(&pool, "2127-03-01T00:00:00Z").await;
    for (zone, last_free, first_late) in [
        // Free until 2127-03-08, two days before the arrival.
        (
            "Pacific/Kiritimati",
            "2127-03-08T09:59:59Z",
            "2127-03-08T10:00:00Z",
        ),
        ("Asia/Kathmandu", "2127-03-08T18:14:59Z", "2127-03-08T18:15:00Z"),
        (
            "Pacific/Pago_Pago",
            "2127-03-09T10:59:59Z",
            "2127-03-09T11:00:00Z",
        ),
    ] {
        let row = booked(&world, &quoted(zone, policy(Some(2), Penalty::Full))).await;
        world.command(vec![confirm(&row)]).await.unwrap();
        for (moment, free) in [(last_free, true), (first_late, false)] {
            world.set_clock(moment).await;
            let said = said(&world, &row).await;
            assert_eq!(
                (minor(&said["refund"]) == 63_600, minor(&said["refund"]) == 0),
                (free, !free),
                "{said}"
            );
            assert_eq!(said["free_until"], "2127-03-08");
        }
    }
    for (zone, last, over) in [
        (
            "Pacific/Kiritimati",
            "2127-03-12T09:59:59Z",
            "2127-03-12T10:00:00Z",
        ),
        ("Asia/Kathmandu", "2127-03-12T18:14:59Z", "2127-03-12T18:15:00Z"),
        (
            "Pacific/Pago_Pago",
            "2127-03-13T10:59:59Z",
            "2127-03-13T11:00:00Z",
        ),
    ] {
        for is_confirmed in [true, false] {
            world.set_clock("2127-03-08T00:00:00Z").await;
            let mut rows = Vec::new();
            for _ in 0..2 {
                rows.push(booked(&world, &quoted(zone, policy(Some(0), Penalty::Percent(0)))).await);
            }
            if is_confirmed {
                world.command(rows.iter().map(confirm).collect()).await.unwrap();
            }
            world.set_clock(over).await;
            let said = said(&world, &rows[0]).await;
            assert_eq!(
                (minor(&said["refund"]), &said["cancellable"]),
                (0, &json!(false)),
                "{said}"
            );
            let answer = world.cancel(rows[0].reservation_id, 0).await;
            assert_eq!((answer.status, answer.code().as_str()), (409, "stay_over"));
            world.set_clock(last).await;
            assert_eq!(world.cancel(rows[1].reservation_id, 0).await.status, 202);
        }
    }
}

#[sqlx::test(migrations = false)]
async fn free_until_the_day_of_arrival_is_free_all_that_day_at_the_hotel(pool: PgPool) {
    let world = World::at(&pool, "2127-03-09T00:00:00Z").await;
    for (zone, moment, free) in [
        ("Pacific/Kiritimati", "2127-03-10T09:59:59Z", true),
        ("Pacific/Kiritimati", "2127-03-10T10:00:00Z", false),
        ("Pacific/Pago_Pago", "2127-03-11T10:59:59Z", true),
        ("Pacific/Pago_Pago", "2127-03-11T11:00:00Z", false),
    ] {
        world.set_clock("2127-03-09T00:00:00Z").await;
        let row = booked(&world, &quoted(zone, policy(Some(0), Penalty::Percent(10)))).await;
        world.command(vec![confirm(&row)]).await.unwrap();
        world.set_clock(moment).await;
        let body = world.cancel(row.reservation_id, 0).await.json();
        // Later the first night, 190.80, has begun, and of the rest, 445.20, a tenth is kept.
        let penalty = if free { euros("0.00") } else { euros("235.32") };
        assert_eq!(
            body["penalty"],
            serde_json::to_value(penalty).unwrap(),
            "{zone} {moment}: {body}"
        );
    }
}

/// Rows as the former release wrote them.
#[sqlx::test(migrations = false)]
async fn bookings_and_cancellations_from_before_nights_were_kept_go_on(pool: PgPool) {
    let world = World::at(&pool, "2127-03-09T00:00:00Z").await;
    let row = booked(
        &world,
        &quoted("Europe/Lisbon", policy(None, Penalty::Percent(10))),
    )
    .await;
    world.command(vec![confirm(&row)]).await.unwrap();
    world.set_clock("2127-03-11T12:00:00Z").await;
    world.cancel(row.reservation_id, 0).await;
    // The former rule: ten percent of everything, and no night kept.
    world
        .sql(format!(
            "update reservation.reservation set kept_until = null, penalty_minor = 6360, refund_minor = 57240 \
             where reservation_id = '{}'",
            row.reservation_id
        ))
        .await;
    world.command(vec![mark_cancelled(&row)]).await.unwrap();
    let said = said(&world, &row).await;
    let nights = said["nights"].as_array().unwrap();
    let sum = |field: &str| nights.iter().map(|night| minor(&night[field])).sum::<i64>();
    assert_eq!(
        (minor(&said["penalty"]), sum("penalty"), sum("refund")),
        (6_360, 6_360, 57_240),
        "{said}"
    );
    assert!(nights.iter().all(|night| night["begun"] == false), "{said}");
    assert_eq!(
        world.stored(row.reservation_id).await.cost.unwrap().kept_until,
        None
    );
    assert_eq!(row.terms.stay.check_in(), day("2127-03-10"));
}
