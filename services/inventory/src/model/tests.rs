//! What must hold for the books whatever is asked, in whatever order, and however often.

use contract::SagaId;
use contract::command::{HeldLine, HeldLines, InventoryCommand};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

mod examples_tests;
mod rounds_tests;

const HOTEL: HotelId = HotelId::from_uuid(Uuid::from_u128(1));
const SAGA: SagaId = SagaId::from_uuid(Uuid::from_u128(2));
const ASKED: Asked = asked(1);
/// 2026-12-24, in days since 1970.
const TODAY: i32 = 20_811;
const NIGHTS: i32 = 5;

/// The saga asks in this round of its run.
const fn asked(round: u32) -> Asked {
    Asked {
        saga_id: SAGA,
        round,
        deadline: None,
    }
}

fn room_type(number: u8) -> RoomTypeId {
    RoomTypeId::from_uuid(Uuid::from_u128(100 + u128::from(number)))
}

fn hold_id(number: u8) -> HoldId {
    HoldId::from_uuid(Uuid::from_u128(1_000 + u128::from(number)))
}

fn day(offset: i32) -> StayDate {
    StayDate::from_days_since_1970(TODAY + offset).unwrap()
}

/// Some time on that day in Greenwich.
fn morning(offset: i32) -> DateTime<Utc> {
    day(offset).date().and_hms_opt(7, 30, 0).unwrap().and_utc()
}

/// Two room types with so many rooms each night, the last night of the second closed.
fn ledger(totals: &[i32]) -> Ledger {
    let nights = totals
        .iter()
        .zip((0..2).flat_map(|number| (0..NIGHTS).map(move |offset| (number, offset))));
    let nights = nights.map(|(total, (number, offset))| {
        let closed = (number, offset) == (1, NIGHTS - 1);
        let night = Night {
            total: *total,
            held: 0,
            sold: 0,
            closed,
        };
        ((HOTEL, room_type(number), day(offset)), night)
    });
    let room_types = (0..2).map(|number| (HOTEL, room_type(number))).collect();
    Ledger::new(morning(0), room_types, nights, [])
}

fn release(hold_id: HoldId, from: Option<StayDate>) -> InventoryCommand {
    InventoryCommand::Release {
        hotel_id: HOTEL,
        hold_id,
        from,
    }
}

/// From which night on rooms are given back: from before every stay to after every stay, or all.
fn from() -> impl Strategy<Value = Option<StayDate>> {
    prop::option::of((-3..NIGHTS + 4).prop_map(day))
}

#[derive(Debug, Clone)]
enum Step {
    Command(u32, InventoryCommand),
    Expire(HoldId),
}

/// Anything that can happen, in the first two rounds of a run.
fn step() -> impl Strategy<Value = Step> {
    (command_or_expiry(), prop::sample::select(vec![1, 1, 1, 2])).prop_map(|(step, round)| match step {
        Step::Command(_, command) => Step::Command(round, command),
        Step::Expire(hold_id) => Step::Expire(hold_id),
    })
}

fn command_or_expiry() -> impl Strategy<Value = Step> {
    let id = (0_u8..8).prop_map(hold_id);
    let zone = prop::sample::select(vec![None, Some("Pacific/Kiritimati"), Some("Pacific/Pago_Pago")]);
    let line = (0_u8..3, -2_i32..NIGHTS, 1_u32..4, 0_u16..=10).prop_map(|(number, offset, nights, rooms)| {
        HeldLine {
            room_type_id: room_type(number),
            stay: Stay::new(day(offset), day(offset).plus_days(nights)).unwrap(),
            rooms,
        }
    });
    let lines = prop_oneof![
        3 => prop::collection::vec(line.clone(), 1..=1),
        1 => prop::collection::vec(line, 0..=3),
    ];
    let hold = (id.clone(), lines, zone).prop_map(|(hold_id, lines, zone)| {
        Step::Command(
            1,
            InventoryCommand::Hold {
                hotel_id: HOTEL,
                hold_id,
                lines: HeldLines(lines),
                time_zone: zone.map(str::to_owned),
            },
        )
    });
    let book = |hold_id| {
        Step::Command(
            1,
            InventoryCommand::Book {
                hotel_id: HOTEL,
                hold_id,
            },
        )
    };
    let release = (id.clone(), from()).prop_map(|(hold_id, from)| Step::Command(1, release(hold_id, from)));
    prop_oneof![
        4 => hold,
        2 => id.clone().prop_map(book),
        1 => release,
        1 => id.prop_map(Step::Expire),
    ]
}

fn run(ledger: &mut Ledger, step: &Step) -> Option<Outcome> {
    match step {
        Step::Command(round, command) => Some(ledger.apply(asked(*round), command).unwrap()),
        Step::Expire(hold_id) => {
            ledger.expire((HOTEL, *hold_id)).unwrap();
            None
        }
    }
}

