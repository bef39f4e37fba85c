//! What the relay says of itself: to `/readyz`, to `GET /v1/relay` and to Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use platform::health::Health;

use crate::tracker::Position;

/// The relay's name in `/readyz`.
const PART: &str = "relay";

/// What the relay is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RelayState)]
pub(crate) enum State {
    /// It waits for Postgres, for Kafka or for the publication.
    #[default]
    Waiting,
    /// Another relay works on the slot; this one takes over when that one ends.
    Standby,
    /// It publishes what was there before its slot.
    Snapshotting,
    /// It publishes changes as they are committed.
    Streaming,
}

/// A look at the relay.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// Why it does not stream, for an operator.
    pub(crate) reason: Option<String>,
    pub(crate) confirmed: Position,
    /// The end of Postgres' log when last asked.
    pub(crate) wal_end: u64,
}

impl Seen {
    /// How much of the log is not confirmed, in bytes.
    pub(crate) const fn lag_bytes(&self) -> u64 {
        self.wal_end.saturating_sub(self.confirmed.lsn)
    }
}

/// Shared by the loop that works and the endpoint that answers.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    seen: Arc<Mutex<Seen>>,
    health: Health,
}

impl Status {
    pub(crate) fn new(health: Health) -> Self {
        let status = Self {
            seen: Arc::default(),
            health,
        };
        status.not_working(State::Waiting, "The relay is starting.");
        status
    }

    pub(crate) fn seen(&self) -> Seen {
        self.with(|seen| seen.clone())
    }

    /// Answers whether this is news.
    pub(crate) fn not_working(&self, state: State, reason: &str) -> bool {
        // A relay that stands by is as it should be: the one it stands by for carries the readiness.
        if state == State::Standby {
            self.health.ready(PART);
        } else {
            self.health.not_ready(PART, reason);
        }
        self.with(|seen| {
            let news = seen.state != state || seen.reason.as_deref() != Some(reason);
            seen.state = state;
            seen.reason = Some(reason.to_owned());
            news
        })
    }

    /// It streams, and Kafka acknowledges.
    pub(crate) fn streaming(&self) {
        self.health.ready(PART);
        self.with(|seen| {
            seen.state = State::Streaming;
            seen.reason = None;
        });
    }

    /// It streams, and Kafka does not acknowledge.
    pub(crate) fn stalled(&self, reason: &str) {
        self.health.not_ready(PART, reason);
        self.with(|seen| seen.reason = Some(reason.to_owned()));
    }

    pub(crate) fn confirmed(&self, position: Position) {
        self.with(|seen| seen.confirmed = position);
    }

    pub(crate) fn wal_end(&self, lsn: u64) {
        self.with(|seen| seen.wal_end = lsn);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The relay's metrics.
#[derive(Clone)]
pub(crate) struct Meters {
    /// Changes read from the log, published or not.
    pub(crate) changes: Counter,
    /// Records that can never be published.
    pub(crate) refused: Counter,
    confirmed: Gauge,
    lag: Gauge,
}

impl Meters {
    pub(crate) fn new() -> Self {
        describe_counter!(
            "bellhop_relay_changes_total",
            "Row changes read from the write-ahead log"
        );
        describe_counter!(
            "bellhop_relay_refused_total",
            "Records that Kafka can never take; see the log"
        );
        describe_gauge!(
            "bellhop_relay_confirmed_lsn",
            "Position confirmed to Postgres, in bytes"
        );
        describe_gauge!(
            "bellhop_relay_lag_bytes",
            "Write-ahead log that is not confirmed, in bytes"
        );
        Self {
            changes: counter!("bellhop_relay_changes_total"),
            refused: counter!("bellhop_relay_refused_total"),
            confirmed: gauge!("bellhop_relay_confirmed_lsn"),
            lag: gauge!("bellhop_relay_lag_bytes"),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus knows only floats; exact to 8 petabytes"
    )]
    pub(crate) fn show(&self, seen: &Seen) {
        self.confirmed.set(seen.confirmed.lsn as f64);
        self.lag.set(seen.lag_bytes() as f64);
    }
}
