//! The hotels that could not be filled, kept beside the cache: whoever keeps it tries them again, and every process
//! and command can say which they are and why.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::HotelId;
use redis::{Cmd, RedisError};
use serde::{Deserialize, Serialize};

use super::Cache;

/// The wait before the second try, in seconds; it doubles with each further one.
const FIRST_SECONDS: i64 = if cfg!(test) { 0 } else { 5 };
/// No wait is longer, in seconds.
const CAP_SECONDS: i64 = 600;

/// A hotel that could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfilled {
    /// Its name, where the list of hotels says it.
    #[serde(default)]
    pub name: Option<String>,
    /// Why it could not be filled the last time.
    pub why: String,
    /// How often that was.
    pub tries: u32,
    /// When it was first.
    pub since: DateTime<Utc>,
    /// When it was last.
    pub last: DateTime<Utc>,
}

impl Unfilled {
    /// Whether it is to be tried again.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let doubled = FIRST_SECONDS.saturating_mul(1 << self.tries.saturating_sub(1).min(20));
        now - self.last >= TimeDelta::seconds(doubled.min(CAP_SECONDS))
    }

    /// As a line for people, which names the hotel.
    pub fn line(&self, hotel: HotelId) -> String {
        let name = self
            .name
            .as_ref()
            .map_or_else(String::new, |name| format!(" ({name})"));
        format!("{hotel}{name}: {}", self.why)
    }
}

impl Cache {
    /// The hotels that could not be filled, with what is known of each.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn unfilled(&self) -> Result<BTreeMap<HotelId, Unfilled>, RedisError> {
        let fields = self.hash(self.layout().unfilled()).await?;
        Ok(fields.into_iter().filter_map(parsed).collect())
    }

    /// A hotel could not be filled.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn set_unfilled(
        &self,
        hotel: HotelId,
        name: Option<String>,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<(), RedisError> {
        let before = self.unfilled().await?.remove(&hotel);
        let unfilled = Unfilled {
            name: name.or_else(|| before.as_ref().and_then(|before| before.name.clone())),
            why: why.to_owned(),
            tries: before.as_ref().map_or(0, |before| before.tries).saturating_add(1),
            since: before.map_or(now, |before| before.since),
            last: now,
        };
        let mut set = redis::cmd("HSET");
        set.arg(self.layout().unfilled())
            .arg(hotel.to_string())
            .arg(serde_json::to_string(&unfilled).unwrap_or_default());
        self.change(&set).await
    }

    /// A hotel was filled.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn clear_unfilled(&self, hotel: HotelId) -> Result<(), RedisError> {
        let mut delete = redis::cmd("HDEL");
        delete.arg(self.layout().unfilled()).arg(hotel.to_string());
        self.change(&delete).await
    }

    /// Changes the list. One of another type, which only a foreign hand can have put there, gives way.
    async fn change(&self, command: &Cmd) -> Result<(), RedisError> {
        let mut writer = self.0.writer.clone();
        match command.query_async::<()>(&mut writer).await {
            Err(error) if error.code() == Some("WRONGTYPE") => {
                let mut delete = redis::cmd("DEL");
                let list = self.layout().unfilled();
                delete.arg(list).query_async::<()>(&mut writer).await?;
                command.query_async(&mut writer).await
            }
            done => done,
        }
    }
}

/// What cannot be read is as if it were not there: the hotel is found again by the next comparison.
fn parsed((hotel, text): (Vec<u8>, Vec<u8>)) -> Option<(HotelId, Unfilled)> {
    let hotel = std::str::from_utf8(&hotel).ok()?.parse().ok()?;
    Some((hotel, serde_json::from_slice(&text).ok()?))
}
