//! A recorded replay of forty bookings, in which every answer was right, and what is found once one is not. Recorded by
//! `scripts/prove oracle --rows 40 --concurrency 4 --rooms A=6,D=3 --keep FOLDER`.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

use oracle::journal::{self, Entry};
use oracle::judge::judge;
use oracle::stream::{self, Op, Transaction};
use oracle::verdict::Verdict;
use serde_json::{Value, json};

const JOURNAL: &[u8] = include_bytes!("recorded/journal.jsonl");
const LOG: &[u8] = include_bytes!("recorded/log.jsonl");

fn recorded() -> (Vec<Entry>, Vec<Transaction>) {
    (journal::read(JOURNAL).unwrap(), stream::read(LOG).unwrap())
}

/// The verdict on a journal in which one answer was changed.
fn with(which: impl Fn(&Entry) -> bool, change: impl FnOnce(&mut Entry)) -> Verdict {
    let (mut journal, log) = recorded();
    change(
        journal
            .iter_mut()
            .rfind(|entry| which(entry))
            .expect("an answer of this kind"),
    );
    judge(&log, &journal).unwrap()
}

/// The verdict on a log in which one row was changed.
fn with_log(
    table: &str,
    which: impl Fn(&stream::Change) -> bool,
    change: impl FnOnce(&mut stream::Change),
) -> Verdict {
    let (journal, mut log) = recorded();
    let mut changes = log.iter_mut().flat_map(|transaction| &mut transaction.changes);
    let found = changes.find(|row| row.table == table && which(row));
    change(found.expect("a row of this kind"));
    judge(&log, &journal).unwrap()
}

/// The verdict on a log in which one night of one room type has never had a price.
fn with_no_price(room_type: &Value, night: &Value) -> Verdict {
    let (journal, mut log) = recorded();
    let of_it = |row: &stream::Change| {
        row.table == "hotel.price"
            && row.text("room_type_id") == room_type.as_str()
            && row.text("night") == night.as_str()
    };
    let mut gone = 0;
    for transaction in &mut log {
        let before = transaction.changes.len();
        transaction.changes.retain(|row| !of_it(row));
        gone += before - transaction.changes.len();
    }
    assert!(gone > 0, "no price of {night} in {room_type}");
    judge(&log, &journal).unwrap()
}

fn found(verdict: &Verdict, word: &str) {
    let wrong = &verdict.violations;
    assert!(
        wrong.iter().any(|wrong| wrong.contains(word)),
        "{word}: {wrong:#?}"
    );
}

fn booking(entry: &Entry) -> bool {
    (entry.method.as_str(), entry.path.as_str()) == ("POST", "/v1/reservations")
}

fn confirmed(entry: &Entry) -> bool {
    booking(entry) && entry.text("/state") == Some("confirmed")
}

fn sold_out(entry: &Entry) -> bool {
    booking(entry) && entry.text("/code") == Some("sold_out")
}

fn cancelled(entry: &Entry) -> bool {
    entry.path.ends_with("/cancellation") && entry.text("/state") == Some("cancelled")
}

fn page(name: &'static str) -> impl Fn(&Entry) -> bool {
    move |entry| entry.path.contains(name) && entry.status == 200
}

fn listed(entry: &Entry) -> bool {
    entry.answer.pointer("/room_types/0").is_some()
}

#[test]
fn a_recorded_replay_was_right_in_every_answer() {
    let (journal, log) = recorded();
    let verdict = judge(&log, &journal).unwrap();
    assert_eq!(verdict.violations, Vec::<String>::new());
    assert_eq!(verdict.answers(), journal.len());
    for what in [
        "bookings confirmed",
        "bookings refused",
        "cancellations",
        "nights that were told to be full",
        "availability pages",
        "calendar pages",
        "commands decided again",
    ] {
        assert!(verdict.count(what) > 3, "{what}: {}", verdict.count(what));
    }
}

#[test]
fn a_confirmation_that_never_was_is_found() {
    let verdict = with(sold_out, |entry| {
        let id = entry.answer["reservation_id"].clone();
        let total = json!({"amount": "100.00", "currency": "EUR"});
        (entry.status, entry.answer) = (
            201,
            json!({"reservation_id": id, "state": "confirmed", "total": total}),
        );
    });
    found(&verdict, "never so meanwhile");
    found(&verdict, "its rooms were never Sold");
}

