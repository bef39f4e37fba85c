//! Everything the relay asks of Postgres beside the stream.

use std::collections::HashMap;

use platform::db::{self, Broken};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::captured;
use crate::memory::{History, Log};
use crate::pgoutput::{Column, Relation};

/// The replication slot as Postgres shows it.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// The database it belongs to.
    pub(crate) database: Option<String>,
    /// Whether a session streams from it.
    pub(crate) active: bool,
    /// Whether the log that it needs is gone.
    pub(crate) lost: bool,
    /// Everything before this was confirmed.
    pub(crate) confirmed: u64,
}

/// A captured table as the catalog describes it.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) relation: Relation,
    pub(crate) key: Vec<String>,
}

/// Captured tables that the publication lacks; none when there is no such publication.
pub(crate) async fn missing_tables(
    pool: &PgPool,
    publication: &str,
) -> Result<Option<Vec<String>>, sqlx::Error> {
    let wanted: Vec<String> = captured::captured_tables()
        .iter()
        .map(|&table| table.to_owned())
        .collect();
    let row = sqlx::query!(
        r#"select exists (select from pg_publication where pubname = $1) as "exists!",
                  array(select wanted from unnest($2::text[]) as wanted
                        except select schemaname || '.' || tablename from pg_publication_tables where pubname = $1)
                      as "missing!""#,
        publication,
        &wanted,
    )
    .fetch_one(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(row.exists.then_some(row.missing))
}

/// The slot, if it exists.
pub(crate) async fn slot(pool: &PgPool, name: &str) -> Result<Option<Slot>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select database::text as "database", active as "active!", coalesce(wal_status = 'lost', false) as "lost!",
                  coalesce((confirmed_flush_lsn - '0/0'::pg_lsn)::bigint, 0) as "confirmed!"
           from pg_replication_slots where slot_name = $1"#,
        name,
    )
    .fetch_optional(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(row.map(|row| Slot {
        database: row.database,
        active: row.active,
        lost: row.lost,
        confirmed: row.confirmed.cast_unsigned(),
    }))
}

