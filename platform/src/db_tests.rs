//! What a unit of work and its connections promise; what may pass and what never will, by what a real Postgres
//! says.
#![expect(clippy::disallowed_methods, reason = "tests look past the unit of work")]

use sqlx::{AssertSqlSafe, Executor as _, PgPool};

use super::*;

async fn broken(pool: &PgPool, sql: &str) -> Broken {
    let sql = sql.to_owned();
    let done = unit_of_work::<(), Broken, _>(pool, move |db| {
        Box::pin(async move {
            db.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
            Ok(())
        })
    });
    done.await.unwrap_err()
}

#[sqlx::test(migrations = false)]
async fn what_speaks_of_the_values_is_final_and_the_rest_may_pass(pool: PgPool) {
    pool.execute("create table one (id int primary key check (id > 0)); insert into one values (1)")
        .await
        .unwrap();
    for (sql, may_pass) in [
        ("select 1 / 0", false),
        ("insert into one values (1)", false),
        ("insert into one values (-1)", false),
        ("select 'x'::int", false),
        ("do $$ begin raise exception 'no'; end $$", false),
        ("select from not_migrated_yet", true),
        ("select not_there_yet from one", true),
        (
            "create role bellhop_test_nobody; set local role bellhop_test_nobody; select from one",
            true,
        ),
        ("set local statement_timeout = 1; select pg_sleep(1)", true),
        ("set transaction read only; insert into one values (2)", true),
    ] {
        let error = broken(&pool, sql).await;
        assert_eq!(error.is_transient(), may_pass, "{sql}: {error:?}");
        assert_eq!(error.is_timeout(), sql.contains("pg_sleep"), "{sql}");
    }
}

#[sqlx::test(migrations = false)]
async fn work_that_panics_does_so_again(pool: PgPool) {
    let done = unit_of_work::<(), Broken, _>(&pool, |_| Box::pin(async { panic!("planted") }));
    let error = done.await.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
}

#[test]
fn only_what_may_pass_is_tried_again() {
    let may_pass = [
        Broken::Silent,
        Broken::Overtaken("x"),
        sqlx::Error::PoolTimedOut.into(),
        sqlx::Error::PoolClosed.into(),
        sqlx::Error::WorkerCrashed.into(),
        sqlx::Error::Protocol("x".to_owned()).into(),
        sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()).into(),
    ];
    let never = [
        Broken::Inconsistent("x".to_owned()),
        Broken::Superseded("x".to_owned()),
        sqlx::Error::RowNotFound.into(),
        sqlx::Error::ColumnNotFound("x".to_owned()).into(),
    ];
    for error in &may_pass {
        assert!(error.is_transient(), "{error:?}");
    }
    for error in &never {
        assert!(!error.is_transient() && !error.is_timeout(), "{error:?}");
    }
    let timeouts = may_pass.iter().filter(|error| error.is_timeout());
    assert_eq!(timeouts.count(), 1, "being silent is taking too long");
}

#[sqlx::test(migrations = false)]
async fn work_that_is_done_stays_and_work_that_is_not_leaves_nothing(pool: PgPool) {
    pool.execute("create table one (id int constraint one_only unique)")
        .await
        .unwrap();
    let insert = |fails: bool| {
        unit_of_work::<i32, Broken, _>(&pool, move |db| {
            Box::pin(async move {
                db.execute("insert into one values (1)").await?;
                if fails {
                    Err(Broken::Overtaken("planted"))
                } else {
                    Ok(7)
                }
            })
        })
    };
    assert!(matches!(insert(true).await, Err(Broken::Overtaken("planted"))));
    assert_eq!(rows(&pool).await, 0);
    assert_eq!(insert(false).await.unwrap(), 7);
    assert_eq!(rows(&pool).await, 1);
    let twice = insert(false).await.unwrap_err();
    assert_eq!(twice.constraint(), Some("one_only"));
    assert_eq!(Broken::Silent.constraint(), None);
    assert_eq!(open_transactions(&pool).await, 0);
}

async fn rows(pool: &PgPool) -> usize {
    crate::testing::texts(pool, "select id::text from one")
        .await
        .len()
}

/// Sessions of this database that sit in a transaction without speaking.
async fn open_transactions(pool: &PgPool) -> usize {
    let sql =
        "select state from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    crate::testing::texts(pool, sql).await.len()
}

