//! What the keeper promises, against a real Redis and a stand-in for the services that own the tables.

use platform::Clock;

use super::*;
use crate::fixtures::{Tables, TestCache, TestHotel, days, serve};

/// Before the nights that the stand-in has.
fn clock() -> Clock {
    Clock::fixed(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap())
}

async fn keeper_of(of: &TestCache, hotel: TestHotel) -> Keeper {
    let (services, _) = serve(Tables::new(hotel)).await;
    let database = of.database(&services);
    let rebuilder = Rebuilder {
        cache: of.cache.clone(),
        database,
        clock: clock(),
        past_days: 1,
    };
    Keeper::new(rebuilder, Health::default())
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

#[tokio::test]
async fn a_lost_cache_fills_itself_and_a_cold_hotel_on_demand() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let keeper = keeper_of(&of, hotel).await;
    let tasks = Tasks::new();
    let (sender, cold) = mpsc::channel(4);
    let running = tasks.spawn_work(run(keeper, cold, tasks.clone()));
    let stay = days("2026-12-24", "2026-12-26");
    let warm = async || of.cache.read(hotel.hotel, stay, |_, _| true).await.is_ok();
    until("the empty cache is filled", warm).await;
    assert!(of.cache.is_filled().await.unwrap());

    // One hotel is lost: whoever misses it says so.
    let key = of.cache.layout().catalogue(hotel.hotel);
    redis::cmd("DEL")
        .arg(key)
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    assert!(!warm().await);
    for _ in 0..3 {
        sender.send(hotel.hotel).await.unwrap();
    }
    until("the hotel is filled", warm).await;
    tasks.stop();
    running.await.unwrap();
}

#[tokio::test]
async fn one_process_fills_and_another_takes_over_only_when_it_is_gone() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let keeper = keeper_of(&of, hotel).await;
    assert!(of.cache.claim_rebuild("a").await.unwrap());
    keeper.keep().await.unwrap();
    assert!(!of.cache.is_filled().await.unwrap());
    let lock = of.cache.layout().rebuilding();
    redis::cmd("DEL")
        .arg(lock)
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    keeper.keep().await.unwrap();
    assert!(of.cache.is_filled().await.unwrap());
}

/// For how many more seconds Redis keeps a key; negative for ever.
fn seconds_left(key: &str) -> i64 {
    let left = redis::cmd("TTL").arg(key).query(&mut TestCache::redis());
    left.unwrap()
}

#[tokio::test]
async fn whoever_fills_has_the_lock_for_as_long_as_it_goes_on_and_not_for_ever() {
    let of = TestCache::new();
    let lock = of.cache.layout().rebuilding();
    assert!(of.cache.claim_rebuild("a").await.unwrap());
    let whole = i64::try_from(REBUILDING_SECONDS).unwrap();
    assert!((1..=whole).contains(&seconds_left(&lock)), "it ends by itself");
    redis::cmd("EXPIRE")
        .arg(&lock)
        .arg(3)
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    // Another one's look takes nothing and prolongs nothing; its own does.
    assert!(!of.cache.claim_rebuild("b").await.unwrap());
    assert!(seconds_left(&lock) <= 3);
    assert!(of.cache.claim_rebuild("a").await.unwrap());
    assert!(
        (4..=whole).contains(&seconds_left(&lock)),
        "work may take longer than a claim"
    );
}

#[tokio::test]
async fn all_is_compared_two_minutes_after_a_filling_and_then_each_day() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let keeper = keeper_of(&of, hotel).await;
    let compared = of.cache.layout().compared();
    for (wants, longest) in [
        (Wants::Filling, 120),
        (Wants::Comparing, 86_400),
        (Wants::Comparing, 86_400),
    ] {
        assert_eq!(of.cache.wants().await.unwrap(), wants);
        keeper.keep().await.unwrap();
        assert_eq!(of.cache.wants().await.unwrap(), Wants::Nothing);
        let left = seconds_left(&compared);
        assert!((longest / 2..=longest).contains(&left), "{wants:?}: {left} s");
        redis::cmd("DEL")
            .arg(&compared)
            .query::<()>(&mut TestCache::redis())
            .unwrap();
    }
}

