//! The scripts, against a real Redis: what is newer wins, whatever the order, in nights, prices, facts and how far the
//! cache has come; what is compared is written only where it still stands; and nothing is written over a loss.
//!
//! A version has 64 bits and Lua's numbers 53. So the versions here agree in one half and differ in the other, have their
//! halves the other way round, differ in the lowest bit only, or have the highest bit of a half.

use std::collections::BTreeMap;

use contract::{RatePlanId, Version};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalogue::{About, HotelFacts, RatePlanFacts, RoomTypeFacts, body, encode, version};
use crate::fixtures::{TestCache, TestHotel, day, days};
use crate::layout::{Days, Entry};

/// Of each pair the second is the later, though a comparison of one half, of signed halves or of floating-point numbers
/// says something else.
const PAIRS: [(u64, u64); 9] = [
    (1, 2),
    (1 << 32 | 9, 2 << 32 | 1),
    (9, 1 << 32),
    (0x0000_0001_FFFF_FFFF, 0x0000_0002_0000_0000),
    (0x0000_0007_7FFF_FFFF, 0x0000_0007_8000_0000),
    (0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000),
    (1 << 60, (1 << 60) + 1),
    (u64::MAX - 1, u64::MAX),
    (29_999_999_999, 30_000_000_000),
];

fn facts_of(number: u64) -> [(About, Vec<u8>); 3] {
    let name = number.to_string();
    let hotel = HotelFacts {
        name: name.clone(),
        time_zone: "UTC".to_owned(),
        currency: "EUR".parse().unwrap(),
    };
    let rooms = RoomTypeFacts {
        name: name.clone(),
        adults_max: 2,
        children_max: 0,
    };
    let plan = RatePlanFacts { name };
    // Ids that are the same in every call.
    let (room_type, rate_plan) = ids();
    [
        (About::Hotel, encode(Version::from_bits(number), Some(&hotel))),
        (
            About::RoomType(room_type),
            encode(Version::from_bits(number), Some(&rooms)),
        ),
        (
            About::RatePlan(rate_plan),
            encode(Version::from_bits(number), Some(&plan)),
        ),
    ]
}

fn ids() -> (contract::RoomTypeId, RatePlanId) {
    static IDS: std::sync::OnceLock<(contract::RoomTypeId, RatePlanId)> = std::sync::OnceLock::new();
    *IDS.get_or_init(|| (contract::RoomTypeId::new(), RatePlanId::new()))
}

/// Everything that a change of this version can write: a night, a price, three facts.
fn writes(number: u64) -> HotelWrites {
    let (room_type, rate_plan) = ids();
    let mut writes = HotelWrites::default();
    for plan in [None, Some(rate_plan)] {
        let key = NightKey {
            room_type,
            rate_plan: plan,
            night: day("2026-12-24"),
        };
        // A value of 31 bits that the version alone decides.
        let value = Some(number % 1_000_003);
        writes.night(
            key,
            Entry {
                version: Version::from_bits(number),
                value,
            },
        );
    }
    for (about, fact) in facts_of(number) {
        writes.fact(about, fact);
    }
    writes
}

async fn put(of: &TestCache, hotel: HotelId, writes: HotelWrites) -> usize {
    let writes = BTreeMap::from([(hotel, writes)]);
    of.cache.write(&writes).await.unwrap()
}

/// The versions and values of everything that is held.
async fn held(of: &TestCache, hotel: HotelId) -> Vec<(u64, Vec<u8>)> {
    let (room_type, rate_plan) = ids();
    let lists = [(room_type, None), (room_type, Some(rate_plan))];
    let night = days("2026-12-24", "2026-12-25");
    let lists = of.cache.entries(hotel, &lists, night).await.unwrap();
    let nights = lists.iter().map(|held| {
        let entry = held.entries[0];
        (
            entry.version.bits(),
            entry.value.unwrap().to_string().into_bytes(),
        )
    });
    let stored = of.cache.stored(hotel).await.unwrap();
    let facts = stored
        .facts
        .values()
        .map(|fact| (version(fact).bits(), body(fact).unwrap().to_vec()));
    nights.chain(facts).collect()
}

/// What is held after a change of this version, and none later.
fn all_of(number: u64) -> Vec<(u64, Vec<u8>)> {
    let value = (number, (number % 1_000_003).to_string().into_bytes());
    let mut all = vec![value.clone(), value];
    let facts: BTreeMap<About, Vec<u8>> = facts_of(number).into();
    all.extend(facts.values().map(|fact| (number, body(fact).unwrap().to_vec())));
    all
}

#[tokio::test]
async fn the_later_change_wins_in_whichever_order_they_come() {
    for (earlier, later) in PAIRS {
        for order in [[earlier, later], [later, earlier]] {
            let (of, hotel) = (TestCache::new(), HotelId::new());
            for number in order {
                put(&of, hotel, writes(number)).await;
            }
            assert_eq!(held(&of, hotel).await, all_of(later), "{order:x?}");
        }
    }
}

