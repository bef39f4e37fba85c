//! What the consumer promises, against a real Redis.

use contract::{StayDate, Version, topics};
use serde_json::json;

use super::*;
use crate::cache::{NightKey, Put};
use crate::catalogue::{About, version};
use crate::fixtures::{TestCache, TestHotel, days, message};
use crate::layout::{Entry, Form};

async fn entries(of: &TestCache, hotel: &TestHotel, from: &str, to: &str) -> Vec<Entry> {
    let lists = [(hotel.room_type, None)];
    of.cache
        .entries(hotel.hotel, &lists, days(from, to))
        .await
        .unwrap()
        .remove(0)
        .entries
}

#[tokio::test]
async fn an_older_change_never_overwrites_a_newer_one() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let key = hotel.public_key(&of, "2026-12-24");
    of.apply(&[hotel.room_night(1 << 60, "u", "2026-12-24", (10, 1, 0))])
        .await;
    assert_eq!(TestCache::get(&key).as_deref(), Some("10"));
    // (In another era than the first.) One less in the lowest bit, which a floating-point number of this size does not see.
    of.apply(&[hotel.room_night((1 << 60) - 1, "u", "2026-12-24", (10, 5, 0))])
        .await;
    assert_eq!(TestCache::get(&key).as_deref(), Some("10"));
    of.apply(&[hotel.room_night((1 << 60) + 1, "u", "2026-12-24", (10, 2, 0))])
        .await;
    assert_eq!(TestCache::get(&key).as_deref(), Some("9"));
    // The same again changes nothing, and nor does an older one in front of a newer one.
    let batch = [
        hotel.room_night((1 << 60) + 3, "u", "2026-12-24", (10, 4, 0)),
        hotel.room_night((1 << 60) + 2, "u", "2026-12-24", (10, 3, 0)),
    ];
    of.apply(&batch).await;
    of.apply(&batch).await;
    assert_eq!(TestCache::get(&key).as_deref(), Some("7"));
    assert_eq!(
        entries(&of, &hotel, "2026-12-24", "2026-12-25").await,
        vec![Entry {
            version: Version::from_bits((1 << 60) + 3),
            value: Some(7)
        }]
    );
}

#[tokio::test]
async fn changes_in_any_order_end_in_the_newest() {
    let nights = ["2026-12-24", "2026-12-25", "2027-02-03"];
    let changes: Vec<(u64, usize, i32)> = (1..=12)
        .map(|number| {
            (
                number,
                usize::try_from(number).unwrap() % 3,
                i32::try_from(number).unwrap(),
            )
        })
        .collect();
    for step in [1, 5, 7, 11] {
        let (of, hotel) = (TestCache::new(), TestHotel::new());
        for at in 0..changes.len() {
            let (number, night, held) = changes[(at * step) % changes.len()];
            of.apply(&[hotel.room_night(number, "u", nights[night], (100, held, 0))])
                .await;
        }
        for (night, newest) in nights.iter().zip([12, 10, 11]) {
            let left = (110 - newest).to_string();
            assert_eq!(
                TestCache::get(&hotel.public_key(&of, night)),
                Some(left),
                "{night} {step}"
            );
        }
    }
}

#[tokio::test]
async fn a_deleted_row_stays_deleted_when_an_older_change_comes_late() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let key = hotel.public_key(&of, "2026-12-24");
    of.apply(&[hotel.room_night(10, "c", "2026-12-24", (10, 0, 0))])
        .await;
    of.apply(&[hotel.room_night(30, "d", "2026-12-24", (0, 0, 0))])
        .await;
    assert_eq!(TestCache::get(&key), None);
    of.apply(&[hotel.room_night(20, "u", "2026-12-24", (10, 1, 0))])
        .await;
    assert_eq!(TestCache::get(&key), None);
    assert_eq!(
        entries(&of, &hotel, "2026-12-24", "2026-12-25").await,
        vec![Entry {
            version: Version::from_bits(30),
            value: None
        }]
    );

    of.apply(&hotel.catalogue_messages(10)).await;
    let room_type = json!({"hotel_id": hotel.hotel, "room_type_id": hotel.room_type});
    let mut row = room_type.clone();
    row["name"] = "Double".into();
    of.apply(&[message(topics::ROOM_TYPE_CHANGES, 40, "d", &room_type, row)])
        .await;
    of.apply(&hotel.catalogue_messages(20)).await;
    let stored = of.cache.stored(hotel.hotel).await.unwrap();
    assert_eq!(
        version(&stored.facts[&About::RoomType(hotel.room_type)]).bits(),
        40
    );
    assert!(stored.catalogue().unwrap().room_types.is_empty());
}

