//! The audit finds what it looks for: one violation of each kind is planted, past all services, and found.

use tests::{Hotel, Platform, until};

/// An invariant, and the change that breaks it and only it (triggers off, so that it can be made).
const PLANTED: &[(&str, &str)] = &[
    (
        "I-1",
        "alter table inventory.room_night drop constraint room_night_overbooking; \
             update inventory.room_night set total = 0 where sold > 0",
    ),
    (
        "I-2",
        "update inventory.room_night set held = held + 1 where sold > 0",
    ),
    (
        "I-3",
        "alter table inventory.hold drop constraint hold_check; \
             update inventory.room_night set sold = 0; \
             update inventory.hold set check_out = check_in where state = 'sold'",
    ),
    (
        "I-7",
        "update payment.movement set amount_minor = -amount_minor, kind = 'refund'",
    ),
    (
        "I-8",
        "update payment.movement set debit = credit, credit = debit",
    ),
    (
        "I-10",
        "drop index reservation.key_names_one_booking, reservation.key_names_one_booking_of_its_hotel; \
             insert into reservation.reservation select (json_populate_record(r, json_build_object('reservation_id', \
                 gen_random_uuid(), 'hold_id', gen_random_uuid(), 'payment_id', gen_random_uuid(), 'state', 'rejected', \
                 'refusal_code', 'x', 'refusal_message', 'x', 'used_quote_id', null, 'code', null))).* \
             from reservation.reservation r",
    ),
    (
        "I-10",
        "insert into reservation.idempotency_key (client, route, key, fingerprint, hotel_id, reservation_id, claimed_at) \
             select client, reservation_id::text, key, fingerprint, hotel_id, gen_random_uuid(), now() from reservation.reservation",
    ),
    (
        "I-16",
        "alter table reservation.reservation_history drop constraint legal_transition; \
              update reservation.reservation_history set from_state = 'cancelled' where state = 'confirmed'",
    ),
    ("I-17", "update orchestrator.saga_epoch set ended_at = began_at"),
    (
        "I-18",
        "update orchestrator.journal set undo = true, what = 'undone' where step = 'confirm-reservation'",
    ),
    (
        "I-18",
        "update orchestrator.journal set undo = true, what = 'undone' where step = 'hold-rooms'",
    ),
    (
        "I-28",
        "update orchestrator.journal set seq = seq + 1 where step = 'confirm-reservation'",
    ),
    (
        "I-28",
        "insert into orchestrator.journal select saga_id, seq + 1, what, step, place, undo, round, sendings, sent_at, \
             message_id, body, epoch, at from orchestrator.journal where step = 'confirm-reservation'",
    ),
    (
        "I-26",
        "update orchestrator.journal set round = 2 where step = 'confirm-reservation'",
    ),
    (
        "I-29",
        "update orchestrator.run set state = 'abandoned', reason = 'planted'",
    ),
    (
        "I-30",
        "update inventory.hold set line_no = 2 where state = 'sold'",
    ),
    (
        "I-31",
        "update access.trail set actor = 'admin:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d' where no = 2",
    ),
    ("I-31", "delete from access.trail where no = 2"),
    (
        "I-32",
        "insert into reservation.charge select hotel_id, reservation_id, 1, 'cancellation', 1, now() from reservation.reservation",
    ),
    (
        "I-33",
        "update orchestrator.journal set place = 'do' where place = 'pivot'; \
             insert into orchestrator.obligation (saga_id, seq, what, step, is_done, thing, opened_at, closed_at) \
             select saga_id, 1, 'rooms', 'hold-rooms', 'done', hold_id, now(), now() from inventory.hold where state = 'sold'",
    ),
    (
        "I-33",
        "update orchestrator.journal set place = 'do' where place = 'pivot'; \
             insert into orchestrator.obligation (saga_id, seq, what, step, is_done, thing, opened_at, closed_at) \
             select r.saga_id, 1, 'money', 'capture-payment', 'done', p.payment_id, now(), now() \
             from payment.payment p join orchestrator.run r on r.subject_id = p.reservation_id",
    ),
    (
        "I-22",
        "insert into orchestrator.outbox (id, aggregatetype, aggregateid, type, payload) \
             values (gen_random_uuid(), 'orchestrator.messages.dead', 'x', 'Dead', '{}')",
    ),
    (
        "I-24",
        "update reservation.reservation set total_minor = total_minor - 1",
    ),
    (
        "I-4",
        "update orchestrator.run set state = 'stuck', reason = 'planted', ended_at = null",
    ),
    (
        "I-5",
        "update inventory.hold set saga_id = gen_random_uuid() where state = 'sold'",
    ),
    (
        "I-6",
        "update reservation.reservation set state = 'rejected', refusal_code = 'x', refusal_message = 'x'; \
             update reservation.reservation_history set state = 'rejected' where state = 'confirmed'",
    ),
    ("I-12", "delete from payment.inbox"),
    (
        "I-12",
        "update orchestrator.journal set step = 'nobody' where step = 'book-rooms'",
    ),
];

