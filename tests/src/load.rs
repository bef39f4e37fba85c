//! Clients that go on booking whatever happens, as a booking site would: a request that was not answered is
//! sent again with its key. What was answered is kept, to be held against the platform afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{Answer, Client, Hotel, Platform, booking_body, until};

/// A client gives a request up after so long without any answer.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two tries of a request that was not answered.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// What a client was told of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The reservation.
    pub reservation_id: String,
    /// Whether it was confirmed, or only accepted.
    pub confirmed: bool,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: JoinSet<Vec<Acknowledged>>,
}

impl Load {
    /// Starts so many clients that book stays of one or two nights in this hotel.
    pub fn start(platform: &Platform, hotel: &Hotel, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let (client, hotel, stop) = (platform.client(), hotel.clone(), Arc::clone(&stop));
            let answered = Arc::clone(&answered);
            tasks.spawn(async move {
                let mut journal = Vec::new();
                let mut round = number;
                while !stop.load(Ordering::Relaxed) {
                    round += 7;
                    let from = u32::try_from(round % 50).unwrap_or(0);
                    if let Some(answer) = book(&client, &hotel, from).await {
                        answered.fetch_add(1, Ordering::Relaxed);
                        journal.extend(acknowledged(&answer));
                    }
                }
                journal
            });
        }
        Self {
            stop,
            answered,
            clients: tasks,
        }
    }

    /// Requests answered so far, whatever the answer.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were answered.
    pub async fn progress(&self, more: u64) {
        let wanted = self.answered() + more;
        until("the clients get answers", async || {
            (self.answered() >= wanted).then_some(())
        })
        .await;
    }

    /// Lets the clients finish what they are at and answers everything they were told.
    pub async fn stop(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

/// Sends a request until it is answered, by other than "try again".
async fn insist(client: &Client, path: &str, body: &Value, headers: &[(&str, &str)]) -> Option<Answer> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match client.json(Method::POST, path, body, headers).await {
            Ok(answer)
                if !answer.status.is_server_error() && answer.json["code"] != "request_in_progress" =>
            {
                return Some(answer);
            }
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

fn acknowledged(answer: &Answer) -> Option<Acknowledged> {
    let reservation_id = answer.text("/reservation_id").to_owned();
    matches!(answer.status.as_u16(), 201 | 202).then_some(Acknowledged {
        confirmed: answer.text("/state") == "confirmed",
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
        let kept = state == "confirmed" || (!entry.confirmed && state == "rejected");
        if !kept {
            lost.push(entry.clone());
        }
    }
    lost
}
