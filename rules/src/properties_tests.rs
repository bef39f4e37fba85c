//! Whoever knows a part of the facts gives a part of the reasons, and all parts together give all reasons.

use chrono::{FixedOffset, TimeDelta};
use contract::quote::Party;
use proptest::prelude::*;

use super::*;

/// Around this day.
const DAY: i32 = 20_811;

fn day(days: i32) -> StayDate {
    StayDate::from_days_since_1970(days).unwrap()
}

fn ask() -> impl Strategy<Value = Ask> {
    let check_in = prop_oneof![DAY - 3..DAY + 4, DAY + 727..DAY + 735];
    (check_in, 1..6_u32, 0..12_u16, 0..40_u16, 0..40_u16).prop_map(
        |(check_in, nights, rooms, adults, children)| Ask {
            stay: Stay::new(day(check_in), day(check_in).plus_days(nights)).unwrap(),
            rooms,
            party: Some(Party { adults, children }),
        },
    )
}

/// All facts, the nights apart because they are borrowed.
fn facts() -> impl Strategy<Value = (Facts<'static>, Vec<NightFacts>)> {
    let today = (-12 * 60..=14 * 60_i32, 0..86_400_i64).prop_map(|(minutes, seconds)| {
        let midnight = day(DAY).date().and_hms_opt(0, 0, 0).unwrap().and_utc();
        let zone = FixedOffset::east_opt(minutes * 60).unwrap();
        Today::at(midnight + TimeDelta::seconds(seconds), &zone)
    });
    let capacity = (0..5_u32, 0..4_u32).prop_map(|(adults, children)| Capacity { adults, children });
    let night = (prop::bool::weighted(0.2), 0..12_u32, prop::bool::weighted(0.8)).prop_map(
        |(closed, left, priced)| NightFacts {
            closed: Some(closed),
            left: Some(left),
            priced: Some(priced),
        },
    );
    let nights = prop::collection::vec(night, 6);
    let odd = prop::bool::weighted(0.9);
    (today, odd, capacity, odd, nights).prop_map(|(today, offered, capacity, payable, nights)| {
        let facts = Facts {
            today: Some(today),
            offered: Some(offered),
            capacity: Some(capacity),
            nights: &[],
            payable: Some(payable),
        };
        (facts, nights)
    })
}

const PARTY: u8 = 1;
const TODAY: u8 = 1 << 1;
const OFFERED: u8 = 1 << 2;
const CAPACITY: u8 = 1 << 3;
const CLOSED: u8 = 1 << 4;
const LEFT: u8 = 1 << 5;
const PRICED: u8 = 1 << 6;
const PAYABLE: u8 = 1 << 7;
/// What the hotel service knows.
const HOTEL: u8 = PARTY | TODAY | CAPACITY | PRICED | PAYABLE;
/// What the inventory knows.
const INVENTORY: u8 = TODAY | OFFERED | CLOSED | LEFT;

/// What somebody says who knows no more than this.
fn says(knows: u8, ask: Ask, facts: &Facts<'_>, nights: &[NightFacts]) -> Vec<Blocked> {
    let knows = |fact: u8| knows & fact != 0;
    let in_part = |night: &NightFacts| NightFacts {
        closed: night.closed.filter(|_| knows(CLOSED)),
        left: night.left.filter(|_| knows(LEFT)),
        priced: night.priced.filter(|_| knows(PRICED)),
    };
    let nights: Vec<NightFacts> = nights.iter().map(in_part).collect();
    let facts = Facts {
        today: facts.today.filter(|_| knows(TODAY)),
        offered: facts.offered.filter(|_| knows(OFFERED)),
        capacity: facts.capacity.filter(|_| knows(CAPACITY)),
        nights: &nights,
        payable: facts.payable.filter(|_| knows(PAYABLE)),
    };
    let party = ask.party.filter(|_| knows(PARTY));
    evaluate(&Ask { party, ..ask }, &facts)
}

/// Both lists in the one order, what both say once.
fn together(mut one: Vec<Blocked>, other: Vec<Blocked>) -> Vec<Blocked> {
    one.extend(other);
    one.sort();
    one.dedup();
    one
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn all_reasons_are_those_of_the_hotel_and_those_of_the_inventory(ask in ask(), (facts, nights) in facts()) {
        let of = |knows| says(knows, ask, &facts, &nights);
        prop_assert_eq!(of(u8::MAX), together(of(HOTEL), of(INVENTORY)));
    }

    #[test]
    fn however_the_facts_are_divided_all_parts_together_say_what_all_facts_say(
        ask in ask(), (facts, nights) in facts(), one in any::<u8>(), both in any::<u8>(),
    ) {
        let of = |knows: u8| says(knows, ask, &facts, &nights);
        // The capacity says nothing without the party, so that whoever knows the one has to know the other.
        let whole = |knows: u8| if knows & CAPACITY == 0 { knows } else { knows | PARTY };
        let (one, other) = (whole(one), whole(!one | both));
        prop_assert_eq!(of(u8::MAX), together(of(one), of(other)));
    }

    #[test]
    fn one_fact_less_never_says_more_and_never_in_another_order(
        ask in ask(), (facts, nights) in facts(), bits in any::<u8>(), fact in 0..8_u8,
    ) {
        let of = |knows: u8| says(knows, ask, &facts, &nights);
        let (more, less) = (of(bits | 1 << fact), of(bits & !(1 << fact)));
        let kept: Vec<Blocked> = more.iter().copied().filter(|blocked| less.contains(blocked)).collect();
        prop_assert_eq!(kept, less);
        prop_assert!(more.is_sorted());
    }

    #[test]
    fn a_hotel_whose_zone_is_not_known_refuses_no_more(ask in ask(), seconds in 0..86_400_i64, minutes in -12 * 60..=14 * 60_i32) {
        let now = day(DAY).date().and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::seconds(seconds);
        let says = |today| {
            let facts = Facts { today: Some(today), ..Facts::default() };
            evaluate(&ask, &facts).into_iter().map(Blocked::why).collect::<Vec<_>>()
        };
        let there = says(Today::at(now, &FixedOffset::east_opt(minutes * 60).unwrap()));
        prop_assert!(says(Today::somewhere(now)).iter().all(|code| there.contains(code)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_looked_up(ask in ask()) {
        let party = ask.party.unwrap();
        let made = Ask::new(ask.stay, ask.rooms, party);
        let reasons = evaluate(&ask, &Facts::default());
        prop_assert_eq!(made, reasons.first().map_or(Ok(ask), |first| Err(*first)));
        let last = Blocked::TooFewAdults { rooms: ask.rooms };
        prop_assert!(reasons.iter().all(|blocked| *blocked <= last));
    }
}
