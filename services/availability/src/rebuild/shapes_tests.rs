//! Hotels of any shape are filled, and one that cannot be read stops no other: against a real Redis.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::fixtures::{TestCache, days, identity};
use crate::nights::Seen;
use crate::shapes::{Broken, Part, Shape, broken, serve, shape};

/// Around the border of a packed string, and far from it.
const FIRST: i32 = 20_970;
const LAST: i32 = 21_390;

fn plan(mode: Mode) -> Plan {
    Plan {
        mode,
        days: Days {
            from: FIRST,
            to: LAST,
        },
        hotels: None,
    }
}

fn hotels() -> impl Strategy<Value = Vec<Shape>> {
    let one = (shape(FIRST..LAST), prop::option::weighted(0.3, broken()));
    let one = one.prop_map(|(mut shape, broken)| {
        shape.broken = broken;
        shape
    });
    prop::collection::vec(one, 0..7)
}

async fn run(of: &TestCache, services: &str, mode: Mode) -> Report {
    let (config, mut steps) = (of.config(services), Vec::new());
    let report = rebuild(&config, identity(Clock::system()), &plan(mode), |step| {
        steps.push(step);
    })
    .await
    .unwrap();
    let last = steps
        .last()
        .map_or((0, 0), |step| (step.hotels_done, step.hotels_total));
    assert_eq!(last.0, last.1, "the progress ends at its end");
    report
}

fn failed(report: &Report) -> BTreeSet<HotelId> {
    report.failed.iter().map(|failed| failed.hotel).collect()
}

/// What the cache says of a hotel, and what the tables say.
async fn both(of: &TestCache, services: &str, hotel: HotelId) -> (Seen, Seen) {
    let days = Days {
        from: FIRST,
        to: LAST,
    };
    let database = of.database(services);
    let mut cached = of.cache.read(hotel, days, |_, _| true).await.unwrap();
    cached.reached = None;
    // One call is about a year at most, and the sample is longer.
    let first = Days {
        to: FIRST + 366,
        ..days
    };
    let mut short = of.cache.read(hotel, first, |_, _| true).await.unwrap();
    short.reached = None;
    assert_eq!(short.catalogue, cached.catalogue);
    (short, database.read(hotel, first, |_, _| true).await.unwrap())
}

async fn check(hotels: Vec<Shape>) -> Result<(), TestCaseError> {
    let of = TestCache::new();
    let bad: BTreeSet<HotelId> = hotels
        .iter()
        .filter(|hotel| hotel.broken.is_some())
        .map(|hotel| hotel.hotel)
        .collect();
    let (services, shared) = serve(hotels.clone()).await;
    let report = run(&of, &services, Mode::Repair).await;
    prop_assert_eq!(&failed(&report), &bad);
    prop_assert_eq!(report.hotels, u64::try_from(hotels.len() - bad.len()).unwrap());
    prop_assert!(of.cache.is_filled().await.unwrap());
    let unfilled: BTreeSet<HotelId> = of.cache.unfilled().await.unwrap().into_keys().collect();
    prop_assert_eq!(&unfilled, &bad);
    for hotel in hotels.iter().filter(|hotel| hotel.broken.is_none()) {
        let (cached, truth) = both(&of, &services, hotel.hotel).await;
        prop_assert_eq!(cached, truth);
    }
    let report = run(&of, &services, Mode::Verify).await;
    prop_assert_eq!(
        (report.differing, &failed(&report)),
        (0, &bad),
        "{:?}",
        report.differences
    );

    // Mended, they are filled like the others.
    for hotel in shared.lock().unwrap().iter_mut() {
        hotel.broken = None;
    }
    let report = run(&of, &services, Mode::Repair).await;
    prop_assert!(report.failed.is_empty());
    prop_assert!(of.cache.unfilled().await.unwrap().is_empty());
    prop_assert_eq!(run(&of, &services, Mode::Verify).await.differing, 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn hotels_of_any_shape_are_filled_and_an_unreadable_one_stops_no_other(hotels in hotels()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(hotels))?;
    }
}

fn empty(broken: Option<Broken>) -> Shape {
    Shape {
        hotel: HotelId::new(),
        zone: "UTC",
        room_types: Vec::new(),
        rate_plans: Vec::new(),
        broken,
    }
}

