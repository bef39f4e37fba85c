//! The database, as this service may ask it: over HTTP, at the services that own the tables.
//!
//! One answer of ours takes many calls, so answers are counted, not calls: at most
//! `fallback_calls_max` at once, and whoever waits for a turn longer than a second is told to come back.

use std::sync::Arc;
use std::time::Duration;

use contract::{HotelId, RatePlanId, RoomTypeId, StayDate};
use futures::{StreamExt, TryStreamExt, stream};
use platform::access::ServiceIdentity;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::catalogue::{Catalogue, HotelFacts, RoomTypeFacts};
use crate::config::Config;
use crate::layout::Days;
use crate::nights::{RoomTypeNights, Seen};

mod rows;

use rows::{HotelDetail, Page, RatePlanRow, RoomTypeRow};
pub use rows::{InventoryNight, Listed, PriceNight};

/// How long a request waits for its turn, in milliseconds.
const TURN_MS: u64 = 1_000;
/// How long one call may take, in milliseconds.
const CALL_MS: u64 = 5_000;
/// Calls that one answer makes at once.
const CALLS_AT_ONCE: usize = 8;
/// Idle connections are closed before the server's five seconds are over, in milliseconds.
const IDLE_MS: u64 = 3_000;
/// Rows on a page of a list; the most that the services give.
const PAGE: u32 = 200;
/// Pages that one list is read for at most.
const PAGES_MAX: usize = 1_000;
/// The operation of the inventory service that is not for everybody.
const GET_INVENTORY: &str = "GetInventory";
/// Nights that one call may ask for.
pub const NIGHTS_PER_CALL: i32 = 366;

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The hotel does not exist.
    #[error("there is no such hotel")]
    Unknown,
    /// Too many are asking.
    #[error("too many requests are being answered from the database")]
    Busy,
    /// A service cannot be reached or fails.
    #[error("{url} gave no answer")]
    Away {
        /// What was asked.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// A service answers something else than its interface says.
    #[error("{url} answered with {what}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What came back.
        what: String,
    },
}

/// The services that own the tables.
#[derive(Debug, Clone)]
pub struct Database {
    client: reqwest::Client,
    hotels: String,
    inventory: String,
    identity: ServiceIdentity,
    turns: Arc<Semaphore>,
}

