//! `bellhop migrate`: from an empty Postgres to one that the platform can run on, and forward from there.
//!
//! The administrator makes what no service may make for itself: the database, a login role and a schema
//! per module, the grants, the publication. The tables are made from `migrations/<schema>` by a role that
//! owns them and cannot log in, so no service can change a table or have a right that nobody gave it.

mod roles;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use platform::db::{DatabaseConfig, owner_of};
use sqlx::migrate::{MigrateDatabase as _, Migration, Migrator};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Postgres};

use crate::{patience, say};

/// Tries of a statement about roles, which are shared by all databases of a server and may be changed
/// by another migration at the same time.
const TRIES: u32 = 20;
/// How a migration's description begins that needs the publication to have what the migrations before it made.
const AFTER_THE_PUBLICATION: &str = "published ";
/// How long a commit waits for others, in microseconds, while another transaction is open.
const COMMIT_DELAY_US: u32 = 2_000;

platform::secret_setting! {
    /// Where and as whom to administer: a superuser's URL with the platform's database in it.
    pub AdminDatabaseUrl = "BELLHOP_ADMIN_DATABASE_URL", Refused
}

/// Settings of `bellhop migrate`.
#[derive(Args, Debug)]
pub struct Migrate {
    #[command(flatten)]
    admin_database_url: AdminDatabaseUrl,
    #[command(flatten)]
    database: DatabaseConfig,
    /// The publication that the relay reads.
    #[arg(long, env = "BELLHOP_PUBLICATION", default_value = "bellhop")]
    publication_name: String,
}

/// Who owns a schema, with its migrations. The role and the schema bear the module's name.
pub fn owners() -> [(&'static str, &'static Migrator); 7] {
    [
        ("access", &access::MIGRATOR),
        ("hotel", &hotel::MIGRATOR),
        ("inventory", &inventory::MIGRATOR),
        ("reservation", &reservation::MIGRATOR),
        ("payment", &payment::MIGRATOR),
        ("orchestrator", &orchestrator::MIGRATOR),
        ("relay", &relay::MIGRATOR),
    ]
}

impl Migrate {
    /// Brings the database up to date; safe to run again.
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses a statement.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let url = self.admin_database_url.reveal();
        if !Postgres::database_exists(url)
            .await
            .context("BELLHOP_ADMIN_DATABASE_URL: the server does not answer")?
        {
            Postgres::create_database(url).await?;
            say::line("created the database");
        }
        let mut admin = PgConnection::connect(url).await?;
        for (module, _) in owners() {
            self.role_and_schema(&mut admin, module).await?;
        }
        share_flushes(&mut admin).await;
        self.role(&mut admin, "audit", "").await?;
        let publication = relay::publication_sql(&self.publication_name);
        for (module, migrator) in owners() {
            for first in before_the_publication(migrator) {
                self.tables(module, &first).await?;
                run(&mut admin, &publication).await?;
            }
            self.tables(module, migrator).await?;
            match module {
                "orchestrator" => self.carry_runs_over().await?,
                "reservation" => self.complete_bookings().await?,
                _ => {}
            }
            say::line(format!(
                "migrations/{module}: {} applied",
                migrator.iter().count()
            ));
        }
        for statement in roles::grants() {
            run(&mut admin, &statement).await?;
        }
        run(&mut admin, &publication).await?;
        say::line(format!(
            "the publication {} names what the relay captures",
            self.publication_name
        ));
        say::line("the database is up to date");
        Ok(ExitCode::SUCCESS)
    }

    async fn role_and_schema(&self, admin: &mut PgConnection, module: &str) -> anyhow::Result<()> {
        let attributes = if module == "relay" { "replication" } else { "" };
        self.role(admin, module, attributes).await?;
        for statement in roles::owner_and_schema(module) {
            insist(admin, &statement).await?;
        }
        if roles::owns_its_tables(admin, module).await? {
            insist(admin, &roles::hand_over(module)).await?;
            say::line(format!(
                "{module}: its tables are owned by {} from now on",
                owner_of(module)
            ));
        }
        Ok(())
    }

    async fn role(&self, admin: &mut PgConnection, module: &str, attributes: &str) -> anyhow::Result<()> {
        let password = self.database.password(module)?.reveal().replace('\'', "''");
        let role = format!("bellhop_{module}");
        run(admin, &roles::made(&role)).await?;
        let wanted = format!("alter role {role} login {attributes} password '{password}'");
        insist(admin, &wanted)
            .await
            .with_context(|| format!("the role {role} could not be changed"))
    }

    /// Runs as the former release kept them become journals, once.
    async fn carry_runs_over(&self) -> anyhow::Result<()> {
        // It gives tables other names, which their owner alone may.
        let owner = DatabaseConfig::owner_options(&self.admin_database_url, "orchestrator")?;
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(owner);
        let carried = orchestrator::carry_over(&pool).await;
        let carried = carried.context("the runs of the former release could not be carried over")?;
        if let Some(runs) = carried.filter(|runs| *runs > 0) {
            say::line(format!("orchestrator: {runs} runs are journals from now on"));
        }
        Ok(())
    }

    /// Bookings that were made when there were no codes get one, and those cancelled when charges were not told apart get
    /// theirs.
    async fn complete_bookings(&self) -> anyhow::Result<()> {
        let pool = patience::pool(&self.database, "reservation")?;
        let given = reservation::give_codes(&pool).await;
        let given = given.context("the bookings of the former release could not be given codes")?;
        if given > 0 {
            say::line(format!("reservation: {given} bookings have a code from now on"));
        }
        let charged = reservation::charge_cancelled(&pool).await;
        let charged =
            charged.context("the bookings cancelled by the former release could not be charged for it")?;
        if charged > 0 {
            say::line(format!(
                "reservation: {charged} cancelled bookings have their charge from now on"
            ));
        }
        Ok(())
    }

    async fn tables(&self, module: &str, migrator: &Migrator) -> anyhow::Result<()> {
        let owner = DatabaseConfig::owner_options(&self.admin_database_url, module)?;
        let mut owner = PgConnection::connect_with(&owner)
            .await
            .with_context(|| format!("the administrator cannot act as {}", owner_of(module)))?;
        migrator
            .run(&mut owner)
            .await
            .with_context(|| format!("migrations/{module} could not be applied"))
    }
}

