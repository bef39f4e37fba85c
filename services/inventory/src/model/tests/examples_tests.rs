//! The books by examples: which night decides, the eleventh room, late bookings, what is written.

use super::*;

fn refused(ledger: &mut Ledger, command: &InventoryCommand) -> (String, Option<StayDate>) {
    match ledger.apply(ASKED, command).unwrap() {
        Outcome::Done => ("done".to_owned(), None),
        Outcome::Refused(refusal) => (refusal.word().to_owned(), refusal.night()),
    }
}

#[test]
fn a_refusal_names_the_first_night_that_decides() {
    let mut ledger = ledger(&[10, 10, 0, 0, 10, 10, 10, 10, 10, 10]);
    let why = |ledger: &mut Ledger, command| refused(ledger, &command);
    assert_eq!(
        why(&mut ledger, hold(0, 0, 4, 1)),
        ("sold_out".to_owned(), Some(day(2)))
    );
    assert_eq!(
        why(&mut ledger, hold(0, 4, 2, 1)),
        ("sold_out".to_owned(), Some(day(5)))
    );
    assert_eq!(
        why(&mut ledger, hold(1, 3, 2, 1)),
        ("closed".to_owned(), Some(day(4)))
    );
    assert_eq!(
        why(&mut ledger, hold(2, 0, 1, 1)),
        ("unknown_room_type".to_owned(), None)
    );
    assert_eq!(
        why(&mut ledger, hold(0, -2, 3, 1)),
        ("stay_in_past".to_owned(), Some(day(-2)))
    );
    assert_eq!(
        why(&mut ledger, hold(0, -1, 2, 1)),
        ("sold_out".to_owned(), Some(day(-1)))
    );
    assert_eq!(why(&mut ledger, hold(0, 0, 1, 0)).0, "rooms_out_of_range");
    assert_eq!(why(&mut ledger, hold(0, 0, 1, 10)).0, "rooms_out_of_range");
    let changes = ledger.changes();
    assert!(changes.nights.is_empty() && changes.changed_holds.is_empty());
    let mut kept = changes.new_holds.iter();
    assert!(kept.all(|(_, hold)| hold.state == HoldState::Refused));
}

#[test]
fn ten_rooms_are_sold_eleven_times_and_no_more() {
    let mut ledger = ledger(&[10; 10]);
    let done = (0..30)
        .filter(|_| refused(&mut ledger, &hold(0, 0, 1, 1)).0 == "done")
        .count();
    assert_eq!(done, 11);
}

#[test]
fn a_late_booking_finds_its_rooms_gone_and_a_sold_hold_never_expires() {
    let mut ledger = ledger(&[10; 10]);
    let InventoryCommand::Hold { hold_id: late, .. } = hold(0, 0, 1, 1) else {
        unreachable!()
    };
    assert_eq!(
        refused(
            &mut ledger,
            &InventoryCommand::Book {
                hotel_id: HOTEL,
                hold_id: late
            }
        )
        .0,
        "hold_expired"
    );

    let command = hold(0, 0, 2, 3);
    let InventoryCommand::Hold { hold_id, .. } = command else {
        unreachable!()
    };
    assert_eq!(refused(&mut ledger, &command).0, "done");
    ledger.expire((HOTEL, hold_id)).unwrap();
    assert_eq!(
        refused(
            &mut ledger,
            &InventoryCommand::Book {
                hotel_id: HOTEL,
                hold_id
            }
        )
        .0,
        "hold_expired"
    );
    assert_eq!(refused(&mut ledger, &command).0, "hold_expired");
    assert!(ledger.changes().nights.is_empty());

    let command = hold(0, 0, 2, 3);
    let InventoryCommand::Hold { hold_id, .. } = command else {
        unreachable!()
    };
    assert_eq!(refused(&mut ledger, &command).0, "done");
    assert_eq!(
        refused(
            &mut ledger,
            &InventoryCommand::Book {
                hotel_id: HOTEL,
                hold_id
            }
        )
        .0,
        "done"
    );
    ledger.expire((HOTEL, hold_id)).unwrap();
    assert_eq!(
        ledger
            .changes()
            .nights
            .iter()
            .map(|(_, held, sold)| (*held, *sold))
            .collect::<Vec<_>>(),
        [(0, 3); 2]
    );
}

