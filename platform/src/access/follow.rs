//! How a process comes to know who is who, and stays so: it reads the change topics of the schema `access` whole, and when
//! the relay's heartbeat has not been heard for over a second, asks the access service for what has changed.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use tokio::time::Instant;

use super::believed::Believed;
use super::identities::{Identities, STALE_AFTER};
use super::rows::{AccessChanges, AccessTopics};
use super::service::ServiceIdentity;
use crate::kafka::{Received, Whole, read_whole};
use crate::{Parts, StartError, chain};

/// The part of the process that says whether who is who is known.
const PART: &str = "identities";
/// Between two questions to the access service while the topics are silent.
const ASK_EVERY: Duration = Duration::from_millis(400);
/// How long one question may take.
const ASK_MAX: Duration = Duration::from_secs(2);
/// Idle connections are closed before the server's five seconds are over.
const IDLE: Duration = Duration::from_secs(3);
/// The operation that is asked.
const OPERATION: &str = "ListAccessChanges";

/// Where the access service is.
#[derive(Args, Clone, Debug)]
pub struct AccessConfig {
    /// Base URL of the access service, which is asked who is who while the relay is away.
    #[arg(long, env = "BELLHOP_ACCESS_URL", default_value = "http://127.0.0.1:8080")]
    pub access_url: String,
}

#[derive(Deserialize)]
struct Change<R> {
    after: Option<R>,
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    ts_ms: i64,
}

struct Follower {
    topics: AccessTopics,
    identities: Identities,
    believed: Believed,
    client: reqwest::Client,
    url: String,
    asks_as: ServiceIdentity,
    /// When the topics last said that they are up to date.
    topics_heard: Option<Instant>,
    caught_up: bool,
    asked: Option<Instant>,
}

/// Starts to follow. The process is not ready before it has read everything once.
///
/// # Errors
/// When a client cannot be made.
pub fn follow(
    parts: &Parts,
    config: &AccessConfig,
    topics: AccessTopics,
    (identities, believed): (&Identities, Believed),
    asks_as: ServiceIdentity,
) -> Result<(), StartError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ASK_MAX)
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| StartError::Setting(format!("The HTTP client cannot be made: {error}")))?;
    let mut read = read_whole(
        &parts.kafka,
        &[topics.principals, topics.grants, topics.keys, topics.sessions],
        &[topics.heartbeat],
        parts.tasks.stop_token(),
    )?;
    let mut follower = Follower {
        topics,
        identities: identities.clone(),
        believed,
        client,
        url: config.access_url.trim_end_matches('/').to_owned(),
        asks_as,
        topics_heard: None,
        caught_up: false,
        asked: None,
    };
    let (tasks, health) = (parts.tasks.clone(), parts.health.clone());
    health.not_ready(
        PART,
        "who is who was not read yet; is Kafka there, and the access service?",
    );
    parts.tasks.spawn("identities", async move {
        loop {
            tokio::select! {
                // What comes by itself is taken first, so that a service that does not answer delays nothing.
                biased;
                () = tasks.stopping() => return,
                read = read.recv() => match read {
                    Some(read) => follower.take(read),
                    None => return,
                },
                () = tokio::time::sleep_until(follower.asks_at()) => follower.ask().await,
            }
            match follower.identities.age() {
                None => {}
                Some(age) if age > STALE_AFTER => {
                    health.limps(
                        PART,
                        "neither the change topics nor the access service tell who is who",
                    );
                }
                Some(_) => match follower.believed.trouble() {
                    Some(trouble) => health.limps(PART, trouble),
                    None => health.ready(PART),
                },
            }
        }
    });
    Ok(())
}

impl Follower {
    fn asks_at(&self) -> Instant {
        let now = Instant::now();
        let silent = self.topics_heard.map_or(now, |heard| heard + STALE_AFTER);
        let again = self.asked.map_or(now, |asked| asked + ASK_EVERY);
        silent.max(again)
    }

    fn take(&mut self, read: Whole) {
        match read {
            Whole::CaughtUp => {
                self.caught_up = true;
                self.believed.read_whole();
                // That nothing newer was committed only a heartbeat says, or the access service. Topics without any row
                // were never filled, or were lost.
                if self.identities.knows_anybody() {
                    self.identities.nothing_is_missing(STALE_AFTER);
                }
            }
            Whole::Message(message) if message.topic == self.topics.heartbeat => self.heartbeat(&message),
            Whole::Message(message) => {
                if !message.payload.is_empty() && self.row(&message).is_none() {
                    tracing::error!(topic = message.topic, "a row of access cannot be read");
                    metrics::counter!("bellhop_access_unreadable_rows_total").increment(1);
                }
            }
        }
    }

    /// What was committed before a heartbeat has been published before it.
    fn heartbeat(&mut self, message: &Received) {
        let Ok(Change::<serde::de::IgnoredAny> { source, .. }) = serde_json::from_slice(&message.payload)
        else {
            return;
        };
        let age = self.asks_as.clock().now().timestamp_millis() - source.ts_ms;
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        self.identities.forget_sessions(self.asks_as.clock().now());
        if self.caught_up && self.identities.age().is_some() && age < STALE_AFTER {
            self.topics_heard = Some(Instant::now());
            self.identities.nothing_is_missing(age);
        }
    }

    fn row(&self, message: &Received) -> Option<()> {
        fn change<R: serde::de::DeserializeOwned>(payload: &[u8]) -> Option<Change<R>> {
            serde_json::from_slice(payload).ok()
        }
        let AccessTopics {
            principals,
            grants,
            keys,
            sessions,
            ..
        } = self.topics;
        let (known, payload) = (&self.identities, message.payload.as_slice());
        match message.topic.as_str() {
            topic if topic == principals => {
                if let Some(row) = self.believed.row(change(payload)?.after?) {
                    known.principal(row);
                }
            }
            topic if topic == grants => {
                if let Some(row) = self.believed.row(change(payload)?.after?) {
                    known.grant(row);
                }
            }
            topic if topic == keys => {
                if let Some(row) = self.believed.row(change(payload)?.after?) {
                    known.key(row);
                }
            }
            // A session is removed when it has been over for long, and is not known any more.
            topic if topic == sessions => {
                if let Some(row) = change(payload)?.after.and_then(|row| self.believed.row(row)) {
                    known.session(row);
                }
            }
            _ => {}
        }
        Some(())
    }

    async fn ask(&mut self) {
        match self.changes().await {
            Ok(changes) => {
                self.identities.changes(self.believed.changes(changes));
                self.identities.forget_sessions(self.asks_as.clock().now());
            }
            Err(error) => tracing::debug!(
                error = chain(&error),
                "the access service does not say who is who"
            ),
        }
        self.asked = Some(Instant::now());
    }

    async fn changes(&self) -> reqwest::Result<AccessChanges> {
        let authorization = self.asks_as.authorization(OPERATION);
        let url = format!("{}/v1/access/changes?after={}", self.url, self.identities.whole());
        let request = self.client.get(url).header("authorization", authorization);
        request.send().await?.error_for_status()?.json().await
    }
}
