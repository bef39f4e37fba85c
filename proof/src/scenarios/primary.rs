//! Faults that change the database under running processes: another primary, another schema.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tests::{TARGETS, until};

use crate::servers::{Server, command};
use crate::world::{Outcome, World, note};

/// How long the way to the database leads to a standby that is not promoted yet.
const UNDECIDED: Duration = Duration::from_secs(4);
/// Answers that the clients must get between two steps.
const PROGRESS: u64 = 50;

/// F26: the primary dies, its synchronous standby takes over, and the old primary comes back.
pub(crate) async fn f26() -> anyhow::Result<Outcome> {
    let world = World::start(crate::world::Plan::default()).await?;
    let servers = &world.servers;
    let standby = servers.start_standby()?;
    servers.sql("alter system set synchronous_standby_names = 'bellhop_standby'")?;
    servers.sql("select pg_reload_conf()")?;
    let state = "select sync_state from pg_stat_replication where application_name = 'bellhop_standby'";
    until("the standby is synchronous", async || {
        (servers.sql(state).ok()? == "sync").then_some(())
    })
    .await;
    world.load.progress(PROGRESS).await;
    servers.kill(Server::Postgres)?;
    // Whoever leads clients to the database is faster than whoever promotes.
    world.proxies.lead("postgres", &standby).await?;
    tokio::time::sleep(UNDECIDED).await;
    servers.promote_standby()?;
    let healed = Instant::now();
    let back = world.works_since(healed).await?;
    note(format!(
        "{} s with a standby alone; a booking {} ms after it was promoted",
        UNDECIDED.as_secs(),
        back.as_millis()
    ));
    servers.start(Server::Postgres)?;
    // Nothing follows it any more, and the test's database in it has to be removed.
    servers.sql("alter system reset synchronous_standby_names")?;
    servers.sql("select pg_reload_conf()")?;
    world.load.progress(PROGRESS).await;
    let visitors = servers.sql("select count(*) from pg_stat_activity where usename like 'bellhop%'")?;
    ensure!(
        visitors == "0",
        "{visitors} sessions are with the old primary, which came back"
    );
    note("the old primary came back, and nobody speaks to it");
    world.comes_to_rest(healed).await
}

/// Every table of ours, for a statement about each. The days of an outbox have its columns.
const EACH_TABLE: &str = "select format(%L, n.nspname, c.relname) from pg_class c \
     join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and not c.relispartition \
     and n.nspname !~ '^(pg_|information_schema$|public$)' \
     and c.relname not like '\\_sqlx%' order by 1";

/// F38: every table grows a column under processes that do not know it, the processes are started again on
/// what they do not know, as after a deployment that was taken back, and the columns go away again.
pub(crate) async fn f38() -> anyhow::Result<Outcome> {
    let mut world = World::start(crate::world::Plan::default()).await?;
    let tables = change_each(
        &world,
        "alter table %I.%I add column proof_new text default 'new'",
    )?;
    world.load.progress(PROGRESS).await;
    note(format!("{tables} tables have a column more; bookings went on"));
    for target in TARGETS {
        world.platform.kill_target(target);
        world.platform.run(target);
    }
    let restarted = Instant::now();
    note(format!(
        "every process was started again on them; a booking {} ms after",
        world.works_since(restarted).await?.as_millis()
    ));
    world.load.progress(PROGRESS).await;
    change_each(&world, "alter table %I.%I drop column proof_new")?;
    note("the columns are gone again");
    world.comes_to_rest(Instant::now()).await
}

/// Changes each table in a transaction of its own, which waits a second for its lock at most and comes again,
/// as a migration of tables in use must. Answers how many.
fn change_each(world: &World, statement: &str) -> anyhow::Result<usize> {
    let url = world.database_url()?;
    let psql = |sql: &str| {
        command(
            "psql",
            &["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", &url, "-c", sql],
        )
    };
    let each = EACH_TABLE.replace("%L", &format!("'{}'", statement.replace('\'', "\'\'")));
    let statements = psql(&each)?;
    for statement in statements.lines() {
        let patient = format!("set lock_timeout = '1s'; {statement}");
        let mut tries = 1;
        while let Err(error) = psql(&patient) {
            ensure!(tries < 20, "{error:#}");
            tries += 1;
        }
    }
    Ok(statements.lines().count())
}
