//! What a transaction costs: the statements that it runs and the rows that it writes. For tests that bound both, so that
//! nobody adds one unseen; a bound on time would say nothing on a busy machine.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Once;

use sqlx::PgConnection;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::db::Broken;
use crate::outbox::Schema;

thread_local! {
    /// What was heard on this thread, while somebody listens there.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Hears every statement that this thread runs on pools that log their statements, as those of `sqlx::test` do and
/// those of a service do not, until it is dropped.
#[must_use = "what is dropped hears nothing"]
pub struct Statements {
    /// It stays on its thread.
    _here: PhantomData<*const ()>,
}

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEARD.with_borrow(|heard| f.debug_tuple("Statements").field(heard).finish())
    }
}

impl Statements {
    /// Begins to listen.
    ///
    /// One subscriber listens for all threads of the process, once and for good: with one for each, those that other
    /// tests make and drop at the same time could switch off what is logged.
    ///
    /// # Panics
    /// When the process logs already.
    pub fn heard() -> Self {
        static LISTENS: Once = Once::new();
        LISTENS.call_once(|| {
            let listens = tracing_subscriber::registry().with(Listens);
            tracing::subscriber::set_global_default(listens).expect("a test process does not log");
        });
        HEARD.set(Some(Vec::new()));
        Self { _here: PhantomData }
    }

    /// What was heard since it was asked last, but for the begin and the end of transactions, and for what each connection
    /// asks once: which row types there are.
    pub fn take(&self) -> Vec<String> {
        HEARD.with_borrow_mut(|heard| heard.as_mut().map(std::mem::take).unwrap_or_default())
    }
}

impl Drop for Statements {
    fn drop(&mut self) {
        HEARD.set(None);
    }
}

struct Listens;

impl<S: Subscriber> Layer<S> for Listens {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let listening = || HEARD.with_borrow(Option::is_some);
        if event.metadata().target() != "sqlx::query" || !listening() {
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
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            HEARD.with_borrow_mut(|heard| heard.get_or_insert_default().push(text));
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