#[test]
fn a_confirmation_told_too_early_is_found() {
    found(
        &with(confirmed, |entry| entry.ended_us = entry.began_us + 1),
        "never so meanwhile",
    );
}

#[test]
fn a_refusal_that_never_was_is_found() {
    let verdict = with(confirmed, |entry| {
        let id = entry.answer["reservation_id"].clone();
        let night = entry.answer["check_in"].clone();
        let refusal = json!({"reservation_id": id, "code": "sold_out", "night": night});
        (entry.status, entry.answer) = (409, refusal);
    });
    found(&verdict, "the rules never said so");
}

#[test]
fn a_refusal_for_another_night_is_found() {
    found(
        &with(sold_out, |entry| entry.answer["night"] = json!("2100-01-01")),
        "the rules never said so",
    );
}

#[test]
fn a_cent_too_much_is_found() {
    let dearer = |money: &mut Value| money["amount"] = json!("0.01");
    found(
        &with(confirmed, |entry| dearer(&mut entry.answer["total"])),
        "never so meanwhile",
    );
    found(
        &with(cancelled, |entry| dearer(&mut entry.answer["refund"])),
        "never so meanwhile",
    );
    let quote = |entry: &Entry| entry.path == "/v1/quotes" && entry.status == 201;
    found(
        &with(quote, |entry| dearer(&mut entry.answer["nights"][0]["price"])),
        "not what its lines cost",
    );
    found(
        &with(quote, |entry| {
            dearer(&mut entry.answer["lines"][0]["nights"][0]["price"]);
        }),
        "never the price meanwhile",
    );
    let rated = |entry: &Entry| entry.answer.pointer("/room_types/0/rates/0").is_some();
    let verdict = with(rated, |entry| {
        dearer(&mut entry.answer["room_types"][0]["rates"][0]["nights"][0]["price"]);
    });
    found(&verdict, "never its price meanwhile");
}

#[test]
fn a_room_too_many_or_too_few_on_a_page_is_found() {
    for rooms in [0, 99] {
        let verdict = with(page("/calendar?"), |entry| {
            entry.answer["nights"][0]["rooms_left"] = json!(rooms + 1_000);
        });
        found(&verdict, "rooms left on");
        let verdict = with(listed, |entry| {
            entry.answer["room_types"][0]["rooms_left"] = json!(rooms);
        });
        found(&verdict, "its nights had");
    }
}

#[test]
fn a_room_type_left_out_of_a_page_is_found() {
    let verdict = with(listed, |entry| entry.answer["room_types"] = json!([]));
    found(&verdict, "is not told");
}

#[test]
fn a_room_type_told_without_a_price_is_found() {
    let (journal, _) = recorded();
    let told = &journal.iter().rfind(|entry| listed(entry)).unwrap().answer;
    let verdict = with_no_price(&told["room_types"][0]["room_type_id"], &told["check_in"]);
    found(&verdict, "it had prices in");
    let verdict = with(listed, |entry| entry.answer["room_types"][0]["rates"] = json!([]));
    found(&verdict, "is told without a price");
}

#[test]
fn a_room_type_with_a_price_that_is_not_told_is_found() {
    let (journal, mut log) = recorded();
    let rows = |log: &[Transaction], table: &str| -> Vec<stream::Change> {
        let changes = log.iter().flat_map(|transaction| &transaction.changes);
        changes.filter(|row| row.table == table).cloned().collect()
    };
    // From the beginning on every night that anybody can sleep in has a price.
    let price = rows(&log, "hotel.price").swap_remove(0);
    let nights = rows(&log, "inventory.room_night");
    let priced = nights.iter().map(|night| {
        let mut price = price.clone();
        for column in ["room_type_id", "night"] {
            price.row.insert(column.to_owned(), night.row[column].clone());
        }
        price
    });
    log[0].changes.extend(priced);
    found(&judge(&log, &journal).unwrap(), "is not told");
}

