//! The forms of keys and values in Redis: other readers build the same names, and what an older process wrote is read.

use chrono::{DateTime, Utc};
use contract::{HotelId, RatePlanId, RoomTypeId, StayDate, Version};
use proptest::prelude::*;

use crate::catalogue::{
    About, HotelFacts, RatePlanFacts, RoomTypeFacts, Stored, body, encode, read_days, version, write_days,
};
use crate::layout::{CHUNK_DAYS, Days, Entry, Form, Layout, place};
use crate::nights::{Reached, RoomTypeNights};

fn date(text: &str) -> StayDate {
    text.parse().unwrap()
}

#[test]
fn all_keys_of_a_hotel_have_its_tag_and_no_two_are_the_same() {
    let layout = Layout::new("x:");
    let (hotel, room_type, rate_plan) = (HotelId::new(), RoomTypeId::new(), RatePlanId::new());
    let keys = [
        (
            layout.dated(hotel, room_type, date("2026-12-24")),
            format!("x:{{{hotel}}}:{room_type}:2026-12-24"),
        ),
        (
            layout.rooms(hotel, room_type, 40),
            format!("x:{{{hotel}}}:n:{room_type}:40"),
        ),
        (
            layout.prices(hotel, room_type, rate_plan, 40),
            format!("x:{{{hotel}}}:p:{room_type}:{rate_plan}:40"),
        ),
        (layout.catalogue(hotel), format!("x:{{{hotel}}}:c")),
        (layout.looking(hotel, "7"), format!("x:{{{hotel}}}:look:7")),
        (layout.freshness(), "x:freshness".to_owned()),
        (layout.generation(), "x:generation".to_owned()),
        (layout.compared(), "x:compared".to_owned()),
        (layout.filling("7"), "x:{x:generation}:filling:7".to_owned()),
        (layout.rebuilding(), "x:rebuilding".to_owned()),
        (layout.unfilled(), "x:unfilled".to_owned()),
        (layout.probe(), "x:probe".to_owned()),
    ];
    for (at, (key, wanted)) in keys.iter().enumerate() {
        assert_eq!(key, wanted);
        assert!(keys[..at].iter().all(|(other, _)| other != key), "{key}");
    }
    let packed = |rate_plan| layout.packed(hotel, room_type, rate_plan, 3);
    assert_eq!(packed(None), layout.rooms(hotel, room_type, 3));
    assert_eq!(
        packed(Some(rate_plan)),
        layout.prices(hotel, room_type, rate_plan, 3)
    );
}

#[test]
fn a_row_that_is_gone_keeps_its_version_and_none_left_is_not_gone() {
    let gone = Entry {
        version: Version::from_bits(258),
        value: None,
    };
    let sold_out = Entry {
        version: Version::from_bits(258),
        value: Some(0),
    };
    assert_eq!(Form::Rooms.encode(gone), [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0]);
    assert_eq!(
        Form::Rooms.encode(sold_out),
        [0, 0, 0, 0, 0, 0, 1, 2, 0x80, 0, 0, 0]
    );
    let price = Entry {
        version: Version::from_bits(258),
        value: Some(12_900),
    };
    assert_eq!(
        Form::Prices.encode(price),
        [0, 0, 0, 0, 0, 0, 1, 2, 0x80, 0, 0, 0, 0, 0, 0x32, 0x64]
    );
    for form in [Form::Rooms, Form::Prices] {
        let bytes = [form.encode(gone), form.encode(sold_out)].concat();
        let read: Vec<Entry> = form.decode(&bytes, 3).collect();
        assert_eq!(read, [gone, sold_out, Entry::default()]);
        // An entry that is cut short was never written.
        let short = &bytes[..bytes.len() - 1];
        let read: Vec<Entry> = form.decode(short, 2).collect();
        assert_eq!(read, [gone, Entry::default()]);
    }
}

