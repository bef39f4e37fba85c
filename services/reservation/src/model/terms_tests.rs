//! What a cancellation costs, for every policy, date and zone.

use chrono::{NaiveDate, TimeDelta};
use contract::penalty::Penalty;
use contract::quote::{NightPrice, QuotedLine};
use proptest::prelude::*;

use super::*;
use crate::fixtures::{day, euros, quote};

fn with_policy(free_until_days_before: Option<u16>, penalty: Penalty) -> Quote {
    Quote {
        cancellation_policy: Some(CancellationPolicy {
            free_until_days_before,
            penalty,
        }),
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
    // From then on it is not, not on the day of arrival either.
    for date in 4..=10 {
        let cost = terms.cost_on(day(&format!("2127-03-{date:02}")));
        assert_eq!(
            (cost.penalty, cost.refund),
            (euros("636.00"), euros("0.00")),
            "{date}"
        );
    }
}

/// What the hotel keeps when the guest cancels on the day of arrival.
fn on_arrival(quote: &Quote) -> Money {
    Terms::of(quote).unwrap().cost_on(quote.stay.check_in()).penalty
}

#[test]
fn the_first_night_carries_its_share_of_the_taxes() {
    // Two rooms, 90 + 100 + 110 a night, 36.00 taxes on 600.00.
    // Late is late, however long it was free before.
    for free_until_days_before in [None, Some(1), Some(7)] {
        let quote = with_policy(free_until_days_before, Penalty::FirstNight);
        assert_eq!(on_arrival(&quote), euros("190.80"));
    }
}

#[test]
fn a_percentage_is_rounded_half_up() {
    let mut quote = with_policy(None, Penalty::Percent(50));
    quote.total = euros("0.01");
    assert_eq!(on_arrival(&quote), euros("0.01"));
    quote.total = euros("100.00");
    quote.cancellation_policy.as_mut().unwrap().penalty = Penalty::Percent(33);
    assert_eq!(on_arrival(&quote), euros("33.00"));
}

/// A quote of one room from 2127-03-10 on, with these prices and so much tax in all.
fn priced(currency: &str, prices: &[i64], rooms: u16, tax: i64, penalty: Penalty) -> Quote {
    let currency = currency.parse().unwrap();
    let money = |minor| Money::from_minor(minor, currency).unwrap();
    let mut quote = with_policy(None, penalty);
    let check_in = quote.stay.check_in();
    let nights = u32::try_from(prices.len()).unwrap();
    quote.stay = Stay::new(check_in, check_in.plus_days(nights)).unwrap();
    let each = quote.stay.nights().zip(prices);
    quote.nights = each
        .map(|(night, price)| NightPrice {
            night,
            price: money(*price),
        })
        .collect();
    quote.taxes[0].amount = money(tax);
    quote.rooms = rooms;
    quote.total = money(prices.iter().sum::<i64>() * i64::from(rooms) + tax);
    quote
}

#[test]
fn nights_that_have_begun_are_kept_and_the_policy_applies_to_the_rest() {
    // Three nights of 100.00 from 2127-03-10; what comes back on each day.
    for (penalty, back) in [
        (Penalty::Percent(10), [27_000, 18_000, 9_000]),
        (Penalty::FirstNight, [20_000, 10_000, 0]),
        (Penalty::Percent(0), [30_000, 20_000, 10_000]),
        (Penalty::Full, [0, 0, 0]),
    ] {
        let terms = Terms::of(&priced("EUR", &[10_000; 3], 1, 0, penalty)).unwrap();
        for (day, back) in (0..).zip(back) {
            let date = terms.stay.check_in().plus_days(day);
            let cost = terms.cost_on(date);
            assert_eq!(cost.refund.minor(), back, "{penalty:?} on {date}");
            assert_eq!(cost.penalty.minor(), 30_000 - back);
            assert_eq!(cost.kept_until, Some(date).filter(|_| day > 0));
        }
        let cost = terms.cost_on(terms.stay.check_out().plus_days(5));
        assert_eq!(
            (cost.penalty, cost.kept_until),
            (terms.total, Some(terms.stay.check_out()))
        );
    }
}

#[test]
fn free_until_the_day_of_arrival_is_free_on_that_day_and_never_later() {
    for penalty in [Penalty::Percent(10), Penalty::FirstNight, Penalty::Full] {
        let mut quote = priced("EUR", &[10_000; 3], 1, 0, penalty);
        quote.cancellation_policy.as_mut().unwrap().free_until_days_before = Some(0);
        let terms = Terms::of(&quote).unwrap();
        let arrival = terms.stay.check_in();
        assert_eq!(terms.cost_on(arrival).refund, terms.total);
        assert_eq!(terms.cost_on(arrival).kept_until, None);
        let next = terms.cost_on(arrival.plus_days(1));
        assert!(next.penalty.minor() > 10_000, "{penalty:?}: {next:?}");
    }
}

#[test]
fn each_night_carries_its_share_of_the_taxes_and_no_cent_is_lost() {
    // Each share alone would be 34.333…; the running sum is rounded.
    let terms = Terms::of(&priced("EUR", &[3_333; 3], 1, 301, Penalty::Percent(50))).unwrap();
    let minor = |of: fn(&NightCost) -> Money, day| -> Vec<i64> {
        let nights = terms.nights_on(
            terms.stay.check_in().plus_days(day),
            Some(terms.stay.check_in().plus_days(day)),
        );
        nights.iter().map(|night| of(night).minor()).collect()
    };
    assert_eq!(minor(|night| night.amount, 0), [3_433, 3_434, 3_433]);
    // Half of 10,300 once, not the sum of halves.
    assert_eq!(minor(|night| night.penalty, 0), [1_717, 1_717, 1_716]);
    assert_eq!(minor(|night| night.penalty, 1), [3_433, 1_717, 1_717]);
    assert_eq!(minor(|night| night.refund, 1), [0, 1_717, 1_716]);
    // Currencies without decimals, and with three; prices that differ by night.
    let yen = Terms::of(&priced("JPY", &[9_999, 1, 12_345], 3, 6_704, Penalty::FirstNight)).unwrap();
    assert_eq!(
        yen.parts[0]
            .nights
            .iter()
            .map(|night| night.minor())
            .collect::<Vec<_>>(),
        [32_997, 3, 40_739]
    );
    let dinar = Terms::of(&priced("KWD", &[45_125, 45_130], 2, 9_027, Penalty::Percent(15))).unwrap();
    assert_eq!(dinar.cost_on(dinar.stay.check_in()).penalty.amount(), "28.431");
}

#[test]
fn a_quote_whose_nights_are_not_those_of_its_stay_is_refused() {
    let mut quote = priced("EUR", &[100, 200], 1, 0, Penalty::Full);
    quote.nights.pop();
    assert!(Terms::of(&quote).is_err());
}

/// A double of 100 and a single of 50, two nights, booked room by room.
fn mixed() -> Quote {
    let mut quote = priced("EUR", &[150, 150], 2, 0, Penalty::FirstNight);
    quote.room_type_id = None;
    let line = |adults, price: i64| QuotedLine {
        line: Line {
            room_type_id: contract::RoomTypeId::new(),
            rate_plan_id: quote.rate_plan_id.unwrap(),
            stay: quote.stay,
            party: contract::quote::Party { adults, children: 0 },
        },
        nights: quote
            .nights
            .iter()
            .map(|night| NightPrice {
                price: Money::from_minor(price, night.price.currency()).unwrap(),
                ..*night
            })
            .collect(),
        cancellation_policy: None,
    };
    quote.lines = vec![line(2, 100), line(1, 50)];
    quote.party = line::together(&[quote.lines[0].line, quote.lines[1].line]);
    quote
}

#[test]
fn lines_that_do_not_add_up_to_their_quote_are_refused() {
    assert!(Terms::of(&mixed()).is_ok());
    let wrong: [fn(&mut Quote); 7] = [
        |quote| quote.room_type_id = Some(contract::RoomTypeId::new()),
        |quote| quote.lines.clear(),
        |quote| quote.rooms = 3,
        |quote| quote.party.adults += 1,
        |quote| quote.lines[1].nights.truncate(1),
        |quote| quote.lines[0].line.rate_plan_id = contract::RatePlanId::new(),
        |quote| quote.nights[0].price = quote.lines[0].nights[0].price,
    ];
    for (at, change) in wrong.into_iter().enumerate() {
        let mut quote = mixed();
        change(&mut quote);
        assert!(Terms::of(&quote).is_err(), "{at}");
    }
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
        (0_u8..=100).prop_map(Penalty::Percent),
        Just(Penalty::Full)
    ]
}

