//! What a cancellation costs, for every policy, date and zone.

use chrono::{NaiveDate, TimeDelta};
use contract::quote::CancellationPolicy;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{day, euros, quote};

fn with_policy(free_until_days_before: Option<u16>, penalty: Penalty) -> Quote {
    Quote {
        cancellation_policy: CancellationPolicy {
            free_until_days_before,
            penalty,
        },
        ..quote()
    }
}

#[test]
fn the_last_free_day_is_free() {
    // Check-in is on 2127-03-10.
    let terms = Terms::of(&with_policy(Some(7), Penalty::Full)).unwrap();
    assert_eq!(terms.free_until, Some(day("2127-03-03")));
    assert_eq!(terms.cost_on(day("2127-03-03")).penalty, euros("0.00"));
    assert_eq!(terms.cost_on(day("2127-03-03")).refund, euros("636.00"));
    assert_eq!(terms.cost_on(day("2127-03-04")).penalty, euros("636.00"));
}

#[test]
fn the_first_night_carries_its_share_of_the_taxes() {
    // Two rooms, 90 + 100 + 110 a night, 36.00 taxes on 600.00.
    let terms = Terms::of(&with_policy(None, Penalty::FirstNight)).unwrap();
    assert_eq!(terms.late_penalty, euros("190.80"));
}

#[test]
fn a_percentage_is_rounded_half_up() {
    let mut quote = with_policy(None, Penalty::Percent(50));
    quote.total = euros("0.01");
    assert_eq!(Terms::of(&quote).unwrap().late_penalty, euros("0.01"));
    quote.total = euros("100.00");
    quote.cancellation_policy.penalty = Penalty::Percent(33);
    assert_eq!(Terms::of(&quote).unwrap().late_penalty, euros("33.00"));
}

#[test]
fn dates_are_the_hotels() {
    let mut quote = with_policy(Some(0), Penalty::Full);
    let instant: DateTime<Utc> = "2027-03-10T12:30:00Z".parse().unwrap();
    for (zone, date) in [
        ("Pacific/Auckland", "2027-03-11"),
        ("Europe/Lisbon", "2027-03-10"),
        ("Pacific/Pago_Pago", "2027-03-10"),
        ("Pacific/Kiritimati", "2027-03-11"),
    ] {
        zone.clone_into(&mut quote.time_zone);
        assert_eq!(Terms::of(&quote).unwrap().date_at(instant), day(date), "{zone}");
    }
}

#[test]
fn midnights_that_do_not_exist_are_no_trouble() {
    // In Beirut the clocks go from 23:59 to 01:00 on 2027-03-28.
    let mut quote = quote();
    "Asia/Beirut".clone_into(&mut quote.time_zone);
    let terms = Terms::of(&quote).unwrap();
    let before: DateTime<Utc> = "2027-03-27T21:59:59Z".parse().unwrap();
    assert_eq!(terms.date_at(before), day("2027-03-27"));
    assert_eq!(terms.date_at(before + TimeDelta::seconds(1)), day("2027-03-28"));
}

fn penalties() -> impl Strategy<Value = Penalty> {
    prop_oneof![
        Just(Penalty::FirstNight),
        (0_u8..=120).prop_map(Penalty::Percent),
        Just(Penalty::Full)
    ]
}

prop_compose! {
    fn terms()(
        penalty in penalties(),
        free in prop::option::of(0_u16..=365),
        prices in prop::collection::vec(0_i64..1_000_000, 1..=30),
        rooms in 1_u16..=9,
        tax in 0_i64..500_000,
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) -> Terms {
        let mut quote = with_policy(free, penalty);
        let eur = quote.total.currency();
        let check_in = quote.stay.check_in();
        let nights = u32::try_from(prices.len()).unwrap();
        quote.stay = Stay::new(check_in, check_in.plus_days(nights)).unwrap();
        quote.nights = quote.stay.nights().zip(&prices).map(|(night, price)| contract::quote::NightPrice {
            night,
            price: Money::from_minor(*price, eur).unwrap(),
        }).collect();
        quote.taxes[0].amount = Money::from_minor(tax, eur).unwrap();
        quote.rooms = rooms;
        quote.total = Money::from_minor(prices.iter().sum::<i64>() * i64::from(rooms) + tax, eur).unwrap();
        quote.time_zone = zone.name().to_owned();
        Terms::of(&quote).unwrap()
    }
}

proptest! {
    #[test]
    fn penalty_and_refund_are_the_total(terms in terms(), at in 946_700_000_i64..7_258_000_000) {
        let now = DateTime::from_timestamp(at, 0).unwrap();
        let cost = terms.cost_on(terms.date_at(now));
        prop_assert_eq!(cost.penalty.plus(cost.refund).unwrap(), terms.total);
    }

    #[test]
    fn waiting_never_makes_it_cheaper(terms in terms(), at in 1_325_400_000_i64..7_000_000_000, later in 0_i64..200_000_000) {
        let now = DateTime::from_timestamp(at, 0).unwrap();
        let earlier = terms.cost_on(terms.date_at(now));
        let then = terms.cost_on(terms.date_at(now + TimeDelta::seconds(later)));
        prop_assert!(earlier.penalty.minor() <= then.penalty.minor());
    }

    // Since 2012: before, clocks in St. John's went back at one minute past midnight, and the date with them.
    #[test]
    fn the_hotels_date_never_goes_back(terms in terms(), at in 1_325_400_000_i64..4_000_000_000) {
        let now = DateTime::from_timestamp(at, 0).unwrap();
        let dates: Vec<NaiveDate> =
            (0..60).map(|step| terms.date_at(now + TimeDelta::minutes(step * 7)).date()).collect();
        prop_assert!(dates.windows(2).all(|pair| pair[0] <= pair[1] && (pair[1] - pair[0]).num_days() <= 1));
    }
}