/// The migrations before each one that may only be applied when the publication has what they made.
fn before_the_publication(migrator: &Migrator) -> Vec<Migrator> {
    let all: Vec<_> = migrator.iter().cloned().collect();
    let later = |migration: &Migration| migration.description.starts_with(AFTER_THE_PUBLICATION);
    let cuts = (0..all.len()).filter(|at| later(&all[*at]));
    cuts.map(|cut| Migrator {
        migrations: all[..cut].to_vec().into(),
        // Those that come after, where they were applied before.
        ignore_missing: true,
        table_name: migrator.table_name.clone(),
        create_schemas: migrator.create_schemas.clone(),
        ..Migrator::DEFAULT
    })
    .collect()
}

/// Lets a commit of a busy service wait a moment for others, so that one flush of the log serves them all.
/// A managed Postgres may not allow it; then every commit flushes for itself, which is only slower.
async fn share_flushes(admin: &mut PgConnection) {
    for (module, _) in owners() {
        let statement = format!("alter role bellhop_{module} set commit_delay = {COMMIT_DELAY_US}");
        if let Err(error) = insist(admin, &statement).await {
            say::line(format!("commits do not share flushes: {error:#}"));
            return;
        }
    }
}

/// Runs a statement about a role, again when another migration changes the same role at this moment.
async fn insist(admin: &mut PgConnection, statement: &str) -> anyhow::Result<()> {
    for _ in 1..TRIES {
        match run(admin, statement).await {
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            done => return done,
        }
    }
    run(admin, statement).await
}

async fn run(db: &mut PgConnection, statement: &str) -> anyhow::Result<()> {
    db.execute(AssertSqlSafe(statement.to_owned()))
        .await
        .with_context(|| {
            format!(
                "refused: {}",
                statement.split(" password ").next().unwrap_or_default()
            )
        })?;
    Ok(())
}

/// Whether a schema is exactly as this binary knows it; answers the number of its migrations.
///
/// # Errors
/// When the role cannot log in, a migration is missing, or the schema is newer than the binary.
pub async fn check(database: &DatabaseConfig, module: &str, migrator: &Migrator) -> anyhow::Result<usize> {
    let mut service = PgConnection::connect_with(&database.options(module)?).await?;
    let sql = format!("select version from {module}._sqlx_migrations where success order by version");
    #[expect(
        clippy::disallowed_methods,
        reason = "one statement for every schema's own list of migrations"
    )]
    let applied: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(&mut service)
        .await?;
    let known: Vec<i64> = migrator.iter().map(|migration| migration.version).collect();
    if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
        anyhow::bail!(
            "schema {module} has migration {newer}, which this binary does not know; run a newer binary"
        );
    }
    anyhow::ensure!(
        applied.len() == known.len(),
        "schema {module} lacks migrations; run `bellhop migrate`"
    );
    Ok(known.len())
}