#[tokio::test]
async fn a_batch_of_many_hotels_and_nights_is_applied_whole() {
    let of = TestCache::new();
    let hotels: Vec<TestHotel> = (0..5).map(|_| TestHotel::new()).collect();
    let first: StayDate = "2026-11-01".parse().unwrap();
    let mut messages = Vec::new();
    for hotel in &hotels {
        for offset in 0..1_100 {
            let night = first.plus_days(offset).to_string();
            let held = i32::try_from(offset % 100).unwrap();
            messages.push(hotel.room_night(u64::from(offset) + 1, "c", &night, (100, held, 0)));
            messages.push(hotel.price(u64::from(offset) + 1, "c", &night, 5_000 + i64::from(offset)));
        }
    }
    of.apply(&messages).await;
    let all = Days {
        from: first.days_since_1970(),
        to: first.days_since_1970() + 1_100,
    };
    for hotel in &hotels {
        let lists = [(hotel.room_type, None), (hotel.room_type, Some(hotel.rate_plan))];
        let read = of.cache.entries(hotel.hotel, &lists, all).await.unwrap();
        for offset in 0..1_100_u64 {
            let at = usize::try_from(offset).unwrap();
            assert_eq!(
                read[0].entries[at],
                Entry {
                    version: Version::from_bits(offset + 1),
                    value: Some(110 - offset % 100)
                }
            );
            assert_eq!(
                read[1].entries[at],
                Entry {
                    version: Version::from_bits(offset + 1),
                    value: Some(5_000 + offset)
                }
            );
        }
    }
    assert_eq!(
        TestCache::get(&hotels[4].public_key(&of, "2026-11-08")).as_deref(),
        Some("103")
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_left_out_and_the_rest_applied() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let mut garbage = hotel.room_night(5, "u", "2026-12-24", (10, 0, 0));
    garbage.payload = b"{\"op\":".to_vec();
    let mut tombstone = garbage.clone();
    tombstone.payload.clear();
    let mut foreign = hotel.room_night(5, "u", "2026-12-24", (10, 0, 0));
    foreign.topic = "other".to_owned();
    let good = hotel.room_night(6, "u", "2026-12-24", (10, 0, 0));
    let batch = changes_of(&[garbage.clone(), tombstone, foreign, good.clone()]);
    assert_eq!(batch.unreadable, 2);
    of.apply(&[garbage, good]).await;
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("11")
    );
}

fn changes_of(messages: &[platform::kafka::Received]) -> Batch {
    read(messages)
}

#[tokio::test]
async fn a_hotel_seen_from_its_beginning_is_complete_only_in_a_cache_that_lost_nothing() {
    let (of, before, after) = (TestCache::new(), TestHotel::new(), TestHotel::new());
    of.apply(&before.catalogue_messages(1)).await;
    of.say_filled().await;
    of.apply(&after.catalogue_messages(1)).await;
    assert_eq!(of.cache.stored(before.hotel).await.unwrap().complete, None);
    assert_eq!(
        of.cache.stored(after.hotel).await.unwrap().complete,
        Some(ALL_DAYS)
    );
}

#[tokio::test]
async fn the_place_in_the_log_never_goes_back() {
    let of = TestCache::new();
    let freshness = of.cache.layout().freshness();
    let newest = Reached {
        version: Version::from_bits(u64::MAX - 1),
        at_ms: 50,
    };
    of.cache
        .advance(Reached {
            version: Version::from_bits(7),
            at_ms: 40,
        })
        .await
        .unwrap();
    of.cache.advance(newest).await.unwrap();
    for older in [
        Reached {
            version: Version::from_bits(u64::MAX - 2),
            at_ms: 99,
        },
        Reached {
            version: Version::from_bits(0),
            at_ms: 99,
        },
    ] {
        of.cache.advance(older).await.unwrap();
    }
    assert_eq!(TestCache::get(&freshness), Some(newest.encode()));
    TestCache::set(&freshness, "what is this");
    of.cache.advance(newest).await.unwrap();
    assert_eq!(TestCache::get(&freshness), Some(newest.encode()));
}

#[tokio::test]
async fn a_value_that_a_foreign_hand_put_there_gives_way() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let layout = of.cache.layout();
    let (chunk, _) = crate::layout::place(crate::fixtures::day("2026-12-24").days_since_1970());
    for key in [
        layout.rooms(hotel.hotel, hotel.room_type, chunk),
        hotel.public_key(&of, "2026-12-24"),
    ] {
        redis::cmd("LPUSH")
            .arg(key)
            .arg("x")
            .query::<()>(&mut TestCache::redis())
            .unwrap();
    }
    TestCache::set(&layout.catalogue(hotel.hotel), "x");
    let mut messages = hotel.catalogue_messages(1);
    messages.push(hotel.room_night(6, "u", "2026-12-24", (10, 0, 0)));
    of.apply(&messages).await;
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("11")
    );
    assert!(of.cache.stored(hotel.hotel).await.unwrap().catalogue().is_some());
}

