//! Codes, fields and nights of the reasons, and their order.

use super::*;

/// The code of the problem; a field out of its bounds is told as any interface tells it.
fn code(blocked: Blocked) -> &'static str {
    blocked.why().map_or("invalid_field", |why| why.code().word())
}

#[test]
fn each_reason_has_one_code_and_one_field_or_night() {
    let night: StayDate = "2026-06-01".parse().unwrap();
    let (today, check_in) = (night.date(), night);
    let told = [
        (Blocked::NoNight, "invalid_stay", "check_out", "/check_out"),
        (Blocked::TooLong, "stay_too_long", "check_out", "/check_out"),
        (Blocked::Rooms, "invalid_field", "rooms", "/rooms"),
        (Blocked::Adults, "invalid_field", "adults", "/party/adults"),
        (Blocked::Children, "invalid_field", "children", "/party/children"),
        (
            Blocked::TooFewAdults { rooms: 2 },
            "party_too_small",
            "adults",
            "/party/adults",
        ),
        (
            Blocked::InPast { today, check_in },
            "stay_in_past",
            "check_in",
            "/check_in",
        ),
        (
            Blocked::TooFarAhead { today },
            "stay_too_far_ahead",
            "check_in",
            "/check_in",
        ),
        (
            Blocked::TooManyAdults { places: 2 },
            "party_too_large",
            "adults",
            "/party/adults",
        ),
        (
            Blocked::TooManyChildren { places: 2 },
            "party_too_large",
            "children",
            "/party/children",
        ),
        (Blocked::TooExpensive, "invalid_amount", "rooms", "/rooms"),
    ];
    for (blocked, word, parameter, pointer) in told {
        let field = blocked.field().unwrap();
        assert_eq!(
            (code(blocked), field.parameter(), field.pointer()),
            (word, parameter, pointer)
        );
        let of_arrival = matches!(blocked, Blocked::InPast { .. });
        assert_eq!(blocked.night(), of_arrival.then_some(night), "{blocked:?}");
    }
    for (blocked, word, at) in [
        (Blocked::NotOffered, "unknown_room_type", None),
        (Blocked::Closed(night), "closed", Some(night)),
        (Blocked::SoldOut(night), "sold_out", Some(night)),
        (Blocked::NoPrice(night), "no_price", Some(night)),
    ] {
        assert_eq!(
            (code(blocked), blocked.field(), blocked.night()),
            (word, None, at)
        );
    }
}

#[test]
fn a_reason_comes_before_another_whatever_its_night() {
    let night: StayDate = "2026-12-24".parse().unwrap();
    let order = [
        Blocked::TooFewAdults { rooms: 9 },
        Blocked::InPast {
            today: night.date(),
            check_in: night,
        },
        Blocked::TooManyAdults { places: 1 },
        Blocked::Closed(night),
        Blocked::Closed(night.plus_days(1)),
        Blocked::SoldOut(night),
        Blocked::NoPrice(night),
        Blocked::TooExpensive,
    ];
    assert!(order.is_sorted());
}
