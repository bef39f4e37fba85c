//! The rules at both sides of their edges, and which of two reasons is told.

use contract::SagaId;
use contract::command::{HeldLine, HeldLines, InventoryCommand};

use super::*;

const ASKED: Asked = Asked {
    saga_id: SagaId::from_uuid(uuid::Uuid::from_u128(2)),
    round: 1,
    deadline: None,
};
/// What totals may be sold: 110 %, rounded down.
const SELLABLE: [(i32, i32); 12] = [
    (0, 0),
    (1, 1),
    (8, 8),
    (9, 9),
    (10, 11),
    (11, 12),
    (19, 20),
    (20, 22),
    (99, 108),
    (100, 110),
    (109, 119),
    (10_000, 11_000),
];

fn day(offset: u32) -> StayDate {
    "2027-02-27".parse::<StayDate>().unwrap().plus_days(offset)
}

/// Some time on that day in Greenwich.
fn morning(offset: u32) -> DateTime<Utc> {
    day(offset).date().and_hms_opt(7, 30, 0).unwrap().and_utc()
}

fn night(total: i32, held: i32, sold: i32) -> Night {
    Night {
        total,
        held,
        sold,
        closed: false,
    }
}

/// Three nights from the day before today on.
fn ledger(hotel: HotelId, room_type: RoomTypeId, nights: [Night; 3]) -> Ledger {
    let keys = (0..3).map(|offset| (hotel, room_type, day(offset)));
    Ledger::new(
        morning(1),
        BTreeSet::from([(hotel, room_type)]),
        keys.zip(nights),
        [],
    )
}

fn ask(ledger: &mut Ledger, of: RoomTypeKey, from: u32, nights: u32, rooms: u16) -> String {
    ask_in(ledger, of, None, (from, nights, rooms))
}

fn ask_in(
    ledger: &mut Ledger,
    of: RoomTypeKey,
    zone: Option<&str>,
    (from, nights, rooms): (u32, u32, u16),
) -> String {
    let command = InventoryCommand::Hold {
        hotel_id: of.0,
        hold_id: HoldId::new(),
        lines: HeldLines(vec![HeldLine {
            room_type_id: of.1,
            stay: Stay::new(day(from), day(from + nights)).unwrap(),
            rooms,
        }]),
        time_zone: zone.map(str::to_owned),
    };
    match ledger.apply(ASKED, &command).unwrap() {
        Outcome::Done => "done".to_owned(),
        Outcome::Refused(refusal) => match refusal.night() {
            Some(night) => format!("{} {night}", refusal.word()),
            None => refusal.word().to_owned(),
        },
    }
}

#[test]
fn exactly_what_is_left_can_be_held_and_one_more_can_not() {
    let of = (HotelId::new(), RoomTypeId::new());
    for (total, sellable) in SELLABLE {
        for rooms in 1..=9_u16 {
            let taken = sellable - i32::from(rooms);
            if taken < 0 {
                continue;
            }
            // However what is taken is held or sold.
            for held in [0, 1, taken / 2, taken] {
                let around =
                    |held, sold| [night(10_000, 0, 0), night(total, held, sold), night(10_000, 0, 0)];
                let held = held.min(taken);
                let just = around(held, taken - held);
                assert_eq!(
                    ask(&mut ledger(of.0, of.1, just), of, 0, 3, rooms),
                    "done",
                    "{just:?}"
                );
                let short = around(held, taken + 1 - held);
                assert_eq!(
                    ask(&mut ledger(of.0, of.1, short), of, 0, 3, rooms),
                    "sold_out 2027-02-28",
                    "{short:?}"
                );
            }
        }
    }
}

#[test]
fn one_to_nine_rooms_from_yesterday_on() {
    let of = (HotelId::new(), RoomTypeId::new());
    let fresh = || ledger(of.0, of.1, [night(100, 0, 0); 3]);
    for (from, rooms, want) in [
        (0, 0, "rooms_out_of_range"),
        (0, 1, "done"),
        (1, 9, "done"),
        (1, 10, "rooms_out_of_range"),
    ] {
        assert_eq!(ask(&mut fresh(), of, from, 1, rooms), want, "{from} {rooms}");
    }
    let mut late = Ledger::new(
        morning(2),
        BTreeSet::from([of]),
        (0..3).map(|offset| ((of.0, of.1, day(offset)), night(100, 0, 0))),
        [],
    );
    assert_eq!(ask(&mut late, of, 0, 2, 1), "stay_in_past 2027-02-27");
    assert_eq!(ask(&mut late, of, 1, 2, 1), "done");
}

