//! What may pass and what never will, by what a real Postgres says.

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