#[tokio::test]
async fn what_has_come_further_wins_in_whichever_order_they_come() {
    let reached = |number| Reached {
        version: Version::from_bits(number),
        at_ms: 5,
    };
    for (earlier, later) in PAIRS {
        for order in [[earlier, later], [later, earlier]] {
            let of = TestCache::new();
            for number in order {
                of.cache.advance(reached(number)).await.unwrap();
            }
            let freshness = TestCache::get(&of.cache.layout().freshness());
            assert_eq!(freshness, Some(reached(later).encode()), "{order:x?}");
        }
    }
}

#[tokio::test]
async fn the_same_version_takes_the_later_time_and_never_an_earlier_one() {
    let of = TestCache::new();
    let freshness = of.cache.layout().freshness();
    for (at_ms, stands) in [
        (50, 50),
        (49, 50),
        (50, 50),
        (1_790_000_000_123, 1_790_000_000_123),
        (60, 1_790_000_000_123),
    ] {
        of.cache
            .advance(Reached {
                version: Version::from_bits(1 << 40),
                at_ms,
            })
            .await
            .unwrap();
        let stands = Reached {
            version: Version::from_bits(1 << 40),
            at_ms: stands,
        };
        assert_eq!(TestCache::get(&freshness), Some(stands.encode()));
    }
}

#[tokio::test]
async fn the_same_change_again_writes_nothing_whatever_it_says() {
    let (of, hotel) = (TestCache::new(), HotelId::new());
    let number = 3 << 32 | 7;
    assert_eq!(put(&of, hotel, writes(number)).await, 5);
    let revision = of.cache.stored(hotel).await.unwrap().revision;
    let mut other = writes(8);
    for write in other.nights.values_mut() {
        write.new.version = Version::from_bits(number);
    }
    for fact in other.facts.values_mut() {
        fact.new.splice(..8, number.to_be_bytes());
    }
    assert_eq!(put(&of, hotel, other).await, 0);
    assert_eq!(put(&of, hotel, writes(number - 1)).await, 0);
    assert_eq!(held(&of, hotel).await, all_of(number));
    // Readers keep their copy of a catalogue until something of it changes, and never longer.
    assert_eq!(of.cache.stored(hotel).await.unwrap().revision, revision);
    assert_eq!(put(&of, hotel, writes(number + 1)).await, 5);
    assert_ne!(of.cache.stored(hotel).await.unwrap().revision, revision);
}

#[tokio::test]
async fn a_deleted_fact_is_not_brought_back_by_an_earlier_change() {
    let (of, hotel) = (TestCache::new(), HotelId::new());
    let (earlier, deleted, later) = (1 << 32 | 0xFFFF_FFFF, 2 << 32, 2 << 32 | 1);
    let mut gone = writes(deleted);
    for fact in gone.facts.values_mut() {
        fact.new = encode(Version::from_bits(deleted), None::<&RatePlanFacts>);
    }
    put(&of, hotel, writes(earlier)).await;
    put(&of, hotel, gone).await;
    put(&of, hotel, writes(earlier)).await;
    let stored = of.cache.stored(hotel).await.unwrap();
    assert!(
        stored
            .facts
            .values()
            .all(|fact| version(fact).bits() == deleted && body(fact).is_none())
    );
    assert_eq!(stored.catalogue(), None);
    put(&of, hotel, writes(later)).await;
    assert_eq!(
        of.cache
            .stored(hotel)
            .await
            .unwrap()
            .catalogue()
            .unwrap()
            .room_types
            .len(),
        1
    );
}

