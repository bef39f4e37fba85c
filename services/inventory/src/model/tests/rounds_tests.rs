//! What each round of a run finds: an older one changes nothing, the same one its own answer, a newer one decides anew.

use chrono::TimeDelta;

use super::*;

const OTHER: Asked = Asked {
    saga_id: SagaId::from_uuid(Uuid::from_u128(3)),
    round: 1,
    deadline: None,
};

/// One room in the first night.
fn one_room() -> Ledger {
    ledger(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn room(hold_id: HoldId) -> InventoryCommand {
    match hold(0, 0, 1, 1) {
        InventoryCommand::Hold {
            hotel_id,
            lines,
            time_zone,
            ..
        } => InventoryCommand::Hold {
            hotel_id,
            hold_id,
            lines,
            time_zone,
        },
        _ => unreachable!(),
    }
}

fn book(hold_id: HoldId) -> InventoryCommand {
    InventoryCommand::Book {
        hotel_id: HOTEL,
        hold_id,
    }
}

fn say(ledger: &mut Ledger, round: u32, command: &InventoryCommand) -> String {
    match ledger.apply(asked(round), command).unwrap() {
        Outcome::Done => "done".to_owned(),
        Outcome::Refused(refusal) => refusal.word().to_owned(),
    }
}

/// As it is written and read again.
fn reread(ledger: &Ledger) -> Ledger {
    let (nights, holds) = snapshot(ledger);
    Ledger::new(ledger.now, ledger.room_types.clone(), nights, holds)
}

#[test]
fn a_refused_hold_hears_the_very_same_again_also_when_rooms_have_come_free() {
    let (first, second) = (HoldId::new(), HoldId::new());
    let mut books = one_room();
    assert_eq!(say(&mut books, 1, &room(first)), "done");
    let told = books.apply(ASKED, &room(second)).unwrap();
    assert_eq!(say(&mut books, 1, &release(first, None)), "done");
    let mut books = reread(&books);
    assert_eq!(books.apply(ASKED, &room(second)).unwrap(), told);
    assert_eq!(say(&mut books, 1, &book(second)), "hold_expired");
    // Its release changes nothing of that.
    assert_eq!(say(&mut books, 1, &release(second, None)), "done");
    assert_eq!(books.apply(ASKED, &room(second)).unwrap(), told);
    assert_eq!(taken(&books)[0], (0, 0));
    // A person has said: anew.
    assert_eq!(say(&mut books, 2, &room(second)), "done");
    assert_eq!(
        say(&mut books, 1, &room(second)),
        "done",
        "what stands is adopted"
    );
    assert_eq!(taken(&books)[0], (1, 0));
}

#[test]
fn a_newer_round_takes_rooms_over_what_has_ended_and_is_refused_where_none_are_left() {
    for end in ["released", "expired", "refused", "forbidden"] {
        let (id, other) = (HoldId::new(), HoldId::new());
        let mut books = one_room();
        match end {
            "refused" => drop(say(&mut books, 1, &room(other)) + &say(&mut books, 1, &room(id))),
            "forbidden" => drop(say(&mut books, 1, &release(id, None))),
            _ => drop(say(&mut books, 1, &room(id))),
        }
        match end {
            "released" => drop(say(&mut books, 1, &release(id, None))),
            "expired" => books.expire((HOTEL, id)).unwrap(),
            _ => {}
        }
        // Somebody else has the room now.
        say(&mut books, 1, &room(other));
        let mut books = reread(&books);
        assert_eq!(say(&mut books, 2, &room(id)), "sold_out", "{end}");
        say(&mut books, 1, &release(other, None));
        assert_eq!(say(&mut books, 2, &room(id)), "sold_out", "{end}: as before");
        assert_eq!(say(&mut books, 3, &room(id)), "done", "{end}");
        assert_eq!(say(&mut books, 3, &book(id)), "done", "{end}");
        assert_eq!(taken(&books)[0], (0, 1), "{end}");
        assert_eq!(lines_of(&books.holds, (HOTEL, id)).count(), 1, "{end}");
    }
}

#[test]
fn what_stands_is_adopted_and_no_longer_heeds_the_round_before() {
    let id = HoldId::new();
    let mut books = one_room();
    say(&mut books, 1, &room(id));
    assert_eq!(say(&mut books, 2, &book(id)), "done");
    // Late words of the first round.
    assert_eq!(say(&mut books, 1, &release(id, None)), "done");
    assert_eq!(taken(&books)[0], (0, 1));
    assert_eq!(say(&mut books, 2, &release(id, None)), "done");
    assert_eq!(taken(&books)[0], (0, 0));
    assert_eq!(say(&mut books, 3, &room(id)), "done");
    assert_eq!(
        say(&mut books, 2, &book(id)),
        "hold_expired",
        "an older round sells nothing"
    );
    assert_eq!(taken(&books)[0], (1, 0));
}

#[test]
fn an_undo_forbids_its_round_and_those_before_also_when_it_comes_first() {
    let id = HoldId::new();
    let mut books = one_room();
    say(&mut books, 2, &release(id, None));
    for round in [1, 2] {
        assert_eq!(say(&mut books, round, &room(id)), "hold_released");
    }
    assert_eq!(say(&mut books, 3, &room(id)), "done");
    // Of a hold that expired as well.
    books.expire((HOTEL, id)).unwrap();
    say(&mut books, 4, &release(id, None));
    assert_eq!(say(&mut books, 4, &room(id)), "hold_expired");
}

#[test]
fn whoever_cancels_a_booking_releases_it_whatever_round_it_was_sold_in() {
    let id = HoldId::new();
    let mut books = one_room();
    for command in [room(id), book(id)] {
        say(&mut books, 3, &command);
    }
    books.apply(OTHER, &release(id, None)).unwrap();
    assert_eq!(taken(&books)[0], (0, 0));
    assert_eq!(say(&mut books, 3, &room(id)), "hold_released");
    // Its own round does not count for the run that held.
    let again = Asked { round: 9, ..OTHER };
    books.apply(again, &release(id, None)).unwrap();
    assert_eq!(say(&mut books, 4, &room(id)), "done");
}

proptest! {
    #[test]
    fn an_older_round_changes_nothing(
        totals in prop::collection::vec(0..12_i32, 10),
        steps in prop::collection::vec(step(), 0..40),
        late in prop::collection::vec(step(), 1..20),
    ) {
        let mut ledger = ledger(&totals);
        for step in &steps {
            run(&mut ledger, step);
        }
        // Each hold is now of round 3 or a later one.
        for number in 0..8 {
            ledger.apply(asked(3), &release(hold_id(number), Some(day(-9)))).unwrap();
            ledger.apply(asked(4), &room(hold_id(number))).unwrap();
        }
        let before = snapshot(&ledger);
        for step in late.iter().filter(|step| matches!(step, Step::Command(..))) {
            run(&mut ledger, step);
            prop_assert_eq!(snapshot(&ledger), before.clone());
        }
    }
}

#[test]
fn a_hold_that_comes_too_late_is_not_begun_and_nothing_is_kept_of_that() {
    let id = HoldId::new();
    let mut books = one_room();
    let now = books.now;
    let by = |round, deadline| Asked {
        deadline: Some(deadline),
        ..asked(round)
    };
    let (late, in_time) = (now - TimeDelta::milliseconds(1), now);
    let too_late = refused(Why::TooLate);
    let before = snapshot(&books);
    assert_eq!(books.apply(by(1, late), &room(id)).unwrap(), too_late);
    assert_eq!(snapshot(&books), before);
    // Whoever waits after all has the room, and hears so however late it asks again.
    assert_eq!(books.apply(by(1, in_time), &room(id)).unwrap(), Outcome::Done);
    assert_eq!(books.apply(by(1, late), &room(id)).unwrap(), Outcome::Done);
    // What is undone or booked has no deadline, and would not look at one.
    assert_eq!(books.apply(by(1, late), &book(id)).unwrap(), Outcome::Done);
    assert_eq!(
        books.apply(by(1, late), &release(id, None)).unwrap(),
        Outcome::Done
    );
    // A newer round would take rooms over what was released, and does not either.
    let before = snapshot(&books);
    assert_eq!(books.apply(by(2, late), &room(id)).unwrap(), too_late);
    assert_eq!(snapshot(&books), before);
}