#[tokio::test]
async fn no_hotel_at_all_and_a_hotel_of_nothing_are_filled() {
    check(Vec::new()).await.unwrap();
    check(vec![empty(None)]).await.unwrap();
    let parts = [Part::Detail, Part::RoomTypes, Part::RatePlans, Part::Inventory];
    let all = parts.map(|part| empty(Some(Broken::Fails(part))));
    check(all.into_iter().chain([empty(None)]).collect())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unreadable_hotel_is_told_by_name_and_how_often_it_was_tried() {
    let of = TestCache::new();
    let (bad, good) = (empty(Some(Broken::Unlisted)), empty(None));
    let (services, _) = serve(vec![bad.clone(), good]).await;
    for tries in 1..=3 {
        let report = run(&of, &services, Mode::Repair).await;
        let [failed] = report.failed.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!((failed.hotel, failed.name.as_deref()), (bad.hotel, Some("Any")));
        assert!(failed.why.contains("status 500"), "{}", failed.why);
        let told = of.cache.unfilled().await.unwrap().remove(&bad.hotel).unwrap();
        assert_eq!((told.tries, &told.why), (tries, &failed.why));
    }
    // A comparison alone is no try.
    run(&of, &services, Mode::Verify).await;
    let told = of.cache.unfilled().await.unwrap().remove(&bad.hotel).unwrap();
    assert_eq!(told.tries, 3);
}

#[tokio::test]
async fn what_a_foreign_hand_put_into_the_cache_gives_way_to_a_filling() {
    let of = TestCache::new();
    let mut hotel = empty(None);
    let rooms = crate::shapes::Rooms {
        adults_max: 2,
        nights: [(FIRST, (4, 1, 0, false))].into(),
        ..crate::shapes::Rooms::default()
    };
    hotel.room_types.push((contract::RoomTypeId::new(), rooms));
    let (services, _) = serve(vec![hotel.clone()]).await;
    run(&of, &services, Mode::Repair).await;
    let layout = of.cache.layout();
    let mut redis = TestCache::redis();
    let (chunk, _) = crate::layout::place(FIRST);
    for key in [
        layout.catalogue(hotel.hotel),
        layout.rooms(hotel.hotel, hotel.room_types[0].0, chunk),
        layout.unfilled(),
    ] {
        redis::cmd("DEL").arg(&key).query::<()>(&mut redis).unwrap();
        redis::cmd("LPUSH")
            .arg(&key)
            .arg("x")
            .query::<()>(&mut redis)
            .unwrap();
    }
    assert!(run(&of, &services, Mode::Verify).await.differing > 0);
    assert!(run(&of, &services, Mode::Repair).await.written > 0);
    assert_eq!(run(&of, &services, Mode::Verify).await.differing, 0);
    let (cached, truth) = both(&of, &services, hotel.hotel).await;
    assert_eq!(cached, truth);
}

#[tokio::test]
async fn a_filling_ends_at_once_when_the_cache_is_emptied() {
    let of = TestCache::new();
    let hotels: Vec<Shape> = (0..40).map(|_| empty(None)).collect();
    let (services, _) = serve(hotels).await;
    let (config, mut steps) = (of.config(&services), 0);
    let done = rebuild(&config, identity(Clock::system()), &plan(Mode::Repair), |_| {
        steps += 1;
        of.empty();
    })
    .await;
    assert!(matches!(done, Err(RebuildError::Emptied)));
    assert_eq!(steps, 1);
    assert!(!of.cache.is_filled().await.unwrap());
}

#[tokio::test]
async fn nothing_asked_is_nothing_answered() {
    let of = TestCache::new();
    let hotel = HotelId::new();
    let none = days("2026-12-24", "2026-12-24");
    let some = days("2026-12-24", "2026-12-26");
    assert_eq!(of.cache.entries(hotel, &[], some).await.unwrap(), Vec::new());
    let list = [(contract::RoomTypeId::new(), None)];
    let held = of.cache.entries(hotel, &list, none).await.unwrap();
    assert!(held[0].entries.is_empty());
    assert!(of.cache.dated(hotel, list[0].0, &[]).await.unwrap().is_empty());
    assert!(of.cache.exist(&[]).await.unwrap().is_empty());
    assert_eq!(of.cache.remove(&[]).await.unwrap(), 0);
    assert_eq!(
        of.cache.write(&std::collections::BTreeMap::new()).await.unwrap(),
        0
    );
}

#[tokio::test]
async fn nights_that_are_over_everywhere_leave_the_cache_and_no_others() {
    let of = TestCache::new();
    let today = 20_800;
    let mut hotel = empty(None);
    hotel.rate_plans.push(contract::RatePlanId::new());
    // In this string, in the one before (the border is at 20,480) and in the third before.
    let nights = [19_000, 20_479, 20_480, today - 2, today - 1, today, today + 1];
    hotel.room_types.push((
        contract::RoomTypeId::new(),
        crate::shapes::Rooms {
            adults_max: 2,
            nights: nights.map(|day| (day, (4, 1, 0, false))).into(),
            prices: nights.map(|day| ((0, day), 1_000)).into(),
            ..crate::shapes::Rooms::default()
        },
    ));
    of.say_filled().await;
    of.apply(&hotel.messages(7)).await;
    let (id, room_type, layout) = (hotel.hotel, hotel.room_types[0].0, of.cache.layout());
    let (services, _) = serve(vec![hotel.clone()]).await;
    // The first second of that day in UTC; in Pago Pago it is still yesterday.
    let clock = Clock::fixed(DateTime::from_timestamp(i64::from(today) * 86_400, 0).unwrap());
    let plan = Plan::all(Mode::Repair, clock.now());
    let there = |day: i32| {
        let night = contract::StayDate::from_days_since_1970(day).unwrap();
        TestCache::get(&layout.dated(id, room_type, night)).is_some()
    };
    for (past_days, left) in [(10, today - 2), (1, today - 1), (1, today - 1)] {
        let config = Config {
            cache_past_days: past_days,
            ..of.config(&services)
        };
        rebuild(&config, identity(clock.clone()), &plan, |_| ())
            .await
            .unwrap();
        for day in nights {
            assert_eq!(there(day), day >= left, "{day} of {today}, {past_days} days kept");
        }
    }
    let mut redis = TestCache::redis();
    for (chunk, left) in [(37, 0), (39, 0), (40, 1)] {
        for key in [
            layout.rooms(id, room_type, chunk),
            layout.prices(id, room_type, hotel.rate_plans[0], chunk),
        ] {
            let count: i32 = redis::cmd("EXISTS").arg(&key).query(&mut redis).unwrap();
            assert_eq!(count, left, "{key}");
        }
    }
    let config = of.config(&services);
    let verify = Plan::all(Mode::Verify, clock.now());
    assert_eq!(
        rebuild(&config, identity(clock), &verify, |_| ())
            .await
            .unwrap()
            .differing,
        0
    );
}