prop_compose! {
    fn quotes()(
        penalty in penalties(),
        currency in prop::sample::select(vec!["EUR", "JPY", "KWD"]),
        free in prop::option::of(0_u16..=365),
        prices in prop::collection::vec(0_i64..1_000_000, 1..=30),
        rooms in 1_u16..=9,
        tax in 0_i64..500_000,
        zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) -> Quote {
        let mut quote = priced(currency, &prices, rooms, tax, penalty);
        quote.cancellation_policy.as_mut().unwrap().free_until_days_before = free;
        quote.time_zone = zone.name().to_owned();
        quote
    }
}

prop_compose! {
    fn terms()(quote in quotes()) -> Terms {
        Terms::of(&quote).unwrap()
    }
}

/// The quotient rounded half up, in whole numbers.
fn nearest(dividend: i128, divisor: i128) -> i128 {
    dividend / divisor + i128::from(dividend % divisor * 2 >= divisor)
}

proptest! {
    /// Each amount from the prices before taxes, not from the lines that are given.
    #[test]
    fn each_day_costs_what_the_prices_say(quote in quotes(), day in -3_i64..32) {
        let terms = Terms::of(&quote).unwrap();
        let date = terms.stay.check_in().days_since_1970() + i32::try_from(day).unwrap();
        let date = StayDate::from_days_since_1970(date).unwrap();
        let begun = usize::try_from(day).unwrap_or(0).min(quote.nights.len());
        let net = |nights: usize| -> i128 {
            let prices = quote.nights.iter().take(nights).map(|night| i128::from(night.price.minor()));
            prices.sum::<i128>() * i128::from(quote.rooms)
        };
        let (all, total) = (quote.nights.len(), i128::from(quote.total.minor()));
        prop_assume!(net(all) > 0);
        let share = |nights| nearest(total * net(nights), net(all));
        let rest = total - share(begun);
        let policy = quote.cancellation_policy.unwrap();
        let free = policy.free_until_days_before.is_some_and(|days| day <= -i64::from(days));
        let penalty = match policy.penalty {
            _ if free => 0,
            Penalty::FirstNight => share((begun + 1).min(all)) - share(begun),
            Penalty::Percent(percent) => nearest(rest * i128::from(percent), 100),
            Penalty::Full => rest,
        };
        let cost = terms.cost_on(date);
        prop_assert_eq!(i128::from(cost.penalty.minor()), share(begun) + penalty);
        prop_assert_eq!(i128::from(cost.refund.minor()), rest - penalty);
        prop_assert_eq!(cost.kept_until.is_some(), begun > 0);
        let nights = terms.nights_on(date, cost.kept_until);
        let sum = |of: fn(&NightCost) -> Money| nights.iter().map(|night| of(night).minor()).sum::<i64>();
        prop_assert_eq!(sum(|night| night.amount), quote.total.minor());
        prop_assert_eq!(sum(|night| night.penalty), cost.penalty.minor());
        prop_assert_eq!(sum(|night| night.refund), cost.refund.minor());
        for (at, night) in nights.iter().enumerate() {
            prop_assert_eq!((night.night, night.begun), (quote.nights[at].night, at < begun));
            prop_assert_eq!(i128::from(night.amount.minor()), share(at + 1) - share(at));
            prop_assert_eq!(night.penalty.plus(night.refund).unwrap(), night.amount);
            prop_assert!(!night.begun || night.penalty == night.amount);
            let exact = total * (net(at + 1) - net(at));
            prop_assert!((i128::from(night.amount.minor()) * net(all) - exact).abs() <= net(all));
        }
    }

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
