//! The database's log, read from a slot of the oracle's own while the platform works.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use oracle::decoding::Decoder;
use oracle::judge::TABLES;
use oracle::stream;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;
use tests::Platform;

/// Lines that are taken from the slot at once, about.
const LINES: u32 = 50_000;

/// A slot and the file into which it is emptied.
pub(crate) struct Tap {
    slot: String,
    pool: PgPool,
    decoder: Decoder,
    file: BufWriter<File>,
}

impl Tap {
    /// Makes the slot, before anything is written that counts.
    pub(crate) async fn open(platform: &Platform, file: &Path) -> anyhow::Result<Self> {
        let slot = format!("{}_oracle", platform.name);
        let pool = platform.database().await;
        let sql =
            format!("select lsn::text from pg_create_logical_replication_slot('{slot}', 'test_decoding')");
        scalar(&pool, sql).await.context("a slot with test_decoding")?;
        let file = BufWriter::new(File::create(file)?);
        Ok(Self {
            slot,
            pool,
            decoder: Decoder::default(),
            file,
        })
    }

    /// Takes what has been committed since; answers how many lines that were.
    pub(crate) async fn drain(&mut self) -> anyhow::Result<usize> {
        let sql = format!(
            "select (lsn - '0/0'::pg_lsn)::bigint, data from pg_logical_slot_get_changes(
                 '{}', null, {LINES}, 'include-timestamp', 'on', 'skip-empty-xacts', 'on')",
            self.slot
        );
        #[expect(
            clippy::disallowed_methods,
            reason = "it looks past the services, at any database"
        )]
        let rows: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        for (lsn, text) in &rows {
            let wanted = |table: &str| TABLES.contains(&table);
            let transaction = self.decoder.line(u64::try_from(*lsn)?, text, wanted)?;
            if let Some(transaction) = transaction {
                stream::write(&transaction, &mut self.file)?;
            }
        }
        Ok(rows.len())
    }

    /// Takes all that is left and removes the slot.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        while self.drain().await? > 0 {}
        self.file.flush()?;
        scalar(
            &self.pool,
            format!("select pg_drop_replication_slot('{}')::text", self.slot),
        )
        .await?;
        Ok(())
    }
}

async fn scalar(pool: &PgPool, sql: String) -> anyhow::Result<Option<String>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it looks past the services, at any database"
    )]
    let answer = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await?;
    Ok(answer)
}