#[test]
fn where_the_hotels_zone_is_known_its_own_date_decides() {
    let of = (HotelId::new(), RoomTypeId::new());
    // Half past ten in the morning of the 28th in UTC: already the 1st in Kiritimati (+14), still the 27th in Pago Pago.
    let now = day(1).date().and_hms_opt(10, 30, 0).unwrap().and_utc();
    let nights = || (0..3).map(|offset| ((of.0, of.1, day(offset)), night(100, 0, 0)));
    let past = |date| format!("stay_in_past {date}");
    for (zone, from, want) in [
        (Some("Pacific/Kiritimati"), 1, past("2027-02-28")),
        (Some("Pacific/Kiritimati"), 2, "done".to_owned()),
        (Some("Asia/Kathmandu"), 0, past("2027-02-27")),
        (Some("Asia/Kathmandu"), 1, "done".to_owned()),
        (Some("Pacific/Pago_Pago"), 0, "done".to_owned()),
        (Some("Pacific/Pago_Pago"), 731, "stay_too_far_ahead".to_owned()),
        (Some("Pacific/Kiritimati"), 732, "sold_out 2029-02-28".to_owned()),
        // As the former release asks, or a zone of a newer database.
        (None, 0, "done".to_owned()),
        (Some("Mars/Olympus_Mons"), 0, "done".to_owned()),
        (None, 733, "stay_too_far_ahead".to_owned()),
    ] {
        let mut books = Ledger::new(now, BTreeSet::from([of]), nights(), []);
        assert_eq!(
            ask_in(&mut books, of, zone, (from, 1, 1)),
            want,
            "{zone:?} {from}"
        );
    }
}

#[test]
fn of_several_reasons_the_first_is_told() {
    let of = (HotelId::new(), RoomTypeId::new());
    let closed = Night {
        closed: true,
        ..night(10, 0, 11)
    };
    let mut books = ledger(of.0, of.1, [night(10, 0, 11), closed, night(10, 0, 0)]);
    let unknown = (of.0, RoomTypeId::new());
    let mut past = Ledger::new(morning(3), BTreeSet::new(), [], []);
    assert_eq!(ask(&mut past, unknown, 0, 1, 10), "rooms_out_of_range");
    assert_eq!(ask(&mut past, unknown, 0, 1, 1), "stay_in_past 2027-02-27");
    assert_eq!(ask(&mut past, unknown, 2, 1, 1), "unknown_room_type");
    assert_eq!(ask(&mut books, of, 0, 1, 1), "sold_out 2027-02-27");
    assert_eq!(
        ask(&mut books, of, 0, 2, 1),
        "closed 2027-02-28",
        "whatever night"
    );
    assert_eq!(ask(&mut books, of, 1, 2, 1), "closed 2027-02-28");
    assert_eq!(ask(&mut books, of, 2, 2, 1), "sold_out 2027-03-02");
}

#[test]
fn a_total_may_be_lowered_to_what_is_taken_and_no_further() {
    for (total, sellable) in SELLABLE {
        let set = |taken: i32, force: bool| {
            let now = night(20_000, taken, 0);
            let wanted = Wanted {
                total: Some(total),
                closed: None,
                force,
            };
            set_night(Some(&now), wanted)
        };
        let changed = |forced| {
            Ok(NightSet::Changed {
                total,
                closed: false,
                forced,
            })
        };
        assert_eq!(set(sellable, false), changed(false), "{total}");
        assert_eq!(
            set(sellable, true),
            changed(false),
            "{total}: force where none is needed"
        );
        let taken = sellable + 1;
        assert_eq!(
            set(taken, false),
            Err(NotSet::BelowSold { taken, sellable }),
            "{total}"
        );
        assert_eq!(set(taken, true), changed(true), "{total}");
    }
}
