//! The loop that never gives up: session after session until the process stops.

use std::time::{Duration, Instant};

use platform::chain;
use platform::retry::Backoff;

use crate::context::Relay;
use crate::error::Ended;
use crate::session;
use crate::status::State;

/// Between two looks at a slot that another relay holds.
const STANDBY_PAUSE: Duration = Duration::from_millis(500);
/// Between two looks for something that an operator has to do.
const WAITING_PAUSE: Duration = Duration::from_secs(1);
/// A session that lasted this long was a good one: the waits begin from the shortest again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

impl Relay {
    /// Works until the process stops.
    pub(crate) async fn run(&self) {
        tracing::info!(
            slot = self.config.slot_name,
            publication = self.config.publication_name,
            brokers = self.kafka.kafka_brokers,
            "the relay starts"
        );
        let mut tries = 0;
        loop {
            let began = Instant::now();
            let ended = session::run(self).await;
            tries = if began.elapsed() >= GOOD_SESSION {
                1
            } else {
                tries + 1
            };
            let pause = self.account_for(&ended, tries);
            if matches!(ended, Ended::Stopping) || !self.tasks.pause(pause).await {
                break;
            }
        }
        self.pool.close().await;
    }

    /// Says why a session ended and how long to wait before the next.
    fn account_for(&self, ended: &Ended, tries: u32) -> Duration {
        if ended.is_kafka() {
            self.forget_topics();
        }
        let reason = self.reason(ended);
        let state = if matches!(ended, Ended::Standby(_)) {
            State::Standby
        } else {
            State::Waiting
        };
        let news = self.status.not_working(state, &reason);
        match ended {
            Ended::Stopping => tracing::info!("the relay stops"),
            Ended::Standby(_) | Ended::Waiting(_) if news => tracing::info!("{reason}"),
            _ if news => tracing::warn!(tries, "the relay tries again: {reason}"),
            _ => tracing::debug!(tries, "the relay tries again: {reason}"),
        }
        match ended {
            Ended::Standby(_) => STANDBY_PAUSE,
            Ended::Waiting(_) => WAITING_PAUSE,
            Ended::SlotUseless(_) => {
                self.slot_failed();
                WAITING_PAUSE
            }
            _ => Backoff::RECONNECT.after(tries),
        }
    }

    /// Why it ended, and where to look.
    fn reason(&self, ended: &Ended) -> String {
        let text = chain(ended);
        match ended {
            Ended::Kafka(_) | Ended::Delivery(_) => format!("{text} (brokers {})", self.kafka.kafka_brokers),
            Ended::Database(_) | Ended::Broken(_) | Ended::Replication(_) | Ended::Silent(_) => {
                let options = &self.options;
                let database = options.get_database().unwrap_or_default();
                format!(
                    "{text} (database {database} at {}:{})",
                    options.get_host(),
                    options.get_port()
                )
            }
            _ => text,
        }
    }
}