/// Rooms held and sold in a night according to the holds.
fn sums(ledger: &Ledger, key: NightKey) -> (i32, i32) {
    let (mut held, mut sold) = (0, 0);
    for hold in ledger.holds.values().map(|hold| &hold.now) {
        let Some(taking) = hold
            .takes()
            .filter(|taking| taking.nights(HOTEL).any(|night| night == key))
        else {
            continue;
        };
        let counter = if hold.state == HoldState::Held {
            &mut held
        } else {
            &mut sold
        };
        *counter += i32::from(taking.rooms);
    }
    (held, sold)
}

/// The nights that are taken, without those from a night on.
fn nights_of(taking: Option<Taking>, from: Option<StayDate>) -> Vec<StayDate> {
    let all = taking.into_iter().flat_map(|taking| taking.stay.nights());
    all.filter(|night| from.is_none_or(|from| *night < from))
        .collect()
}

type Snapshot = (Vec<(NightKey, Night)>, Vec<(LineKey, Hold)>);

fn snapshot(ledger: &Ledger) -> Snapshot {
    let nights = ledger
        .nights
        .iter()
        .map(|(key, night)| (*key, night.now))
        .collect();
    (
        nights,
        ledger
            .holds
            .iter()
            .map(|(key, hold)| (*key, hold.now.clone()))
            .collect(),
    )
}

