//! Properties of prices.

use contract::line::Line;
use contract::money::MINOR_MAX;
use contract::quote::{NightPrice, Party, nights_of_all};
use contract::{RatePlanId, RoomTypeId, Stay, StayDate};
use proptest::prelude::*;
use rules::limits::ROOMS_MAX;

use super::*;

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

fn day(text: &str) -> StayDate {
    text.parse().unwrap()
}

fn nights(amounts: &[i64]) -> Vec<NightPrice> {
    let price = |(offset, minor): (usize, &i64)| NightPrice {
        night: day("2027-01-01").plus_days(u32::try_from(offset).unwrap()),
        price: Money::from_minor(*minor, eur()).unwrap(),
    };
    amounts.iter().enumerate().map(price).collect()
}

fn tax(percent: &str) -> Tax {
    Tax {
        name: Text::new("VAT").unwrap(),
        percent: percent.parse().unwrap(),
    }
}

/// So many rooms that are alike.
fn price_stay(
    nights: &[NightPrice],
    rooms: u16,
    taxes: &[Tax],
    currency: Currency,
) -> Result<Priced, MoneyError> {
    let line = QuotedLine {
        line: Line {
            room_type_id: RoomTypeId::new(),
            rate_plan_id: RatePlanId::new(),
            stay: Stay::new(day("2027-01-01"), day("2027-01-02")).unwrap(),
            party: Party {
                adults: 1,
                children: 0,
            },
        },
        nights: nights.to_vec(),
        cancellation_policy: None,
    };
    price_lines(&vec![line; usize::from(rooms)], taxes, currency)
}

#[test]
fn what_all_lines_cost_is_told_night_by_night_and_adds_up_to_the_same() {
    let priced = |amounts: &[i64]| QuotedLine {
        line: Line {
            room_type_id: RoomTypeId::new(),
            rate_plan_id: RatePlanId::new(),
            stay: Stay::new(day("2027-01-01"), day("2027-01-03")).unwrap(),
            party: Party {
                adults: 1,
                children: 0,
            },
        },
        nights: nights(amounts),
        cancellation_policy: None,
    };
    let lines = [priced(&[10_000, 12_000]), priced(&[5_000, 5_001])];
    assert_eq!(nights_of_all(&lines).unwrap(), nights(&[15_000, 17_001]));
    let whole = price_lines(&lines, &[tax("6.00")], eur()).unwrap();
    assert_eq!(
        (whole.total_before_taxes.minor(), whole.total.minor()),
        (32_001, 33_921)
    );
}

fn tax_minor(net: i64, percent: &str) -> i64 {
    price_stay(&nights(&[net]), 1, &[tax(percent)], eur())
        .unwrap()
        .taxes[0]
        .amount
        .minor()
}

#[test]
fn a_tax_is_rounded_half_up() {
    assert_eq!(tax_minor(50, "1"), 1, "half a cent goes up");
    assert_eq!(tax_minor(49, "1"), 0);
    assert_eq!(
        tax_minor(250, "1.00"),
        3,
        "also where the even neighbour is below"
    );
    assert_eq!(tax_minor(12_900, "6.00"), 774);
    assert_eq!(tax_minor(1, "0"), 0);
    assert_eq!(tax_minor(500_000_000_000 - 1, "100"), 500_000_000_000 - 1);
}

