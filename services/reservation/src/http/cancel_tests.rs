//! Cancelling, what it costs beforehand, and finding reservations again.

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgPool;

use super::*;
use crate::fixtures::{World, confirm, mark_cancelled, quote, until};

async fn confirmed(world: &World) -> Reservation {
    let row = world.booked().await;
    world.command(vec![confirm(&row)]).await.unwrap();
    world.stored(row.reservation_id).await
}

/// Moves the stay into the past or the free days out of reach, as the database's clock cannot be set.
async fn move_dates(world: &World, row: &Reservation, dates: &str) {
    let id = row.reservation_id;
    world
        .sql(format!(
            "update reservation.reservation set {dates} where reservation_id = '{id}'"
        ))
        .await;
}

#[sqlx::test(migrations = false)]
async fn cancelling_costs_what_was_said_beforehand(pool: PgPool) {
    let world = World::new(&pool).await;
    for (dates, penalty, refund) in [
        ("version = version", "0.00", "636.00"),
        (
            "free_until = '2020-01-01', cancellation_policy = '{\"penalty\": \"first_night\"}'",
            "190.80",
            "445.20",
        ),
        ("free_until = null", "636.00", "0.00"),
    ] {
        let row = confirmed(&world).await;
        move_dates(&world, &row, dates).await;
        let said = world
            .get(&format!(
                "/v1/reservations/{}/cancellation-quote",
                row.reservation_id
            ))
            .await
            .json();
        assert_eq!(
            (said["penalty"]["amount"].as_str(), said["cancellable"].as_bool()),
            (Some(penalty), Some(true))
        );
        let first = world.cancel(row.reservation_id, 0).await;
        let body = first.json();
        assert_eq!(
            (first.status, body["state"].as_str()),
            (202, Some("cancelling")),
            "{body}"
        );
        assert_eq!(
            (
                body["penalty"]["amount"].as_str(),
                body["refund"]["amount"].as_str()
            ),
            (Some(penalty), Some(refund))
        );
        let again = world.cancel(row.reservation_id, 0).await;
        assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
        world.command(vec![mark_cancelled(&row)]).await.unwrap();
        let last = world.cancel(row.reservation_id, 0).await;
        assert_eq!(
            (last.status, last.json()["state"].as_str()),
            (200, Some("cancelled"))
        );
        let said = world
            .get(&format!(
                "/v1/reservations/{}/cancellation-quote",
                row.reservation_id
            ))
            .await
            .json();
        assert_eq!(
            (said["penalty"]["amount"].as_str(), said["cancellable"].as_bool()),
            (Some(penalty), Some(false))
        );
    }
    let sagas = "outbox where type = 'StartSaga' and payload->'saga'->>'type' = 'cancel-stay'";
    assert_eq!(world.count(sagas).await, 3);
    let illegal = "reservation_history h where not exists (select 1 from reservation.legal_transition l \
                   where (l.from_state, l.to_state) = (h.from_state, h.state))";
    assert_eq!(world.count(illegal).await, 0);
}

#[sqlx::test(migrations = false)]
async fn who_waits_is_told_when_it_is_cancelled(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let row = confirmed(&world).await;
    let (asking, id) = (Arc::clone(&world), row.reservation_id);
    let waiting = platform::Tasks::new().spawn_work(async move { asking.cancel(id, 20).await });
    until("it is being cancelled", async || {
        world.stored(id).await.state == model::State::Cancelling
    })
    .await;
    world.command(vec![mark_cancelled(&row)]).await.unwrap();
    let answer = waiting.await.unwrap();
    assert_eq!(
        (answer.status, answer.json()["state"].as_str()),
        (200, Some("cancelled"))
    );
}

#[sqlx::test(migrations = false)]
async fn cancelling_twice_at_once_starts_one_saga(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let row = confirmed(&world).await;
    let sent: Vec<_> = (0..20)
        .map(|_| {
            let (world, id) = (Arc::clone(&world), row.reservation_id);
            platform::Tasks::new().spawn_work(async move { world.cancel(id, 0).await })
        })
        .collect();
    for answer in sent {
        assert_eq!(answer.await.unwrap().status, 202);
    }
    assert_eq!(world.count("outbox where type = 'StartSaga'").await, 2);
}

#[sqlx::test(migrations = false)]
async fn a_stay_that_is_over_is_not_cancelled(pool: PgPool) {
    let world = World::new(&pool).await;
    let row = confirmed(&world).await;
    move_dates(
        &world,
        &row,
        "check_in = '2020-01-01', check_out = '2020-01-04', free_until = '2019-12-25'",
    )
    .await;
    let answer = world.cancel(row.reservation_id, 0).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "stay_over"));
    let said = world
        .get(&format!(
            "/v1/reservations/{}/cancellation-quote",
            row.reservation_id
        ))
        .await
        .json();
    assert_eq!(said["cancellable"], false);
}