#[tokio::test]
async fn what_was_compared_is_written_only_where_it_still_stands() {
    let (of, hotel) = (TestCache::new(), HotelId::new());
    put(&of, hotel, writes(20)).await;
    let before = of.cache.stored(hotel).await.unwrap();
    let right = |expected: &dyn Fn(&About, &Vec<u8>) -> Vec<u8>| {
        let put = |(about, fact): (&About, &Vec<u8>)| {
            let mut new = fact[..8].to_vec();
            new.extend(json!({"name": "right"}).to_string().bytes());
            let expected = Some(expected(about, fact));
            (*about, Put { new, expected })
        };
        HotelWrites {
            facts: before.facts.iter().map(put).collect(),
            ..HotelWrites::default()
        }
    };
    // Missing was expected; another version; another text of the same version.
    assert_eq!(put(&of, hotel, right(&|_, _| Vec::new())).await, 0);
    assert_eq!(
        put(&of, hotel, right(&|_, fact| [&[0; 8], &fact[8..]].concat())).await,
        0
    );
    assert_eq!(
        put(&of, hotel, right(&|_, fact| [fact.as_slice(), b" "].concat())).await,
        0
    );
    assert_eq!(of.cache.stored(hotel).await.unwrap(), before);
    // One of three has changed meanwhile: the two others are written.
    let mut change = writes(21);
    change.facts.retain(|about, _| *about == About::Hotel);
    change.nights.clear();
    assert_eq!(put(&of, hotel, change).await, 1);
    assert_eq!(put(&of, hotel, right(&|_, fact| fact.clone())).await, 2);
    let after = of.cache.stored(hotel).await.unwrap();
    assert_eq!(version(&after.facts[&About::Hotel]).bits(), 21);
    for (about, fact) in after.facts.iter().filter(|(about, _)| **about != About::Hotel) {
        assert_eq!(
            (version(fact).bits(), body(fact)),
            (20, Some(&b"{\"name\":\"right\"}"[..])),
            "{about:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_written_when_the_cache_was_emptied_after_the_look() {
    let (of, hotel) = (TestCache::new(), HotelId::new());
    for emptied in [false, true] {
        let look = of.cache.begin_look(hotel).await.unwrap();
        if emptied {
            of.empty();
        }
        let mut with_nights = writes(5);
        let mut with_facts = writes(5);
        with_nights.facts.clear();
        with_facts.nights.clear();
        with_facts.complete = Some(Days { from: 1, to: 9 });
        for mut some in [with_nights, with_facts] {
            some.look = Some(look.clone());
            let written = of.cache.write(&BTreeMap::from([(hotel, some)])).await;
            assert_eq!(written.is_err(), emptied);
        }
        let stored = of.cache.stored(hotel).await.unwrap();
        assert_eq!(
            (stored.facts.is_empty(), stored.complete.is_none()),
            (emptied, emptied)
        );
        assert_eq!(of.cache.stored(hotel).await.unwrap().revision.is_empty(), emptied);
    }
}

#[tokio::test]
async fn complete_days_grow_and_are_never_made_fewer_by_days_among_them() {
    let (of, hotel) = (TestCache::new(), HotelId::new());
    for (said, stands) in [
        ((100, 200), (100, 200)),
        ((120, 180), (100, 200)),
        ((100, 200), (100, 200)),
        ((99, 200), (99, 200)),
        ((150, 900), (150, 900)),
        ((-5, 1_000_000), (-5, 1_000_000)),
        ((9, 10), (-5, 1_000_000)),
    ] {
        let complete = HotelWrites {
            complete: Some(Days {
                from: said.0,
                to: said.1,
            }),
            ..HotelWrites::default()
        };
        put(&of, hotel, complete).await;
        let stands = Days {
            from: stands.0,
            to: stands.1,
        };
        assert_eq!(
            of.cache.stored(hotel).await.unwrap().complete,
            Some(stands),
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn the_cache_counts_as_filled_only_for_whoever_saw_no_loss_and_once() {
    let of = TestCache::new();
    let (first, later) = (
        DateTime::UNIX_EPOCH,
        DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
    );
    let filled = async |key: &str, at| of.cache.set_filled_since(key, at).await.unwrap();
    assert!(!filled(&of.cache.layout().filling("never begun"), first).await);
    assert!(!of.cache.is_filled().await.unwrap());
    let lost = of.cache.begin_filling().await.unwrap();
    of.empty();
    let begun = of.cache.begin_filling().await.unwrap();
    assert!(!filled(&lost, first).await);
    assert!(!of.cache.is_filled().await.unwrap());
    assert!(filled(&begun, later).await);
    let generation = of.cache.layout().generation();
    assert_eq!(TestCache::get(&generation).as_deref(), Some("1790000000000"));
    assert!(!filled(&begun, first).await, "a filling is said once");
    assert_eq!(TestCache::get(&generation).as_deref(), Some("1790000000000"));
}

/// Versions from few halves, so that halves are often equal or the other way round.
fn number() -> impl Strategy<Value = u64> {
    let half = || prop::sample::select(vec![0_u64, 1, 2, 9, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF]);
    (half(), half()).prop_map(|(high, low)| (high << 32 | low).max(1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn changes_in_any_order_and_in_any_batches_end_in_the_latest(numbers in prop::collection::vec((number(), any::<bool>()), 1..12)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (of, hotel) = (TestCache::new(), TestHotel::new().hotel);
            let (mut batch, mut latest) = (HotelWrites::default(), 0);
            for (number, ends) in numbers {
                latest = latest.max(number);
                let one = writes(number);
                for (key, put) in one.nights {
                    batch.night(key, put.new);
                }
                for (about, put) in one.facts {
                    batch.fact(about, put.new);
                }
                of.cache.advance(Reached { version: Version::from_bits(number), at_ms: 1 }).await.unwrap();
                if ends {
                    put(&of, hotel, std::mem::take(&mut batch)).await;
                }
            }
            put(&of, hotel, batch).await;
            prop_assert_eq!(held(&of, hotel).await, all_of(latest));
            let freshness = TestCache::get(&of.cache.layout().freshness());
            prop_assert_eq!(freshness, Some(Reached { version: Version::from_bits(latest), at_ms: 1 }.encode()));
            Ok(())
        })?;
    }
}
