//! What was there before the slot: every kept outbox row as a message, every captured row as an envelope
//! with op `r` at the slot's own position.
//!
//! Promise: together with the stream nothing is missing. The rows are read after the slot was made, so a
//! row may be newer than the position it carries; the stream then tells of it again at its true, higher
//! position. Messages may come twice; the inbox of whoever reads them knows.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use platform::{Tasks, db};
use sqlx::{PgConnection, PgPool, Row as _};

use crate::envelope::Source;
use crate::error::Parted;
use crate::pgoutput::Cell;
use crate::publisher::Publisher;
use crate::router::{Router, Target};
use crate::store::{self, Described};
use crate::tracker::{Position, Ticket};

/// The table whose rows say that the stream lives; a snapshot is no sign of that.
const HEARTBEAT: &str = "heartbeat";
/// The longest a snapshot may take: as long as the relay's statements.
const SNAPSHOT_MAX: Duration = Duration::from_hours(2);
/// Between two looks at a full producer.
const FULL_PAUSE: Duration = Duration::from_millis(1);
/// Rows between two looks at failures and at the stop signal.
const ROWS_BETWEEN_LOOKS: u64 = 1_000;

/// What a snapshot needs.
pub(crate) struct Snapshot {
    pub(crate) tables: Arc<Vec<Described>>,
    pub(crate) router: Router,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) tasks: Tasks,
    /// The slot's position, which every row carries.
    pub(crate) source: Source,
}

impl Snapshot {
    /// Publishes everything and waits until Kafka has acknowledged it. Gives the router back.
    pub(crate) async fn publish(self, pool: &PgPool) -> Result<Router, Parted> {
        db::unit_of_work_within(pool, SNAPSHOT_MAX, move |db| Box::pin(self.publish_in(db))).await
    }

    async fn publish_in(mut self, db: &mut PgConnection) -> Result<Router, Parted> {
        sqlx::raw_sql("set transaction isolation level repeatable read, read only")
            .execute(&mut *db)
            .await?;
        let tables = Arc::clone(&self.tables);
        let ticket = self.publisher.begin();
        for table in tables.iter().filter(|table| table.relation.name != HEARTBEAT) {
            let rows = self.publish_table(db, ticket, table).await?;
            tracing::info!(
                table = format!("{}.{}", table.relation.schema, table.relation.name),
                rows,
                "snapshot"
            );
        }
        let end = Position {
            lsn: self.source.lsn,
            commit_time_us: self.source.commit_time_us,
        };
        self.publisher.commit(ticket, end);
        while !self.publisher.is_idle() {
            self.pause().await?;
        }
        Ok(self.router)
    }

    async fn publish_table(
        &mut self,
        db: &mut PgConnection,
        ticket: Ticket,
        table: &Described,
    ) -> Result<u64, Parted> {
        let target = self.router.target(&table.relation)?;
        let width = table.relation.columns.len();
        let mut count = 0;
        // The simple protocol: values come as text, just as the stream has them, and row by row.
        let mut rows = sqlx::raw_sql(store::rows_sql(&table.relation)).fetch(db);
        while let Some(row) = rows.try_next().await? {
            let mut cells = Vec::with_capacity(width);
            for index in 0..width {
                let value = row.try_get_raw(index)?;
                let text = || value.as_str().map_err(sqlx::Error::Decode);
                cells.push(if sqlx::ValueRef::is_null(&value) {
                    Cell::Null
                } else {
                    Cell::Text(text()?)
                });
            }
            while !self.publisher.has_room() {
                self.pause().await?;
            }
            let cells = cells.iter().copied();
            match &target {
                Target::Ignored => {}
                Target::Outbox(layout) => {
                    self.router
                        .outbox_row(&self.publisher, ticket, *layout, cells)
                        .await?;
                }
                Target::Rows(table) => {
                    self.router
                        .snapshot_row(&self.publisher, ticket, table, &self.source, cells)?;
                }
            }
            count += 1;
            if count % ROWS_BETWEEN_LOOKS == 0 {
                self.look()?;
            }
        }
        Ok(count)
    }

    fn look(&self) -> Result<(), Parted> {
        if self.tasks.is_stopping() {
            Err(Parted::Stopping)
        } else {
            self.publisher.check()
        }
    }

    async fn pause(&self) -> Result<(), Parted> {
        self.look()?;
        tokio::time::sleep(FULL_PAUSE).await;
        Ok(())
    }
}
