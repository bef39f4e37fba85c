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
    fill_if_lost(&rebuilder, "b").await.unwrap();
    assert!(!of.cache.is_filled().await.unwrap());
    let lock = of.cache.layout().rebuilding();
    redis::cmd("DEL")
        .arg(lock)
        .query::<()>(&mut TestCache::redis())
        .unwrap();
    fill_if_lost(&rebuilder, "b").await.unwrap();
    assert!(of.cache.is_filled().await.unwrap());
}
