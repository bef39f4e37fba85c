//! The loop that never gives up: session after session until the process stops.

use std::time::{Duration, Instant};

use platform::chain;
use platform::retry::Backoff;

use crate::context::Relay;
use crate::error::Parted;
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
            if matches!(ended, Parted::Stopping) || !self.tasks.pause(pause).await {
                break;
            }
        }
        self.pool.close().await;
    }

    /// Says why a session ended and how long to wait before the next.
    fn account_for(&self, ended: &Parted, tries: u32) -> Duration {
        if ended.is_kafka() {
            self.forget_topics();
        }
        let reason = self.reason(ended);
        let state = if matches!(ended, Parted::Standby(_)) {
            State::Standby
        } else {
            State::Waiting
        };
        let news = self.status.not_working(state, &reason);
        match ended {
            Parted::Stopping => tracing::info!("the relay stops"),
            Parted::Standby(_) | Parted::Waiting(_) if news => tracing::info!("{reason}"),
            _ if news => tracing::warn!(tries, "the relay tries again: {reason}"),
            _ => tracing::debug!(tries, "the relay tries again: {reason}"),
        }
        match ended {
            Parted::Standby(_) => STANDBY_PAUSE,
            Parted::Waiting(_) => WAITING_PAUSE,
            Parted::SlotUseless(_) => {
                self.slot_failed();
                WAITING_PAUSE
            }
            _ => Backoff::RECONNECT.after(tries),
        }
    }

    /// Why it ended, and where to look.
    fn reason(&self, ended: &Parted) -> String {
        let text = chain(ended);
        match ended {
            Parted::Kafka(_) | Parted::Delivery(_) => {
                format!("{text} (brokers {})", self.kafka.kafka_brokers)
            }
            Parted::Database(_) | Parted::Broken(_) | Parted::Replication(_) | Parted::Silent(_) => {
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
