//! Where each message goes, under which key and by which name: other systems and older processes rely on all three.

use crate::command::{HeldLine, HeldLines, InventoryCommand, PaymentCommand, ReservationCommand};
use crate::event::ReservationFact;
use crate::line::{Line, Party, are_of_one_stay};
use crate::quote::Quote;
use crate::saga::{BookStay, CancelStay, SagaData};
use crate::topics::{Kept, Reach};
use crate::{
    Command, CommandEnvelope, GuestId, HoldId, HotelId, Money, Outcome, PaymentId, RatePlanId, Refusal,
    ReservationId, RoomTypeId, SagaId, Stay, Why, topics,
};

fn eur(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

fn stay() -> Stay {
    Stay::new("2026-12-24".parse().unwrap(), "2026-12-26".parse().unwrap()).unwrap()
}

fn line(rooms: u16) -> HeldLine {
    HeldLine {
        room_type_id: RoomTypeId::new(),
        stay: stay(),
        rooms,
    }
}

fn sold_out() -> Refusal {
    let night = "2026-12-25".parse().unwrap();
    Why::SoldOut { night }.into()
}

/// Each command there is, with its name.
fn commands(hotel_id: HotelId) -> Vec<(Command, &'static str)> {
    let (hold_id, payment_id, reservation_id) = (HoldId::new(), PaymentId::new(), ReservationId::new());
    let hold = InventoryCommand::Hold {
        hotel_id,
        hold_id,
        lines: HeldLines(vec![line(2)]),
        time_zone: Some("Asia/Kathmandu".to_owned()),
    };
    let mixed = InventoryCommand::Hold {
        hotel_id,
        hold_id,
        lines: HeldLines(vec![line(1), line(1)]),
        time_zone: None,
    };
    let authorize = PaymentCommand::Authorize {
        hotel_id,
        payment_id,
        reservation_id,
        amount: eur("129.00"),
        payment_method: "pm_ok".to_owned(),
    };
    let refund = PaymentCommand::Refund {
        hotel_id,
        payment_id,
        amount: eur("29.00"),
    };
    let confirm = ReservationCommand::Confirm {
        hotel_id,
        reservation_id,
    };
    let reject = ReservationCommand::Reject {
        hotel_id,
        reservation_id,
        refusal: sold_out(),
    };
    let cancelled = ReservationCommand::MarkCancelled {
        hotel_id,
        reservation_id,
    };
    let book = InventoryCommand::Book { hotel_id, hold_id };
    let release = InventoryCommand::Release {
        hotel_id,
        hold_id,
        from: Some(stay().check_in()),
    };
    let capture = PaymentCommand::Capture { hotel_id, payment_id };
    let void = PaymentCommand::Void { hotel_id, payment_id };
    vec![
        (Command::Inventory(hold), "Hold"),
        (Command::Inventory(mixed), "Hold"),
        (Command::Inventory(book), "Book"),
        (Command::Inventory(release), "Release"),
        (Command::Payment(authorize), "Authorize"),
        (Command::Payment(capture), "Capture"),
        (Command::Payment(void), "Void"),
        (Command::Payment(refund), "Refund"),
        (Command::Reservation(confirm), "Confirm"),
        (Command::Reservation(reject), "Reject"),
        (Command::Reservation(cancelled), "MarkCancelled"),
    ]
}

#[test]
fn a_hotels_rooms_are_asked_for_in_order_and_everything_else_by_saga() {
    let (hotel_id, saga_id) = (HotelId::new(), SagaId::new());
    for (command, name) in commands(hotel_id) {
        let (topic, key) = match &command {
            Command::Inventory(asked) => {
                assert_eq!(asked.hotel_id(), hotel_id);
                ("inventory.commands", hotel_id.to_string())
            }
            Command::Payment(_) => ("payment.commands", saga_id.to_string()),
            Command::Reservation(_) => ("reservation.commands", saga_id.to_string()),
        };
        assert_eq!((command.topic(), command.key(saga_id)), (topic, key), "{name}");
        assert_eq!(command.name(), name);
    }
}

#[test]
fn a_command_is_read_back_as_what_it_was() {
    for (command, name) in commands(HotelId::new()) {
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command, "{name}");
    }
}

