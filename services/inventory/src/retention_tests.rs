//! Holds that were kept long enough go, and what comes late after them does no harm.

use contract::{HoldId, HotelId, RoomTypeId};
use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use super::remove_over;
use crate::fixtures::*;

/// For how long the tests keep holds, in days.
const DAYS: i32 = 400;

/// Further than any night of these tests is from another, in days.
const FAR: i32 = 3_650;

/// Lets so many days pass for everything that is there. Nights go by way of the far future: one that took
/// the date of another before that has gone would break the key.
async fn pass(pool: &PgPool, days: i32) {
    let sql = format!(
        "update inventory.room_night set night = night + {FAR};
         update inventory.room_night set night = night - {FAR} - {days};
         update inventory.hold set check_in = check_in - {days}, check_out = check_out - {days},
             expires_at = expires_at - interval '{days} days', created_at = created_at - interval '{days} days',
             changed_at = changed_at - interval '{days} days'"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
}

async fn states(pool: &PgPool, hotel: HotelId) -> Vec<String> {
    let (_, holds) = books(pool, hotel).await;
    holds
}

#[sqlx::test(migrations = false)]
async fn a_hold_goes_so_many_days_after_its_stay_and_its_last_change(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 0).await;
    offer(&pool, hotel, room_type, from, 12, 10).await;
    let [sold, released, expired, held, longer, changed, forbidden] = std::array::from_fn(|_| HoldId::new());
    let short = stay(from, 1);
    let holds = [sold, released, expired, held, changed].map(|id| hold(hotel, room_type, id, short, 1));
    settled(&pool, holds.to_vec(), 900).await;
    // Over a day later.
    settled(&pool, vec![hold(hotel, room_type, longer, stay(from, 2), 1)], 900).await;
    settled(
        &pool,
        vec![
            book(hotel, sold),
            book(hotel, longer),
            release(hotel, released),
            release(hotel, changed),
            release(hotel, forbidden),
        ],
        900,
    )
    .await;
    pool.execute(
        "update inventory.hold set changed_at = changed_at + interval '12 hours' where state = 'sold'",
    )
    .await
    .unwrap();
    let sql = format!("update inventory.hold set state = 'expired' where hold_id = '{expired}'");
    pool.execute(AssertSqlSafe(sql)).await.unwrap();

    // The stay ends tomorrow: 400 days after its end nothing is over yet, a day later what ended then is.
    pass(&pool, DAYS + 1).await;
    assert_eq!(remove_over(pool.clone(), DAYS).await.unwrap(), 0);
    assert!(states(&pool, hotel).await.len() == 7);
    pass(&pool, 1).await;
    let sql = format!(
        "update inventory.hold set changed_at = now() - interval '399 days' where hold_id = '{changed}'"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    assert_eq!(remove_over(pool.clone(), DAYS).await.unwrap(), 3);
    let left = states(&pool, hotel).await;
    let ends = |word: &str| left.iter().filter(|line| line.ends_with(word)).count();
    assert_eq!(
        (ends("sold"), ends("held"), ends("released"), ends("expired")),
        (1, 1, 2, 0),
        "{left:?}"
    );
    // What was sold is told for ever, and from where on it may be more than the holds say.
    let (nights, _) = books(&pool, hotel).await;
    assert!(
        nights[0].contains(" 2/2/10 ") || nights[0].contains("/2/10 "),
        "{nights:?}"
    );
    let before: Vec<String> = crate_texts(
        &pool,
        "select (current_date - stays_before)::text from inventory.retention",
    )
    .await;
    assert_eq!(before, ["400"]);
    // Who keeps holds for longer later brings none back: from where on something is missing stays as it is.
    let sql = format!(
        "update inventory.hold set check_in = '2001-02-01', check_out = '2001-02-03',
             changed_at = '2001-02-03' where hold_id = '{changed}'"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    assert_eq!(remove_over(pool.clone(), 2 * DAYS).await.unwrap(), 1);
    let still = "select (current_date - stays_before)::text from inventory.retention";
    assert_eq!(crate_texts(&pool, still).await, ["400"]);

    // A release that came before its hold names no stay, so it stays for as long as one could be ahead.
    pass(&pool, 759).await;
    remove_over(pool.clone(), DAYS).await.unwrap();
    assert!(
        states(&pool, hotel)
            .await
            .iter()
            .any(|line| line.ends_with("released")),
        "not yet"
    );
    pass(&pool, 3).await;
    remove_over(pool.clone(), DAYS).await.unwrap();
    let left = states(&pool, hotel).await;
    assert!(
        left.len() == 1 && left[0].ends_with("held"),
        "what is held is never removed: {left:?}"
    );
}

#[expect(clippy::disallowed_methods, reason = "tests look at one column")]
async fn crate_texts(pool: &PgPool, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_command_that_comes_after_its_hold_was_removed_does_no_harm(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let from = day(&pool, 0).await;
    offer(&pool, hotel, room_type, from, 5, 3).await;
    let [sold, released] = [HoldId::new(), HoldId::new()];
    let wish = stay(from.plus_days(1), 2);
    let holds = [sold, released].map(|id| hold(hotel, room_type, id, wish, 2));
    settled(&pool, vec![holds[0].clone(), book(hotel, sold)], 900).await;
    settled(&pool, vec![release(hotel, released)], 900).await;
    pass(&pool, 1_300).await;
    // Two rooms that were sold, and what forbids a hold that comes later.
    assert_eq!(remove_over(pool.clone(), DAYS).await.unwrap(), 3);
    let (before, _) = books(&pool, hotel).await;
    // Everything once more, with the dates that it had then.
    let past = contract::StayDate::from_days_since_1970(wish.check_in().days_since_1970() - 1_300).unwrap();
    let again = [sold, released].map(|id| hold(hotel, room_type, id, stay(past, 2), 2));
    let late = vec![
        again[0].clone(),
        book(hotel, sold),
        again[1].clone(),
        book(hotel, released),
        release(hotel, sold),
    ];
    let outcomes = settled(&pool, late, 900).await;
    let codes: Vec<&str> = outcomes.iter().map(code).collect();
    assert_eq!(
        codes,
        [
            "stay_in_past",
            "hold_expired",
            "stay_in_past",
            "hold_expired",
            "done"
        ]
    );
    assert_eq!(books(&pool, hotel).await.0, before, "no night has changed");
}

#[sqlx::test(migrations = false)]
async fn many_holds_go_in_batches_beside_others_that_do_the_same(pool: PgPool) {
    tables(&pool).await;
    pool.execute(
        "insert into inventory.hold select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
             gen_random_uuid(), date '2020-01-01' + n % 7, date '2020-01-09', 1, 'released', now(),
             timestamptz '2020-01-01', timestamptz '2020-01-02'
         from generate_series(1, 900) n",
    )
    .await
    .unwrap();
    let mut busy = pool.acquire().await.unwrap();
    busy.execute("begin; select from inventory.hold order by hold_id limit 5 for update")
        .await
        .unwrap();
    let worker = || async {
        let mut removed = 0;
        loop {
            let batch = remove_over(pool.clone(), 30).await.unwrap();
            assert!(batch <= platform::retention::BATCH.unsigned_abs());
            removed += batch;
            if batch == 0 {
                return removed;
            }
        }
    };
    let (one, two) = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        tokio::join!(worker(), worker())
    })
    .await
    .expect("nobody waits for who is busy");
    assert_eq!(one + two, 895);
    busy.execute("commit").await.unwrap();
    assert_eq!(remove_over(pool.clone(), 30).await.unwrap(), 5);
}