impl Database {
    /// The services at the configured addresses, which are asked as this one.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(config: &Config, identity: ServiceIdentity) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_millis(TURN_MS))
            .timeout(Duration::from_millis(CALL_MS))
            .pool_idle_timeout(Duration::from_millis(IDLE_MS))
            .build()?;
        let address = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            hotels: address(&config.hotel_url),
            inventory: address(&config.inventory_url),
            identity,
            turns: Arc::new(Semaphore::new(config.fallback_calls_max.max(1))),
        })
    }

    /// A turn to ask, within a second.
    ///
    /// # Errors
    /// [`AskError::Busy`] when none came.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, AskError> {
        let turn = tokio::time::timeout(Duration::from_millis(TURN_MS), self.turns.acquire()).await;
        turn.map_err(|_| AskError::Busy)?.map_err(|_| AskError::Busy)
    }

    /// The same as the cache's answer, from the tables.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn read(
        &self,
        hotel: HotelId,
        days: Days,
        wanted: impl Fn(RoomTypeId, &RoomTypeFacts) -> bool + Send,
    ) -> Result<Seen, AskError> {
        let (catalogue, inventory) = tokio::try_join!(self.catalogue(hotel), self.inventory(hotel, days))?;
        let all = catalogue.room_types.iter().enumerate();
        let chosen: Vec<usize> = all
            .filter(|(_, (id, facts))| wanted(*id, facts))
            .map(|(index, _)| index)
            .collect();
        let lists: Vec<_> = chosen
            .iter()
            .filter_map(|index| catalogue.room_types.get(*index))
            .flat_map(|(room_type, _)| catalogue.rate_plans.iter().map(|(plan, _)| (*room_type, *plan)))
            .collect();
        let mut prices = self.price_lists(hotel, lists, days).await?.into_iter();
        let mut room_types = Vec::with_capacity(chosen.len());
        for index in chosen {
            let mut nights = RoomTypeNights::none(index, days, catalogue.rate_plans.len());
            for row in inventory
                .iter()
                .filter(|row| row.room_type_id == catalogue.room_types[index].0)
            {
                days.set(&mut nights.left, row.night, row.left());
            }
            for (list, rows) in nights.prices.iter_mut().zip(&mut prices) {
                for row in rows {
                    days.set(list, row.night, row.price.minor().unsigned_abs());
                }
            }
            room_types.push(nights);
        }
        Ok(Seen {
            catalogue: Arc::new(catalogue),
            room_types,
            reached: None,
        })
    }

    /// Every hotel, also those that cannot be read.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn hotels(&self) -> Result<Vec<Listed>, AskError> {
        let url = format!("{}/v1/hotels?limit={PAGE}", self.hotels);
        let (mut hotels, unreadable) = self.pages::<Listed>(url, None).await?;
        hotels.extend(unreadable);
        Ok(hotels)
    }

    /// Whether the services answer, whatever stands in their tables.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn probe(&self) -> Result<(), AskError> {
        let nobody = HotelId::new();
        match self
            .get::<HotelDetail>(format!("{}/v1/hotels/{nobody}", self.hotels))
            .await
        {
            Ok(_) | Err(AskError::Unknown) => {}
            Err(error) => return Err(error),
        }
        let days = Days {
            from: 20_000,
            to: 20_001,
        };
        self.inventory(nobody, days).await.map(drop)
    }

    /// A hotel's catalogue.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn catalogue(&self, hotel: HotelId) -> Result<Catalogue, AskError> {
        let base = format!("{}/v1/hotels/{hotel}", self.hotels);
        let (detail, room_types, rate_plans) = tokio::try_join!(
            self.get::<HotelDetail>(base.clone()),
            self.list::<RoomTypeRow>(format!("{base}/room-types?limit={PAGE}")),
            self.list::<RatePlanRow>(format!("{base}/rate-plans?limit={PAGE}")),
        )?;
        let HotelDetail {
            name,
            time_zone,
            currency,
        } = detail;
        let mut catalogue = Catalogue {
            hotel: HotelFacts {
                name,
                time_zone,
                currency,
            },
            room_types: room_types
                .into_iter()
                .map(|row| (row.room_type_id, row.facts))
                .collect(),
            rate_plans: rate_plans
                .into_iter()
                .map(|row| (row.rate_plan_id, row.facts))
                .collect(),
        };
        catalogue.room_types.sort_by_key(|(id, _)| *id);
        catalogue.rate_plans.sort_by_key(|(id, _)| *id);
        Ok(catalogue)
    }

    /// The rooms of all room types, at most [`NIGHTS_PER_CALL`] nights.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn inventory(&self, hotel: HotelId, days: Days) -> Result<Vec<InventoryNight>, AskError> {
        let (from, to) = dates(days)?;
        let url = format!(
            "{}/v1/hotels/{hotel}/inventory?from={from}&to={to}",
            self.inventory
        );
        // The inventory service knows only hotels that have rooms; whether there is a hotel is the
        // hotel service's to say.
        none_if_unknown(self.pages(url, Some(GET_INVENTORY)).await.map(|(rows, _)| rows))
    }

    /// The prices of several room types and rate plans, in the order asked for.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn price_lists(
        &self,
        hotel: HotelId,
        lists: Vec<(RoomTypeId, RatePlanId)>,
        days: Days,
    ) -> Result<Vec<Vec<PriceNight>>, AskError> {
        let (from, to) = dates(days)?;
        let calls = lists.into_iter().map(|(room_type, rate_plan)| {
            let base = format!("{}/v1/hotels/{hotel}/prices", self.hotels);
            let url = format!("{base}?room_type_id={room_type}&rate_plan_id={rate_plan}&from={from}&to={to}");
            // A room type or rate plan that is gone has no prices.
            async move { none_if_unknown(self.list(url).await) }
        });
        stream::iter(calls).buffered(CALLS_AT_ONCE).try_collect().await
    }

    /// Every page of the list at `url`, which has a query already.
    async fn list<T: DeserializeOwned>(&self, url: String) -> Result<Vec<T>, AskError> {
        Ok(self.pages(url, None).await?.0)
    }

    /// Every page of the list at `url`, and the hotels of them that cannot be read. `operation`: which is asked with a
    /// token.
    async fn pages<T: DeserializeOwned>(
        &self,
        url: String,
        operation: Option<&str>,
    ) -> Result<(Vec<T>, Vec<Listed>), AskError> {
        let mut page: Page<T> = self.ask(url.clone(), operation).await?;
        let (mut rows, mut unreadable) = (page.items, page.unreadable);
        for _ in 0..PAGES_MAX {
            let Some(cursor) = page.next_cursor else {
                return Ok((rows, unreadable));
            };
            page = self.ask(format!("{url}&cursor={cursor}"), operation).await?;
            rows.append(&mut page.items);
            unreadable.append(&mut page.unreadable);
        }
        Err(AskError::Unexpected {
            url,
            what: "a list that does not end".to_owned(),
        })
    }

    async fn get<T: DeserializeOwned>(&self, url: String) -> Result<T, AskError> {
        self.ask(url, None).await
    }

    fn request(&self, url: &str, operation: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.client.get(url);
        match operation {
            Some(operation) => request.header("authorization", self.identity.authorization(operation)),
            None => request,
        }
    }

    async fn ask<T: DeserializeOwned>(&self, url: String, operation: Option<&str>) -> Result<T, AskError> {
        let away = |source| AskError::Away {
            url: url.clone(),
            source,
        };
        let response = match self.request(&url, operation).send().await {
            // A kept connection may have been closed under us; that is not the service's failure.
            Err(error) if error.is_request() && !error.is_timeout() => {
                self.request(&url, operation).send().await.map_err(away)?
            }
            other => other.map_err(away)?,
        };
        match response.status().as_u16() {
            200 => {
                let bytes = response.bytes().await.map_err(away)?;
                serde_json::from_slice(&bytes).map_err(|error| AskError::Unexpected {
                    what: format!("what cannot be read: {error}"),
                    url,
                })
            }
            404 => Err(AskError::Unknown),
            429 | 503 => Err(AskError::Busy),
            status => Err(AskError::Unexpected {
                url,
                what: format!("status {status}"),
            }),
        }
    }
}

fn dates(days: Days) -> Result<(StayDate, StayDate), AskError> {
    let date = |day| {
        StayDate::from_days_since_1970(day).map_err(|error| AskError::Unexpected {
            url: "the calendar".to_owned(),
            what: error.to_string(),
        })
    };
    Ok((date(days.from)?, date(days.to)?))
}

fn none_if_unknown<T>(rows: Result<Vec<T>, AskError>) -> Result<Vec<T>, AskError> {
    match rows {
        Err(AskError::Unknown) => Ok(Vec::new()),
        other => other,
    }
}
