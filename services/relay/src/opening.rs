//! What must be there before a session can work: topics, the publication, the slot, a connection.

use std::time::Duration;

use pgwire_replication::{Lsn, PgWireError, ReplicationClient, ReplicationConfig, SslMode, TlsConfig};
use sqlx::postgres::PgSslMode;

use crate::context::Relay;
use crate::error::Parted;
use crate::memory::History;
use crate::store::{self, Described, Slot};

/// Postgres is told the confirmed position at most this often.
pub(crate) const STATUS_INTERVAL: Duration = Duration::from_millis(250);
/// Connecting takes no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Output of types as [`crate::values`] reads it.
const OUTPUT: &str = "-c timezone=UTC -c datestyle=ISO,MDY -c intervalstyle=postgres -c bytea_output=hex";

/// A stream that Postgres has begun; as long as it lasts the slot is ours.
pub(crate) struct Opened {
    pub(crate) client: ReplicationClient,
    pub(crate) database: String,
    pub(crate) tables: Vec<Described>,
    /// Which log it is of.
    pub(crate) history: History,
    /// Where the stream begins.
    pub(crate) start: u64,
    /// Whether what was there before the slot is still to be published.
    pub(crate) snapshot_due: bool,
}

/// Takes the slot and begins to stream.
pub(crate) async fn open(relay: &Relay) -> Result<Opened, Parted> {
    relay.ensure_topics().await?;
    let database = store::database(&relay.pool).await?;
    let publication = &relay.config.publication_name;
    let remedy = "`bellhop migrate` makes it";
    match store::missing_tables(&relay.pool, publication).await? {
        None => {
            return Err(Parted::Waiting(format!(
                "There is no publication {publication}; {remedy}."
            )));
        }
        Some(missing) if !missing.is_empty() => {
            let tables = missing.join(", ");
            return Err(Parted::Waiting(format!(
                "The publication {publication} lacks {tables}; {remedy} whole."
            )));
        }
        Some(_) => {}
    }
    let tables = store::describe(&relay.pool).await?;
    let slot = ensure_slot(relay, &database).await?;
    let log = store::log(&relay.pool).await?;
    relay.set_followed(log.followed);
    let start = relay.memory.start(log, slot.confirmed);
    let mut client = ReplicationClient::connect(replication(relay, &database, start)).await?;
    let started = tokio::time::timeout(CONNECT_TIMEOUT, client.wait_started()).await;
    started
        .map_err(|_| Parted::Silent(CONNECT_TIMEOUT.as_secs()))?
        .map_err(|error| refused(relay, error))?;
    // From here on the slot is ours.
    let snapshot_due = !store::is_snapshot_done(&relay.pool, &relay.config.slot_name).await?;
    Ok(Opened {
        client,
        database,
        tables,
        history: log.history,
        start,
        snapshot_due,
    })
}

/// Finds the slot, or makes it when it is missing or lost.
async fn ensure_slot(relay: &Relay, database: &str) -> Result<Slot, Parted> {
    let name = &relay.config.slot_name;
    let slot = store::slot(&relay.pool, name).await?;
    if let Some(slot) = &slot {
        if slot.database.as_deref() != Some(database) {
            let other = slot.database.as_deref().unwrap_or("no database");
            return Err(Parted::Waiting(format!(
                "The slot {name} belongs to {other}; choose another with --slot-name."
            )));
        }
        if slot.active {
            return Err(Parted::Standby(name.clone()));
        }
    }
    let useless = relay.is_slot_useless();
    match slot {
        Some(slot) if !slot.lost && !useless => return Ok(slot),
        Some(slot) => {
            tracing::error!(
                slot = name,
                lost = slot.lost,
                "the slot cannot be used any more; making a new one"
            );
            store::snapshot_due(&relay.pool, name).await?;
            store::drop_slot(&relay.pool, name).await?;
        }
        None => store::snapshot_due(&relay.pool, name).await?,
    }
    tracing::info!(slot = name, "making the replication slot");
    store::create_slot(&relay.pool, name).await?;
    relay.slot_is_new();
    store::slot(&relay.pool, name)
        .await?
        .ok_or(Parted::Inconsistent("the slot that was just made is gone"))
}

fn replication(relay: &Relay, database: &str, start: u64) -> ReplicationConfig {
    let options = &relay.options;
    let host = options
        .get_socket()
        .map_or_else(|| options.get_host().into(), |path| path.to_string_lossy());
    let tls = match options.get_ssl_mode() {
        PgSslMode::Disable | PgSslMode::Allow => TlsConfig::disabled(),
        PgSslMode::Prefer if options.get_socket().is_some() || host.starts_with('/') => TlsConfig::disabled(),
        PgSslMode::Prefer => TlsConfig {
            mode: SslMode::Prefer,
            ..TlsConfig::default()
        },
        PgSslMode::Require => TlsConfig::require(),
        PgSslMode::VerifyCa => TlsConfig::verify_ca(None),
        PgSslMode::VerifyFull => TlsConfig::verify_full(None),
    };
    let config = &relay.config;
    let (slot, publication) = (config.slot_name.as_str(), config.publication_name.as_str());
    ReplicationConfig::new(
        host,
        options.get_username(),
        relay.password.reveal(),
        database,
        slot,
        publication,
    )
    .with_port(options.get_port())
    .with_tls(tls)
    .with_start_lsn(Lsn(start))
    .with_status_interval(STATUS_INTERVAL)
    .with_options(OUTPUT)
    .with_application_name(options.get_username())
}

/// Reads the server's refusal. Its text is all that the transport hands on.
pub(crate) fn refused(relay: &Relay, error: PgWireError) -> Parted {
    let text = error.to_string();
    if text.contains("SQLSTATE 55006") {
        return Parted::Standby(relay.config.slot_name.clone());
    }
    // A slot older than its publication (which was there a moment ago) never finds it; a slot whose log is
    // gone says that it cannot be read.
    let younger = text.contains("publication") && text.contains("does not exist");
    let gone = text.contains("can no longer get changes") || text.contains("requested WAL segment");
    if younger || gone {
        Parted::SlotUseless(text)
    } else {
        Parted::Replication(error)
    }
}
