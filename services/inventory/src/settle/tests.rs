//! The same promises as the model's, kept by the tables under many hands.

use std::time::Duration;

use contract::command::{HeldLine, HeldLines, InventoryCommand};
use contract::{HoldId, HotelId, RoomTypeId, StayDate};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::fixtures::*;

const TTL: u32 = 900;

fn ids() -> (HotelId, RoomTypeId) {
    (HotelId::new(), RoomTypeId::new())
}

#[sqlx::test(migrations = false)]
async fn a_batch_leaves_the_same_rows_and_outcomes_as_its_commands_one_by_one(pool: PgPool) {
    tables(&pool).await;
    let from = day(&pool, 10).await;
    let (together, alone) = (ids(), ids());
    let holds: Vec<HoldId> = (0..60).map(|_| HoldId::new()).collect();
    let script = |(hotel, room_type): (HotelId, RoomTypeId)| {
        let mut commands = Vec::new();
        for (at, id) in holds.iter().enumerate() {
            let at32 = u32::try_from(at).unwrap();
            let stay = stay(from.plus_days(at32 % 4), 1 + at32 % 3);
            if at % 7 == 3 {
                commands.push(release(hotel, *id));
            }
            commands.push(hold(
                hotel,
                room_type,
                *id,
                stay,
                1 + u16::try_from(at % 3).unwrap(),
            ));
            if at % 3 == 0 {
                commands.push(book(hotel, *id));
            }
            if at % 5 == 0 {
                commands.push(release(hotel, holds[at / 2]));
            }
            if at % 6 == 5 {
                let first_back = from.plus_days(at32 % 5);
                commands.push(release_from(hotel, holds[at - 5], Some(first_back)));
            }
            if at % 4 == 1 {
                commands.push(hold(hotel, room_type, *id, stay, 1));
            }
        }
        commands
    };
    for (hotel, room_type) in [together, alone] {
        offer(&pool, hotel, room_type, from, 5, 20).await;
    }
    let mut in_groups = Vec::new();
    for group in script(together).chunks(40) {
        in_groups.extend(settled(&pool, group.to_vec(), TTL).await);
    }
    let mut one_by_one = Vec::new();
    for command in script(alone) {
        one_by_one.extend(settled(&pool, vec![command], TTL).await);
    }
    assert_eq!(in_groups, one_by_one);
    assert!(in_groups.iter().any(|outcome| code(outcome) == "sold_out"));
    assert!(in_groups.iter().any(|outcome| code(outcome) == "hold_released"));
    assert_eq!(books(&pool, together.0).await, books(&pool, alone.0).await);
    assert_books_balance(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn sixty_four_hands_on_one_hot_night_never_sell_beyond_the_cap_and_never_deadlock(
    options: PgPoolOptions,
    connect: PgConnectOptions,
) {
    let options = options
        .max_connections(16)
        .acquire_timeout(Duration::from_mins(2));
    let pool = options.connect_with(connect).await.unwrap();
    tables(&pool).await;
    let (hotel, hot) = ids();
    let other = RoomTypeId::new();
    let from = day(&pool, 5).await;
    offer(&pool, hotel, hot, from, 5, 100).await;
    offer(&pool, hotel, other, from, 5, 1_000).await;

    let hands = (0..64_u32).map(|hand| {
        let pool = pool.clone();
        async move {
            let mut done = 0;
            for round in 0..4 {
                let ids: Vec<HoldId> = (0..6).map(|_| HoldId::new()).collect();
                let mut commands: Vec<_> = ids
                    .iter()
                    .zip(0_u32..)
                    .map(|(id, at)| {
                        // Overlapping stays in every order, two room types mixed.
                        let first = from.plus_days((hand + at * 2) % 3);
                        let room_type = if (hand + at) % 3 == 0 { other } else { hot };
                        hold(hotel, room_type, *id, stay(first, 3), 1)
                    })
                    .collect();
                if hand % 2 == 1 {
                    commands.reverse();
                }
                let outcomes = try_settle(&pool, commands, TTL).await.unwrap();
                done += outcomes.iter().filter(|outcome| code(outcome) == "done").count();
                let after = vec![
                    book(hotel, ids[0]),
                    release(hotel, ids[1]),
                    release(hotel, HoldId::new()),
                    book(hotel, ids[2]),
                ];
                let after = if round % 2 == 1 {
                    after.into_iter().rev().collect()
                } else {
                    after
                };
                try_settle(&pool, after, TTL).await.unwrap();
            }
            done
        }
    });
    let tasks = platform::Tasks::new();
    let hands: Vec<_> = hands.map(|hand| tasks.spawn_work(hand)).collect();
    let mut done = 0;
    for hand in hands {
        done += hand.await.unwrap();
    }
    assert!(done > 110);
    assert_books_balance(&pool).await;
    let most = sqlx::query_scalar!(
        r#"select max(held + sold) as "most!" from inventory.room_night where room_type_id = $1"#,
        hot.uuid()
    );
    assert_eq!(most.fetch_one(&pool).await.unwrap(), 110);
}

#[sqlx::test(migrations = false)]
async fn the_same_commands_settled_twice_at_once_count_once(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = ids();
    let from = day(&pool, 5).await;
    offer(&pool, hotel, room_type, from, 2, 50).await;
    for _ in 0..20 {
        let (held, undone) = (HoldId::new(), HoldId::new());
        let commands = vec![
            hold(hotel, room_type, held, stay(from, 2), 1),
            release(hotel, undone),
            hold(hotel, room_type, undone, stay(from, 2), 1),
        ];
        let mut reversed = commands.clone();
        reversed.rotate_left(1);
        let (one, other) = tokio::join!(settled(&pool, commands, TTL), settled(&pool, reversed, TTL));
        assert_eq!(
            one.iter().map(code).collect::<Vec<_>>(),
            ["done", "done", "hold_released"]
        );
        assert_eq!(
            other.iter().map(code).collect::<Vec<_>>(),
            ["done", "hold_released", "done"]
        );
    }
    assert_books_balance(&pool).await;
    let (nights, _) = books(&pool, hotel).await;
    assert!(
        nights.iter().all(|night| night.contains(" 20/0/50 ")),
        "{nights:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn nights_that_have_begun_stay_sold_however_often_and_late_the_release_comes(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = ids();
    let from = day(&pool, -1).await;
    offer(&pool, hotel, room_type, from, 4, 10).await;
    let (slept, early) = (HoldId::new(), HoldId::new());
    let first_back = Some(from.plus_days(2));
    let commands = vec![
        hold(hotel, room_type, slept, stay(from, 4), 3),
        book(hotel, slept),
        release_from(hotel, slept, first_back),
    ];
    // Each in a transaction of its own: what a hold is shortened to is read by the next.
    for command in commands {
        settled(&pool, vec![command], TTL).await;
    }
    let again = vec![
        release_from(hotel, slept, first_back),
        release_from(hotel, slept, Some(from.plus_days(3))),
        hold(hotel, room_type, slept, stay(from, 4), 3),
        book(hotel, slept),
        // A release that comes before its hold forbids it, whatever nights it is about.
        release_from(hotel, early, first_back),
        hold(hotel, room_type, early, stay(from, 4), 1),
    ];
    for _ in 0..2 {
        let outcomes = settled(&pool, again.clone(), TTL).await;
        let codes: Vec<_> = outcomes.iter().map(code).collect();
        assert_eq!(codes, ["done", "done", "done", "done", "done", "hold_released"]);
        let (nights, holds) = books(&pool, hotel).await;
        for (night, sold) in nights.iter().zip([3, 3, 0, 0]) {
            assert!(night.contains(&format!(" 0/{sold}/10 ")), "{nights:?}");
        }
        let kept = format!("{from} {} 1 sold", from.plus_days(2));
        let rooms = holds.iter().filter(|hold| **hold == kept);
        assert_eq!(rooms.count(), 3, "{holds:?}");
    }
    assert_books_balance(&pool).await;
    // Everything, as an undo has it.
    settled(&pool, vec![release(hotel, slept)], TTL).await;
    let (nights, _) = books(&pool, hotel).await;
    assert!(
        nights.iter().all(|night| night.contains(" 0/0/10 ")),
        "{nights:?}"
    );
    assert_books_balance(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn a_room_type_without_any_night_is_unknown_and_a_night_without_a_row_is_sold_out(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = ids();
    let from = day(&pool, 5).await;
    offer(&pool, hotel, room_type, from, 2, 5).await;
    let far = stay(from.plus_days(50), 1);
    let commands = vec![
        hold(hotel, RoomTypeId::new(), HoldId::new(), stay(from, 1), 1),
        hold(hotel, room_type, HoldId::new(), far, 1),
        hold(hotel, room_type, HoldId::new(), stay(from, 3), 1),
        hold(HotelId::new(), room_type, HoldId::new(), stay(from, 1), 1),
        hold(hotel, room_type, HoldId::new(), stay(day(&pool, -2).await, 1), 1),
        book(hotel, HoldId::new()),
    ];
    let outcomes = settled(&pool, commands, TTL).await;
    let codes: Vec<_> = outcomes.iter().map(code).collect();
    assert_eq!(
        codes,
        [
            "unknown_room_type",
            "sold_out",
            "sold_out",
            "unknown_room_type",
            "stay_in_past",
            "hold_expired"
        ]
    );
    // Alone, no night of the room type is locked, and it is known all the same.
    let alone = settled(&pool, vec![hold(hotel, room_type, HoldId::new(), far, 1)], TTL).await;
    assert_eq!(code(&alone[0]), "sold_out");
    let (_, kept) = books(&pool, hotel).await;
    assert!(kept.iter().all(|hold| hold.ends_with(" refused")), "{kept:?}");
}

/// At every moment the date is another one in one of these zones.
#[sqlx::test(migrations = false)]
async fn today_is_that_of_utc_whatever_zone_the_session_has(
    options: PgPoolOptions,
    connect: PgConnectOptions,
) {
    let clock = platform::Clock::system();
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let connect = connect.clone().options([("TimeZone", zone)]);
        let pool = options.clone().connect_with(connect).await.unwrap();
        let (before, today) = (clock.now().date_naive(), day(&pool, 0).await.date());
        assert!(
            (before..=clock.now().date_naive()).contains(&today),
            "{zone}: {today}"
        );
    }
}

/// At every moment it is another date at one of these hotels than in Greenwich.
#[sqlx::test(migrations = false)]
async fn a_stay_is_past_by_the_date_at_its_hotel(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = ids();
    let from = day(&pool, -3).await;
    offer(&pool, hotel, room_type, from, 8, 10).await;
    for zone in [chrono_tz::Pacific::Kiritimati, chrono_tz::Pacific::Pago_Pago] {
        let (codes, wanted) = loop {
            let today = today_in(&pool, zone).await;
            let mut commands = Vec::new();
            for (before, time_zone) in [(0, Some(zone)), (1, Some(zone)), (1, None), (2, None)] {
                let check_in = StayDate::from_days_since_1970(today.days_since_1970() - before).unwrap();
                commands.push(sent(InventoryCommand::Hold {
                    hotel_id: hotel,
                    hold_id: HoldId::new(),
                    lines: HeldLines(vec![HeldLine {
                        room_type_id: room_type,
                        stay: stay(check_in, 2),
                        rooms: 1,
                    }]),
                    time_zone: time_zone.map(|zone| zone.name().to_owned()),
                }));
            }
            let outcomes = settled(&pool, commands, TTL).await;
            let utc = day(&pool, -1).await;
            let past = |before: i32| today.days_since_1970() - before < utc.days_since_1970();
            let without = |before| if past(before) { "stay_in_past" } else { "done" };
            // When the day ends there meanwhile, it is asked again.
            if today_in(&pool, zone).await == today {
                let codes: Vec<String> = outcomes.iter().map(|one| code(one).to_owned()).collect();
                break (codes, ["done", "stay_in_past", without(1), without(2)]);
            }
        };
        assert_eq!(codes, wanted, "{zone}");
    }
}

async fn today_in(pool: &PgPool, zone: chrono_tz::Tz) -> StayDate {
    let mut db = pool.acquire().await.unwrap();
    let now = crate::store::now(&mut db).await.unwrap();
    StayDate::from_date(now.with_timezone(&zone).date_naive()).unwrap()
}

#[sqlx::test(migrations = false)]
async fn the_table_itself_refuses_one_room_too_many(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = ids();
    offer(&pool, hotel, room_type, day(&pool, 5).await, 1, 10).await;
    let taken = |rooms: i32| sqlx::query!("update inventory.room_night set sold = $1", rooms).execute(&pool);
    taken(11).await.unwrap();
    let error = platform::Broken::from(taken(12).await.unwrap_err());
    assert_eq!(error.constraint(), Some("room_night_overbooking"));
}

#[sqlx::test(migrations = false)]
async fn updates_of_a_hot_night_stay_on_their_page(pool: PgPool) {
    tables(&pool).await;
    let (hotel, room_type) = ids();
    let from = day(&pool, 5).await;
    offer(&pool, hotel, room_type, from, 1, 1_000).await;
    for _ in 0..100 {
        settled(
            &pool,
            vec![hold(hotel, room_type, HoldId::new(), stay(from, 1), 1)],
            TTL,
        )
        .await;
    }
    // The statistics arrive when a session is idle for a moment; closing the sessions sends them at once.
    let statistics = pool
        .options()
        .clone()
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap();
    pool.close().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let seen = sqlx::query!(
            r#"select n_tup_upd as "all!", n_tup_hot_upd as "hot!" from pg_stat_user_tables
             where schemaname = 'inventory' and relname = 'room_night'"#
        );
        let seen = seen.fetch_one(&statistics).await.unwrap();
        if seen.all >= 100 {
            assert!(seen.hot >= 95, "{} of {} updates were HOT", seen.hot, seen.all);
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "only {} updates were counted",
            seen.all
        );
        tokio::task::yield_now().await;
    }
}