#[sqlx::test(migrations = false)]
async fn what_does_not_exist_is_not_found(pool: PgPool) {
    let world = World::new(&pool).await;
    for id in [ReservationId::new().to_string(), "nonsense".to_owned()] {
        for path in ["", "/history", "/cancellation-quote"] {
            let answer = world.get(&format!("/v1/reservations/{id}{path}")).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "not_found"),
                "{path}"
            );
        }
    }
    assert_eq!(world.cancel(ReservationId::new(), 20).await.status, 404);
}

#[sqlx::test(migrations = false)]
async fn lists_show_each_reservation_once_newest_first(pool: PgPool) {
    let world = World::new(&pool).await;
    let hotel = quote();
    let mut ids = Vec::new();
    for number in 0..7 {
        let mut quote = quote();
        quote.hotel_id = hotel.hotel_id;
        let mut body = world.body(&quote, "pm_ok");
        body["guest"]["email"] = format!("guest{}@example.com", number % 2).into();
        ids.push(
            world
                .book(&format!("key-{number}"), &body, 0)
                .await
                .reservation_id()
                .to_string(),
        );
    }
    world.booked().await;
    ids.reverse();
    let by_hotel = format!("hotel_id={}", hotel.hotel_id);
    assert_eq!(all(&world, &by_hotel).await, ids);
    let even: Vec<String> = ids.iter().step_by(2).cloned().collect();
    assert_eq!(all(&world, "guest_email=GUEST0@example.com").await, even);
    assert_eq!(
        all(
            &world,
            &format!("{by_hotel}&guest_email=guest0@example.com&state=pending")
        )
        .await,
        even
    );
    assert!(
        all(&world, &format!("{by_hotel}&state=confirmed"))
            .await
            .is_empty()
    );
    assert!(all(&world, "guest_email=nobody@example.com").await.is_empty());
    for (query, code) in [
        ("", "filter_missing"),
        ("?state=pending", "filter_missing"),
        ("?hotel_id=1", "invalid_field"),
        ("?hotel=1", "invalid_field"),
        ("?guest_email=x", "invalid_field"),
        (&format!("?{by_hotel}&limit=0"), "invalid_field"),
        (&format!("?{by_hotel}&cursor=00"), "invalid_cursor"),
        (&format!("?{by_hotel}&state=Pending"), "invalid_field"),
    ] {
        let answer = world.get(&format!("/v1/reservations{query}")).await;
        let status = if code == "invalid_cursor" { 400 } else { 422 };
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{query}");
    }
}

async fn all(world: &World, filter: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world
            .get(&format!("/v1/reservations?{filter}&limit=3{cursor}"))
            .await
            .json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
        ids.extend(
            items
                .iter()
                .map(|item| item["reservation_id"].as_str().unwrap().to_owned()),
        );
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return ids,
        }
    }
}

/// A process of the former release cancels without saying what is charged; the next `bellhop migrate` says it.
#[sqlx::test(migrations = false)]
async fn what_was_cancelled_before_there_were_charges_is_charged_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let (paid, free) = (confirmed(&world).await, confirmed(&world).await);
    let untouched = confirmed(&world).await;
    move_dates(&world, &paid, "free_until = null").await;
    for row in [&paid, &free] {
        world.cancel(row.reservation_id, 0).await;
        world.command(vec![mark_cancelled(row)]).await.unwrap();
    }
    let told = async |row: &Reservation| {
        let path = format!("/v1/reservations/{}", row.reservation_id);
        world.get(&path).await.json()["charges"].clone()
    };
    let before = [told(&paid).await, told(&free).await, told(&untouched).await];
    let last = |charges: &Value| charges.as_array().unwrap().last().unwrap()["amount"]["amount"].clone();
    assert_eq!(
        (last(&before[0]), last(&before[1])),
        ("636.00".into(), "0.00".into())
    );
    world.sql("delete from reservation.charge".to_owned()).await;
    // Shown all the same.
    assert_eq!(
        [told(&paid).await, told(&free).await, told(&untouched).await],
        before
    );
    assert_eq!(crate::charge_cancelled(&pool).await.unwrap(), 2);
    assert_eq!(crate::charge_cancelled(&pool).await.unwrap(), 0, "once");
    assert_eq!(
        [told(&paid).await, told(&free).await, told(&untouched).await],
        before
    );
    let charged = "charge where kind = 'cancellation' and charge_no = 1";
    assert_eq!(world.count(charged).await, 2);
}
