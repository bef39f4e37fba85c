//! Each process dies at its n-th commit, publish or provider call, before it or after it, while a stay is
//! booked or cancelled; then it is started again and the saga has to end as if nothing had happened.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use reqwest::Method;
use serde_json::Value;
use tests::{Answer, Client, Hotel, Platform, booking_body, until};

use crate::say;

/// Which process passes which points. Their names are in the code: `platform::chaos::point`.
const POINTS: [(&str, &[&str]); 5] = [
    ("reservation", &["commit.before", "commit.after"]),
    ("orchestrator", &["commit.before", "commit.after"]),
    ("inventory", &["commit.before", "commit.after"]),
    (
        "payment",
        &[
            "commit.before",
            "commit.after",
            "provider.before",
            "provider.after",
        ],
    ),
    (
        "relay",
        &["commit.before", "commit.after", "publish.before", "publish.after"],
    ),
];
/// Between two looks at the saga and the process.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Rooms of the hotel.
const ROOMS: u32 = 10_000;

/// What is under way when the process dies.
#[derive(Debug, Clone, Copy)]
enum Saga {
    Book,
    Cancel,
}

impl Saga {
    const fn ends_as(self) -> &'static str {
        match self {
            Self::Book => "confirmed",
            Self::Cancel => "cancelled",
        }
    }
}

/// A platform and how many trials it has seen.
struct Trials {
    platform: Platform,
    hotel: Hotel,
    deaths: u32,
}

/// Tries every point.
pub(crate) async fn run(hits_max: u32) -> anyhow::Result<ExitCode> {
    let mut platform = Platform::migrated();
    platform.split();
    platform.run_split();
    platform.all_ready().await;
    let hotel = Hotel::create(&platform, ROOMS).await;
    let mut trials = Trials {
        platform,
        hotel,
        deaths: 0,
    };
    for saga in [Saga::Book, Saga::Cancel] {
        for (target, points) in POINTS {
            for point in points {
                let deaths = trials.point(saga, target, point, hits_max).await?;
                say(format!("{saga:?}: {target} died at {deaths} hits of {point}"));
                let background = target == "relay" || target == "reservation";
                ensure!(
                    deaths > 0 || background || hits_max == 0,
                    "{target} never passed {point}"
                );
            }
        }
    }
    let audit = trials.platform.comes_to_rest(Duration::ZERO).await;
    audit.map_err(anyhow::Error::msg)?;
    say(format!(
        "{} deaths, every saga ended as it should, the audit is content",
        trials.deaths
    ));
    Ok(ExitCode::SUCCESS)
}

impl Trials {
    /// Dies at the first, second, … hit, until a whole saga passes without reaching that many.
    async fn point(&mut self, saga: Saga, target: &str, point: &str, hits_max: u32) -> anyhow::Result<u32> {
        let mut deaths = 0;
        for hit in 1..=hits_max {
            let booked = match saga {
                Saga::Book => None,
                Saga::Cancel => Some(self.booked().await),
            };
            self.platform.kill_target(target);
            let failpoints = format!("{point}={}*off->panic", hit - 1);
            let failpoints = if hit == 1 {
                format!("{point}=panic")
            } else {
                failpoints
            };
            self.platform
                .run_with(target, target, &[("FAILPOINTS", &failpoints)]);
            let died = self.under_way(saga, target, booked).await?;
            self.platform.kill_target(target);
            self.platform.run(target);
            if !died {
                break;
            }
            deaths += 1;
            self.deaths += 1;
        }
        Ok(deaths)
    }

    /// Runs one saga, starts the process again when it dies, and answers whether it died.
    async fn under_way(&mut self, saga: Saga, target: &str, booked: Option<String>) -> anyhow::Result<bool> {
        let (client, hotel) = (self.platform.client(), self.hotel.clone());
        let to_its_end = async move {
            let id = match booked {
                None => book(&client, &hotel).await,
                Some(id) => cancel(&client, id).await,
            };
            let state = ended(&client, &id).await;
            (id, state)
        };
        let mut to_its_end = std::pin::pin!(to_its_end);
        let mut died = false;
        let (id, state) = loop {
            tokio::select! {
                end = &mut to_its_end => break end,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            if !died && self.platform.has_ended(target) {
                died = true;
                self.platform.kill_target(target);
                self.platform.run(target);
            }
        };
        let died = died || self.platform.has_ended(target);
        ensure!(
            state == saga.ends_as(),
            "{saga:?} {id} ended as {state} after {target} died"
        );
        Ok(died)
    }

    async fn booked(&self) -> String {
        let client = self.platform.client();
        let id = book(&client, &self.hotel).await;
        ended(&client, &id).await;
        id
    }
}

/// Sends a request until it is accepted.
async fn insist(client: &Client, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    until(path, async || {
        let answer = client.json(Method::POST, path, body, headers).await.ok()?;
        answer.status.is_success().then_some(answer)
    })
    .await
}

async fn book(client: &Client, hotel: &Hotel) -> String {
    let quote = insist(client, "/v1/quotes", &hotel.quote_body(0, 2, 1), &[]).await;
    let key = quote.text("/quote_id").to_owned();
    let body = booking_body(&quote.json, "Ada Lovelace", "pm_ok");
    let headers = [("idempotency-key", key.as_str())];
    let booked = insist(client, "/v1/reservations", &body, &headers).await;
    booked.text("/reservation_id").to_owned()
}

async fn cancel(client: &Client, id: String) -> String {
    let path = format!("/v1/reservations/{id}/cancellation");
    insist(client, &path, &Value::Null, &[]).await;
    id
}

/// Waits until nothing is under way any more; answers how it ended.
async fn ended(client: &Client, id: &str) -> String {
    until("the saga ends", async || {
        let now = client.get(&format!("/v1/reservations/{id}")).await.ok()?;
        let state = now.text("/state").to_owned();
        (!matches!(state.as_str(), "" | "pending" | "cancelling")).then_some(state)
    })
    .await
}
