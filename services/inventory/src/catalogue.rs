//! Which hotels and room types there are. The hotel service owns that and is asked over HTTP, by requests of hotels'
//! staff alone: no booking waits for it (`docs/decisions/2026-11-29-inventory-asks-the-hotel.md`).
//!
//! That a room type exists is remembered for a minute, so that a channel that sends a year of rooms asks once; that
//! it does not exist never is, so that a room type can be used as soon as it was added.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{HotelId, RoomTypeId};
use platform::http::Problem;
use platform::{Clock, StartError};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::model::RoomTypeKey;

/// How long a call may take, and how long a request waits for its turn to call, in milliseconds.
const CALL_MS: u64 = 3_000;
const TURN_MS: u64 = 1_000;
/// Idle connections are closed before the server's five seconds are over, in milliseconds.
const IDLE_MS: u64 = 3_000;
/// Calls at once.
const CALLS_MAX: usize = 16;
/// For how long a room type counts as existing, in seconds.
const KNOWN_SECONDS: i64 = 60;
/// Room types that are remembered at most.
const KNOWN_MAX: usize = 10_000;
/// After how many seconds a client may come back when the hotel service did not answer.
const RETRY_SECONDS: u32 = 1;

/// The hotel service, and what it said lately.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    client: reqwest::Client,
    url: String,
    clock: Clock,
    turns: Arc<Semaphore>,
    known: Arc<Mutex<HashMap<RoomTypeKey, DateTime<Utc>>>>,
}

/// A problem of the hotel service, as far as it matters here.
#[derive(Deserialize)]
struct Absent {
    code: String,
    #[serde(default)]
    pointer: Option<String>,
}

/// What there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    Hotel,
    RoomType,
}

impl Catalogue {
    /// The hotel service at this address, which need not be there yet.
    pub(crate) fn new(url: &str, clock: Clock) -> Result<Self, StartError> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_millis(TURN_MS))
            .timeout(Duration::from_millis(CALL_MS))
            .pool_idle_timeout(Duration::from_millis(IDLE_MS))
            .build()
            .map_err(|error| StartError::Setting(format!("The HTTP client cannot be made: {error}")))?;
        Ok(Self {
            client,
            url: url.trim_end_matches('/').to_owned(),
            clock,
            turns: Arc::new(Semaphore::new(CALLS_MAX)),
            known: Arc::default(),
        })
    }

    /// Checks that the hotel has the room type.
    ///
    /// # Errors
    /// 404 that names what there is not, 503 when the hotel service does not answer.
    pub(crate) async fn room_type(&self, key: RoomTypeKey) -> Result<(), Problem> {
        let now = self.clock.now();
        let fresh = |since: &DateTime<Utc>| now - *since < TimeDelta::seconds(KNOWN_SECONDS);
        if self.known().get(&key).is_some_and(fresh) {
            return Ok(());
        }
        let (hotel_id, room_type_id) = key;
        self.ask(&format!("/v1/hotels/{hotel_id}/room-types/{room_type_id}"))
            .await?;
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, since| fresh(since));
        }
        if known.len() < KNOWN_MAX {
            known.insert(key, now);
        }
        Ok(())
    }

    /// Checks that there is the hotel, and that it has the room type if one is given.
    ///
    /// # Errors
    /// As [`Self::room_type`].
    pub(crate) async fn offers(
        &self,
        hotel_id: HotelId,
        room_type_id: Option<RoomTypeId>,
    ) -> Result<(), Problem> {
        match room_type_id {
            Some(room_type_id) => self.room_type((hotel_id, room_type_id)).await,
            None => self.ask(&format!("/v1/hotels/{hotel_id}")).await,
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<RoomTypeKey, DateTime<Utc>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, path: &str) -> Result<(), Problem> {
        let turn = tokio::time::timeout(Duration::from_millis(TURN_MS), self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(unavailable(path, "too many are asking"));
        };
        match self.call(path).await {
            Ok(None) => Ok(()),
            Ok(Some(Lack::RoomType)) => Err(Problem::not_found("room type in this hotel").at("room_type_id")),
            Ok(Some(Lack::Hotel)) => Err(Problem::not_found("hotel").at("hotel_id")),
            Err(why) => Err(unavailable(path, &why)),
        }
    }

    /// One call. A 404 about a room type counts only if it names what there is not: a proxy or a former release that
    /// does not know the path says it too.
    async fn call(&self, path: &str) -> Result<Option<Lack>, String> {
        let url = format!("{}{path}", self.url);
        let response = match self.client.get(&url).send().await {
            // A kept connection may have been closed under us; that is not the service's failure.
            Err(error) if error.is_request() && !error.is_timeout() => self.client.get(&url).send().await,
            other => other,
        };
        let response = response.map_err(|error| error.to_string())?;
        match response.status().as_u16() {
            200 => Ok(None),
            404 => {
                let absent: Absent = response.json().await.map_err(|error| error.to_string())?;
                let of_hotel = !path.contains("/room-types/");
                match absent.pointer.as_deref() {
                    _ if absent.code != "not_found" => Err(format!("404 {}", absent.code)),
                    Some("room_type_id") => Ok(Some(Lack::RoomType)),
                    Some("hotel_id") => Ok(Some(Lack::Hotel)),
                    None if of_hotel => Ok(Some(Lack::Hotel)),
                    _ => Err("404 that does not say what there is not".to_owned()),
                }
            }
            status => Err(format!("status {status}")),
        }
    }
}

fn unavailable(path: &str, why: &str) -> Problem {
    tracing::warn!(path, why, "the hotel service did not answer");
    metrics::counter!("bellhop_catalogue_unanswered_total").increment(1);
    Problem::unavailable(
        "The hotel service did not say whether there is this hotel or room type; nothing was changed. Try again.",
        RETRY_SECONDS,
    )
}

#[cfg(test)]
mod tests;