#[sqlx::test(migrations = false)]
async fn a_caller_that_goes_away_interrupts_no_transaction(pool: PgPool) {
    pool.execute("create table one (id int)").await.unwrap();
    for round in 0..30_u64 {
        let unit = unit_of_work::<(), Broken, _>(&pool, |db| {
            Box::pin(async move {
                db.execute("insert into one values (1); select pg_sleep(0.005)")
                    .await?;
                db.execute("insert into one values (2)").await?;
                Ok(())
            })
        });
        // Given up at another place each time, or not at all.
        let _ = tokio::time::timeout(Duration::from_micros(300 * round), unit).await;
    }
    crate::testing::until("what was begun is done, and all of it", async || {
        let whole = rows(&pool).await.is_multiple_of(2);
        (whole && open_transactions(&pool).await == 0).then_some(())
    })
    .await;
    crate::testing::until("no connection is lost", async || {
        (pool.num_idle() == pool.size() as usize).then_some(())
    })
    .await;
    assert!(rows(&pool).await >= 2);
}

#[sqlx::test(migrations = false)]
async fn work_that_never_ends_is_given_up_and_rolled_back(pool: PgPool) {
    pool.execute("create table one (id int)").await.unwrap();
    let unit = unit_of_work_within::<(), Broken, _>(&pool, Duration::from_millis(50), |db| {
        Box::pin(async move {
            db.execute("insert into one values (1)").await?;
            std::future::pending().await
        })
    });
    let error = crate::testing::soon("it is given up", unit).await.unwrap_err();
    assert!(matches!(error, Broken::Silent), "{error:?}");
    crate::testing::until("nothing is left open", async || {
        (open_transactions(&pool).await == 0).then_some(())
    })
    .await;
    assert_eq!(rows(&pool).await, 0);
    assert!(
        UNIT_TIMEOUT > Duration::from_millis(STATEMENT_TIMEOUT_MS.into()),
        "its statements end before"
    );
}

/// Which session of the server a connection is.
async fn session(connection: &mut PgConnection) -> i32 {
    let id = sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection);
    id.await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_was_away_too_long_is_not_given_back(pool: PgPool) {
    let mut first = lease(&pool).await.unwrap();
    let used = session(&mut first).await;
    drop(first);
    crate::testing::until("it is back", async || {
        (pool.num_idle() == pool.size() as usize).then_some(())
    })
    .await;
    let size = pool.size();
    let mut again = lease(&pool).await.unwrap();
    let again_used = session(&mut again).await;
    if size == 1 {
        assert_eq!(again_used, used, "a connection is used again");
    }
    again.since = Instant::now().checked_sub(Duration::from_secs(16)).unwrap();
    drop(again);
    crate::testing::until("its session ends", async || {
        let sql = format!("select 'there' from pg_stat_activity where pid = {again_used}");
        crate::testing::texts(&pool, &sql).await.is_empty().then_some(())
    })
    .await;
}

#[sqlx::test(migrations = false)]
async fn a_module_s_connections_have_its_role_and_bounds(pool: PgPool) {
    #[derive(clap::Parser)]
    struct Settings {
        #[command(flatten)]
        database: DatabaseConfig,
    }
    let url = "postgres://who:secret@db.example:6543/shop";
    let settings = <Settings as clap::Parser>::parse_from(["x", "--database-url", url]).database;
    let options = settings.options("shop").unwrap();
    assert_eq!(options.get_username(), "bellhop_shop");
    assert_eq!(
        (options.get_host(), options.get_port(), options.get_database()),
        ("db.example", 6543, Some("shop"))
    );
    assert_eq!(options.get_application_name(), Some("bellhop_shop"));
    assert!(!format!("{settings:?}").contains("secret-password"));

    // The bounds as a server takes them, by the options of this very configuration.
    let own = pool.connect_options();
    let given = options
        .host(own.get_host())
        .port(own.get_port())
        .username(own.get_username());
    let given = given
        .database(own.get_database().unwrap())
        .password(&password_of(&own));
    let mut session = PgConnection::connect_with(&given.options(PLANNING))
        .await
        .unwrap();
    for (setting, wanted) in [
        ("statement_timeout", "15s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("jit", "off"),
    ] {
        let shown: String = sqlx::query_scalar(AssertSqlSafe(format!("show {setting}")))
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(shown, wanted, "{setting}");
    }
    primary_only(&mut session).await.unwrap();
}

/// The password of the tests' server, which its URL bears.
fn password_of(options: &PgConnectOptions) -> String {
    let url = options.to_url_lossy();
    url.password().unwrap_or_default().to_owned()
}