/// Books as they are read: three holds in their states, with the rooms that they take counted.
fn read_books(ids: [HoldId; 3]) -> Ledger {
    let stay = Stay::new(day(0), day(2)).unwrap();
    let taking = Taking {
        room_type_id: room_type(0),
        stay,
        rooms: 2,
    };
    let hold = |state| Hold {
        saga_id: SAGA,
        round: 1,
        taking: Some(taking),
        state,
        refusal: None,
    };
    let states = [HoldState::Held, HoldState::Sold, HoldState::Released];
    let holds = ids
        .into_iter()
        .zip(states)
        .map(|(id, state)| ((HOTEL, id, FIRST_LINE), hold(state)));
    let night = Night {
        total: 10,
        held: 2,
        sold: 2,
        closed: false,
    };
    let nights = taking.nights(HOTEL).map(|key| (key, night));
    Ledger::new(morning(0), [(HOTEL, room_type(0))].into(), nights, holds)
}

fn states_of(changes: &Changes) -> Vec<(HoldKey, HoldState)> {
    let holds = changes.changed_holds.iter();
    holds
        .map(|((hotel, id, _), hold)| ((*hotel, *id), hold.state))
        .collect()
}

#[test]
fn what_was_read_and_has_changed_is_written_and_nothing_else() {
    let ids = [HoldId::new(), HoldId::new(), HoldId::new()];
    let by = |held, sold| {
        let nights = [day(0), day(1)].map(|night| ((HOTEL, room_type(0), night), held, sold));
        nights.to_vec()
    };
    let [held, sold, released] = ids;
    let book = |hold_id| InventoryCommand::Book {
        hotel_id: HOTEL,
        hold_id,
    };
    let release = |hold_id| release(hold_id, None);
    // A command about a hold that was read: its new state, and by how much held and sold change.
    for (command, state, nights) in [
        (book(held), Some((held, HoldState::Sold)), by(-2, 2)),
        (book(sold), None, Vec::new()),
        (book(released), None, Vec::new()),
        (release(held), Some((held, HoldState::Released)), by(-2, 0)),
        (release(sold), Some((sold, HoldState::Released)), by(0, -2)),
        (release(released), None, Vec::new()),
    ] {
        let mut books = read_books(ids);
        books.apply(ASKED, &command).unwrap();
        let changes = books.changes();
        let wanted: Vec<_> = state
            .map(|(id, state)| ((HOTEL, id), state))
            .into_iter()
            .collect();
        assert_eq!(states_of(&changes), wanted, "{command:?}");
        assert_eq!(changes.nights, nights, "{command:?}");
        assert!(changes.new_holds.is_empty(), "{command:?}");
    }
    let mut books = read_books(ids);
    for id in ids {
        books.expire((HOTEL, id)).unwrap();
    }
    let changes = books.changes();
    assert_eq!(states_of(&changes), [((HOTEL, held), HoldState::Expired)]);
    assert_eq!(changes.nights, by(-2, 0));
    // Given and taken in one batch is no change of the night.
    let mut books = read_books(ids);
    for command in [release(held), release(sold), hold(0, 0, 2, 2)] {
        books.apply(ASKED, &command).unwrap();
    }
    assert_eq!(books.changes().nights, by(0, -2));
    assert_eq!(books.changes().new_holds.len(), 2, "a line for each room");
}

#[test]
fn a_night_that_is_not_in_the_books_is_a_contradiction_that_says_which() {
    let ids = [HoldId::new(), HoldId::new(), HoldId::new()];
    let mut books = read_books(ids);
    books.nights.remove(&(HOTEL, room_type(0), day(1)));
    let [held, ..] = ids;
    let said = books.apply(ASKED, &release(held, None)).unwrap_err().to_string();
    assert!(
        said.contains(&day(1).to_string()) && said.contains(&held.to_string()),
        "{said}"
    );
}

fn mixed(hold_id: HoldId, lines: &[(u8, i32, u32, u16)]) -> InventoryCommand {
    let line = |(number, offset, nights, rooms): &(u8, i32, u32, u16)| HeldLine {
        room_type_id: room_type(*number),
        stay: Stay::new(day(*offset), day(*offset).plus_days(*nights)).unwrap(),
        rooms: *rooms,
    };
    InventoryCommand::Hold {
        hotel_id: HOTEL,
        hold_id,
        lines: HeldLines(lines.iter().map(line).collect()),
        time_zone: None,
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Refused(refusal) => format!("{} {:?}", refusal.word(), refusal.night()),
    }
}