/// As the former release wrote it, and as it is read by that release, which does not know the field.
#[test]
fn a_hold_without_a_time_zone_is_read_and_written_as_ever() {
    let ids = |field: &str| format!(r#""{field}":"018f2f6e-7b8a-7000-8000-000000000001""#);
    let (hotel, hold, room_type) = (ids("hotel_id"), ids("hold_id"), ids("room_type_id"));
    let text = format!(
        r#"{{"type":"hold",{hotel},{hold},{room_type},"stay":{{"check_in":"2026-12-24","check_out":"2026-12-26"}},"rooms":2}}"#
    );
    let read: InventoryCommand = serde_json::from_str(&text).unwrap();
    assert!(
        matches!(
            read,
            InventoryCommand::Hold { lines: HeldLines(ref lines), time_zone: None, .. } if lines.len() == 1 && lines[0].rooms == 2
        ),
        "{read:?}"
    );
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

#[test]
fn a_reply_says_what_it_answers() {
    let envelope = CommandEnvelope {
        saga_id: SagaId::new(),
        step: "hold-rooms".to_owned(),
        undo: true,
        round: 2,
        attempt: 3,
        command: (),
    };
    let refusal = sold_out();
    for (outcome, name) in [(Outcome::Done, "Done"), (Outcome::Refused(refusal), "Refused")] {
        let reply = envelope.reply(outcome.clone());
        assert_eq!(reply.name(), name);
        let answered = (reply.saga_id, reply.step.as_str(), reply.undo);
        assert_eq!(answered, (envelope.saga_id, "hold-rooms", true));
        assert_eq!((reply.round, reply.attempt), (2, 3));
        assert_eq!(reply.outcome, outcome);
    }
}

#[test]
fn what_the_former_release_says_is_of_the_first_round() {
    let id = SagaId::new();
    let command =
        format!(r#"{{"saga_id":"{id}","step":"hold-rooms","undo":false,"attempt":1,"command":null}}"#);
    let command: CommandEnvelope<()> = serde_json::from_str(&command).unwrap();
    let reply =
        format!(r#"{{"saga_id":"{id}","step":"hold-rooms","undo":false,"attempt":1,"outcome":"done"}}"#);
    let reply: crate::Reply = serde_json::from_str(&reply).unwrap();
    assert_eq!((command.round, &command.reply(Outcome::Done)), (1, &reply));
}

/// Whoever knows no lines must not take the first room's type for that of all.
#[test]
fn what_has_lines_names_no_room_type_beside_them() {
    let line = |adults| Line {
        room_type_id: RoomTypeId::new(),
        rate_plan_id: RatePlanId::new(),
        stay: stay(),
        party: Party { adults, children: 0 },
    };
    let lines = vec![line(2), line(1)];
    let alike = BookStay {
        reservation_id: ReservationId::new(),
        hold_id: None,
        payment_id: None,
        hotel_id: HotelId::new(),
        room_type_id: Some(lines[0].room_type_id),
        rate_plan_id: lines[0].rate_plan_id,
        stay: stay(),
        rooms: 2,
        guest_id: GuestId::new(),
        total: eur("129.00"),
        payment_method: "pm_ok".to_owned(),
        time_zone: None,
        lines: Vec::new(),
    };
    let mixed = BookStay {
        room_type_id: None,
        lines: lines.clone(),
        ..alike.clone()
    };
    let HeldLines(rooms) = mixed.held_lines();
    let types: Vec<RoomTypeId> = rooms.iter().map(|line| line.room_type_id).collect();
    assert_eq!(types, [lines[0].room_type_id, lines[1].room_type_id]);
    assert_eq!(alike.held_lines().0[0].rooms, 2);
    for (data, names_it) in [(alike, true), (mixed, false)] {
        let command = InventoryCommand::Hold {
            hotel_id: data.hotel_id,
            hold_id: data.hold_id(),
            lines: data.held_lines(),
            time_zone: None,
        };
        let (data, command) = (serde_json::to_value(&data), serde_json::to_value(&command));
        for written in [data.unwrap(), command.unwrap()] {
            let named = (
                written.get("room_type_id").is_some(),
                written.get("lines").is_none(),
            );
            assert_eq!(named, (names_it, names_it), "{written}");
        }
    }
}

/// What a hotel process of the former release promised: rooms that are alike, and rooms of two types on the same dates and
/// terms. Reservations keep these words for good.
#[test]
fn a_quote_of_the_former_release_is_read_and_written_as_ever() {
    let id = |last: u8| format!("018f2f6e-7b8a-7000-8000-0000000000{last:02}");
    let kuwait = |amount: &str| serde_json::json!({"amount": amount, "currency": "KWD"});
    let nights = |first: &str, second: &str| {
        serde_json::json!([
            {"night": "2127-03-11", "price": kuwait(first)}, {"night": "2127-03-12", "price": kuwait(second)},
        ])
    };
    let alike = serde_json::json!({
        "quote_id": id(1), "hotel_id": id(2), "time_zone": "America/St_Johns", "room_type_id": id(3), "rate_plan_id": id(4),
        "check_in": "2127-03-11", "check_out": "2127-03-13", "rooms": 2, "party": {"adults": 3, "children": 0},
        "nights": nights("45.125", "45.132"), "total": kuwait("192.698"),
        "taxes": [{"name": "VAT", "percent": "6.75", "amount": kuwait("12.184")}],
        "cancellation_policy": {"free_until_days_before": 1, "penalty": {"kind": "percent", "percent": 33}},
        "expires_at": "2127-03-01T12:00:00Z",
    });
    let line = |room_type: u8, adults: u16, nights: serde_json::Value| {
        serde_json::json!({
            "room_type_id": id(room_type), "rate_plan_id": id(4), "check_in": "2127-03-11", "check_out": "2127-03-13",
            "party": {"adults": adults, "children": 0}, "nights": nights,
        })
    };
    let mut mixed = alike.clone();
    mixed.as_object_mut().unwrap().remove("room_type_id");
    mixed["lines"] = serde_json::json!([
        line(3, 2, nights("45.125", "45.132")),
        line(5, 1, nights("20.001", "20.008")),
    ]);
    mixed["nights"] = nights("65.126", "65.140");
    for (written, types) in [(alike, [id(3), id(3)]), (mixed, [id(3), id(5)])] {
        let read: Quote = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
        let lines: Vec<Line> = read.quoted_lines().iter().map(|line| line.line).collect();
        assert_eq!(
            lines
                .iter()
                .map(|line| line.room_type_id.to_string())
                .collect::<Vec<_>>(),
            types
        );
        // On one stay: whoever cancels it cancels all of it by the one policy.
        assert!(are_of_one_stay(&lines), "{written}");
        assert!(read.cancellation_policy.is_some(), "{written}");
    }
}

#[test]
fn a_saga_says_what_it_is_about() {
    let (reservation_id, hotel_id) = (ReservationId::new(), HotelId::new());
    let (hold_id, payment_id) = (Some(HoldId::new()), Some(PaymentId::new()));
    let book = SagaData::BookStay(BookStay {
        reservation_id,
        hold_id,
        payment_id,
        hotel_id,
        room_type_id: Some(RoomTypeId::new()),
        rate_plan_id: RatePlanId::new(),
        stay: stay(),
        rooms: 2,
        guest_id: GuestId::new(),
        total: eur("129.00"),
        payment_method: "pm_ok".to_owned(),
        time_zone: Some("Asia/Kathmandu".to_owned()),
        lines: Vec::new(),
    });
    let cancel = SagaData::CancelStay(CancelStay {
        reservation_id,
        hold_id,
        payment_id,
        hotel_id,
        refund: eur("100.00"),
        penalty: eur("29.00"),
        kept_until: Some(stay().check_out()),
    });
    for (saga, name) in [(book, "book-stay"), (cancel, "cancel-stay")] {
        assert_eq!(saga.name(), name);
        assert_eq!(
            (saga.reservation_id(), saga.hotel_id()),
            (reservation_id, hotel_id)
        );
        assert_eq!(serde_json::to_value(&saga).unwrap()["type"], name);
    }
}

#[test]
fn facts_have_the_names_that_others_subscribe_to() {
    let penalty = eur("29.00");
    let names = [
        (ReservationFact::Confirmed, "reservation.confirmed"),
        (ReservationFact::Rejected(sold_out()), "reservation.rejected"),
        (
            ReservationFact::Cancelled {
                penalty,
                kept_until: None,
            },
            "reservation.cancelled",
        ),
    ];
    for (fact, name) in names {
        assert_eq!(fact.name(), name);
    }
}

#[test]
fn every_topic_is_made_and_what_is_handled_once_has_a_place_for_what_failed() {
    let all = topics::all(6);
    let of = |name: &str| all.iter().find(|topic| topic.name == name);
    for topic in [
        "inventory.commands",
        "payment.commands",
        "reservation.commands",
        "orchestrator.messages",
    ] {
        let (live, dead) = (of(topic).unwrap(), of(&format!("{topic}.dead")).unwrap());
        assert_eq!((live.partitions, dead.partitions), (6, 1), "{topic}");
        // Kept as long as outboxes keep their rows, and not longer than inboxes remember (120 h).
        assert_eq!((live.kept, live.reach), (Kept::Hours(72), Reach::Cell), "{topic}");
        assert_eq!(dead.kept, Kept::Hours(720), "{topic}");
        assert!(
            topic.starts_with(live.owner) && live.owner == dead.owner,
            "{topic}"
        );
    }
    for topic in all.iter().filter(|topic| topic.name.starts_with("bellhop.")) {
        let schema = topic.name.split('.').nth(1);
        assert_eq!(schema, Some(topic.owner), "{topic:?}");
        let kept = match topic.owner {
            "relay" => Kept::Hours(72),
            _ if topic.name.ends_with(".trail_head") => Kept::ForGood,
            _ => Kept::LastOfKey,
        };
        assert_eq!((topic.kept, of(&format!("{}.dead", topic.name))), (kept, None));
    }
    let public = all.iter().filter(|topic| topic.reach == Reach::Public);
    assert_eq!(
        public.map(|topic| topic.name.as_str()).collect::<Vec<_>>(),
        ["reservation.events"]
    );
    let ends = all.iter().filter(|topic| topic.kept == Kept::ForGood);
    assert!(ends.count() == 3, "a trail of each schema that has one");
    let heartbeat = of(topics::HEARTBEAT).unwrap();
    assert_eq!(heartbeat.partitions, 1, "one order for all who read it");
    for (name, _, settings) in topics::plans(6) {
        let ms = ("retention.ms", "259200000".to_owned());
        assert_eq!(
            settings.contains(&ms),
            of(&name).unwrap().kept == Kept::Hours(72),
            "{name}"
        );
    }
}
