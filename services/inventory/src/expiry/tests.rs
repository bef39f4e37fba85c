//! Expiry and booking, also at the same moment.

use contract::{HoldId, HotelId, RoomTypeId};
use sqlx::{Executor as _, PgPool};

use super::*;
use crate::fixtures::*;

async fn make_due(pool: &PgPool) {
    sqlx::query!("update inventory.hold set expires_at = now() - interval '1 second'")
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_due_hold_gives_its_rooms_back_and_refuses_the_late_booking(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 3).await;
    offer(&pool, hotel, room_type, from, 3, 10).await;
    let [due, sold, open] = [HoldId::new(), HoldId::new(), HoldId::new()];
    let holds = [due, sold].map(|id| hold(hotel, room_type, id, stay(from, 3), 2));
    settled(&pool, holds.to_vec(), 900).await;
    settled(&pool, vec![book(hotel, sold)], 900).await;
    make_due(&pool).await;
    settled(&pool, vec![hold(hotel, room_type, open, stay(from, 1), 1)], 900).await;

    assert_eq!(expire_due(&pool).await.unwrap(), 1);
    assert_eq!(expire_due(&pool).await.unwrap(), 0);
    assert_books_balance(&pool).await;
    let (nights, holds) = books(&pool, hotel).await;
    assert!(
        nights[0].contains(" 1/2/10 ") && nights[2].contains(" 0/2/10 "),
        "{nights:?}"
    );
    let states: Vec<_> = holds.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(states, ["expired", "expired", "sold", "sold", "held"]);
    let late = settled(
        &pool,
        vec![book(hotel, due), release(hotel, due), book(hotel, sold)],
        900,
    )
    .await;
    assert_eq!(
        late.iter().map(code).collect::<Vec<_>>(),
        ["hold_expired", "done", "done"]
    );
}

#[sqlx::test(migrations = false)]
async fn a_hold_is_due_after_the_seconds_of_the_setting_and_not_before(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 3).await;
    offer(&pool, hotel, room_type, from, 1, 10).await;
    for (ttl, wanted) in [(1_u32, 1_i64), (61, 61), (86_400, 86_400)] {
        let id = HoldId::new();
        settled(&pool, vec![hold(hotel, room_type, id, stay(from, 1), 1)], ttl).await;
        #[expect(clippy::disallowed_methods, reason = "a test looks into the table")]
        let lasts: i64 = sqlx::query_scalar(
            "select extract(epoch from expires_at - created_at)::bigint from inventory.hold where hold_id = $1",
        )
        .bind(id.uuid())
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(lasts, wanted);
    }
    // A second before its time nothing is taken from it.
    let sql = "update inventory.hold set expires_at = now() + interval '1 second'";
    pool.execute(sql).await.unwrap();
    assert_eq!(expire_due(&pool).await.unwrap(), 0);
    make_due(&pool).await;
    assert_eq!(expire_due(&pool).await.unwrap(), 3);
}

#[sqlx::test(migrations = false)]
async fn a_hold_that_is_due_but_still_there_can_be_booked(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type, id) = (HotelId::new(), RoomTypeId::new(), HoldId::new());
    let from = day(&pool, 3).await;
    offer(&pool, hotel, room_type, from, 1, 1).await;
    settled(&pool, vec![hold(hotel, room_type, id, stay(from, 1), 1)], 900).await;
    make_due(&pool).await;
    assert_eq!(code(&settled(&pool, vec![book(hotel, id)], 900).await[0]), "done");
    assert_eq!(expire_due(&pool).await.unwrap(), 0);
}

#[sqlx::test(migrations = false)]
async fn a_hold_is_booked_or_expires_and_never_both(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 3).await;
    offer(&pool, hotel, room_type, from, 2, 1_000).await;
    for round in 0..30 {
        let ids: Vec<HoldId> = (0..8).map(|_| HoldId::new()).collect();
        let holds = ids
            .iter()
            .map(|id| hold(hotel, room_type, *id, stay(from, 2), 1))
            .collect();
        settled(&pool, holds, 900).await;
        make_due(&pool).await;
        let bookings = ids.iter().rev().map(|id| book(hotel, *id)).collect();
        let booked = async {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            settled(&pool, bookings, 900).await
        };
        let (outcomes, expired, again) = tokio::join!(booked, expire_due(&pool), expire_due(&pool));
        let booked = outcomes.iter().filter(|outcome| code(outcome) == "done").count();
        let expired = expired.unwrap() + again.unwrap();
        // What one loop leaves out because somebody is busy with it, a later round takes.
        assert_eq!(u64::try_from(booked).unwrap() + expired, 8);
    }
    assert_books_balance(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn the_loop_sleeps_until_the_next_hold_is_due(pool: PgPool) {
    tables(&pool).await;
    assert_eq!(round(&pool).await.unwrap(), SLEEP_MAX_MS);
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 3).await;
    offer(&pool, hotel, room_type, from, 1, 10).await;
    settled(
        &pool,
        vec![hold(hotel, room_type, HoldId::new(), stay(from, 1), 1)],
        900,
    )
    .await;
    assert_eq!(round(&pool).await.unwrap(), SLEEP_MAX_MS);

    let tasks = Tasks::new();
    let health = Health::default();
    start(&tasks, health.clone(), pool.clone());
    make_due(&pool).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !books(&pool, hotel).await.1[0].ends_with("expired") {
        assert!(tokio::time::Instant::now() < deadline, "the hold did not expire");
        tokio::task::yield_now().await;
    }
    tasks.stop();
    assert!(tasks.drained().await);
    assert_eq!(health.parts().get(PART), Some(&Ok(())));
    assert_books_balance(&pool).await;
}
