//! Thousands of small races for random rooms, stays and parties, on the tables: nothing is ever oversold, nobody
//! is refused what fits, and every outcome is counted once.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::{HoldId, HotelId, Outcome, RoomTypeId, StayDate};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::fixtures::*;

const TTL: u32 = 900;
/// Races of one run.
const ROUNDS: usize = 2_000;
/// Races that run beside each other.
const TOGETHER: usize = 4;

/// A hold that somebody asks for: first night, nights, rooms; and whether it is booked or given back after.
#[derive(Debug, Clone, Copy)]
struct Wish {
    from: u32,
    nights: u32,
    rooms: u16,
    kept: bool,
}

/// The rooms of each night, and who asks for what in which transaction.
#[derive(Debug, Clone)]
struct Race {
    totals: Vec<i32>,
    hands: Vec<Vec<Wish>>,
}

fn any_race() -> impl Strategy<Value = Race> {
    let totals = prop::collection::vec(0..12_i32, 1..=6);
    totals.prop_flat_map(|totals| {
        let count = u32::try_from(totals.len()).unwrap();
        let wish =
            (0..count, 1..=count, 1..=4_u16, any::<bool>()).prop_map(move |(from, nights, rooms, kept)| {
                Wish {
                    from,
                    nights: nights.min(count - from),
                    rooms,
                    kept,
                }
            });
        let hands = prop::collection::vec(prop::collection::vec(wish, 1..=4), 2..=6);
        hands.prop_map(move |hands| Race {
            totals: totals.clone(),
            hands,
        })
    })
}

#[sqlx::test(migrations = false)]
async fn in_thousands_of_races_nothing_is_oversold_and_nobody_is_refused_what_fits(
    options: PgPoolOptions,
    connect: PgConnectOptions,
) {
    let options = options
        .max_connections(12)
        .acquire_timeout(Duration::from_mins(2));
    let pool = options.connect_with(connect).await.unwrap();
    tables(&pool).await;
    let first = day(&pool, 10).await;
    let mut runner = TestRunner::default();
    let races: Vec<Race> = (0..ROUNDS)
        .map(|_| any_race().new_tree(&mut runner).unwrap().current())
        .collect();
    let tasks = platform::Tasks::new();
    let hands: Vec<_> = (0..TOGETHER)
        .map(|hand| {
            let (pool, tasks) = (pool.clone(), tasks.clone());
            let mine: Vec<Race> = races.iter().skip(hand).step_by(TOGETHER).cloned().collect();
            tasks.clone().spawn_work(async move {
                for race in mine {
                    run(&pool, &tasks, first, &race).await;
                }
            })
        })
        .collect();
    for hand in hands {
        hand.await.unwrap();
    }
    assert_books_balance(&pool).await;
    #[expect(
        clippy::disallowed_methods,
        reason = "looks at the server's statistics, past the service"
    )]
    let deadlocks =
        sqlx::query_scalar("select deadlocks from pg_stat_database where datname = current_database()");
    let deadlocks: i64 = deadlocks.fetch_one(&pool).await.unwrap();
    assert_eq!(deadlocks, 0);
}

async fn run(pool: &PgPool, tasks: &platform::Tasks, first: StayDate, race: &Race) {
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    for (total, at) in race.totals.iter().zip(0..) {
        offer(pool, hotel, room_type, first.plus_days(at), 1, *total).await;
    }
    // Everybody asks at once.
    let asking: Vec<_> = race
        .hands
        .iter()
        .map(|wishes| {
            let wanted: Vec<(HoldId, Wish)> = wishes.iter().map(|wish| (HoldId::new(), *wish)).collect();
            let commands = wanted.iter().map(|(id, wish)| {
                hold(
                    hotel,
                    room_type,
                    *id,
                    stay(first.plus_days(wish.from), wish.nights),
                    wish.rooms,
                )
            });
            let (pool, commands) = (pool.clone(), commands.collect());
            tasks.spawn_work(async move {
                let outcomes = settled(&pool, commands, TTL).await;
                wanted.into_iter().zip(outcomes).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut asked = Vec::new();
    for hand in asking {
        asked.extend(hand.await.unwrap());
    }
    let left = judge(first, race, &asked);
    // Then some book and some give back, again at once.
    let deciding: Vec<_> = asked
        .chunks(2)
        .map(|pair| {
            let commands = pair.iter().map(|((id, wish), _)| {
                if wish.kept {
                    book(hotel, *id)
                } else {
                    release(hotel, *id)
                }
            });
            let (pool, commands) = (pool.clone(), commands.collect());
            tasks.spawn_work(async move { settled(&pool, commands, TTL).await })
        })
        .collect();
    for hand in deciding {
        hand.await.unwrap();
    }
    assert_sold(pool, hotel, first, race, &asked, &left).await;
}

/// What is left of each night after these outcomes, which must be right.
fn judge(first: StayDate, race: &Race, asked: &[((HoldId, Wish), Outcome)]) -> BTreeMap<StayDate, i32> {
    let nights = race.totals.iter().zip(0..);
    let mut left: BTreeMap<StayDate, i32> = nights
        .map(|(total, at)| (first.plus_days(at), total * 11 / 10))
        .collect();
    for ((_, wish), _) in asked.iter().filter(|(_, outcome)| code(outcome) == "done") {
        for at in wish.from..wish.from + wish.nights {
            let night = left.get_mut(&first.plus_days(at)).unwrap();
            *night -= i32::from(wish.rooms);
            assert!(*night >= 0, "oversold in {race:?}: {asked:?}");
        }
    }
    for ((_, wish), outcome) in asked {
        if let Outcome::Refused(refusal) = outcome {
            assert_eq!(refusal.word(), "sold_out", "{race:?}");
            // Rooms only became fewer, so the night that refused has too few now.
            assert!(
                left[&refusal.night().unwrap()] < i32::from(wish.rooms),
                "{wish:?} fits in {race:?}: {asked:?}"
            );
        }
    }
    left
}

/// Sold is what was held and kept; nothing is held any more.
async fn assert_sold(
    pool: &PgPool,
    hotel: HotelId,
    first: StayDate,
    race: &Race,
    asked: &[((HoldId, Wish), Outcome)],
    left: &BTreeMap<StayDate, i32>,
) {
    let (nights, _) = books(pool, hotel).await;
    for ((line, total), at) in nights.iter().zip(&race.totals).zip(0_u32..) {
        let kept = asked.iter().filter(|((_, wish), outcome)| {
            wish.kept && code(outcome) == "done" && (wish.from..wish.from + wish.nights).contains(&at)
        });
        let sold: i32 = kept.map(|((_, wish), _)| i32::from(wish.rooms)).sum();
        let night = first.plus_days(at);
        let expected = format!("{night} 0/{sold}/{total} ");
        assert!(
            line.starts_with(&expected),
            "{line} is not {expected} in {race:?}; left was {left:?}"
        );
    }
}
