//! An amount is read in one form only: what is accepted is written back byte for byte. Arithmetic never
//! panics and never leaves the range.

#![no_main]

use contract::money::{MINOR_MAX, MoneyError};
use contract::{Currency, Money};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(money) = serde_json::from_str::<Money>(text) {
        in_range(Ok(money));
        let again = serde_json::to_string(&money).expect("money is JSON");
        assert_eq!(
            serde_json::from_str::<Money>(&again).expect("it was just written"),
            money
        );
    }
    // The currency first, then the amounts: "EUR 12.50 0.05".
    let mut words = text.split(' ');
    let Some(Ok(currency)) = words.next().map(str::parse::<Currency>) else {
        return;
    };
    let amounts: Vec<Money> = words
        .filter_map(|amount| {
            let money = Money::parse(amount, currency).ok()?;
            assert_eq!(money.amount(), amount, "two forms of one amount");
            Some(money)
        })
        .collect();
    for pair in amounts.windows(2) {
        for result in [
            pair[0].plus(pair[1]),
            pair[0].minus(pair[1]),
            pair[0].least(pair[1]),
        ] {
            in_range(result);
        }
        let count = u32::try_from(pair[1].minor() & 0xffff_ffff).unwrap_or(u32::MAX);
        in_range(pair[0].times(count));
        if let Ok(sum) = pair[0].plus(pair[1]) {
            assert_eq!(sum.minus(pair[1]), Ok(pair[0]));
        }
    }
});

fn in_range(result: Result<Money, MoneyError>) {
    if let Ok(money) = result {
        assert!((0..=MINOR_MAX).contains(&money.minor()), "{money}");
    }
}
