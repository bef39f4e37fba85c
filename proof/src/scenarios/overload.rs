//! Ten times as much as the platform completes, for a minute.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::Value;
use tests::{Acknowledged, Client, Load, booking_body, lost, quote_again};
use tokio::task::JoinSet;

use crate::world::{Outcome, Plan, World, note};

/// Clients that book as fast as they are answered, which shows how much the platform completes.
const PEAK_CLIENTS: usize = 64;
/// How long that is measured, and how long before it they warm up.
const MEASURED: Duration = Duration::from_secs(10);
/// How many times as much is asked for then.
const TIMES: u64 = 10;
/// For how long.
const FLOOD: Duration = Duration::from_mins(1);
/// Requests are sent in bursts so far apart, whether or not earlier ones were answered.
const BURST: Duration = Duration::from_millis(10);
/// Requests under way at most; beyond it none are sent, and the flood is smaller than was meant.
const UNDER_WAY: usize = 500;
/// Nights that are asked for in turn, so that none is sold out.
const NIGHTS: u32 = 50;

/// What the requests of the flood were answered.
#[derive(Default)]
struct Answers {
    statuses: BTreeMap<u16, u64>,
    refused_ms: Vec<u128>,
    taken: Vec<Acknowledged>,
    without_remedy: u64,
}

impl Answers {
    fn add(&mut self, answer: &tests::Answer, took: Duration) {
        let status = answer.status.as_u16();
        *self.statuses.entry(status).or_default() += 1;
        match status {
            202 => self.taken.push(Acknowledged {
                reservation_id: answer.text("/reservation_id").to_owned(),
                confirmed: true,
                cancelled: false,
            }),
            503 => {
                self.without_remedy += u64::from(!answer.headers.contains_key("retry-after"));
                self.refused_ms.push(took.as_millis());
            }
            _ => {}
        }
    }

    fn refused_within(&mut self, percent: usize) -> u128 {
        self.refused_ms.sort_unstable();
        let at = self.refused_ms.len() * percent / 100;
        self.refused_ms.get(at).copied().unwrap_or_default()
    }
}

/// F18: ten times the capacity for a minute.
pub(crate) async fn f18() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let peak = peak(&world).await?;
    note(format!(
        "{PEAK_CLIENTS} clients: {peak} bookings confirmed per second"
    ));
    let before = confirmed(&world).await?;
    let began = Instant::now();
    let (mut answers, sent) = flood(&world, (peak * TIMES).max(TIMES)).await?;
    let per_second =
        |count: u64| count * 1_000 / u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let goodput = per_second(confirmed(&world).await? - before);
    let healed = Instant::now();
    note(format!(
        "{sent} requests in {} s ({} a second), answers by status: {:?}",
        began.elapsed().as_secs(),
        per_second(sent),
        answers.statuses
    ));
    note(format!(
        "{goodput} bookings confirmed per second meanwhile: {} % of the peak; refused after {} ms in the middle, {} ms at the 99th percentile",
        goodput * 100 / peak.max(1),
        answers.refused_within(50),
        answers.refused_within(99)
    ));
    let other = answers
        .statuses
        .keys()
        .find(|status| ![202, 503].contains(status));
    ensure!(other.is_none(), "a request of the flood was answered {other:?}");
    ensure!(
        answers.without_remedy == 0,
        "{} refusals do not say when to come again",
        answers.without_remedy
    );
    let refused = answers.statuses.get(&503).copied().unwrap_or_default();
    ensure!(refused > 0, "nothing was refused, so nothing was proven");
    let back = world.works_since(healed).await?;
    note(format!(
        "a booking {} ms after the last request",
        back.as_millis()
    ));
    let lost = lost(&world.platform.client(), &answers.taken).await;
    ensure!(lost.is_empty(), "accepted and not confirmed: {lost:?}");
    note(format!("{} that were taken are confirmed", answers.taken.len()));
    world.comes_to_rest(healed).await
}

async fn confirmed(world: &World) -> anyhow::Result<u64> {
    let sql = "select count(*)::text from reservation.reservation_history where state = 'confirmed'";
    let count = world.platform.query(sql).await.context("a count")?;
    Ok(count.parse()?)
}

/// What the platform completes per second when it is asked for no more than that.
async fn peak(world: &World) -> anyhow::Result<u64> {
    let clients = Load::start(&world.platform, &world.hotel, PEAK_CLIENTS);
    tokio::time::sleep(MEASURED).await;
    let (before, began) = (confirmed(world).await?, Instant::now());
    tokio::time::sleep(MEASURED).await;
    let done = confirmed(world).await? - before;
    let peak = done * 1_000 / u64::try_from(began.elapsed().as_millis())?;
    let told = clients.stop().await;
    let lost = lost(&world.platform.client(), &told).await;
    ensure!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    Ok(peak)
}

/// Sends so many bookings a second, each of a quote and under a key of its own. Answers what came back and how many were sent.
async fn flood(world: &World, per_second: u64) -> anyhow::Result<(Answers, u64)> {
    let mut quotes = Vec::new();
    for night in 0..NIGHTS {
        quotes.push(world.hotel.quote(&world.platform, night, 1, 1).await);
    }
    let (client, began) = (world.platform.client().by_partner(), Instant::now());
    let (mut answers, mut sent, mut requests) = (Answers::default(), 0, JoinSet::new());
    let mut wanted = quotes.iter().cycle().zip(1_u64..).peekable();
    while began.elapsed() < FLOOD {
        let due = per_second * u64::try_from(began.elapsed().as_millis())? / 1_000;
        while let Some((quote, number)) = wanted.next_if(|(_, number)| *number <= due) {
            if requests.len() < UNDER_WAY {
                let body = booking_body(&quote_again(quote), "Flood Client", "pm_ok");
                requests.spawn(send(client.clone(), body, number));
                sent += 1;
            }
        }
        tokio::time::sleep(BURST).await;
        while let Some(answered) = requests.try_join_next() {
            let (answer, took) = answered??;
            answers.add(&answer, took);
        }
    }
    while let Some(answered) = requests.join_next().await {
        let (answer, took) = answered??;
        answers.add(&answer, took);
    }
    Ok((answers, sent))
}

async fn send(client: Client, body: Value, number: u64) -> reqwest::Result<(tests::Answer, Duration)> {
    let key = format!("flood-{number}");
    let asked = Instant::now();
    let headers = [("idempotency-key", key.as_str())];
    let send = async || {
        client
            .json(Method::POST, "/v1/reservations", &body, &headers)
            .await
    };
    // A connection may have been closed at the moment in which it was taken; the key makes the repeat harmless.
    let answer = match send().await {
        Ok(answer) => answer,
        Err(_) => send().await?,
    };
    Ok((answer, asked.elapsed()))
}
