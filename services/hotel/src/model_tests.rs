//! Properties of prices, dates and places.

use contract::money::MINOR_MAX;
use proptest::prelude::*;

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
    assert_eq!(price_stay(&most, 2, &[], eur()), Err(Unquotable::TooExpensive));
    assert_eq!(
        price_stay(&most, 1, &[tax("1")], eur()),
        Err(Unquotable::TooExpensive)
    );
    assert_eq!(
        price_stay(&nights(&[MINOR_MAX, 1]), 1, &[], eur()),
        Err(Unquotable::TooExpensive)
    );
}

#[test]
fn the_past_is_that_of_the_hotels_own_zone() {
    // Half past ten in the evening in UTC: already the 2nd in Tokyo, still the 1st in Los Angeles.
    let now = "2026-06-01T22:30:00Z".parse().unwrap();
    assert!(check_arrival(day("2026-06-01"), now, Tz::America__Los_Angeles).is_ok());
    assert_eq!(
        check_arrival(day("2026-06-01"), now, Tz::Asia__Tokyo),
        Err(Unquotable::InPast {
            today: day("2026-06-02").date()
        })
    );
    assert!(check_arrival(day("2026-06-02"), now, Tz::Asia__Tokyo).is_ok());
}

#[test]
fn a_stay_begins_at_most_two_years_ahead() {
    let now = "2026-06-01T12:00:00Z".parse().unwrap();
    let latest = day("2026-06-01").plus_days(730);
    assert!(check_arrival(latest, now, Tz::UTC).is_ok());
    assert!(matches!(
        check_arrival(latest.plus_days(1), now, Tz::UTC),
        Err(Unquotable::TooFarAhead { .. })
    ));
}

#[test]
fn children_take_free_places_of_adults_and_never_the_reverse() {
    let double = Capacity {
        adults: 2,
        children: 1,
    };
    let fits = |adults, children, rooms| check_party(Party { adults, children }, double, rooms);
    assert_eq!(fits(2, 1, 1), Ok(()));
    assert_eq!(fits(1, 2, 1), Ok(()));
    assert_eq!(fits(3, 0, 1), Err(Unquotable::TooManyAdults { places: 2 }));
    assert_eq!(fits(2, 2, 1), Err(Unquotable::TooManyChildren { places: 1 }));
    assert_eq!(fits(4, 2, 2), Ok(()));
}

#[test]
fn the_first_night_without_a_price_is_named() {
    let stay = Stay::new(day("2027-01-01"), day("2027-01-04")).unwrap();
    let mut known = nights(&[1, 2, 3]);
    assert_eq!(price_each_night(stay, &known).unwrap(), known);
    known.remove(1);
    assert_eq!(
        price_each_night(stay, &known),
        Err(Unquotable::NoPrice(day("2027-01-02")))
    );
    assert_eq!(
        price_each_night(stay, &[]),
        Err(Unquotable::NoPrice(day("2027-01-01")))
    );
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
        let net = amounts.iter().sum::<i64>() * i64::from(rooms);
        let lines: i64 = priced.taxes.iter().map(|line| line.amount.minor()).sum();
        prop_assert_eq!(priced.taxes.len(), taxes.len());
        prop_assert_eq!(priced.total_before_taxes.minor(), net);
        prop_assert_eq!(priced.total.minor(), net + lines);
    }

    #[test]
    fn a_tax_line_is_the_integer_nearest_to_the_exact_tax(net in 0_i64..=MINOR_MAX / 2, percent in percent()) {
        // In millionths of a minor unit, by integers of 128 bits.
        let parts: i128 = percent.replace('.', "").parse().unwrap();
        let exact = i128::from(net) * parts;
        let line = i128::from(tax_minor(net, &percent)) * 1_000_000;
        prop_assert!(line - exact <= 500_000 && exact - line < 500_000, "{} of {} is not {}", percent, net, line);
    }

    #[test]
    fn whoever_fits_still_fits_with_one_person_less_or_one_room_more(
        adults in 1_u16..=PARTY_MAX, children in 0_u16..=PARTY_MAX, rooms in 1_u16..ROOMS_MAX,
        for_adults in 1_u32..6, for_children in 0_u32..6,
    ) {
        let capacity = Capacity { adults: for_adults, children: for_children };
        let fits = |adults, children, rooms| check_party(Party { adults, children }, capacity, rooms).is_ok();
        if fits(adults, children, rooms) {
            prop_assert!(fits(adults, children, rooms + 1));
            prop_assert!(fits(adults, children.saturating_sub(1), rooms));
            prop_assert!(fits(adults.saturating_sub(1).max(1), children, rooms));
        }
    }
}
