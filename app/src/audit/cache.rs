//! The Redis cache against the database, key by key: `{hotel}:room_type:date` must be the rooms left.
//!
//! A night that is over everywhere on earth may have left the cache; what is still there of it must be right.
//!
//! A change takes a moment from its commit into the cache, so a key that differs is read again, with its
//! row, for a few seconds before it is a violation.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use redis::AsyncCommands as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::Checked;

/// Keys in one request.
const CHUNK: usize = 1_000;
/// How long a key may lag behind its row.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
struct RoomNight {
    hotel_id: Uuid,
    room_type_id: Uuid,
    night: NaiveDate,
    left: i64,
}

impl RoomNight {
    fn key(&self, prefix: &str) -> String {
        format!(
            "{prefix}{{{}}}:{}:{}",
            self.hotel_id, self.room_type_id, self.night
        )
    }
}

/// Compares every room-night with its key.
pub(super) async fn check(db: &mut PgConnection, url: &str, prefix: &str) -> anyhow::Result<Checked> {
    let client = redis::Client::open(url)?;
    let mut cache = client
        .get_multiplexed_async_connection()
        .await
        .context("Redis does not answer")?;
    // Somewhere on earth it may still be yesterday: that night and later ones are there.
    let today = platform::Clock::system().now().date_naive();
    let kept = today.pred_opt().unwrap_or(today);
    let nights = nights(db).await?;
    let rows_seen = i64::try_from(nights.len())?;
    let mut differing = Vec::new();
    for chunk in nights.chunks(CHUNK) {
        differing.extend(differences(&mut cache, prefix, chunk, kept).await?);
    }
    let began = Instant::now();
    while !differing.is_empty() && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut again = Vec::with_capacity(differing.len());
        for (night, _) in &differing {
            again.push(read_again(db, night).await?);
        }
        differing = Vec::new();
        for chunk in again.chunks(CHUNK) {
            differing.extend(differences(&mut cache, prefix, chunk, kept).await?);
        }
    }
    let say = |(night, found): &(RoomNight, Option<String>)| {
        let found = found
            .as_ref()
            .map_or_else(|| "null".to_owned(), |value| format!("{value:?}"));
        format!(
            r#"{{"key":"{}","cache":{found},"database":{}}}"#,
            night.key(prefix),
            night.left
        )
    };
    Ok(Checked {
        rows_seen,
        violations: differing.iter().map(say).collect(),
    })
}

async fn differences(
    cache: &mut redis::aio::MultiplexedConnection,
    prefix: &str,
    nights: &[RoomNight],
    kept: NaiveDate,
) -> anyhow::Result<Vec<(RoomNight, Option<String>)>> {
    let keys: Vec<String> = nights.iter().map(|night| night.key(prefix)).collect();
    let values: Vec<Option<String>> = cache.mget(&keys).await?;
    let pairs = nights.iter().cloned().zip(values);
    Ok(pairs
        .filter(|(night, value)| match value {
            None => night.night >= kept,
            Some(value) => *value != night.left.to_string(),
        })
        .collect())
}

async fn nights(db: &mut PgConnection) -> anyhow::Result<Vec<RoomNight>> {
    let rows = sqlx::query!(
        r#"
        select hotel_id, room_type_id, night,
               case when closed then 0 else greatest(0, total * 11 / 10 - held - sold) end::bigint as "left!"
        from inventory.room_night
        "#
    );
    let nights = rows
        .fetch(db)
        .map_ok(|row| night(row.hotel_id, row.room_type_id, row.night, row.left));
    Ok(nights.try_collect().await?)
}

async fn read_again(db: &mut PgConnection, was: &RoomNight) -> anyhow::Result<RoomNight> {
    let row = sqlx::query!(
        r#"
        select case when closed then 0 else greatest(0, total * 11 / 10 - held - sold) end::bigint as "left!"
        from inventory.room_night where hotel_id = $1 and room_type_id = $2 and night = $3
        "#,
        was.hotel_id,
        was.room_type_id,
        was.night
    );
    let row = row.fetch_one(db).await?;
    Ok(night(was.hotel_id, was.room_type_id, was.night, row.left))
}

const fn night(hotel_id: Uuid, room_type_id: Uuid, night: NaiveDate, left: i64) -> RoomNight {
    RoomNight {
        hotel_id,
        room_type_id,
        night,
        left,
    }
}