#[test]
fn a_value_too_large_is_the_largest_and_never_another_or_gone() {
    for (form, largest) in [(Form::Rooms, (1 << 31) - 1), (Form::Prices, (1_u64 << 63) - 1)] {
        for (value, wanted) in [
            (largest, largest),
            (largest - 1, largest - 1),
            (largest + 1, largest),
            (u64::MAX, largest),
        ] {
            let entry = Entry {
                version: Version::from_bits(u64::MAX),
                value: Some(value),
            };
            let read = form.decode(&form.encode(entry), 1).next();
            let wanted = Entry {
                version: Version::from_bits(u64::MAX),
                value: Some(wanted),
            };
            assert_eq!(read, Some(wanted));
        }
    }
}

#[test]
fn a_day_has_its_place_in_its_chunk() {
    assert_eq!(place(0), (0, 0));
    assert_eq!(place(CHUNK_DAYS - 1), (0, 511));
    assert_eq!(place(CHUNK_DAYS), (1, 0));
    assert_eq!(place(20_811), (40, 331));
}

#[test]
fn days_are_counted_without_the_last() {
    let days = Days::between(date("2026-12-24"), date("2027-01-02"));
    assert_eq!((days.from, days.to, days.count()), (20_811, 20_820, 9));
    assert_eq!(Days { from: 5, to: 5 }.count(), 0);
    assert_eq!(Days { from: 5, to: 4 }.count(), 0);
    for (from, to, contained) in [
        (20_811, 20_820, true),
        (20_812, 20_819, true),
        (20_810, 20_820, false),
        (20_811, 20_821, false),
        (20_821, 20_822, false),
    ] {
        assert_eq!(days.contains(Days { from, to }), contained, "{from} {to}");
    }
    assert_eq!(read_days(write_days(days).as_bytes()), Some(days));
    assert_eq!(write_days(days), "20811:20820");
    for bad in ["", "1", "1:", ":2", "a:b", "1:2:3"] {
        assert_eq!(read_days(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn a_night_is_set_where_it_is_and_nowhere_else() {
    let days = Days::between(date("2026-12-24"), date("2026-12-27"));
    let mut nights = RoomTypeNights::none(4, days, 2);
    assert_eq!((nights.index, nights.left.len()), (4, 3));
    assert_eq!(nights.prices, vec![vec![None; 3]; 2]);
    for night in ["2026-12-23", "2026-12-27", "2026-12-25"] {
        days.set(&mut nights.left, date(night), 7);
    }
    assert_eq!(nights.left, [None, Some(7), None]);
    days.set(&mut nights.left, date("2026-12-24"), 1);
    days.set(&mut nights.left, date("2026-12-26"), 3);
    assert_eq!(nights.left, [Some(1), Some(7), Some(3)]);
}

#[test]
fn a_fact_has_its_version_before_it_and_one_that_cannot_be_read_is_missing() {
    let hotel = HotelFacts {
        name: "H".to_owned(),
        time_zone: "Pacific/Kiritimati".to_owned(),
        currency: "JPY".parse().unwrap(),
    };
    let fact = encode(Version::from_bits(0x0102_0304_0506_0708), Some(&hotel));
    assert_eq!(fact[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(version(&fact).bits(), 0x0102_0304_0506_0708);
    assert_eq!(
        serde_json::from_slice::<HotelFacts>(body(&fact).unwrap()).unwrap(),
        hotel
    );
    let deleted = encode(Version::from_bits(9), None::<&HotelFacts>);
    assert_eq!((version(&deleted).bits(), body(&deleted)), (9, None));
    for missing in [&b""[..], b"1234567"] {
        assert_eq!((version(missing), body(missing)), (Version::NONE, None));
    }

    let (room_type, plan) = (RoomTypeId::new(), RatePlanId::new());
    let double = RoomTypeFacts {
        name: "Double".to_owned(),
        adults_max: 2,
        children_max: 1,
    };
    let flexible = RatePlanFacts {
        name: "Flexible".to_owned(),
    };
    let broken = encode(Version::from_bits(8), Some(&"not a room type"));
    let mut stored = Stored::default();
    stored.facts.insert(About::RoomType(RoomTypeId::new()), broken);
    stored.facts.insert(
        About::RoomType(room_type),
        encode(Version::from_bits(8), Some(&double)),
    );
    stored.facts.insert(
        About::RatePlan(plan),
        encode(Version::from_bits(8), Some(&flexible)),
    );
    assert_eq!(
        stored.catalogue(),
        None,
        "a hotel that is not known has no catalogue"
    );
    stored.facts.insert(About::Hotel, fact);
    let catalogue = stored.catalogue().unwrap();
    assert_eq!(catalogue.hotel, hotel);
    assert_eq!(catalogue.room_types, [(room_type, double)]);
    assert_eq!(catalogue.rate_plans, [(plan, flexible)]);
    // What the cache should hold is what it was read from.
    for (about, json) in catalogue.facts() {
        assert_eq!(Some(json.as_slice()), body(&stored.facts[&about]), "{about:?}");
    }
    assert_eq!(catalogue.facts().len(), 3);
}

#[test]
fn a_field_names_what_its_fact_is_about() {
    let (room_type, plan) = (RoomTypeId::new(), RatePlanId::new());
    for (about, field) in [
        (About::Hotel, "hotel".to_owned()),
        (About::RoomType(room_type), format!("room_type:{room_type}")),
        (About::RatePlan(plan), format!("rate_plan:{plan}")),
    ] {
        assert_eq!(about.field(), field);
        let stored = Stored::from_fields([(field.into_bytes(), b"12345678{}".to_vec())]);
        assert_eq!(stored.facts.keys().collect::<Vec<_>>(), [&about]);
    }
    for unknown in ["room_type:7", "rate_plan", "guest:x"] {
        let stored = Stored::from_fields([(unknown.as_bytes().to_vec(), Vec::new())]);
        assert_eq!(stored, Stored::default(), "{unknown}");
    }
}

proptest! {
    #[test]
    fn how_far_it_has_come_is_read_as_it_was_written_and_what_is_further_sorts_later(one: u64, other: u64, at_ms: i64) {
        let reached = |number| Reached { version: Version::from_bits(number), at_ms };
        prop_assert_eq!(Reached::decode(reached(one).encode().as_bytes()), Some(reached(one)));
        let digits = |number| reached(number).encode().split_once(':').unwrap().0.to_owned();
        prop_assert_eq!(digits(one).len(), 20);
        // A script compares the digits, in halves.
        prop_assert_eq!(digits(one).cmp(&digits(other)), one.cmp(&other));
    }

    #[test]
    fn a_packed_string_is_read_as_it_was_written(
        values in prop::collection::vec((any::<u64>(), prop::option::of(0..(1_u64 << 31))), 1..20),
        skipped in 0_usize..20,
    ) {
        for form in [Form::Rooms, Form::Prices] {
            let entries: Vec<_> = values.iter().map(|(number, value)| Entry { version: Version::from_bits(*number), value: *value }).collect();
            let bytes: Vec<u8> = entries.iter().flat_map(|entry| form.encode(*entry)).collect();
            let skipped = skipped.min(entries.len());
            let read: Vec<_> = form.decode(&bytes[skipped * form.width()..], entries.len() - skipped).collect();
            prop_assert_eq!(&read[..], &entries[skipped..]);
        }
    }
}

#[test]
fn what_was_reached_before_any_change_is_a_time_alone() {
    let now: DateTime<Utc> = "2026-12-24T00:00:00.123Z".parse().unwrap();
    let reached = Reached::at(now);
    assert_eq!(
        (reached.version, reached.at_ms),
        (Version::NONE, 1_798_070_400_123)
    );
    assert_eq!(reached.encode(), "00000000000000000000:1798070400123");
    for bad in ["", "1", "x:1", "1:x", "-1:1"] {
        assert_eq!(Reached::decode(bad.as_bytes()), None, "{bad}");
    }
}