#[test]
fn lines_of_several_room_types_are_held_together_or_not_at_all() {
    let none = || ledger(&[2, 2, 2, 2, 2, 1, 1, 1, 1, 0]);
    for (lines, wanted) in [
        (vec![(0, 0, 3, 1), (1, 0, 3, 1)], "done".to_owned()),
        (vec![(0, 0, 3, 2), (1, 0, 4, 1)], "done".to_owned()),
        // Each alone would fit; together they want one more than there is.
        (
            vec![(0, 0, 3, 2), (0, 1, 1, 1)],
            format!("sold_out {:?}", Some(day(1))),
        ),
        (
            vec![(0, 0, 3, 1), (1, 2, 1, 1), (1, 2, 1, 1)],
            format!("sold_out {:?}", Some(day(2))),
        ),
        (
            vec![(0, 0, 3, 1), (1, 3, 2, 1)],
            format!("closed {:?}", Some(day(4))),
        ),
        (
            vec![(0, 0, 1, 5), (1, 0, 1, 5)],
            "rooms_out_of_range None".to_owned(),
        ),
        (vec![], "rooms_out_of_range None".to_owned()),
        (
            vec![(0, 0, 1, 1), (2, 0, 1, 1)],
            "unknown_room_type None".to_owned(),
        ),
    ] {
        let mut books = none();
        let before = snapshot(&books);
        let outcome = books.apply(ASKED, &mixed(HoldId::new(), &lines)).unwrap();
        assert_eq!(told(&outcome), wanted, "{lines:?}");
        assert!(
            outcome == Outcome::Done || snapshot(&books).0 == before.0,
            "{lines:?}"
        );
        let rooms: u16 = lines.iter().map(|(.., rooms)| rooms).sum();
        assert!(outcome != Outcome::Done || books.changes().new_holds.len() == usize::from(rooms));
    }
}

#[test]
fn all_lines_are_booked_released_and_expired_together() {
    let taken = |books: &Ledger| {
        books
            .nights
            .values()
            .map(|night| (night.now.held, night.now.sold))
            .collect::<Vec<_>>()
    };
    let with = |first: (i32, i32), second: (i32, i32)| {
        let mut wanted = vec![(0, 0); 10];
        wanted[..2].fill(first);
        wanted[5..7].fill(second);
        wanted
    };
    let (hotel_id, hold_id) = (HOTEL, HoldId::new());
    let held = || {
        let mut books = ledger(&[5; 10]);
        let hold = mixed(hold_id, &[(0, 0, 2, 2), (1, 0, 2, 1)]);
        for command in [&hold, &hold] {
            assert_eq!(books.apply(ASKED, command).unwrap(), Outcome::Done);
        }
        assert_eq!(taken(&books), with((2, 0), (1, 0)));
        books
    };
    let book = InventoryCommand::Book { hotel_id, hold_id };
    let mut books = held();
    for _ in 0..2 {
        assert_eq!(books.apply(ASKED, &book).unwrap(), Outcome::Done);
        assert_eq!(taken(&books), with((0, 2), (0, 1)));
        books.expire((HOTEL, hold_id)).unwrap();
    }
    // Nights that have begun stay sold, in all rooms.
    for _ in 0..2 {
        books.apply(ASKED, &release(hold_id, Some(day(1)))).unwrap();
        let mut begun = with((0, 0), (0, 0));
        (begun[0], begun[5]) = ((0, 2), (0, 1));
        assert_eq!(taken(&books), begun);
    }
    books.apply(ASKED, &release(hold_id, None)).unwrap();
    assert_eq!(taken(&books), with((0, 0), (0, 0)));
    let mut books = held();
    books.expire((HOTEL, hold_id)).unwrap();
    assert_eq!(taken(&books), with((0, 0), (0, 0)));
    assert!(
        matches!(books.apply(ASKED, &book).unwrap(), Outcome::Refused(why) if why.word() == "hold_expired")
    );
}
