//! Clients that go on booking whatever happens, as a booking site would: a request that was not answered is
//! sent again with its key. What was answered is kept, on disk if wanted, to be held against the platform
//! afterwards.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Answer, Client, Hotel, Platform, booking_body, until};

/// A client gives a request up after so long without any answer.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two tries of a request that was not answered.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// Of so many confirmed bookings one is cancelled, when clients cancel.
const CANCEL_ONE_OF: usize = 5;

/// What a client was told of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The reservation.
    pub reservation_id: String,
    /// Whether it was confirmed, or only accepted.
    pub confirmed: bool,
    /// Whether its cancellation was accepted.
    pub cancelled: bool,
}

/// A booking that was confirmed, as its client saw it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When its first request was sent.
    pub began: Instant,
    /// When the confirmation was read.
    pub confirmed: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    cancels: bool,
    answered: AtomicU64,
    seen: Mutex<Vec<Seen>>,
    journal: Option<Mutex<File>>,
}

impl Shared {
    /// Writes what was acknowledged, safely on disk before anything else is asked for.
    fn keep(&self, entry: &Acknowledged) {
        let Some(journal) = &self.journal else { return };
        let mut file = journal.lock().unwrap_or_else(PoisonError::into_inner);
        let line = json!({"reservation_id": entry.reservation_id, "confirmed": entry.confirmed,
            "cancelled": entry.cancelled});
        writeln!(file, "{line}").expect("the journal can be written");
        file.sync_data().expect("the journal can be made durable");
    }
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Vec<Acknowledged>>,
}

impl Load {
    /// Starts so many clients that book stays of one or two nights in this hotel.
    pub fn start(platform: &Platform, hotel: &Hotel, clients: usize) -> Self {
        Self::begin(platform, hotel, clients, Shared::default())
    }

    /// As [`Self::start`]; some bookings are cancelled again, and every answer is made durable in a journal.
    pub fn start_with_journal(platform: &Platform, hotel: &Hotel, clients: usize, journal: &Path) -> Self {
        let journal = File::options().create(true).append(true).open(journal);
        let shared = Shared {
            cancels: true,
            journal: Some(Mutex::new(journal.expect("the journal can be written"))),
            ..Shared::default()
        };
        Self::begin(platform, hotel, clients, shared)
    }

    fn begin(platform: &Platform, hotel: &Hotel, clients: usize, shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            tasks.spawn(work(
                platform.client().by_partner(),
                hotel.clone(),
                Arc::clone(&shared),
                number,
            ));
        }
        Self {
            shared,
            clients: tasks,
        }
    }

    /// Requests answered so far, whatever the answer.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Bookings confirmed so far, in the order in which they were.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until so many more requests were answered.
    pub async fn progress(&self, more: u64) {
        let wanted = self.answered() + more;
        until("the clients get answers", async || {
            (self.answered() >= wanted).then_some(())
        })
        .await;
    }

    /// From `moment` to the confirmation of a booking whose first request was sent after it. Waits for it.
    pub async fn recovery_after(&self, moment: Instant, patience: Duration) -> Option<Duration> {
        while moment.elapsed() < patience {
            let seen = self.seen();
            let later = seen.iter().filter(|seen| seen.began >= moment);
            if let Some(first) = later.map(|seen| seen.confirmed).min() {
                return Some(first - moment);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }

    /// Lets the clients finish what they are at and answers everything they were told.
    pub async fn stop(self) -> Vec<Acknowledged> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

async fn work(client: Client, hotel: Hotel, shared: Arc<Shared>, number: usize) -> Vec<Acknowledged> {
    let mut journal = Vec::new();
    let mut round = number;
    while !shared.stop.load(Ordering::Relaxed) {
        round += 7;
        let from = u32::try_from(round % 50).unwrap_or(0);
        let began = Instant::now();
        let Some(answer) = book(&client, &hotel, from).await else {
            continue;
        };
        let confirmed = Instant::now();
        shared.answered.fetch_add(1, Ordering::Relaxed);
        let Some(mut entry) = acknowledged(&answer) else {
            continue;
        };
        shared.keep(&entry);
        if entry.confirmed {
            let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(Seen { began, confirmed });
        }
        if shared.cancels && entry.confirmed && round.is_multiple_of(CANCEL_ONE_OF) {
            entry.cancelled = cancel(&client, &entry.reservation_id).await;
            shared.keep(&entry);
        }
        journal.push(entry);
    }
    journal
}

/// Sends a request until it is answered, by other than "try again".
async fn insist(client: &Client, path: &str, body: &Value, headers: &[(&str, &str)]) -> Option<Answer> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match client.json(Method::POST, path, body, headers).await {
            Ok(answer) if !answer.status.is_server_error() => return Some(answer),
            _ => tokio::time::sleep(BETWEEN_TRIES).await,
        }
    }
    None
}

async fn book(client: &Client, hotel: &Hotel, from: u32) -> Option<Answer> {
    let quote = insist(
        client,
        "/v1/quotes",
        &hotel.quote_body(from, 1 + from % 2, 1),
        &[],
    )
    .await?;
    let key = quote.text("/quote_id").to_owned();
    let body = booking_body(&quote.json, "Load Client", "pm_ok");
    let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=5")];
    insist(client, "/v1/reservations", &body, &headers).await
}

/// Asks for a cancellation; answers whether it was accepted.
async fn cancel(client: &Client, reservation_id: &str) -> bool {
    let path = format!("/v1/reservations/{reservation_id}/cancellation");
    let answer = insist(client, &path, &Value::Null, &[("prefer", "wait=5")]).await;
    answer.is_some_and(|answer| answer.status.is_success())
}

fn acknowledged(answer: &Answer) -> Option<Acknowledged> {
    let reservation_id = answer.text("/reservation_id").to_owned();
    matches!(answer.status.as_u16(), 201 | 202).then_some(Acknowledged {
        confirmed: answer.text("/state") == "confirmed",
        cancelled: false,
        reservation_id,
    })
}

/// Waits until every acknowledged booking has ended, and answers those that are not what was acknowledged.
pub async fn lost(client: &Client, journal: &[Acknowledged]) -> Vec<Acknowledged> {
    let mut lost = Vec::new();
    for entry in journal {
        let state = until("an acknowledged booking ends", async || {
            let path = format!("/v1/reservations/{}", entry.reservation_id);
            let now = client.get(&path).await.ok()?;
            let state = now.text("/state").to_owned();
            (now.status == 404 || !matches!(state.as_str(), "" | "pending" | "cancelling")).then_some(state)
        })
        .await;
        let kept = match state.as_str() {
            "cancelled" => entry.cancelled,
            "confirmed" => !entry.cancelled,
            "rejected" => !entry.confirmed,
            _ => false,
        };
        if !kept {
            lost.push(entry.clone());
        }
    }
    lost
}