/// A platform with one booking, at rest. Nothing runs any more but the provider, whose ledger is compared: what
/// is planted and taken back would be published, handled and answered by services that still run.
async fn booked_and_still() -> (Platform, Hotel) {
    let mut platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 3).await;
    assert_eq!(hotel.book(&platform, 0, 2, "pm_ok").await.status, 201);
    until("the booking is wholly at rest and the audit passes", async || {
        (audit(&platform).0 == Some(0)).then_some(())
    })
    .await;
    platform.kill();
    platform.run("sandbox-provider");
    platform.ready().await;
    assert_eq!(audit(&platform).0, Some(0));
    (platform, hotel)
}

fn audit(platform: &Platform) -> (Option<i32>, String) {
    let done = platform.command(&["audit", "--at-rest"]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), said)
}

async fn plant(platform: &Platform, change: &str) {
    platform
        .tamper(&format!(
            "begin; set local session_replication_role = replica; {change}; commit"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_violation_of_each_kind_is_found() {
    let (platform, hotel) = booked_and_still().await;
    for (invariant, change) in PLANTED {
        let backup = snapshot(&platform).await;
        plant(&platform, change).await;
        let (code, said) = audit(&platform);
        assert_eq!(code, Some(1), "{invariant} was planted: {said}");
        assert!(
            said.contains(&format!("VIOLATED {invariant:<5}")),
            "{invariant} was planted: {said}"
        );
        restore(&platform, &backup).await;
        let (code, said) = audit(&platform);
        assert_eq!(code, Some(0), "restored after {invariant}: {said}");
    }
    set_key(&platform, &hotel, "99").await;
    let (code, said) = audit(&platform);
    assert_eq!((code, said.contains("VIOLATED I-13 ")), (Some(1), true), "{said}");
    set_key(&platform, &hotel, "2").await;
    charge_nobody(&platform).await;
    let (code, said) = audit(&platform);
    assert_eq!((code, said.contains("VIOLATED I-7p ")), (Some(1), true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violated_kind_is_told_with_its_rows() {
    let (mut platform, _) = booked_and_still().await;
    for (_, change) in PLANTED.iter().filter(|(kind, _)| TOGETHER.contains(kind)) {
        plant(&platform, change).await;
    }
    // All 60 nights, of which 20 are shown, and their keys with them.
    plant(&platform, "update inventory.room_night set held = held + 1").await;
    charge_nobody(&platform).await;
    let (code, said) = audit(&platform);
    assert_eq!(code, Some(1), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    for kind in TOGETHER.iter().chain(&["I-2", "I-7p", "I-13"]) {
        let told = lines
            .iter()
            .position(|line| line.starts_with(&format!("VIOLATED {kind:<5}")));
        let row = told.and_then(|told| lines.get(told + 1));
        assert!(
            row.is_some_and(|row| row.starts_with("         {")),
            "{kind}: {said}"
        );
    }
    for kind in ["I-1", "I-3", "I-7", "I-8", "I-18", "I-24", "I-5", "I-6"] {
        assert!(said.contains(&format!("ok       {kind:<5} ")), "{kind}: {said}");
    }
    let end = "9 of 24 invariants are violated: I-2, I-10, I-16, I-17, I-22, I-4, I-12, I-7p, I-13";
    assert_eq!(lines.last(), Some(&end), "{said}");
    let nights = lines
        .iter()
        .position(|line| line.starts_with("VIOLATED I-2 "))
        .unwrap();
    assert!(lines[nights].ends_with(": 60 of 60 rows"), "{said}");
    let shown = lines[nights + 1..]
        .iter()
        .take_while(|line| line.starts_with("         {"));
    assert_eq!(shown.count(), 20, "{said}");
    assert_eq!(lines[nights + 21], "         and 40 more", "{said}");

    // What cannot be checked hides nothing else either.
    plant(
        &platform,
        "update reservation.reservation set quote = '{\"nights\": 7}'",
    )
    .await;
    platform.kill();
    let (code, said) = audit(&platform);
    assert_eq!(code, Some(1), "{said}");
    for line in [
        "UNKNOWN  I-24 ",
        "UNKNOWN  I-7p ",
        "VIOLATED I-4 ",
        "VIOLATED I-12 ",
        "VIOLATED I-13 ",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(
        said.ends_with("2 of 24 invariants could not be checked: I-24, I-7p\n"),
        "{said}"
    );
}

/// Kinds that are planted at once; each breaks no other.
const TOGETHER: [&str; 6] = ["I-10", "I-16", "I-17", "I-22", "I-4", "I-12"];

/// Changes the key of the first night behind the availability service's back.
async fn set_key(platform: &Platform, hotel: &Hotel, value: &str) {
    let setting = |name: &str| &platform.env.iter().find(|(other, _)| other == name).unwrap().1;
    let client = redis::Client::open(setting("BELLHOP_REDIS_URL").as_str()).unwrap();
    let mut cache = client.get_multiplexed_async_connection().await.unwrap();
    let prefix = setting("BELLHOP_REDIS_PREFIX");
    let key = format!(
        "{prefix}{{{}}}:{}:{}",
        hotel.hotel_id,
        hotel.room_type_id,
        hotel.night(0)
    );
    redis::cmd("SET")
        .arg(&key)
        .arg(value)
        .query_async::<()>(&mut cache)
        .await
        .unwrap();
}

/// The provider keeps an amount that we know nothing of.
async fn charge_nobody(platform: &Platform) {
    let body = serde_json::json!({
        "amount": {"amount": "1.00", "currency": "EUR"}, "payment_method": "pm_ok", "reference": "nobody",
    });
    let path = "/sandbox-provider/v1/authorizations";
    let headers = [("idempotency-key", "planted")];
    let made = platform
        .send_json(reqwest::Method::POST, path, &body, &headers)
        .await;
    assert!(made.status.is_success(), "{}", made.json);
}

/// Tables that the planted changes touch.
const TABLES: [&str; 14] = [
    "access.trail",
    "inventory.room_night",
    "inventory.hold",
    "reservation.reservation",
    "reservation.reservation_history",
    "reservation.charge",
    "reservation.idempotency_key",
    "payment.movement",
    "payment.inbox",
    "orchestrator.run",
    "orchestrator.journal",
    "orchestrator.obligation",
    "orchestrator.saga_epoch",
    "orchestrator.outbox",
];

/// Copies the tables aside; answers the copies' schema.
async fn snapshot(platform: &Platform) -> String {
    let copies: Vec<String> = TABLES
        .iter()
        .map(|table| format!("create table kept.{} as table {table};", table.replace('.', "_")))
        .collect();
    platform
        .tamper(&format!(
            "drop schema if exists kept cascade; create schema kept; {}",
            copies.concat()
        ))
        .await;
    "kept".to_owned()
}

/// Puts the copies back, row by row, where a row differs.
async fn restore(platform: &Platform, kept: &str) {
    let back = TABLES.map(|table| {
        let copy = format!("{kept}.{}", table.replace('.', "_"));
        // Of an outbox nothing can be deleted.
        let emptied = if table.ends_with(".outbox") {
            "truncate"
        } else {
            "delete from"
        };
        format!("{emptied} {table}; insert into {table} overriding system value select * from {copy};")
    });
    platform
        .tamper(&format!(
            "begin; set local session_replication_role = replica; {} drop schema {kept} cascade; commit",
            back.concat()
        ))
        .await;
}