#[tokio::test]
async fn a_change_that_comes_after_the_cache_was_lost_and_filled_is_mended_by_the_comparison() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let keeper = keeper_of(&of, hotel).await;
    assert_eq!(of.cache.wants().await.unwrap(), Wants::Filling);
    keeper.keep().await.unwrap();
    assert_eq!(of.cache.wants().await.unwrap(), Wants::Nothing);
    let key = hotel.public_key(&of, "2026-12-24");
    let filled = TestCache::get(&key);
    // Read by a process before the loss, written by it afterwards.
    of.apply(&[hotel.room_night(5, "u", "2026-12-24", (1, 0, 0))])
        .await;
    assert_ne!(TestCache::get(&key), filled);

    let compared = of.cache.layout().compared();
    redis::cmd("DEL")
        .arg(&compared)
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    assert_eq!(of.cache.wants().await.unwrap(), Wants::Comparing);
    keeper.keep().await.unwrap();
    assert_eq!(TestCache::get(&key), filled);
    assert_eq!(of.cache.wants().await.unwrap(), Wants::Nothing);
    // Another Redis, which may have forgotten the last changes.
    redis::cmd("SET")
        .arg(&compared)
        .arg("another run")
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    assert_eq!(of.cache.wants().await.unwrap(), Wants::Comparing);
}

#[tokio::test]
async fn a_hotel_that_cannot_be_filled_is_told_and_tried_again_until_it_can() {
    use crate::shapes;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut any = |broken| {
        let tree = proptest::strategy::Strategy::new_tree(&shapes::shape(20_780..20_800), &mut runner);
        let mut shape = proptest::strategy::ValueTree::current(&tree.unwrap());
        shape.broken = broken;
        shape
    };
    let bad = any(Some(shapes::Broken::Fails(shapes::Part::RatePlans)));
    let (good, also) = (any(None), any(None));
    let of = TestCache::new();
    let (services, hotels) = shapes::serve(vec![good.clone(), bad.clone(), also.clone()]).await;
    let rebuilder = Rebuilder {
        cache: of.cache.clone(),
        database: of.database(&services),
        clock: clock(),
        past_days: 1,
    };
    let health = Health::default();
    let tasks = Tasks::new();
    let (_sender, cold) = mpsc::channel(4);
    let keeper = Keeper::new(rebuilder, health.clone());
    let running = tasks.spawn_work(run(keeper, cold, tasks.clone()));
    let told = || health.limping_parts().get(PART).cloned().unwrap_or_default();
    let complete = async |hotel: HotelId| of.cache.stored(hotel).await.unwrap().complete.is_some();
    until("the others are filled and the bad one is told", async || {
        let text = told();
        text.contains(&bad.hotel.to_string()) && text.contains("1 hotel cannot be filled")
    })
    .await;
    assert!(of.cache.is_filled().await.unwrap());
    assert!(complete(good.hotel).await && complete(also.hotel).await);
    assert!(!complete(bad.hotel).await);
    assert_eq!(
        health.parts().get(PART),
        Some(&Ok(())),
        "a process that can answer is ready"
    );
    until("it is tried again", async || {
        let unfilled = of.cache.unfilled().await.unwrap();
        unfilled.get(&bad.hotel).is_some_and(|hotel| hotel.tries > 2)
    })
    .await;
    for hotel in hotels.lock().unwrap().iter_mut() {
        hotel.broken = None;
    }
    until("it is filled once it can be", async || complete(bad.hotel).await).await;
    until("all is well", async || health.limping_parts().is_empty()).await;
    tasks.stop();
    running.await.unwrap();
}

#[tokio::test]
async fn a_filling_that_does_not_succeed_is_told_with_its_reason() {
    let of = TestCache::new();
    let rebuilder = Rebuilder {
        cache: of.cache.clone(),
        database: of.database("http://127.0.0.1:1"),
        clock: clock(),
        past_days: 1,
    };
    let (health, tasks) = (Health::default(), Tasks::new());
    let (_sender, cold) = mpsc::channel(4);
    let keeper = Keeper::new(rebuilder, health.clone());
    let running = tasks.spawn_work(run(keeper, cold, tasks.clone()));
    until("the reason is told", async || {
        let told = health.limping_parts().get(PART).cloned().unwrap_or_default();
        told.contains("tried 2 times") && told.contains("http://127.0.0.1:1/v1/hotels")
    })
    .await;
    assert!(!of.cache.is_filled().await.unwrap());
    tasks.stop();
    running.await.unwrap();
}

#[test]
fn each_further_try_comes_later_and_none_after_more_than_ten_minutes() {
    let now = clock().now();
    let after = |tries, seconds| {
        let unfilled = Unfilled {
            name: None,
            why: String::new(),
            tries,
            since: now,
            last: now,
        };
        unfilled.is_due(now + chrono::TimeDelta::seconds(seconds))
    };
    for tries in [1, 2, 10, u32::MAX] {
        assert!(after(tries, 600), "{tries}");
    }
}
