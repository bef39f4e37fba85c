//! How often a participant is asked again: however it comes, no more often than it may, and each time in the end.

use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds(ms)
}

#[test]
fn after_a_crash_what_was_on_its_way_in_a_quiet_hour_is_sent_again_at_once() {
    let resends = Resends::default();
    assert!((0..SAVED_MAX).all(|_| resends.take("one", at(0))));
    assert!(!resends.take("one", at(0)), "and then no more");
    assert!(resends.take("another", at(0)), "each participant has its own");
}

#[test]
fn ten_that_go_for_the_first_time_allow_one_that_goes_again() {
    let resends = Resends::default();
    while resends.take("one", at(0)) {}
    for _ in 0..3 {
        resends.sent("one", FIRST_PER_RESEND - 1);
        assert!(!resends.take("one", at(0)));
        resends.sent("one", 1);
        assert!(resends.take("one", at(0)));
    }
    assert!(!resends.take("one", at(0)));
}

#[test]
fn a_clock_that_was_set_stops_nobody() {
    let resends = Resends::default();
    assert!(resends.take("one", at(1_000_000_000)));
    while resends.take("one", at(0)) {}
    assert!(resends.take("one", at(APART.num_milliseconds())));
}

/// What happens at some time: commands go out for the first time, or one wants to go again.
fn happenings() -> impl Strategy<Value = Vec<(i64, Option<u32>)>> {
    let one = (0_i64..60_000, proptest::option::of(0_u32..200));
    prop::collection::vec(one, 1..800).prop_map(|mut all| {
        all.sort_unstable();
        all
    })
}

proptest! {
    /// In any stretch of time: no more than what was saved up, a tenth of what went for the first time, and so many a second.
    #[test]
    fn no_more_go_again_than_may(happenings in happenings(), from in any::<prop::sample::Index>()) {
        let resends = Resends::default();
        let stretch = from.index(happenings.len());
        let (begun, mut first, mut again) = (happenings[stretch].0, 0, 0);
        for (number, (ms, what)) in happenings.into_iter().enumerate() {
            let is_in_it = u64::from(number >= stretch);
            match what {
                Some(count) => {
                    resends.sent("one", count);
                    first += is_in_it * u64::from(count);
                }
                None => again += is_in_it * u64::from(resends.take("one", at(ms))),
            }
            let passed = u64::try_from(ms - begun).unwrap_or(0);
            let may = u64::from(SAVED_MAX) + first / 10 + passed * PER_SECOND.unsigned_abs() / 1_000 + 1;
            prop_assert!(again <= may, "{} of {}", again, may);
        }
    }

    /// However much goes again meanwhile: who asks again and again goes within the time that all before it take.
    #[test]
    fn each_goes_in_the_end(crowd in 1_u32..2_000, every_ms in 1_i64..5_000) {
        let resends = Resends::default();
        let mut waiting = crowd;
        let mut now = 0;
        while waiting > 0 {
            while waiting > 0 && resends.take("one", at(now)) {
                waiting -= 1;
            }
            now += every_ms;
            prop_assert!(now <= (i64::from(crowd) + 1) * every_ms.max(APART.num_milliseconds()) , "{} wait", waiting);
        }
    }
}
