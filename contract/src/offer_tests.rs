//! The limits, at their edges.

use chrono::FixedOffset;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

const fn party(adults: u16, children: u16) -> Party {
    Party { adults, children }
}

/// A zone this many minutes east of Greenwich.
fn east(minutes: i32) -> FixedOffset {
    FixedOffset::east_opt(minutes * 60).unwrap()
}

#[test]
fn the_past_is_that_of_the_hotels_own_zone() {
    // Half past ten in the morning in UTC: already the 2nd in Kiritimati (+14), still the 31st in Pago Pago (-11).
    let now: DateTime<Utc> = "2026-06-01T10:30:00Z".parse().unwrap();
    for (minutes, today) in [
        (14 * 60, "2026-06-02"),
        (345, "2026-06-01"),
        (0, "2026-06-01"),
        (-11 * 60, "2026-05-31"),
    ] {
        let arrivals = Arrivals::at(now, &east(minutes));
        let (first, last) = (day(today), day(today).plus_days(DAYS_AHEAD_MAX));
        let yesterday = StayDate::from_days_since_1970(first.days_since_1970() - 1).unwrap();
        let today = first.date();
        assert_eq!(
            arrivals.check(yesterday),
            Err(Limit::InPast { today }),
            "{minutes}"
        );
        assert_eq!(arrivals.check(first), Ok(()));
        assert_eq!(arrivals.check(last), Ok(()));
        assert_eq!(
            arrivals.check(last.plus_days(1)),
            Err(Limit::TooFarAhead { today })
        );
    }
}

#[test]
fn a_party_has_an_adult_in_every_room() {
    assert_eq!(check_party(party(1, 0), 1), Ok(()));
    assert_eq!(check_party(party(9, 36), 9), Ok(()));
    assert_eq!(check_party(party(36, 0), 9), Ok(()));
    for (adults, children, rooms) in [(1, 0, 2), (1, 1, 2), (1, 8, 3), (2, 9, 3), (8, 0, 9)] {
        assert_eq!(
            check_party(party(adults, children), rooms),
            Err(Limit::TooFewAdults { rooms })
        );
    }
    for (adults, children, rooms, limit) in [
        (1, 0, 0, Limit::Rooms),
        (36, 0, 10, Limit::Rooms),
        (0, 1, 1, Limit::Adults),
        (37, 0, 1, Limit::Adults),
        (1, 37, 1, Limit::Children),
    ] {
        assert_eq!(check_party(party(adults, children), rooms), Err(limit));
    }
}

#[test]
fn children_take_free_places_of_adults_and_never_the_reverse() {
    let double = Capacity {
        adults: 2,
        children: 1,
    };
    let places = |adults, children, rooms| check_places(party(adults, children), double, rooms);
    assert_eq!(places(2, 1, 1), Ok(()));
    assert_eq!(places(1, 2, 1), Ok(()));
    assert_eq!(places(3, 0, 1), Err(Limit::TooManyAdults { places: 2 }));
    assert_eq!(places(2, 2, 1), Err(Limit::TooManyChildren { places: 1 }));
    assert_eq!(places(3, 3, 2), Ok(()));
    assert_eq!(places(3, 4, 2), Err(Limit::TooManyChildren { places: 3 }));
}

#[test]
fn each_limit_has_one_code_and_one_field() {
    let today = day("2026-06-01").date();
    for (limit, code, parameter, pointer) in [
        (Limit::NoNight, "invalid_stay", "check_out", "/check_out"),
        (Limit::TooLong, "stay_too_long", "check_out", "/check_out"),
        (Limit::InPast { today }, "stay_in_past", "check_in", "/check_in"),
        (
            Limit::TooFarAhead { today },
            "stay_too_far_ahead",
            "check_in",
            "/check_in",
        ),
        (Limit::Rooms, "invalid_field", "rooms", "/rooms"),
        (Limit::Adults, "invalid_field", "adults", "/party/adults"),
        (Limit::Children, "invalid_field", "children", "/party/children"),
        (
            Limit::TooFewAdults { rooms: 2 },
            "party_too_small",
            "adults",
            "/party/adults",
        ),
        (
            Limit::TooManyAdults { places: 2 },
            "party_too_large",
            "adults",
            "/party/adults",
        ),
        (
            Limit::TooManyChildren { places: 2 },
            "party_too_large",
            "children",
            "/party/children",
        ),
    ] {
        let field = limit.field();
        assert_eq!(
            (limit.code(), field.parameter(), field.pointer()),
            (code, parameter, pointer)
        );
    }
}

#[test]
fn a_stay_and_a_range_have_a_night_and_an_end() {
    let (first, after) = (day("2026-12-01"), |nights| day("2026-12-01").plus_days(nights));
    assert_eq!(stay(first, first), Err(Limit::NoNight));
    assert_eq!(stay(after(1), first), Err(Limit::NoNight));
    assert_eq!(stay(first, after(31)), Err(Limit::TooLong));
    assert_eq!(stay(first, after(30)).unwrap().nights_count(), 30);
    assert_eq!(nights_between(first, first, 400), Err(RangeError::Empty));
    assert_eq!(nights_between(after(9), first, 400), Err(RangeError::Empty));
    assert_eq!(nights_between(first, after(400), 400), Ok(400));
    assert_eq!(
        nights_between(first, after(401), 400),
        Err(RangeError::TooLong(400))
    );
    assert_eq!(RangeError::Empty.code(), "empty_range");
    assert_eq!(RangeError::TooLong(1).code(), "range_too_long");
}

proptest! {
    #[test]
    fn one_may_arrive_on_731_days_in_any_zone(minutes in -12 * 60..=14 * 60_i32, seconds in 1_000_000_000..4_000_000_000_i64) {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        let zone = east(minutes);
        let arrivals = Arrivals::at(now, &zone);
        let utc = now.date_naive().to_epoch_days();
        let open: Vec<i32> = (utc - 3..utc + 740)
            .filter(|day| arrivals.check(StayDate::from_days_since_1970(*day).unwrap()).is_ok())
            .collect();
        prop_assert_eq!(open.len(), 731);
        let local = now.with_timezone(&zone).date_naive().to_epoch_days();
        prop_assert_eq!((open[0], open[730]), (local, local + 730));
    }

    #[test]
    fn whoever_has_a_place_still_has_one_with_a_person_less_or_a_room_more(
        adults in 1_u16..=PARTY_MAX, children in 0_u16..=PARTY_MAX, rooms in 1_u16..ROOMS_MAX,
        for_adults in 1_u32..6, for_children in 0_u32..6,
    ) {
        let capacity = Capacity { adults: for_adults, children: for_children };
        let places = |adults, children, rooms| check_places(party(adults, children), capacity, rooms).is_ok();
        if places(adults, children, rooms) {
            prop_assert!(places(adults, children, rooms + 1));
            prop_assert!(places(adults, children.saturating_sub(1), rooms));
            prop_assert!(places(adults.saturating_sub(1).max(1), children, rooms));
            prop_assert!(u32::from(adults) + u32::from(children) <= u32::from(rooms) * (for_adults + for_children));
        }
    }
}
