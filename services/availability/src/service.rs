//! Where an answer comes from: the cache while it is warm and young, the database otherwise.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::{HotelId, RoomTypeId, Version};
use platform::http::Problem;
use platform::{Broken, Clock};
use rules::Today;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::cache::{Cache, Miss};
use crate::catalogue::{HotelFacts, RoomTypeFacts};
use crate::database::{AskError, Database};
use crate::layout::Days;
use crate::nights::{Reached, Seen};
use crate::rebuild::{Mode, Plan};

/// Seconds after which a caller who found no turn may come back.
const RETRY_SECONDS: u32 = 1;

/// What the endpoints answer from.
#[derive(Debug, Clone)]
pub struct Service {
    /// The cache.
    pub cache: Cache,
    /// The services that own the tables.
    pub database: Database,
    /// The clock, for ages.
    pub clock: Clock,
    /// An older answer of the cache is not given while the database can be asked, in milliseconds.
    pub age_ms_max: u64,
    /// Hotels that the cache did not hold, for the keeper to fill.
    pub cold: mpsc::Sender<HotelId>,
}

/// Where an answer's rooms and prices were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FreshnessSource)]
pub enum Source {
    /// The cache, which the change stream keeps.
    Cache,
    /// The tables themselves.
    Database,
}

/// How fresh an answer is. A booking never relies on it: rooms are counted again when they are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Freshness {
    /// Where the rooms and prices were read.
    pub source: Source,
    /// Up to which change the cache had seen all, for comparing: of two answers about a hotel the one with the greater text is
    /// the later. Absent when the database was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Version>,
    /// When that change was committed, or when the database was asked.
    pub as_of: DateTime<Utc>,
    /// How long ago that was, in milliseconds.
    #[schema(example = 12)]
    pub age_ms: u64,
}

impl Service {
    /// The nights of the room types that are `wanted`, and how fresh they are.
    ///
    /// # Errors
    /// 404 for a hotel that does not exist, 503 when neither the cache nor the database answers.
    pub async fn read(
        &self,
        hotel: HotelId,
        days: Days,
        wanted: impl Fn(RoomTypeId, &RoomTypeFacts) -> bool + Send + Sync,
    ) -> Result<(Seen, Freshness), Problem> {
        let (reason, stale) = match self.cache.read(hotel, days, &wanted).await {
            Ok(seen) => {
                let freshness = self.freshness(seen.reached);
                if freshness.age_ms <= self.age_ms_max {
                    return Ok((seen, freshness));
                }
                ("stale", Some((seen, freshness)))
            }
            Err(Miss::Cold) => ("cold", None),
            Err(Miss::Away) => ("away", None),
        };
        metrics::counter!("bellhop_cache_fallbacks_total", "reason" => reason).increment(1);
        match (self.ask_database(hotel, days, &wanted).await, stale) {
            (Ok(seen), _) => {
                let filled_days = Plan::all(Mode::Repair, self.clock.now()).days;
                if reason == "cold" && filled_days.contains(days) {
                    // A full queue means that the keeper is busy; the next request asks again.
                    let _ = self.cold.try_send(hotel);
                }
                let freshness = self.freshness(seen.reached);
                Ok((seen, freshness))
            }
            (Err(AskError::Unknown), _) => Err(Problem::not_found("hotel").at("hotel_id")),
            // An old answer that says its age is better than none.
            (Err(_), Some(stale)) => Ok(stale),
            (Err(error), None) => Err(unavailable(&error)),
        }
    }

    async fn ask_database(
        &self,
        hotel: HotelId,
        days: Days,
        wanted: impl Fn(RoomTypeId, &RoomTypeFacts) -> bool + Send + Sync,
    ) -> Result<Seen, AskError> {
        let _turn = self.database.turn().await?;
        self.database.read(hotel, days, wanted).await
    }

    /// Today, at a hotel.
    ///
    /// # Errors
    /// 500 when the hotel's zone is not one, as for its quotes.
    pub fn today(&self, hotel: &HotelFacts) -> Result<Today, Problem> {
        let zone: Tz = hotel.time_zone.parse().map_err(|_| {
            let zone = &hotel.time_zone;
            Broken::Inconsistent(format!("the stored time zone {zone} is not known"))
        })?;
        Ok(Today::at(self.clock.now(), &zone))
    }

    fn freshness(&self, reached: Option<Reached>) -> Freshness {
        let now = self.clock.now();
        let Some(reached) = reached else {
            return Freshness {
                source: Source::Database,
                position: None,
                as_of: now,
                age_ms: 0,
            };
        };
        let as_of = DateTime::from_timestamp_millis(reached.at_ms).unwrap_or(DateTime::UNIX_EPOCH);
        let age_ms = u64::try_from((now - as_of).num_milliseconds()).unwrap_or(0);
        Freshness {
            source: Source::Cache,
            position: Some(reached.version),
            as_of,
            age_ms,
        }
    }
}

fn unavailable(error: &AskError) -> Problem {
    if !matches!(error, AskError::Busy) {
        tracing::warn!(
            error = platform::chain(error),
            "neither the cache nor the database answers"
        );
    }
    metrics::counter!("bellhop_cache_fallbacks_refused_total").increment(1);
    Problem::unavailable(
        "Availability cannot be read at the moment. Try again.",
        RETRY_SECONDS,
    )
}