#[tokio::test]
async fn a_compared_write_loses_against_a_change_that_arrived_meanwhile() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    of.apply(&[hotel.room_night(10, "c", "2026-12-24", (10, 0, 0))])
        .await;
    let held = entries(&of, &hotel, "2026-12-24", "2026-12-25").await[0];
    of.apply(&[hotel.room_night(11, "u", "2026-12-24", (10, 3, 0))])
        .await;
    let key = NightKey {
        room_type: hotel.room_type,
        rate_plan: None,
        night: crate::fixtures::day("2026-12-24"),
    };
    let put = |expected| Put {
        new: Entry {
            version: held.version,
            value: Some(5),
        },
        expected: Some(expected),
    };
    let write = |expected| {
        let writes = HotelWrites {
            nights: [(key, put(expected))].into(),
            ..HotelWrites::default()
        };
        std::collections::BTreeMap::from([(hotel.hotel, writes)])
    };
    assert_eq!(of.cache.write(&write(held)).await.unwrap(), 0);
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("8")
    );
    assert_eq!(
        of.cache
            .write(&write(Entry {
                version: Version::from_bits(11),
                value: Some(8)
            }))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        TestCache::get(&hotel.public_key(&of, "2026-12-24")).as_deref(),
        Some("5")
    );
    assert_eq!(Form::Rooms.width(), 12);
}

#[tokio::test]
async fn the_cache_is_as_young_as_the_newest_change_only_when_the_queue_is_empty() {
    let (of, hotel) = (TestCache::new(), TestHotel::new());
    let freshness = of.cache.layout().freshness();
    let (sender, deliveries) = mpsc::channel(1);
    let tasks = Tasks::new();
    let running = tasks.spawn_work(run(deliveries, of.cache.clone(), tasks.clone()));
    let full: Vec<_> = (1..=BATCH_MAX as u64)
        .map(|number| hotel.room_night(number, "u", "2026-12-24", (10, 0, 0)))
        .collect();
    // Behind a full batch there may be more, in other partitions too: what was seen speaks for none of it.
    for (batch, newest) in [
        (full.clone(), None),
        (full[..7].to_vec(), Some(500)),
        (
            vec![hotel.room_night(900, "u", "2026-12-25", (10, 0, 0))],
            Some(900),
        ),
        (full, Some(900)),
        (Vec::new(), Some(900)),
    ] {
        let (handled, waiting) = std::sync::mpsc::channel();
        sender.send(Delivery::Batch(batch, handled)).await.unwrap();
        let done = tokio::task::spawn_blocking(move || waiting.recv());
        done.await.unwrap().unwrap();
        let said = TestCache::get(&freshness);
        let version = said.map(|said| Reached::decode(said.as_bytes()).unwrap().version);
        assert_eq!(version, newest.map(Version::from_bits));
    }
    tasks.stop();
    running.await.unwrap();
}

#[tokio::test]
async fn a_hotel_that_a_snapshot_or_a_change_shows_may_have_nights_that_were_not_seen() {
    let of = TestCache::new();
    of.say_filled().await;
    for (op, complete) in [("c", Some(ALL_DAYS)), ("r", None), ("u", None)] {
        let hotel = TestHotel::new();
        let key = json!({"hotel_id": hotel.hotel});
        let mut row = key.clone();
        for (name, value) in [
            ("name", "Aurora"),
            ("time_zone", "Asia/Tokyo"),
            ("currency", "JPY"),
        ] {
            row[name] = value.into();
        }
        of.apply(&[message(topics::HOTEL_CHANGES, 5, op, &key, row)])
            .await;
        let stored = of.cache.stored(hotel.hotel).await.unwrap();
        assert_eq!(stored.complete, complete, "{op}");
        assert!(stored.facts.contains_key(&About::Hotel), "{op}");
    }
}

#[tokio::test]
async fn a_batch_waits_for_redis_and_ends_with_the_process() {
    let cache = Cache::new("redis://127.0.0.1:1/", "").unwrap();
    let hotel = TestHotel::new();
    let (sender, deliveries) = mpsc::channel(1);
    let (handled, waiting) = std::sync::mpsc::channel();
    let tasks = Tasks::new();
    let batch = vec![hotel.room_night(1, "c", "2026-12-24", (1, 0, 0))];
    sender.send(Delivery::Batch(batch, handled)).await.unwrap();
    let running = tasks.spawn_work(run(deliveries, cache, tasks.clone()));
    // Until the consumer has taken the batch there is no room for a second message.
    sender.send(Delivery::Assigned(Vec::new())).await.unwrap();
    tasks.stop();
    running.await.unwrap();
    assert_eq!(
        waiting.recv(),
        Err(std::sync::mpsc::RecvError),
        "the batch is not called handled"
    );
}
