//! The days of arrival, at their edges.

use chrono::FixedOffset;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

/// A zone this many minutes east of Greenwich.
fn east(minutes: i32) -> FixedOffset {
    FixedOffset::east_opt(minutes * 60).unwrap()
}

fn against(today: Today, check_in: StayDate) -> Option<Blocked> {
    today
        .is_past(check_in)
        .or_else(|| today.is_too_far_ahead(check_in))
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
        let (first, last) = (day(today), day(today).plus_days(DAYS_AHEAD_MAX));
        let yesterday = StayDate::from_days_since_1970(first.days_since_1970() - 1).unwrap();
        let (there, today) = (Today::at(now, &east(minutes)), first.date());
        let check_in = yesterday;
        assert_eq!(
            against(there, yesterday),
            Some(Blocked::InPast { today, check_in }),
            "{minutes}"
        );
        assert_eq!(against(there, first), None);
        assert_eq!(against(there, last), None);
        assert_eq!(
            against(there, last.plus_days(1)),
            Some(Blocked::TooFarAhead { today })
        );
    }
}

#[test]
fn a_stay_has_a_night_and_an_end() {
    let (first, after) = (day("2026-12-01"), |nights| day("2026-12-01").plus_days(nights));
    assert_eq!(stay(first, first), Err(Blocked::NoNight));
    assert_eq!(stay(after(1), first), Err(Blocked::NoNight));
    assert_eq!(stay(first, after(31)), Err(Blocked::TooLong));
    assert_eq!(stay(first, after(30)).unwrap().nights_count(), 30);
}

proptest! {
    #[test]
    fn one_may_arrive_on_731_days_in_any_zone(minutes in -12 * 60..=14 * 60_i32, seconds in 1_000_000_000..4_000_000_000_i64) {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        let (there, somewhere) = (Today::at(now, &east(minutes)), Today::somewhere(now));
        let utc = now.date_naive().to_epoch_days();
        let open = |today: Today| -> Vec<i32> {
            let open = |day: &i32| against(today, StayDate::from_days_since_1970(*day).unwrap()).is_none();
            (utc - 3..utc + 740).filter(open).collect()
        };
        let days = open(there);
        prop_assert_eq!(days.len(), 731);
        let local = now.with_timezone(&east(minutes)).date_naive().to_epoch_days();
        prop_assert_eq!((days[0], days[730]), (local, local + 730));
        // Where nobody knows the zone, everything is open that is open somewhere, and a day at each end beside it.
        prop_assert_eq!(open(somewhere), (utc - 1..=utc + 731).collect::<Vec<_>>());
        prop_assert!(days.iter().all(|day| open(somewhere).contains(day)));
    }
}
