//! Holds of several lines in the tables: they stand alike, whoever moves them.

use contract::{HoldId, HotelId, RoomTypeId};
use sqlx::{Executor as _, PgPool};

use crate::expiry::expire_due;
use crate::fixtures::*;

const TTL: u32 = 900;

#[sqlx::test(migrations = false)]
async fn the_lines_of_a_hold_are_held_booked_and_given_back_together(pool: PgPool) {
    tables(&pool).await;
    let (hotel, double, single) = (HotelId::new(), RoomTypeId::new(), RoomTypeId::new());
    let from = day(&pool, 10).await;
    offer(&pool, hotel, double, from, 4, 2).await;
    offer(&pool, hotel, single, from, 4, 1).await;
    let two = stay(from, 2);
    let (id, other, forbidden) = (HoldId::new(), HoldId::new(), HoldId::new());
    let both = |id| hold_lines(hotel, id, &[(double, two, 1), (single, two, 1)]);
    // Of two in one batch the second finds no single, and so has no double either.
    let told = settled(&pool, vec![both(id), both(other), both(id)], TTL).await;
    assert_eq!(
        told.iter().map(code).collect::<Vec<_>>(),
        ["done", "sold_out", "done"]
    );
    assert_eq!(states(&pool, hotel).await, ["held", "held", "refused"]);
    assert_books_balance(&pool).await;
    settled(&pool, vec![book(hotel, id)], TTL).await;
    assert_eq!(states(&pool, hotel).await, ["sold", "sold", "refused"]);
    // One night has begun: it stays sold in both rooms.
    settled(&pool, vec![release_from(hotel, id, Some(from.plus_days(1)))], TTL).await;
    let (nights, holds) = books(&pool, hotel).await;
    let sold = nights.iter().filter(|night| night.contains(" 0/1/"));
    assert_eq!((sold.count(), holds.len()), (2, 3), "{nights:?} {holds:?}");
    assert_books_balance(&pool).await;
    settled(&pool, vec![release(hotel, id), release(hotel, forbidden)], TTL).await;
    assert_eq!(
        states(&pool, hotel).await,
        ["released", "released", "refused", "released"]
    );
    // What was refused stays so, until a person begins the next round.
    let mut anew = both(other);
    anew.round = 2;
    let told = settled(&pool, vec![both(forbidden), both(other), anew], TTL).await;
    assert_eq!(
        told.iter().map(code).collect::<Vec<_>>(),
        ["hold_released", "sold_out", "done"]
    );
    assert_eq!(
        states(&pool, hotel).await,
        ["released", "released", "held", "held", "released"]
    );
    assert_books_balance(&pool).await;
}

/// One night in the double, three in the single from the second on, and two more in the double a day after that.
#[sqlx::test(migrations = false)]
async fn lines_of_other_dates_are_counted_night_by_night_and_given_back_each_as_far_as_it_has_begun(
    pool: PgPool,
) {
    tables(&pool).await;
    let (hotel, double, single) = (HotelId::new(), RoomTypeId::new(), RoomTypeId::new());
    let from = day(&pool, 10).await;
    offer(&pool, hotel, double, from, 5, 1).await;
    offer(&pool, hotel, single, from, 5, 2).await;
    let at = |night, nights| stay(from.plus_days(night), nights);
    let (id, other, beside) = (HoldId::new(), HoldId::new(), HoldId::new());
    let apart = |id| {
        hold_lines(
            hotel,
            id,
            &[
                (double, at(0, 1), 1),
                (single, at(1, 3), 1),
                (double, at(3, 2), 1),
            ],
        )
    };
    // The second finds no double, and so it has no single either, of which one is left.
    let told = settled(&pool, vec![apart(id), apart(other), apart(id)], TTL).await;
    assert_eq!(
        told.iter().map(code).collect::<Vec<_>>(),
        ["done", "sold_out", "done"]
    );
    // Between the two lines the double is free.
    let told = settled(
        &pool,
        vec![hold(hotel, double, beside, at(1, 2), 1), book(hotel, id)],
        TTL,
    )
    .await;
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["done"; 2]);
    assert_books_balance(&pool).await;
    // Two nights have begun. The same again, and what an older sending said, changes nothing.
    for begun in [2, 2, 4] {
        let told = settled(
            &pool,
            vec![
                release_from(hotel, id, Some(from.plus_days(begun))),
                book(hotel, id),
            ],
            TTL,
        )
        .await;
        assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["done"; 2]);
        assert_eq!(lines(&pool, id).await, ["1 sold 1", "2 sold 1", "3 released 2"]);
        assert_books_balance(&pool).await;
    }
    // What was given back is on sale, and no more than that.
    let told = settled(
        &pool,
        vec![hold_lines(
            hotel,
            HoldId::new(),
            &[(double, at(3, 2), 1), (single, at(2, 2), 2)],
        )],
        TTL,
    )
    .await;
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["done"]);
    let told = settled(
        &pool,
        vec![hold(hotel, double, HoldId::new(), at(0, 1), 1), apart(id)],
        TTL,
    )
    .await;
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["sold_out", "done"]);
    assert_eq!(lines(&pool, id).await, ["1 sold 1", "2 sold 1", "3 released 2"]);
    assert_books_balance(&pool).await;
}

