//! What a lone booking has the database do: statements, rows and log, as Postgres itself counts them. One guest at a time,
//! so that no two bookings share a statement, and less what the platform does in the same time without a guest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tests::{Hotel, Platform};

use crate::machine::{hundredths, say};

/// Bookings that are counted, after as many that are not: those have written the pages that a checkpoint left to be
/// written whole.
const BOOKINGS: u32 = 200;
/// A session tells how many rows it wrote a second after that, or when it has been idle for ten.
const TOLD_AFTER: Duration = Duration::from_secs(12);

/// Counted so far, or per booking.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// Statements of the services, without `begin` and `commit`; per booking in hundredths.
    pub(crate) statements: u64,
    /// Rows inserted, updated and deleted; per booking in hundredths.
    pub(crate) rows: u64,
    /// Bytes of the write-ahead log.
    pub(crate) wal_bytes: u64,
    /// The same statements and rows, under the beginning of each statement and under each table.
    parts: BTreeMap<String, u64>,
}

impl Work {
    /// Of so much, wherever.
    #[cfg(test)]
    pub(crate) const fn of(statements: u64, rows: u64, wal_bytes: u64) -> Self {
        Self {
            statements,
            rows,
            wal_bytes,
            parts: BTreeMap::new(),
        }
    }

    /// Says what a booking takes, and where.
    pub(crate) fn tell(&self) {
        say(format!(
            "one booking, one guest at a time: {} statements, {} rows, {} bytes of WAL",
            hundredths(self.statements, 100),
            hundredths(self.rows, 100),
            self.wal_bytes
        ));
        // What less than one booking in twenty has is the platform's own.
        for (part, count) in self.parts.iter().filter(|(_, count)| **count >= 5) {
            say(format!("  {:>5} {part}", hundredths(*count, 100)));
        }
    }
}

/// Counts and tells the work of a booking in a hotel of so many rooms, and of which statements and tables it is.
pub(crate) async fn run(rooms: u32) -> anyhow::Result<()> {
    let platform = Platform::start().await.by_partner();
    let hotel = Hotel::create(&platform, rooms).await;
    of_a_booking(&platform, &hotel).await?.tell();
    Ok(())
}

/// Counts the work of a booking.
pub(crate) async fn of_a_booking(platform: &Platform, hotel: &Hotel) -> anyhow::Result<Work> {
    track(platform, "top").await?;
    platform.tamper("checkpoint").await;
    book(platform, hotel, quotes(platform, hotel).await).await?;
    // Quotes are not the bookings', so they are asked for before.
    let quotes = quotes(platform, hotel).await;
    let (before, began) = (so_far(platform).await?, Instant::now());
    book(platform, hotel, quotes).await?;
    tokio::time::sleep(TOLD_AFTER).await;
    let (busy, took) = (so_far(platform).await?, began.elapsed());
    tokio::time::sleep(took).await;
    let idle = so_far(platform).await?;
    track(platform, "none").await?;
    let per_booking = |count: &dyn Fn(&Work) -> u64| {
        let (with, without) = (count(&busy) - count(&before), count(&idle) - count(&busy));
        with.saturating_sub(without) * 100 / u64::from(BOOKINGS)
    };
    let part = |name: &String| per_booking(&|work| work.parts.get(name).copied().unwrap_or(0));
    Ok(Work {
        parts: busy.parts.keys().map(|name| (name.clone(), part(name))).collect(),
        statements: per_booking(&|work| work.statements),
        rows: per_booking(&|work| work.rows),
        wal_bytes: per_booking(&|work| work.wal_bytes) / 100,
    })
}

async fn quotes(platform: &Platform, hotel: &Hotel) -> Vec<Value> {
    let mut quotes = Vec::new();
    for number in 0..BOOKINGS {
        quotes.push(hotel.quote(platform, number % 50, 3, 1).await);
    }
    quotes
}

/// One guest after the other.
async fn book(platform: &Platform, hotel: &Hotel, quotes: Vec<Value>) -> anyhow::Result<()> {
    for quote in quotes {
        let answer = hotel.book_quote(platform, &quote, "pm_ok").await;
        ensure!(
            answer.status == 201,
            "a booking was not confirmed: {}",
            answer.json
        );
    }
    Ok(())
}

/// Has Postgres count statements, or none: counting costs some CPU.
async fn track(platform: &Platform, what: &str) -> anyhow::Result<()> {
    platform
        .tamper("create extension if not exists pg_stat_statements")
        .await;
    for setting in ["track_utility = off".to_owned(), format!("track = '{what}'")] {
        platform
            .tamper(&format!("alter system set pg_stat_statements.{setting}"))
            .await;
    }
    platform.tamper("select pg_reload_conf()").await;
    let now = platform
        .query("select current_setting('pg_stat_statements.track')")
        .await;
    ensure!(now.as_deref() == Some(what), "Postgres counts {now:?} statements");
    Ok(())
}

async fn so_far(platform: &Platform) -> anyhow::Result<Work> {
    // Services have roles of their own; the administrator's statements are this benchmark's.
    let counted = platform
        .query(
            "select concat_ws(' ', \
                 (select coalesce(sum(s.calls), 0) from pg_stat_statements s \
                     join pg_roles r on r.oid = s.userid and not r.rolsuper \
                     join pg_database d on d.oid = s.dbid and d.datname = current_database()), \
                 (select tup_inserted + tup_updated + tup_deleted from pg_stat_database \
                     where datname = current_database()), \
                 pg_current_wal_insert_lsn() - '0/0'::pg_lsn)",
        )
        .await
        .context("Postgres counts nothing")?;
    let figures: Vec<u64> = counted.split(' ').filter_map(|text| text.parse().ok()).collect();
    let [statements, rows, wal_bytes] = figures[..] else {
        anyhow::bail!("unreadable counts: {counted}");
    };
    Ok(Work {
        statements,
        rows,
        wal_bytes,
        parts: parts_so_far(platform).await?,
    })
}

/// Statements by their beginning and rows by their table. The days of an outbox are one table.
async fn parts_so_far(platform: &Platform) -> anyhow::Result<BTreeMap<String, u64>> {
    let counted = platform
        .query(
            "select string_agg(concat_ws(' ', calls, what), E'\\n') from ( \
                 select sum(s.calls) calls, 'statement ' || left(regexp_replace(s.query, '\\s+', ' ', 'g'), 100) what \
                 from pg_stat_statements s \
                     join pg_roles r on r.oid = s.userid and not r.rolsuper \
                     join pg_database d on d.oid = s.dbid and d.datname = current_database() group by 2 \
                 union all \
                 select sum(n_tup_ins + n_tup_upd + n_tup_del), \
                     'rows of ' || schemaname || '.' || regexp_replace(relname, '^outbox_.*', 'outbox') \
                 from pg_stat_user_tables group by 2) parts",
        )
        .await
        .context("Postgres counts nothing")?;
    let part = |line: &str| {
        let (count, what) = line.split_once(' ')?;
        Some((what.to_owned(), count.parse().ok()?))
    };
    Ok(counted.lines().filter_map(part).collect())
}
