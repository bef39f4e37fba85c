//! What the keeper promises, against a real Redis and a stand-in for the services that own the tables.

use platform::Clock;

use super::*;
use crate::fixtures::{Tables, TestCache, TestHotel, days, serve};

/// Before the nights that the stand-in has.
fn clock() -> Clock {
    Clock::fixed(chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap())
}

async fn keeper_of(of: &TestCache, hotel: TestHotel) -> Rebuilder {
    let (services, _) = serve(Tables::new(hotel)).await;
    let database = Database::new(&of.config(&services)).unwrap();
    Rebuilder {
        cache: of.cache.clone(),
        database,
        clock: clock(),
    }
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
    let rebuilder = keeper_of(&of, hotel).await;
    let tasks = Tasks::new();
    let (sender, cold) = mpsc::channel(4);
    let running = tasks.spawn_work(run(rebuilder, cold, tasks.clone()));
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
    let rebuilder = keeper_of(&of, hotel).await;
    assert!(of.cache.claim_rebuild("a").await.unwrap());
    keep(&rebuilder, "b").await.unwrap();
    assert!(!of.cache.is_filled().await.unwrap());
    let lock = of.cache.layout().rebuilding();
    redis::cmd("DEL")
        .arg(lock)
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    keep(&rebuilder, "b").await.unwrap();
    assert!(of.cache.is_filled().await.unwrap());
}

#[tokio::test]
async fn a_change_that_comes_after_the_cache_was_lost_and_filled_is_mended_by_the_comparison() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let rebuilder = keeper_of(&of, hotel).await;
    assert_eq!(of.cache.wants().await.unwrap(), Wants::Filling);
    keep(&rebuilder, "a").await.unwrap();
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
    keep(&rebuilder, "a").await.unwrap();
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