#[test]
fn a_night_on_offer_without_a_price_and_one_with_a_price_that_is_not_are_found() {
    let (journal, _) = recorded();
    let on_offer = |entry: &Entry| {
        let left = entry
            .answer
            .pointer("/nights/0/rooms_left")
            .and_then(Value::as_u64);
        page("/calendar?")(entry) && left > Some(0)
    };
    let told = &journal.iter().rfind(|entry| on_offer(entry)).unwrap().answer;
    let verdict = with_no_price(&told["room_type_id"], &told["nights"][0]["night"]);
    found(&verdict, "rooms left on");
    let verdict = with(on_offer, |entry| {
        let night = entry.answer["nights"][0].as_object_mut().unwrap();
        night["rooms_left"] = json!(0);
        night.remove("lowest_price");
    });
    found(&verdict, "0 rooms left on");
    let verdict = with(on_offer, |entry| {
        entry.answer["nights"][0]["lowest_price"]["amount"] = json!("0.01");
    });
    found(&verdict, "rooms left on");
}

#[test]
fn a_page_of_yesterday_that_says_it_is_of_today_is_found() {
    let (mut journal, log) = recorded();
    let last = journal.last().unwrap().ended_us + 10_000_000;
    let then = chrono::DateTime::from_timestamp_micros(last).unwrap();
    let first = journal.iter_mut().find(|entry| listed(entry)).unwrap();
    first.answer["freshness"]["as_of"] = json!(then.to_rfc3339());
    first.answer["freshness"]["source"] = json!("cache");
    first.ended_us = last + 1;
    found(&judge(&log, &journal).unwrap(), "its nights had");
}

#[test]
fn a_reservation_that_nobody_was_told_of_is_found() {
    let (mut journal, log) = recorded();
    let at = journal.iter().position(confirmed).unwrap();
    journal.remove(at);
    found(&judge(&log, &journal).unwrap(), "nobody was told of it");
}

#[test]
fn a_reservation_that_the_log_does_not_know_is_found() {
    let verdict = with(confirmed, |entry| {
        entry.answer["reservation_id"] = json!("01a214b7-ffff-714e-b3e9-abcc25018420");
    });
    found(&verdict, "the log does not know");
}

#[test]
fn a_reply_that_the_rules_would_not_give_is_found() {
    let done = |row: &stream::Change| row.text("type") == Some("Done");
    let verdict = with_log("inventory.outbox", done, |row| {
        let payload = row.text("payload").unwrap();
        let mut reply: Value = serde_json::from_str(payload).unwrap();
        reply["outcome"] = json!({"refused": {"code": "closed", "message": ""}});
        row.row.insert("payload".to_owned(), Some(reply.to_string()));
    });
    found(&verdict, "the rules say");
}

#[test]
fn a_night_that_is_counted_wrongly_is_found() {
    for column in ["held", "sold", "total"] {
        let taken = |row: &stream::Change| row.op == Op::Update;
        let verdict = with_log("inventory.room_night", taken, |row| {
            let more = row.get::<i32>(column).unwrap() + 1;
            row.row.insert(column.to_owned(), Some(more.to_string()));
        });
        found(&verdict, "night");
    }
}

#[test]
fn a_hold_that_was_not_asked_for_or_not_written_is_found() {
    for drop in [true, false] {
        let (journal, mut log) = recorded();
        let holding = |transaction: &&mut Transaction| {
            let mut changes = transaction.changes.iter();
            changes.any(|row| row.table == "inventory.hold" && row.op == Op::Insert)
        };
        let first = log.iter_mut().find(holding).unwrap();
        let gone = if drop { "inventory.hold" } else { "inventory.inbox" };
        first.changes.retain(|row| row.table != gone);
        found(&judge(&log, &journal).unwrap(), "log at");
    }
}

#[test]
fn rooms_taken_in_another_order_than_the_log_says_are_found() {
    let (journal, mut log) = recorded();
    let about_rooms = |transaction: &Transaction| {
        let mut changes = transaction.changes.iter();
        changes.any(|row| row.table == "inventory.room_night" && row.op == Op::Update)
    };
    let rooms: Vec<usize> = (0..log.len()).filter(|at| about_rooms(&log[*at])).collect();
    log.swap(rooms[0], *rooms.last().unwrap());
    found(&judge(&log, &journal).unwrap(), "log at");
}
