//! Bookings whose lines have nights and rate plans of their own: each line is cancelled by itself, and nothing is lost.

use contract::line::{self, Line};
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, NightPrice, Party, Quote, QuotedLine, nights_of_all};
use contract::{Money, RatePlanId, RoomTypeId, Stay, StayDate};
use proptest::prelude::*;

use super::*;
use crate::fixtures::{day, quote};

/// A room: so many days after the first of March 2127, for these prices, free until so many days before, then this.
type Room = (u32, Vec<i64>, Option<u16>, Penalty);

fn priced(currency: &str, room: &Room) -> QuotedLine {
    let currency = currency.parse().unwrap();
    let first = day("2127-03-01").plus_days(room.0);
    let nights = u32::try_from(room.1.len()).unwrap();
    let stay = Stay::new(first, first.plus_days(nights)).unwrap();
    let price = |(night, minor): (StayDate, &i64)| NightPrice {
        night,
        price: Money::from_minor(*minor, currency).unwrap(),
    };
    QuotedLine {
        line: Line {
            room_type_id: RoomTypeId::new(),
            rate_plan_id: RatePlanId::new(),
            stay,
            party: Party {
                adults: 1,
                children: 0,
            },
        },
        nights: stay.nights().zip(&room.1).map(price).collect(),
        cancellation_policy: Some(CancellationPolicy {
            free_until_days_before: room.2,
            penalty: room.3,
        }),
    }
}

fn apart(currency: &str, rooms: &[Room], tax: i64, zone: &str) -> Quote {
    let lines: Vec<QuotedLine> = rooms.iter().map(|room| priced(currency, room)).collect();
    let plain: Vec<Line> = lines.iter().map(|line| line.line).collect();
    let (first, last) = line::span(&plain).unwrap();
    let nights = nights_of_all(&lines).unwrap();
    let net: i64 = nights.iter().map(|night| night.price.minor()).sum();
    Quote {
        room_type_id: None,
        rate_plan_id: line::rate_plan_of(&plain),
        cancellation_policy: lines
            .first()
            .filter(|_| lines.len() == 1)
            .and_then(|line| line.cancellation_policy),
        stay: Stay::new(first, last).unwrap(),
        rooms: u16::try_from(lines.len()).unwrap(),
        party: line::together(&plain),
        nights,
        total: Money::from_minor(net + tax, currency.parse().unwrap()).unwrap(),
        time_zone: zone.to_owned(),
        lines,
        ..quote()
    }
}

fn minor(nights: &[NightCost], of: fn(&NightCost) -> Money) -> i64 {
    nights.iter().map(|night| of(night).minor()).sum()
}

#[test]
fn each_line_is_free_until_its_own_day_and_costs_what_its_own_plan_says() {
    // A flexible room for two nights from the 11th, and one from the 12th for three that is never given back.
    let rooms = [
        (10, vec![45_125, 45_132], Some(1), Penalty::FirstNight),
        (11, vec![20_008, 20_015, 20_022], None, Penalty::Full),
    ];
    let terms = Terms::of(&apart("KWD", &rooms, 10_145, "America/St_Johns")).unwrap();
    assert_eq!(
        terms.stay,
        Stay::new(day("2127-03-11"), day("2127-03-15")).unwrap()
    );
    assert_eq!(
        (terms.free_until, terms.parts[0].free_until),
        (None, Some(day("2127-03-10")))
    );
    let kept = |date: &str| {
        let cost = terms.cost_on(day(date));
        assert_eq!(cost.penalty.plus(cost.refund).unwrap(), terms.total);
        let of = |part: &Part| minor(&part.nights_on(day(date), cost.kept_until), |night| night.penalty);
        (of(&terms.parts[0]), of(&terms.parts[1]), cost.penalty.minor())
    };
    // 160.447 in all: 96.349 and 64.098.
    assert_eq!(kept("2127-03-10"), (0, 64_098, 64_098));
    assert_eq!(kept("2127-03-11"), (48_171, 64_098, 112_269));
    // The first night of the first room is over: it is kept, and the next of it by the policy.
    assert_eq!(kept("2127-03-12"), (96_349, 64_098, 160_447));
    // It is half past nine in the evening of the 10th in St. John's, and free still.
    let evening = "2127-03-11T00:00:00Z".parse().unwrap();
    assert_eq!(terms.date_at(evening), day("2127-03-10"));
}

