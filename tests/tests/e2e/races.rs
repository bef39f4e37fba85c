//! Many at once: a key is one booking however often it is sent, and rooms are sold to the last one and not beyond.

use std::collections::HashMap;
use std::net::TcpStream;

use contract::StayDate;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Hotel, Platform, booking_body, until};
use uuid::Uuid;

use std::io::Write as _;

/// Random rounds over HTTP; `services/inventory` has thousands more, without the parts around it.
const ROUNDS: u64 = 40;
/// Nights that one round has for itself.
const NIGHTS_OF_ROUND: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sent_a_hundred_times_at_once_is_one_booking() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 50).await;
    let quote = hotel.quote(&platform, 0, 2, 1).await;
    let body = booking_body(&quote, "Ada Lovelace", "pm_ok");
    let address = platform.url.trim_start_matches("http://");
    let sends = (0..100).map(|at| {
        let (platform, body) = (&platform, &body);
        async move {
            if at % 5 == 4 {
                // Some hang up before they are answered.
                hang_up(address, body);
                return None;
            }
            let wait = if at % 2 == 0 { "wait=30" } else { "wait=0" };
            let headers = [("idempotency-key", "the-one"), ("prefer", wait)];
            let sent = platform.send_json(Method::POST, "/v1/reservations", body, &headers);
            Some(sent.await)
        }
    });
    let answers: Vec<Answer> = join_all(sends).await.into_iter().flatten().collect();
    for answer in &answers {
        assert!(
            matches!(answer.status.as_u16(), 201 | 202),
            "{} {}",
            answer.status,
            answer.json
        );
    }
    let headers = [("idempotency-key", "the-one"), ("prefer", "wait=30")];
    let last = until("the key tells the outcome", async || {
        let answer = platform
            .send_json(Method::POST, "/v1/reservations", &body, &headers)
            .await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    let id = last.text("/reservation_id").to_owned();
    assert!(
        answers
            .iter()
            .map(|answer| answer.text("/reservation_id"))
            .all(|other| other == id)
    );
    until("it is confirmed", async || {
        let now = platform.get(&format!("/v1/reservations/{id}")).await;
        (now.text("/state") == "confirmed").then_some(())
    })
    .await;
    for (what, sql) in [
        (
            "reservations",
            "select count(*)::text from reservation.reservation",
        ),
        ("sagas", "select count(*)::text from orchestrator.run"),
        ("holds", "select count(*)::text from inventory.hold"),
        (
            "payments",
            "select count(distinct payment_id)::text from payment.movement",
        ),
    ] {
        assert_eq!(platform.query(sql).await.as_deref(), Some("1"), "{what}");
    }
    assert_eq!(hotel.counts(&platform, 0).await, (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_under_twenty_keys_at_once_is_one_booking_and_one_charge() {
    let mut platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 50).await;
    let quote = hotel.quote(&platform, 0, 3, 2).await;
    let declined = hotel.quote(&platform, 0, 3, 2).await;
    let send = async |platform: &Platform, quote: &Value, method: &str, key: &str, wait: &str| {
        let body = booking_body(quote, "Ada Lovelace", method);
        let headers = [("idempotency-key", key), ("prefer", wait)];
        platform
            .send_json(Method::POST, "/v1/reservations", &body, &headers)
            .await
    };
    let keys: Vec<String> = (0..20).map(|at| format!("click-{at}")).collect();
    let sends = keys.iter().enumerate().map(|(at, key)| {
        let wait = if at % 2 == 0 { "wait=0" } else { "wait=30" };
        send(&platform, &quote, "pm_ok", key, wait)
    });
    let answers = join_all(sends).await;
    let taken: Vec<usize> = (0..20).filter(|at| answers[*at].status.is_success()).collect();
    assert_eq!(taken.len(), 1, "{answers:?}");
    let id = answers[taken[0]].text("/reservation_id").to_owned();
    let itself = format!("/v1/reservations/{id}");
    for refused in answers.iter().filter(|answer| !answer.status.is_success()) {
        assert_eq!(
            (
                refused.status.as_u16(),
                refused.text("/code"),
                refused.text("/reservation_id")
            ),
            (409, "quote_used", id.as_str()),
            "{}",
            refused.json
        );
        assert_eq!(refused.headers["location"], itself.as_str());
    }
    // Whatever the winner was told, its repeats are told the outcome, also by another process.
    let outcome = send(
        &platform,
        &quote,
        "pm_ok",
        &keys[taken[0]],
        "WAIT = \"30\"; x=\"a, b\"",
    )
    .await;
    assert_eq!(
        (outcome.status.as_u16(), outcome.text("/state")),
        (201, "confirmed")
    );
    assert_eq!(outcome.headers["preference-applied"], "wait=30");

    // A declined card gives the quote back, once.
    let refused = send(&platform, &declined, "pm_declined", "card-1", "wait=30").await;
    assert_eq!(refused.text("/code"), "payment_declined", "{}", refused.json);
    let second = send(&platform, &declined, "pm_ok", "card-2", "wait=30").await;
    assert_eq!(second.status, 201, "{}", second.json);
    let third = send(&platform, &declined, "pm_ok", "card-3", "wait=30").await;
    assert_eq!(
        (third.text("/code"), third.text("/reservation_id")),
        ("quote_used", second.text("/reservation_id"))
    );

    platform.kill();
    platform.run("all");
    platform.ready().await;
    let again = send(&platform, &quote, "pm_ok", &keys[taken[0]], "wait=0").await;
    assert_eq!((again.status, &again.bytes), (outcome.status, &outcome.bytes));
    let late = send(&platform, &quote, "pm_ok", "after-the-restart", "wait=0").await;
    assert_eq!(
        (late.text("/code"), late.text("/reservation_id")),
        ("quote_used", id.as_str())
    );
    let captured = "select count(*)::text from payment.payment where state = 'captured'";
    assert_eq!(platform.query(captured).await.as_deref(), Some("2"));
    assert_eq!(hotel.counts(&platform, 0).await, (0, 4));
}

/// Sends a whole booking and leaves.
fn hang_up(address: &str, body: &Value) {
    let body = body.to_string();
    let head = format!(
        "POST /v1/reservations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: the-one\r\nprefer: wait=30\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn seven_at_once_for_two_rooms_of_ten_are_exactly_five_bookings() {
    let platform = Platform::start().await;
    // Ten rooms and ten percent are eleven: five pairs and a room that no pair can have.
    let hotel = Hotel::create(&platform, 10).await;
    for night in 0..10 {
        let wishes = vec![
            Wish {
                from: night,
                nights: 1,
                rooms: 2
            };
            7
        ];
        let answers = ask(&platform, &hotel, &wishes).await;
        let confirmed = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(confirmed, 5, "night {night}");
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(
                (refused.status.as_u16(), refused.text("/code")),
                (409, "sold_out"),
                "{}",
                refused.json
            );
        }
        assert_eq!(hotel.counts(&platform, night).await, (0, 10), "night {night}");
    }
}

/// What one guest asks for.
#[derive(Debug, Clone, Copy)]
struct Wish {
    from: u32,
    nights: u32,
    rooms: u16,
}

/// All of them at once; the quotes are asked for before.
async fn ask(platform: &Platform, hotel: &Hotel, wishes: &[Wish]) -> Vec<Answer> {
    let quotes = join_all(
        wishes
            .iter()
            .map(|wish| hotel.quote(platform, wish.from, wish.nights, wish.rooms)),
    )
    .await;
    let bookings = quotes.iter().map(|quote| async move {
        let key = quote["quote_id"].as_str().unwrap();
        let headers = [("idempotency-key", key), ("prefer", "wait=30")];
        let body = booking_body(quote, "Ada Lovelace", "pm_ok");
        platform
            .send_json(Method::POST, "/v1/reservations", &body, &headers)
            .await
    });
    join_all(bookings).await
}

/// Random numbers that a seed gives again.
struct Dice(u64);

impl Dice {
    /// From `least` to `most`, both included.
    fn between(&mut self, least: u32, most: u32) -> u32 {
        // Splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        least + u32::try_from(mixed % u64::from(most - least + 1)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_for_at_once_nothing_is_oversold_and_nobody_is_refused_what_fits() {
    let platform = Platform::start().await;
    #[expect(
        clippy::disallowed_methods,
        reason = "each run tries others; a failure names its seed"
    )]
    let seed = u64::try_from(Uuid::now_v7().as_u128() & u128::from(u64::MAX)).unwrap();
    let mut hotel = Hotel::create(&platform, 1).await;
    for round in 0..ROUNDS {
        let slot = u32::try_from(round % 10).unwrap();
        if round > 0 && slot == 0 {
            hotel = Hotel::create(&platform, 1).await;
        }
        a_round(
            &platform,
            &hotel,
            slot * NIGHTS_OF_ROUND,
            seed.wrapping_add(round),
        )
        .await;
    }
}

async fn a_round(platform: &Platform, hotel: &Hotel, first: u32, seed: u64) {
    let mut dice = Dice(seed);
    let mut allowed = HashMap::new();
    for at in first..first + NIGHTS_OF_ROUND {
        let total = dice.between(0, 12);
        let body = json!({"from": hotel.night(at), "to": hotel.night(at + 1), "total": total});
        hotel.set_inventory(platform, &body).await;
        allowed.insert(hotel.night(at), i64::from(total * 11 / 10));
    }
    let wishes: Vec<Wish> = (0..dice.between(2, 16))
        .map(|_| {
            let offset = dice.between(0, NIGHTS_OF_ROUND - 1);
            Wish {
                from: first + offset,
                nights: dice.between(1, NIGHTS_OF_ROUND - offset),
                rooms: u16::try_from(dice.between(1, 4)).unwrap(),
            }
        })
        .collect();
    let answers = ask(platform, hotel, &wishes).await;
    for (wish, answer) in wishes
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.status == 201)
    {
        for at in wish.from..wish.from + wish.nights {
            let left = allowed.get_mut(&hotel.night(at)).unwrap();
            *left -= i64::from(wish.rooms);
            assert!(
                *left >= 0,
                "seed {seed}: night {at} is oversold by {wish:?} {}",
                answer.json
            );
        }
    }
    for (wish, answer) in wishes
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.status != 201)
    {
        assert_eq!(
            (answer.status.as_u16(), answer.text("/code")),
            (409, "sold_out"),
            "seed {seed}: {}",
            answer.json
        );
        // Rooms only ever became fewer, so the night that refused has too few now.
        let night: StayDate = answer.text("/night").parse().unwrap();
        assert!(
            allowed[&night] < i64::from(wish.rooms),
            "seed {seed}: {night} has rooms for {wish:?}"
        );
    }
}
