//! Tests of rules without a database.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::fixtures::SHARDS;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds(ms)
}

fn about(hotel_id: HotelId) -> About<'static> {
    About {
        saga: "book-stay",
        step: "authorize-payment",
        undo: false,
        hotel_id,
        shard: 1,
    }
}

fn rule(does: Does, subject: Subject) -> Rule {
    Rule {
        id: RuleId::new(),
        does,
        subject,
    }
}

fn in_force(rules: &[&Rule]) -> Rules {
    let known = Rules::over(Shards::fixed(SHARDS));
    known.read(rules.iter().map(|rule| (*rule).clone()).collect());
    known
}

fn waits(by: HeldBack) -> Held {
    Held { by, since: at(0) }
}

#[test]
fn a_rule_is_about_what_agrees_with_everything_that_it_names() {
    let hotel = HotelId::new();
    let about = about(hotel);
    let named = |saga: Option<&str>, step: Option<&str>, undo, hotel_id| Subject {
        saga: saga.map(str::to_owned),
        step: step.map(str::to_owned),
        undo,
        hotel_id,
    };
    let covering = [
        Subject::default(),
        named(Some("book-stay"), None, None, None),
        named(None, Some("authorize-payment"), None, None),
        named(None, None, Some(false), None),
        named(None, None, None, Some(hotel)),
        named(
            Some("book-stay"),
            Some("authorize-payment"),
            Some(false),
            Some(hotel),
        ),
    ];
    assert!(covering.iter().all(|subject| subject.covers(&about)));
    let others = [
        named(Some("cancel-stay"), None, None, None),
        named(None, Some("authorize"), None, None),
        named(None, None, Some(true), None),
        named(None, None, None, Some(HotelId::new())),
        named(
            Some("book-stay"),
            Some("authorize-payment"),
            Some(true),
            Some(hotel),
        ),
    ];
    assert!(!others.iter().any(|subject| subject.covers(&about)));
}

#[test]
fn a_pause_holds_until_it_is_lifted_and_comes_before_any_limit() {
    let about = about(HotelId::new());
    let pause = rule(Does::Pause, Subject::default());
    let limit = rule(Does::Limit(60), Subject::default());
    let by = HeldBack {
        rule_id: pause.id,
        until: None,
    };
    let rules = in_force(&[&limit, &pause]);
    for held in [None, Some(waits(by))] {
        assert_eq!(rules.hold(&about, held, at(999_999)), Some(by));
    }
    assert!(rules.read(vec![limit.clone()]), "one is not in force any more");
    assert_eq!(
        rules.hold(&about, Some(waits(by)), at(0)),
        None,
        "its slot is now: none was taken yet"
    );
    assert!(!rules.read(vec![limit]));
}

#[test]
fn nothing_is_held_back_before_and_without_rules() {
    let about = about(HotelId::new());
    let none = Rules::over(Shards::fixed(SHARDS));
    assert_eq!((none.known(), none.hold(&about, None, at(0))), (None, None));
    let other = rule(
        Does::Pause,
        Subject {
            undo: Some(true),
            ..Subject::default()
        },
    );
    assert_eq!(in_force(&[&other]).hold(&about, None, at(0)), None);
}

#[test]
fn who_waits_for_a_slot_keeps_it_and_a_lifted_limit_lets_it_go() {
    let about = about(HotelId::new());
    let limit = rule(Does::Limit(60), Subject::default());
    let rules = in_force(&[&limit]);
    assert_eq!(rules.hold(&about, None, at(0)), None);
    let second = rules.hold(&about, None, at(0)).unwrap();
    let third = rules.hold(&about, None, at(0)).unwrap();
    let seconds = i64::from(SHARDS);
    assert_eq!(second.until, Some(at(seconds * 1000)));
    assert_eq!(third.until, Some(at(2 * seconds * 1000)));
    for looks in 0..5 {
        assert_eq!(
            rules.hold(&about, Some(waits(second)), at(looks * 100)),
            Some(second)
        );
    }
    assert_eq!(
        rules.hold(&about, Some(waits(second)), second.until.unwrap()),
        None
    );
    rules.read(Vec::new());
    assert_eq!(rules.hold(&about, Some(waits(third)), at(1)), None);
}

#[test]
fn of_several_limits_the_slowest_counts_and_once_its_slot_has_come_none_holds() {
    let about = about(HotelId::new());
    let (slow, fast) = (
        rule(Does::Limit(6), Subject::default()),
        rule(Does::Limit(600), Subject::default()),
    );
    let rules = in_force(&[&fast, &slow]);
    assert_eq!(rules.hold(&about, None, at(0)), None);
    let by = rules.hold(&about, None, at(0)).unwrap();
    assert_eq!(by.rule_id, slow.id);
    assert_eq!(rules.hold(&about, Some(waits(by)), by.until.unwrap()), None);
}

#[test]
fn a_limit_is_shared_by_as_many_shards_as_there_are() {
    let about = about(HotelId::new());
    let rules = Rules::over(Shards::fixed(12));
    rules.read(vec![rule(Does::Limit(60), Subject::default())]);
    assert_eq!(rules.hold(&about, None, at(0)), None);
    assert_eq!(rules.hold(&about, None, at(0)).unwrap().until, Some(at(12_000)));
}

proptest! {
    /// However they come, no more commands go out in a minute than the limit says, all shards together, and none waits for
    /// ever.
    #[test]
    fn no_more_go_out_in_a_minute_than_the_limit_says(
        per_minute in 1_u32..2_000,
        shards in 1_i32..9,
        came in prop::collection::vec((0_i64..120_000, 0_i32..1_000), 1..300),
    ) {
        let limit = rule(Does::Limit(per_minute), Subject::default());
        let rules = Rules::over(Shards::fixed(shards));
        rules.read(vec![limit]);
        let mut came = came;
        came.sort_unstable();
        let mut gone: BTreeMap<DateTime<Utc>, u32> = BTreeMap::new();
        for (ms, shard) in came {
            let command = About { shard: shard % shards, ..about(HotelId::new()) };
            let held = rules.hold(&command, None, at(ms));
            let goes = held.and_then(|by| by.until).unwrap_or(at(ms));
            prop_assert!(goes >= at(ms));
            *gone.entry(goes).or_default() += 1;
        }
        for from in gone.keys() {
            // Each shard may have its first one at once.
            let within: u32 = gone.range(*from..*from + TimeDelta::minutes(1)).map(|(_, count)| count).sum();
            prop_assert!(within <= per_minute + shards.unsigned_abs(), "{within} in a minute");
        }
    }
}
