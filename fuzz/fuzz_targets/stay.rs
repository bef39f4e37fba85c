//! A date is read in one form only, and a stay has 1 to 30 nights, each in order and none twice.

#![no_main]

use contract::stay::NIGHTS_MAX;
use contract::{Stay, StayDate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let dates: Vec<StayDate> = text
        .split(' ')
        .filter_map(|word| {
            let date: StayDate = word.parse().ok()?;
            assert_eq!(date.to_string(), word, "two forms of one date");
            assert_eq!(StayDate::from_days_since_1970(date.days_since_1970()), Ok(date));
            Some(date)
        })
        .collect();
    for pair in dates.windows(2) {
        if let Ok(stay) = Stay::new(pair[0], pair[1]) {
            check(stay);
        }
    }
    if let Ok(stay) = serde_json::from_str::<Stay>(text) {
        check(stay);
        let again = serde_json::to_string(&stay).expect("a stay is JSON");
        assert_eq!(
            serde_json::from_str::<Stay>(&again).expect("it was just written"),
            stay
        );
    }
});

fn check(stay: Stay) {
    let nights: Vec<StayDate> = stay.nights().collect();
    assert!((1..=NIGHTS_MAX as usize).contains(&nights.len()), "{stay:?}");
    assert_eq!(nights.len(), stay.nights_count() as usize);
    assert_eq!(nights.first(), Some(&stay.check_in()));
    assert!(nights.is_sorted_by(|left, right| left < right), "{stay:?}");
    assert!(nights.last().is_some_and(|last| *last < stay.check_out()));
}