async fn lines(pool: &PgPool, id: HoldId) -> Vec<String> {
    let lines = sqlx::query_scalar!(
        r#"select format('%s %s %s', line_no, state, check_out - check_in) as "line!"
         from inventory.hold where hold_id = $1 order by line_no"#,
        id.uuid()
    );
    lines.fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_hold_of_several_lines_expires_whole_also_where_one_hold_is_the_limit(pool: PgPool) {
    tables(&pool).await;
    let (hotel, double, single) = (HotelId::new(), RoomTypeId::new(), RoomTypeId::new());
    let from = day(&pool, 10).await;
    offer(&pool, hotel, double, from, 2, 9).await;
    offer(&pool, hotel, single, from, 2, 9).await;
    let one = stay(from, 1);
    let holds = (0..5).map(|_| hold_lines(hotel, HoldId::new(), &[(double, one, 1), (single, one, 1)]));
    settled(&pool, holds.collect(), TTL).await;
    pool.execute("update inventory.hold set expires_at = now() - interval '1 second'")
        .await
        .unwrap();
    // Somebody is busy with the first line of one: all of that one is left out.
    let mut busy = pool.acquire().await.unwrap();
    busy.execute("begin; select from inventory.hold where line_no = 1 order by hold_id limit 1 for update")
        .await
        .unwrap();
    assert_eq!(expire_due(&pool).await.unwrap(), 4);
    let of = |states: &[String], wanted: &str| states.iter().filter(|state| *state == wanted).count();
    let now = states(&pool, hotel).await;
    assert_eq!((of(&now, "expired"), of(&now, "held")), (8, 2));
    assert_books_balance(&pool).await;
    busy.execute("rollback").await.unwrap();
    assert_eq!(expire_due(&pool).await.unwrap(), 1);
    assert_eq!(of(&states(&pool, hotel).await, "expired"), 10);
    assert_books_balance(&pool).await;
}

/// What processes of earlier releases write: one row for all rooms, without a number, which is the first line.
#[sqlx::test(migrations = false)]
async fn a_hold_that_the_former_release_wrote_is_gone_on_with(pool: PgPool) {
    tables(&pool).await;
    let (hotel, double, id) = (HotelId::new(), RoomTypeId::new(), HoldId::new());
    let from = day(&pool, 10).await;
    offer(&pool, hotel, double, from, 2, 9).await;
    let command = hold(hotel, double, id, stay(from, 2), 3);
    settled(&pool, vec![command.clone()], TTL).await;
    let former = "with was as (delete from inventory.hold returning *)
        insert into inventory.hold (hotel_id, hold_id, saga_id, room_type_id, check_in, check_out, rooms, state, expires_at)
        select distinct hotel_id, hold_id, saga_id, room_type_id, check_in, check_out, 3, state, expires_at from was";
    assert_eq!(states(&pool, hotel).await, ["held"; 3], "a row for each room");
    pool.execute(former).await.unwrap();
    let mut anew = command.clone();
    anew.round = 2;
    let told = settled(&pool, vec![command, book(hotel, id), release(hotel, id)], TTL).await;
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["done"; 3]);
    assert_eq!(states(&pool, hotel).await, ["released"]);
    assert_books_balance(&pool).await;
    // Taken over in a newer round, each room has a row of its own.
    let told = settled(&pool, vec![anew], TTL).await;
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["done"]);
    let (_, holds) = books(&pool, hotel).await;
    assert!(
        holds.len() == 3 && holds.iter().all(|hold| hold.ends_with(" 1 held")),
        "{holds:?}"
    );
    assert_books_balance(&pool).await;
}

async fn states(pool: &PgPool, hotel: HotelId) -> Vec<String> {
    let (_, holds) = books(pool, hotel).await;
    let state = |line: String| line.rsplit(' ').next().unwrap_or_default().to_owned();
    holds.into_iter().map(state).collect()
}
