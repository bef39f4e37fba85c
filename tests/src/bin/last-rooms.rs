//! Many thousands of guests for the last rooms of one night: exactly those rooms are sold, everybody else is told
//! so, nothing fails and nothing deadlocks. `scripts/prove last-rooms` starts the servers that it needs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tests::{Client, Hotel, Platform, booking_body, until};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Rooms of the night; with ten percent, eleven can be sold.
const ROOMS: u32 = 10;
/// What can be sold.
const PLACES: u64 = 11;
/// Requests at once.
const CLIENTS: usize = 128;
/// A quote is asked for anew after this time, well before it expires.
const QUOTE_AGE: Duration = Duration::from_mins(5);

/// What the guests were told: the answer in a few words, how often, and how long each waited.
#[derive(Debug, Default)]
struct Told {
    answers: BTreeMap<String, u64>,
    waits: Vec<Duration>,
}

fn say(text: impl std::fmt::Display) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[tokio::main]
async fn main() {
    let requests = requests();
    let platform = Arc::new(Platform::start().await);
    let hotel = Hotel::create(&platform, ROOMS).await;
    let asked = Arc::new(AtomicU64::new(0));
    let told = Arc::new(Mutex::new(Told::default()));
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (platform, hotel) = (Arc::clone(&platform), hotel.clone());
        let (asked, told) = (Arc::clone(&asked), Arc::clone(&told));
        clients.spawn(async move { guests(&platform, &hotel, requests, &asked, &told).await });
    }
    clients.join_all().await;
    let elapsed = began.elapsed();
    let mut told = std::mem::take(&mut *told.lock().await);
    report(requests, elapsed, &mut told);
    verify(&platform, &hotel, requests, &told).await;
    say("exactly the last rooms were sold, nothing failed, nothing deadlocked, the audit finds nothing");
}

fn requests() -> u64 {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => 100_000,
        (Some("--requests"), Some(number)) => number.parse().expect("--requests is followed by a number"),
        _ => panic!("usage: last-rooms [--requests N]"),
    }
}

/// One client: books with a new key again and again, until all requests have been sent.
async fn guests(platform: &Platform, hotel: &Hotel, requests: u64, asked: &AtomicU64, told: &Mutex<Told>) {
    let client = platform.client();
    let (mut quote, mut quoted) = (hotel.quote(platform, 0, 1, 1).await, Instant::now());
    loop {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        if number >= requests {
            return;
        }
        if quoted.elapsed() > QUOTE_AGE {
            (quote, quoted) = (hotel.quote(platform, 0, 1, 1).await, Instant::now());
        }
        let began = Instant::now();
        let answer = book(&client, &quote, number).await;
        let mut told = told.lock().await;
        told.waits.push(began.elapsed());
        *told.answers.entry(answer).or_default() += 1;
    }
}

/// Asks once and waits for the outcome; the answer in a few words.
async fn book(client: &Client, quote: &Value, number: u64) -> String {
    let key = format!("guest-{number}");
    let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=30")];
    let body = booking_body(quote, &format!("Guest {number}"), "pm_ok");
    match client
        .json(Method::POST, "/v1/reservations", &body, &headers)
        .await
    {
        Ok(answer) => {
            let what = if answer.status.is_success() {
                answer.text("/state")
            } else {
                answer.text("/code")
            };
            format!("{} {what}", answer.status.as_u16())
        }
        Err(_) => "no answer".to_owned(),
    }
}

fn report(requests: u64, elapsed: Duration, told: &mut Told) {
    told.waits.sort_unstable();
    let at = |percent: usize| {
        told.waits
            .get(told.waits.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    let per_second = u128::from(requests) * 1_000 / elapsed.as_millis().max(1);
    say(format!(
        "{requests} requests from {CLIENTS} clients in {} s, {per_second} a second",
        elapsed.as_secs()
    ));
    say(format!(
        "waited: p50 {:?}, p95 {:?}, p99 {:?}, longest {:?}",
        at(50),
        at(95),
        at(99),
        told.waits.last()
    ));
    for (answer, count) in &told.answers {
        say(format!("  {answer}: {count}"));
    }
}

async fn verify(platform: &Platform, hotel: &Hotel, requests: u64, told: &Told) {
    let count = |answer: &str| told.answers.get(answer).copied().unwrap_or_default();
    assert_eq!(count("201 confirmed"), PLACES, "confirmed");
    // Only these two answers: a request that is still pending after 30 s would be neither.
    assert_eq!(count("409 sold_out"), requests - PLACES, "sold out");
    assert_eq!(hotel.counts(platform, 0).await, (0, 11), "held and sold");
    for (what, sql, wanted) in [
        (
            "deadlocks",
            "select deadlocks::text from pg_stat_database where datname = current_database()",
            0,
        ),
        (
            "charged",
            "select count(distinct payment_id)::text from payment.movement",
            PLACES,
        ),
        (
            "reservations",
            "select count(*)::text from reservation.reservation",
            requests,
        ),
    ] {
        let read = platform.query(sql).await;
        say(format!("{what}: {}", read.as_deref().unwrap_or("none")));
        assert_eq!(read, Some(wanted.to_string()), "{what}");
    }
    until("every saga has ended", async || {
        let open =
            "select count(*)::text from orchestrator.run where state not in ('completed', 'compensated')";
        (platform.query(open).await.as_deref() == Some("0")).then_some(())
    })
    .await;
    platform.assert_audit_at_rest();
}
