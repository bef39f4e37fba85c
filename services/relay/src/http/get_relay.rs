//! `GET /v1/relay`: what the relay does and how far it has come.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use platform::access::Allowed;
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Relay;
use crate::status::State;

/// The relay.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Relay)]
pub(crate) struct RelayView {
    /// The replication slot.
    #[schema(example = "bellhop")]
    slot: String,
    /// The publication that names the captured tables.
    #[schema(example = "bellhop")]
    publication: String,
    /// What it is doing.
    state: State,
    /// Why it does not stream, or what is wrong while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Everything before this position of Postgres' write-ahead log is in Kafka.
    #[schema(example = "0/16B3748")]
    confirmed_lsn: String,
    /// How much of the log is not, in bytes, when last looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0)]
    lag_bytes: Option<u64>,
    /// When the last transaction before that position was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_commit_at: Option<DateTime<Utc>>,
}

/// What the relay is doing, how far it has come, and how much is left.
#[utoipa::path(
    get,
    path = "/v1/relay",
    tag = "Relay",
    operation_id = "get_relay",
    responses((status = 200, description = "The relay.", body = RelayView))
)]
pub(crate) async fn get_relay(
    _: Allowed<super::GetRelay>,
    Shared(relay): Shared<Arc<Relay>>,
) -> Json<RelayView> {
    std::future::ready(Json(view(&relay))).await
}

fn view(relay: &Relay) -> RelayView {
    let seen = relay.status.seen();
    let at = seen.confirmed.commit_time_us;
    RelayView {
        slot: relay.config.slot_name.clone(),
        publication: relay.config.publication_name.clone(),
        state: seen.state,
        confirmed_lsn: pgwire_replication::Lsn(seen.confirmed.lsn).to_string(),
        lag_bytes: (seen.wal_end > 0).then(|| seen.lag_bytes()),
        last_commit_at: (at > 0).then(|| DateTime::from_timestamp_micros(at)).flatten(),
        reason: seen.reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::stage::Settings;
    use crate::tracker::Position;

    fn relay() -> Relay {
        let settings = Settings::of(&["--slot-name", "one", "--publication-name", "two"]);
        Relay::new(&settings.parts(), &settings.relay).unwrap()
    }

    #[tokio::test]
    async fn a_relay_that_waits_says_why() {
        let json = serde_json::to_value(view(&relay())).unwrap();
        let expected = serde_json::json!({
            "slot": "one", "publication": "two", "state": "waiting", "reason": "The relay is starting.",
            "confirmed_lsn": "0/0"
        });
        assert_eq!(json, expected);
    }

    #[tokio::test]
    async fn a_relay_that_streams_says_how_far_it_is() {
        let relay = relay();
        relay.status.streaming();
        relay.status.confirmed(Position {
            lsn: 0x1_0000_00FF,
            commit_time_us: 1_700_000_000_000_000,
        });
        relay.status.wal_end(0x1_0000_01FF);
        let json = serde_json::to_value(view(&relay)).unwrap();
        let expected = serde_json::json!({
            "slot": "one", "publication": "two", "state": "streaming", "confirmed_lsn": "1/FF",
            "lag_bytes": 256, "last_commit_at": "2023-11-14T22:13:20Z"
        });
        assert_eq!(json, expected);
    }

    #[tokio::test]
    async fn names_that_postgres_would_not_take_are_refused() {
        let settings = Settings::of(&["--slot-name", "No-Name"]);
        let error = Relay::new(&settings.parts(), &settings.relay)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("--slot-name"), "{error}");
    }
}