#[test]
fn lines_that_contradict_their_quote_are_refused() {
    let rooms = [
        (0, vec![100, 200], Some(1), Penalty::FirstNight),
        (1, vec![50; 3], None, Penalty::Full),
    ];
    let good = apart("EUR", &rooms, 7, "Pacific/Kiritimati");
    assert!(Terms::of(&good).is_ok());
    let wrong: [fn(&mut Quote); 6] = [
        |quote| quote.stay = quote.lines[0].line.stay,
        |quote| quote.lines[1].cancellation_policy = None,
        |quote| quote.rate_plan_id = Some(quote.lines[0].line.rate_plan_id),
        |quote| quote.lines[1].line.stay = quote.stay,
        |quote| quote.nights.truncate(3),
        |quote| quote.lines[1].nights.truncate(2),
    ];
    for (at, change) in wrong.into_iter().enumerate() {
        let mut quote = good.clone();
        change(&mut quote);
        assert!(Terms::of(&quote).is_err(), "{at}");
    }
}

fn rooms() -> impl Strategy<Value = Vec<Room>> {
    let penalty = prop_oneof![
        Just(Penalty::FirstNight),
        (0_u8..=100).prop_map(Penalty::Percent),
        Just(Penalty::Full)
    ];
    let prices = prop::collection::vec(0_i64..1_000_000, 1..=10);
    let room = (0_u32..20, prices, prop::option::of(0_u16..=30), penalty);
    prop::collection::vec(room, 2..=9)
}

proptest! {
    /// By another way than production's: the line's part of the total first, then its nights.
    #[test]
    fn lines_add_up_to_the_total_and_each_costs_what_it_would_alone(
        rooms in rooms(),
        currency in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF"]),
        tax in 0_i64..500_000,
        zone in prop::sample::select(vec!["Pacific/Kiritimati", "America/St_Johns", "Pacific/Pago_Pago"]),
        today in 0_u32..45,
    ) {
        let quote = apart(currency, &rooms, tax, zone);
        let terms = Terms::of(&quote).unwrap();
        let date = day("2127-02-20").plus_days(today);
        let cost = terms.cost_on(date);
        prop_assert_eq!(cost.penalty.plus(cost.refund).unwrap(), quote.total);
        prop_assert_eq!(terms.parts.len(), rooms.len());
        let net: i128 = quote.nights.iter().map(|night| i128::from(night.price.minor())).sum();
        prop_assume!(net > 0);
        let (mut before, mut sum) = (0_i128, 0_i64);
        for (line, part) in quote.lines.iter().zip(&terms.parts) {
            let own: i128 = line.nights.iter().map(|night| i128::from(night.price.minor())).sum();
            let share = |through: i128| (2 * i128::from(quote.total.minor()) * through + net) / (2 * net);
            let of_line = i64::try_from(share(before + own) - share(before)).unwrap();
            before += own;
            // Alone, for the same dates and terms, this is what the line would cost.
            let total = Money::from_minor(of_line, quote.total.currency()).unwrap();
            let lines = std::slice::from_ref(line);
            let alone =
                Part::of_lines(total, line.line.stay, line.cancellation_policy, &line.nights, lines).unwrap();
            prop_assert_eq!(&alone[0], part);
            let nights = part.nights_on(date, cost.kept_until);
            prop_assert_eq!(minor(&nights, |night| night.amount), of_line);
            for night in &nights {
                prop_assert_eq!(night.begun, night.night < date);
                prop_assert!(!night.begun || night.penalty == night.amount);
            }
            sum += minor(&nights, |night| night.penalty);
        }
        prop_assert_eq!(sum, cost.penalty.minor());
        let nights = terms.nights_on(date, cost.kept_until);
        prop_assert_eq!(minor(&nights, |night| night.amount), quote.total.minor());
        prop_assert_eq!(minor(&nights, |night| night.penalty), cost.penalty.minor());
        prop_assert!(nights.windows(2).all(|two| two[0].night < two[1].night));
    }
}