#[test]
fn a_percentage_is_written_as_it_was_given() {
    for good in ["0", "6", "6.00", "100", "100.0000", "0.5", "13.7"] {
        assert_eq!(good.parse::<Percent>().unwrap().to_string(), good);
    }
    for bad in [
        "", ".5", "5.", "06", "-0", "+1", "1e1", "101", "100.0001", "6.00000", " 6", "NaN", "1_0", "٦",
    ] {
        assert!(bad.parse::<Percent>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_total_that_is_too_large_is_refused_and_never_wraps() {
    let most = nights(&[MINOR_MAX]);
    assert_eq!(price_stay(&most, 1, &[], eur()).unwrap().total.minor(), MINOR_MAX);
    assert_eq!(price_stay(&most, 2, &[], eur()), Err(MoneyError::Range));
    assert_eq!(price_stay(&most, 1, &[tax("1")], eur()), Err(MoneyError::Range));
    assert_eq!(
        price_stay(&nights(&[MINOR_MAX, 1]), 1, &[], eur()),
        Err(MoneyError::Range)
    );
}

/// The tax on an amount, rounded half up, by whole numbers alone.
fn nearest_tax(net: i64, percent: &str) -> i64 {
    // A percentage with four decimals is so many millionths.
    let millionths: i128 = percent.replace('.', "").parse().unwrap();
    let exact = i128::from(net) * millionths;
    let up = i128::from(exact % 1_000_000 >= 500_000);
    i64::try_from(exact / 1_000_000 + up).unwrap()
}

#[test]
fn a_tax_is_neither_rounded_by_night_nor_by_room() {
    let ten = |amounts: &[i64], rooms| {
        let priced = price_stay(&nights(amounts), rooms, &[tax("10")], eur()).unwrap();
        priced.taxes[0].amount.minor()
    };
    // Three rooms, three nights of 0.05: 10 % of 0.45 is 0.045. By night or by room it would be 0.06, by both 0.09.
    assert_eq!(ten(&[5, 5, 5], 3), 5);
    // Of 0.04: 10 % of 0.36 is 0.036. By night or by room it would be 0.03, by both nothing.
    assert_eq!(ten(&[4, 4, 4], 3), 4);
    // By night only: 0.02 and 0.01 in two rooms are 0.006.
    assert_eq!(ten(&[2, 1], 2), 1);
}

fn percent() -> impl Strategy<Value = String> {
    (0_u32..100, 0_u32..10_000).prop_map(|(whole, fraction)| format!("{whole}.{fraction:04}"))
}

proptest! {
    #[test]
    fn the_total_is_nights_times_rooms_plus_tax_lines(
        amounts in prop::collection::vec(0_i64..1_000_000, 1..=30),
        rooms in 1_u16..=ROOMS_MAX,
        percents in prop::collection::vec(percent(), 0..5),
    ) {
        let taxes: Vec<_> = percents.iter().map(|percent| tax(percent)).collect();
        let priced = price_stay(&nights(&amounts), rooms, &taxes, eur()).unwrap();
        // Each line from the prices, not from the lines that are given.
        let net = amounts.iter().sum::<i64>() * i64::from(rooms);
        let due: Vec<i64> = percents.iter().map(|percent| nearest_tax(net, percent)).collect();
        let lines: Vec<i64> = priced.taxes.iter().map(|line| line.amount.minor()).collect();
        prop_assert_eq!(&lines, &due);
        prop_assert_eq!(priced.total_before_taxes.minor(), net);
        prop_assert_eq!(priced.total.minor(), net + due.iter().sum::<i64>());
    }

    #[test]
    fn a_tax_line_is_the_integer_nearest_to_the_exact_tax(net in 0_i64..=MINOR_MAX / 2, percent in percent()) {
        prop_assert_eq!(tax_minor(net, &percent), nearest_tax(net, &percent));
    }

    /// Few cents in many nights and rooms: wherever it is rounded more than once, it shows.
    #[test]
    fn a_tax_is_rounded_once_for_the_whole_stay(
        amounts in prop::collection::vec(0_i64..10, 2..=30),
        rooms in 2_u16..=ROOMS_MAX,
        percent in percent(),
        currency in prop::sample::select(vec!["EUR", "JPY", "KWD"]),
    ) {
        let currency = currency.parse().unwrap();
        let priced = |amounts: &[i64]| -> Vec<NightPrice> {
            let price = |night: NightPrice| NightPrice {
                price: Money::from_minor(night.price.minor(), currency).unwrap(),
                ..night
            };
            nights(amounts).into_iter().map(price).collect()
        };
        let taxes = [tax(&percent)];
        let stay = price_stay(&priced(&amounts), rooms, &taxes, currency).unwrap();
        let net = amounts.iter().sum::<i64>() * i64::from(rooms);
        prop_assert_eq!(stay.taxes[0].amount.minor(), nearest_tax(net, &percent));
    }
}