proptest! {
    #[test]
    fn no_night_is_ever_taken_beyond_ten_percent_and_counters_are_the_sums_of_holds(
        totals in prop::collection::vec(0..25_i32, 10),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut ledger = ledger(&totals);
        for step in &steps {
            run(&mut ledger, step);
            for (key, night) in &ledger.nights {
                prop_assert!(night.now.taken() * 10 <= night.now.total * 11, "{key:?}: {night:?}");
                prop_assert_eq!((night.now.held, night.now.sold), sums(&ledger, *key));
            }
        }
    }

    #[test]
    fn a_hold_takes_all_its_nights_and_a_refused_command_takes_nothing(
        totals in prop::collection::vec(0..12_i32, 10),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut ledger = ledger(&totals);
        for step in &steps {
            let before = snapshot(&ledger);
            match (run(&mut ledger, step), step) {
                (Some(Outcome::Refused(_)), _) => prop_assert_eq!(snapshot(&ledger).0, before.0),
                (Some(Outcome::Done), Step::Command(_, InventoryCommand::Hold { hold_id, .. })) => {
                    let lines = lines_of(&ledger.holds, (HOTEL, *hold_id)).filter_map(|(_, line)| line.now.takes());
                    let lines: Vec<Taking> = lines.collect();
                    prop_assert!(!lines.is_empty());
                    let wanted = |key| lines.iter().filter(move |line| line.nights(HOTEL).any(|night| night == key));
                    for key in lines.iter().flat_map(|line| line.nights(HOTEL)) {
                        let rooms: i32 = wanted(key).map(|line| i32::from(line.rooms)).sum();
                        prop_assert!(ledger.nights[&key].now.taken() >= rooms);
                    }
                }
                (Some(Outcome::Done), Step::Command(_, InventoryCommand::Book { hold_id, .. })) => {
                    prop_assert_eq!(ledger.state((HOTEL, *hold_id)), Some(HoldState::Sold));
                }
                (outcome, Step::Command(round, InventoryCommand::Release { hold_id, from, .. })) => {
                    prop_assert_eq!(outcome, Some(Outcome::Done));
                    let mut known = before.1.iter().filter(|(key, _)| key.1 == *hold_id);
                    if known.any(|(_, hold)| hold.round > *round) {
                        prop_assert_eq!(snapshot(&ledger), before);
                        continue;
                    }
                    prop_assert!(ledger.state((HOTEL, *hold_id)).is_some());
                    for (key, now) in lines_of(&ledger.holds, (HOTEL, *hold_id)) {
                        let was = before.1.iter().find(|(id, _)| id == key).and_then(|(_, hold)| hold.takes());
                        let sold = was.filter(|_| now.now.state == HoldState::Sold);
                        let (kept, takes) = (nights_of(sold, *from), nights_of(now.now.takes(), None));
                        prop_assert_eq!(takes, kept, "of {:?} from {:?}", was, from);
                    }
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_command_that_comes_again_has_the_same_outcome_and_changes_nothing(
        totals in prop::collection::vec(0..25_i32, 10),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut ledger = ledger(&totals);
        for step in &steps {
            let first = run(&mut ledger, step);
            let before = snapshot(&ledger);
            prop_assert_eq!(run(&mut ledger, step), first);
            prop_assert_eq!(snapshot(&ledger), before);
        }
    }

    #[test]
    fn what_was_released_never_takes_rooms_again_in_its_round_or_an_older_one(
        totals in prop::collection::vec(0..25_i32, 10),
        before in prop::collection::vec(step(), 0..20),
        released in (0_u8..8).prop_map(hold_id),
        after in prop::collection::vec(step(), 0..40),
    ) {
        let mut ledger = ledger(&totals);
        for step in &before {
            run(&mut ledger, step);
        }
        ledger.apply(asked(2), &release(released, None)).unwrap();
        for step in &after {
            let outcome = run(&mut ledger, step);
            let mut lines = lines_of(&ledger.holds, (HOTEL, released));
            prop_assert!(lines.all(|(_, line)| line.now.takes().is_none()));
            if let Step::Command(
                _,
                InventoryCommand::Hold { hold_id, .. } | InventoryCommand::Book { hold_id, .. },
            ) = step
                && *hold_id == released
            {
                prop_assert!(matches!(outcome, Some(Outcome::Refused(_))));
            }
        }
    }

    #[test]
    fn a_batch_changes_the_books_as_its_parts_would(
        totals in prop::collection::vec(0..25_i32, 10),
        steps in prop::collection::vec(step(), 0..60),
        cut in 0_usize..60,
    ) {
        let mut whole = ledger(&totals);
        let mut part = ledger(&totals);
        for (at, step) in steps.iter().enumerate() {
            if at == cut {
                let (nights, holds) = snapshot(&part);
                part = Ledger::new(part.now, part.room_types.clone(), nights, holds);
            }
            prop_assert_eq!(run(&mut whole, step), run(&mut part, step));
        }
        prop_assert_eq!(snapshot(&whole), snapshot(&part));
        let changes = whole.changes();
        let nights = whole.nights.iter().filter(|(_, night)| night.now.held + night.now.sold != 0);
        let wanted: Vec<_> = nights.map(|(key, night)| (*key, night.now.held, night.now.sold)).collect();
        prop_assert_eq!(changes.nights, wanted);
        prop_assert_eq!(changes.new_holds.len(), whole.holds.len());
        prop_assert!(changes.changed_holds.is_empty());
    }
}

/// A hold of all five nights with two rooms, perhaps booked, and the books after these releases.
fn released(is_booked: bool, froms: &[Option<StayDate>]) -> (Ledger, Hold) {
    let mut ledger = ledger(&[10; 10]);
    let command = hold(0, 0, 5, 2);
    let InventoryCommand::Hold { hold_id, .. } = command else {
        unreachable!()
    };
    let (hotel_id, key) = (HOTEL, (HOTEL, hold_id, FIRST_LINE));
    ledger.apply(ASKED, &command).unwrap();
    if is_booked {
        let book = InventoryCommand::Book { hotel_id, hold_id };
        ledger.apply(ASKED, &book).unwrap();
    }
    for from in froms {
        ledger.apply(ASKED, &release(hold_id, *from)).unwrap();
    }
    let now = ledger.holds[&key].now.clone();
    (ledger, now)
}

fn taken(ledger: &Ledger) -> Vec<(i32, i32)> {
    let nights = (0..NIGHTS).map(|offset| ledger.nights[&(HOTEL, room_type(0), day(offset))].now);
    nights.map(|night| (night.held, night.sold)).collect()
}

#[test]
fn nights_that_have_begun_stay_sold_and_the_rest_is_given_back() {
    let (ledger, hold) = released(true, &[Some(day(2))]);
    assert_eq!(taken(&ledger), [(0, 2), (0, 2), (0, 0), (0, 0), (0, 0)]);
    assert_eq!(hold.state, HoldState::Sold);
    let kept = hold.takes().unwrap().stay;
    assert_eq!((kept.check_in(), kept.check_out()), (day(0), day(2)));

    for from in [None, Some(day(0)), Some(day(-3))] {
        let (ledger, hold) = released(true, &[from]);
        assert_eq!(
            (taken(&ledger), hold.state),
            (vec![(0, 0); 5], HoldState::Released)
        );
    }
    for from in [day(5), day(9)] {
        let (ledger, hold) = released(true, &[Some(from)]);
        assert_eq!((taken(&ledger), hold.state), (vec![(0, 2); 5], HoldState::Sold));
    }
    let (ledger, hold) = released(false, &[Some(day(2))]);
    assert_eq!(
        (taken(&ledger), hold.state),
        (vec![(0, 0); 5], HoldState::Released)
    );
}

proptest! {
    #[test]
    fn of_several_releases_the_one_that_gives_back_most_decides_in_any_order(
        (froms, shuffled) in prop::collection::vec(from(), 1..5)
            .prop_flat_map(|froms| (Just(froms.clone()), Just(froms).prop_shuffle())),
    ) {
        // None, which sorts first, gives back everything.
        let most = froms.iter().min().copied().into_iter().collect::<Vec<_>>();
        let (wanted, _) = released(true, &most);
        for order in [&froms, &shuffled] {
            let (ledger, hold) = released(true, order);
            prop_assert_eq!(taken(&ledger), taken(&wanted));
            let is_sold = froms.iter().all(|from| from.is_some_and(|from| from > day(0)));
            prop_assert_eq!(hold.takes().is_some(), is_sold);
        }
    }
}

fn hold(number: u8, offset: i32, nights: u32, rooms: u16) -> InventoryCommand {
    let stay = Stay::new(day(offset), day(offset).plus_days(nights)).unwrap();
    let room_type_id = room_type(number);
    InventoryCommand::Hold {
        hotel_id: HOTEL,
        hold_id: HoldId::new(),
        lines: HeldLines(vec![HeldLine {
            room_type_id,
            stay,
            rooms,
        }]),
        time_zone: None,
    }
}
