//! What a transaction costs: the statements that it runs and the rows that it writes. For tests that bound both, so that
//! nobody adds one unseen; a bound on time would say nothing on a busy machine.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::PgConnection;
use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::db::Broken;
use crate::outbox::Schema;

/// Hears every statement that this thread runs on pools that log their statements, as those of `sqlx::test` do and
/// those of a service do not, until it is dropped.
#[must_use = "what is dropped hears nothing"]
pub struct Statements {
    heard: Arc<Mutex<Vec<String>>>,
    _hearing: DefaultGuard,
}

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Statements").field(&*locked(&self.heard)).finish()
    }
}

impl Statements {
    /// Begins to listen.
    pub fn heard() -> Self {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let listens = tracing_subscriber::registry().with(Listens(Arc::clone(&heard)));
        Self {
            heard,
            _hearing: set_default(listens),
        }
    }

    /// What was heard since it was asked last, but for the begin and the end of transactions, and for what each connection
    /// asks once: which row types there are.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.heard))
    }
}

struct Listens(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Listens {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        let Statement { summary, whole } = statement;
        let aside = ["BEGIN", "COMMIT", "ROLLBACK", "SELECT PG_TYPE.OID"];
        if !aside
            .iter()
            .any(|words| summary.to_uppercase().starts_with(words))
        {
            let text = if whole.is_empty() { summary } else { whole };
            locked(&self.0).push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

/// A statement as sqlx logs it: its first words, and all of it if there are more.
#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Visit for Statement {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }
}

fn locked(heard: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many rows of a schema's tables this session has inserted, changed and deleted in its first transaction, which is
/// open, and in which tables. (In a later one those of the former ones may be counted too.)
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "it reads Postgres' own statistics")]
pub async fn rows_written(db: &mut PgConnection, schema: Schema) -> Result<(i64, String), Broken> {
    let sql = "select coalesce(sum(n), 0)::bigint, coalesce(string_agg(relname || ' ' || n, ', ' order by relname), '') \
               from (select relname, n_tup_ins + n_tup_upd + n_tup_del as n from pg_stat_xact_user_tables \
                     where schemaname = $1) written where n > 0";
    let written = sqlx::query_as(sql).bind(schema.0).fetch_one(db).await?;
    Ok(written)
}
