//! What a rebuild promises, against a real Redis and a stand-in for the services that own the tables.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use contract::StayDate;

use super::*;
use crate::fixtures::{Tables, TestCache, TestHotel, days, identity, serve};

fn plan(mode: Mode) -> Plan {
    Plan {
        mode,
        days: days("2026-12-01", "2028-06-01"),
        hotels: None,
    }
}

async fn run(of: &TestCache, services: &str, mode: Mode) -> Report {
    let mut steps = Vec::new();
    let config = of.config(services);
    let report = rebuild(&config, identity(Clock::system()), &plan(mode), |step| {
        steps.push(step);
    })
    .await
    .unwrap();
    assert_eq!(
        steps.last().map(|step| (step.hotels_done, step.hotels_total)),
        Some((1, 1))
    );
    report
}

#[tokio::test]
async fn an_empty_cache_is_filled_and_then_nothing_differs() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let (services, _) = serve(Tables::new(hotel)).await;
    assert!(!of.cache.is_filled().await.unwrap());

    let report = run(&of, &services, Mode::Repair).await;
    // Three facts, and two nights with rooms and a price each; a night's public key counts for itself.
    assert_eq!((report.hotels, report.written, report.differing), (1, 7, 9));
    assert!(of.cache.is_filled().await.unwrap());
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("7")
    );
    assert_eq!(
        of.cache.stored(hotel.hotel).await.unwrap().complete,
        Some(plan(Mode::Repair).days)
    );

    let report = run(&of, &services, Mode::Verify).await;
    assert_eq!(
        (report.differing, report.written),
        (0, 0),
        "{:?}",
        report.differences
    );
    assert!(report.keys > 1_000);
    assert_eq!(run(&of, &services, Mode::Repair).await.written, 0);
}

#[tokio::test]
async fn a_difference_is_reported_by_key_and_repaired() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let (services, tables) = serve(Tables::new(hotel)).await;
    run(&of, &services, Mode::Repair).await;
    let key = hotel.public_key(&of, "2026-12-25");
    TestCache::set(&key, "4711");

    let report = run(&of, &services, Mode::Verify).await;
    let wrong = Difference {
        key: key.clone(),
        cache: Some("4711".to_owned()),
        database: Some("4".to_owned()),
    };
    assert_eq!((report.differing, report.differences), (1, vec![wrong]));
    assert_eq!(
        TestCache::get(&key).as_deref(),
        Some("4711"),
        "verifying changes nothing"
    );
    assert_eq!(run(&of, &services, Mode::Repair).await.written, 1);
    assert_eq!(TestCache::get(&key).as_deref(), Some("4"));

    // The tables have lost a night and changed every price: the cache follows.
    {
        let mut tables = tables.lock().unwrap();
        tables.nights.pop();
        tables.price = "130.00";
    }
    assert_eq!(run(&of, &services, Mode::Verify).await.differing, 4);
    run(&of, &services, Mode::Repair).await;
    assert_eq!(TestCache::get(&key), None);
    assert_eq!(run(&of, &services, Mode::Verify).await.differing, 0);
}

#[tokio::test]
async fn a_change_that_arrives_while_the_tables_are_read_wins() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let tables = Tables::new(hotel);
    let (gate, asked) = (Arc::clone(&tables.gate), Arc::clone(&tables.waiting));
    let (services, _) = serve(tables).await;
    of.apply(&[hotel.room_night(50, "c", "2026-12-24", (10, 9, 0))])
        .await;

    let closed = gate.lock().await;
    let config = of.config(&services);
    let (clock, plan) = (Clock::system(), plan(Mode::Repair));
    let rebuilding = rebuild(&config, identity(clock.clone()), &plan, |_| ());
    let meanwhile = async {
        // The rebuild has read the cache once it asks for the rooms.
        while !asked.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        of.apply(&[hotel.room_night(60, "u", "2026-12-24", (10, 0, 0))])
            .await;
        drop(closed);
    };
    let (report, ()) = tokio::join!(rebuilding, meanwhile);
    report.unwrap();
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("11")
    );
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-25")).as_deref(),
        Some("4")
    );
}

#[tokio::test]
async fn a_cache_that_is_emptied_while_the_tables_are_read_does_not_count_as_filled() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let tables = Tables::new(hotel);
    let (gate, asked) = (Arc::clone(&tables.gate), Arc::clone(&tables.waiting));
    let (services, _) = serve(tables).await;
    run(&of, &services, Mode::Repair).await;

    let closed = gate.lock().await;
    let config = of.config(&services);
    let (clock, plan) = (Clock::system(), plan(Mode::Repair));
    let rebuilding = rebuild(&config, identity(clock.clone()), &plan, |_| ());
    let meanwhile = async {
        while !asked.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        of.empty();
        drop(closed);
    };
    let (report, ()) = tokio::join!(rebuilding, meanwhile);
    // The hotel was looked at again; but what was filled before the loss nobody knows, so all must be filled again.
    assert!(matches!(report, Err(RebuildError::Emptied)), "{report:?}");
    assert!(!of.cache.is_filled().await.unwrap());
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-25")).as_deref(),
        Some("4")
    );
    run(&of, &services, Mode::Repair).await;
    assert!(of.cache.is_filled().await.unwrap());
    assert_eq!(run(&of, &services, Mode::Verify).await.differing, 0);
}

#[tokio::test]
async fn a_later_change_is_newer_than_what_a_rebuild_wrote() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let (services, _) = serve(Tables::new(hotel)).await;
    run(&of, &services, Mode::Repair).await;
    let first: StayDate = "2026-12-24".parse().unwrap();
    of.apply(&[hotel.room_night(1, "u", &first.to_string(), (10, 5, 4))])
        .await;
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("2")
    );
}

#[tokio::test]
async fn a_service_that_is_away_is_an_error_and_not_an_empty_table() {
    let of = TestCache::new();
    let config = of.config("http://127.0.0.1:1");
    let error = rebuild(&config, identity(Clock::system()), &plan(Mode::Repair), |_| ())
        .await
        .unwrap_err();
    assert!(
        matches!(error, RebuildError::Database(AskError::Away { .. })),
        "{error:?}"
    );
    assert!(!of.cache.is_filled().await.unwrap());
}