/// The log as it is now. Its timeline is told by the name of the file that is written: the last checkpoint would
/// still name the former one for a while after a standby was promoted.
pub(crate) async fn log(pool: &PgPool) -> Result<Log, sqlx::Error> {
    let row = sqlx::query!(
        r#"select system_identifier as "system!",
                  ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int as "timeline!",
                  (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint as "flushed!",
                  current_setting('synchronous_standby_names') <> '' as "followed!"
           from pg_control_system()"#
    )
    .fetch_one(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(Log {
        history: History {
            system: row.system,
            timeline: row.timeline,
        },
        flushed: row.flushed.cast_unsigned(),
        followed: row.followed,
    })
}

/// The database that this connection is to.
pub(crate) async fn database(pool: &PgPool) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(r#"select current_database()::text as "name!""#)
        .fetch_one(&mut *platform::db::lease(pool).await?)
        .await
}

/// Creates the slot. Waits until transactions that are running now have ended.
pub(crate) async fn create_slot(pool: &PgPool, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select from pg_create_logical_replication_slot($1, 'pgoutput')",
        name
    )
    .execute(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(())
}

/// Drops the slot.
pub(crate) async fn drop_slot(pool: &PgPool, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1",
        name
    )
    .execute(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(())
}

/// Remembers that a snapshot is due.
pub(crate) async fn snapshot_due(pool: &PgPool, slot: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into relay.position (slot, state) values ($1, 'snapshotting')
         on conflict (slot) do update set state = 'snapshotting', began_at = now(), snapshot_done_at = null",
        slot,
    )
    .execute(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(())
}

/// Remembers that the snapshot is complete.
pub(crate) async fn snapshot_done(pool: &PgPool, slot: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update relay.position set state = 'streaming', snapshot_done_at = now() where slot = $1",
        slot
    )
    .execute(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(())
}

/// Whether everything that was there before the slot has been published.
pub(crate) async fn is_snapshot_done(pool: &PgPool, slot: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query_scalar!(
        r#"select state = 'streaming' as "done!" from relay.position where slot = $1"#,
        slot
    );
    Ok(done
        .fetch_optional(&mut *platform::db::lease(pool).await?)
        .await?
        .unwrap_or(false))
}

/// What a heartbeat sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beat {
    /// Where the log ends.
    pub(crate) wal_end: u64,
    /// Whether commits wait for a synchronous standby.
    pub(crate) followed: bool,
}

/// Writes a heartbeat.
pub(crate) async fn beat(pool: &PgPool) -> Result<Beat, Broken> {
    db::unit_of_work(pool, |db| Box::pin(beat_in(db))).await
}

async fn beat_in(db: &mut PgConnection) -> Result<Beat, Broken> {
    let row = sqlx::query!(
        r#"insert into relay.heartbeat (id, at) values (1, now()) on conflict (id) do update set at = now()
           returning (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint as "wal_end!",
               current_setting('synchronous_standby_names') <> '' as "followed!""#
    )
    .fetch_one(db)
    .await?;
    Ok(Beat {
        wal_end: row.wal_end.cast_unsigned(),
        followed: row.followed,
    })
}

/// Waits until the synchronous standby has all that was committed before: until it has a commit that is made
/// now, of a message that nobody reads.
pub(crate) async fn reach_standby(pool: &PgPool) -> Result<(), Broken> {
    let reach = async {
        sqlx::query!("select from pg_logical_emit_message(true, 'bellhop', '')")
            .execute(&mut *db::lease(pool).await?)
            .await?;
        Ok(())
    };
    db::patiently(reach).await
}

/// The captured tables with their columns and primary keys, as the stream would describe them.
pub(crate) async fn describe(pool: &PgPool) -> Result<Vec<Described>, sqlx::Error> {
    let wanted: Vec<String> = captured::captured_tables()
        .iter()
        .map(|&table| table.to_owned())
        .collect();
    let rows = sqlx::query!(
        r#"select n.nspname::text as "schema!", c.relname::text as "name!", c.oid::int8 as "oid!",
                  a.attname::text as "column!", a.atttypid::int8 as "type_oid!",
                  coalesce(a.attnum = any (i.indkey), false) as "key!"
           from pg_class c
           join pg_namespace n on n.oid = c.relnamespace
           join pg_attribute a on a.attrelid = c.oid
           left join pg_index i on i.indrelid = c.oid and i.indisprimary
           where n.nspname || '.' || c.relname = any ($1) and a.attnum > 0 and not a.attisdropped
             and a.attgenerated = ''
           order by array_position($1, n.nspname || '.' || c.relname), a.attnum"#,
        &wanted,
    )
    .fetch_all(&mut *platform::db::lease(pool).await?)
    .await?;
    let oid = |number: i64| u32::try_from(number).unwrap_or_default();
    let mut tables: Vec<Described> = Vec::new();
    let mut at = HashMap::new();
    for row in rows {
        let index = *at.entry(row.oid).or_insert_with(|| {
            let relation = Relation {
                oid: oid(row.oid),
                schema: row.schema,
                name: row.name,
                identity: b'd',
                columns: Vec::new(),
            };
            tables.push(Described {
                relation,
                key: Vec::new(),
            });
            tables.len() - 1
        });
        let Some(table) = tables.get_mut(index) else {
            continue;
        };
        if row.key {
            table.key.push(row.column.clone());
        }
        table.relation.columns.push(Column {
            identity: row.key,
            name: row.column,
            type_oid: oid(row.type_oid),
        });
    }
    Ok(tables)
}

/// The query that reads a captured table's rows: outboxes in the order in which messages were made.
pub(crate) fn rows_sql(table: &Relation) -> AssertSqlSafe<String> {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("\"{}\"", column.name.replace('"', "\"\"")))
        .collect();
    let order = if crate::outbox::is_outbox(table) {
        " order by id"
    } else {
        ""
    };
    AssertSqlSafe(format!(
        "select {} from {}.{}{order}",
        columns.join(", "),
        table.schema,
        table.name
    ))
}
