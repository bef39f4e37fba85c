//! A booking's code opens it with its guest's e-mail and not otherwise, and every booking has one of its own.

use contract::BookingCode;
use sqlx::PgPool;
use sqlx::Row as _;

use crate::fixtures::{World, quote};
use crate::give_codes;
use crate::model::Reservation;

async fn look_up(world: &World, code: &str, email: &str) -> crate::fixtures::Answer {
    let body = serde_json::json!({"code": code, "email": email}).to_string();
    let request =
        axum::http::Request::post("/v1/reservations/look-up").header("content-type", "application/json");
    world.send(request.body(body).unwrap()).await
}

#[sqlx::test(migrations = false)]
async fn a_code_opens_its_booking_with_the_guests_email_however_both_are_written(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    let code = row.code.to_string();
    for (code, email) in [
        (code.clone(), "ana@example.com"),
        (code.to_lowercase(), "Ana@Example.com"),
        (code.replace('-', " "), "ANA@EXAMPLE.COM"),
        (code[3..].replace('-', ""), "ana@example.com"),
    ] {
        let answer = look_up(&world, &code, email).await;
        assert_eq!(
            (answer.status, answer.reservation_id()),
            (200, row.reservation_id),
            "{code}"
        );
    }
}

/// Nobody learns from the answer which codes there are.
#[sqlx::test(migrations = false)]
async fn a_code_of_nobodys_and_one_of_somebody_elses_are_the_same_answer(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = world.booked().await;
    let nobodys = look_up(&world, "BH-2222-2222", "ana@example.com").await;
    let anothers = look_up(&world, &row.code.to_string(), "bob@example.com").await;
    assert_eq!(nobodys.status, 404);
    assert_eq!(
        (nobodys.status, &nobodys.bytes),
        (anothers.status, &anothers.bytes)
    );
}

#[sqlx::test(migrations = false)]
async fn a_code_that_cannot_be_is_refused_and_the_mistake_named(pool: PgPool) {
    let world = World::new(&pool).await;
    for (code, hint) in [
        ("BH-7K3Q-9MX0", "no 0, O, 1 or I"),
        ("BH-7K3Q-9MXE", "symbol of the booking code is wrong"),
        ("BH-K73Q-9MXQ", "changed places"),
        ("BH-7K3Q", "eight symbols"),
    ] {
        let answer = look_up(&world, code, "ana@example.com").await;
        let problem: serde_json::Value = serde_json::from_slice(&answer.bytes).unwrap();
        assert_eq!(
            (answer.status, problem["pointer"].as_str()),
            (422, Some("/code")),
            "{problem}"
        );
        assert!(problem["detail"].as_str().unwrap().contains(hint), "{problem}");
    }
}

async fn code_in_table(world: &World, row: &Reservation) -> Option<String> {
    let sql = format!(
        "select code from reservation.reservation where reservation_id = '{}'",
        row.reservation_id
    );
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .fetch_one(&world.pool)
        .await;
    row.unwrap().get("code")
}

/// The database draws codes for what the former release writes; both write them by the same rule.
#[sqlx::test(migrations = false)]
async fn bookings_of_before_get_codes_that_are_codes(pool: PgPool) {
    let world = World::new(&pool).await;
    let rows = [world.booked().await, world.booked().await, world.booked().await];
    let kept = rows[2].code;
    world
        .sql(format!(
            "update reservation.reservation set code = null, hold_id = null, payment_id = null
             where reservation_id <> '{}'",
            rows[2].reservation_id
        ))
        .await;
    assert_eq!(give_codes(&pool).await.unwrap(), 2);
    assert_eq!(give_codes(&pool).await.unwrap(), 0, "once");
    for row in &rows[..2] {
        let code = code_in_table(&world, row).await.unwrap();
        let read = world.stored(row.reservation_id).await;
        assert_eq!(read.code.symbols(), code);
        let its_own = (read.hold_id.uuid(), read.payment_id.uuid());
        assert_eq!(its_own, (row.reservation_id.uuid(), row.reservation_id.uuid()));
    }
    assert_eq!(world.stored(rows[2].reservation_id).await.code, kept);
    let drawn = "select string_agg(reservation.booking_code(), ' ') as codes from generate_series(1, 2000)";
    let codes: String = sqlx::raw_sql(drawn).fetch_one(&pool).await.unwrap().get("codes");
    let all: std::collections::HashSet<BookingCode> =
        codes.split(' ').map(|code| code.parse().unwrap()).collect();
    assert!(all.len() >= 1_999);
}

#[sqlx::test(migrations = false)]
async fn a_code_that_is_another_bookings_is_drawn_again(pool: PgPool) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    let world = World::new(&pool)
        .await
        .drawing(|| BookingCode::of(DRAWN.fetch_add(1, Ordering::SeqCst) / 3));
    let rows = [world.booked().await, world.booked().await, world.booked().await];
    let codes = rows.map(|row| row.code);
    assert_eq!(codes, [0, 1, 2].map(BookingCode::of));
    // Each but the first met the code of the one before: twice it was another's, and then a new one.
    assert_eq!(DRAWN.load(Ordering::SeqCst), 7);
    let key = quote().quote_id.to_string();
    let [one, other] = [quote(), quote()].map(|quote| world.body(&quote, "pm_ok"));
    assert_eq!(
        (
            world.book(&key, &one, 0).await.status,
            world.book("another", &other, 0).await.status
        ),
        (202, 202)
    );
    assert_eq!(world.count("reservation where code is not null").await, 5);
}
