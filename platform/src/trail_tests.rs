//! What a trail promises, on a real Postgres.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use uuid::Uuid;

use super::*;
use crate::db;
use crate::testing::{SHOP, new_id, texts};

/// How a schema's trail is made. Those of other owners are the same but for the schema's name.
const TRAIL: &str = include_str!("../../migrations/inventory/202612010320_trail.sql");
/// The same of the ends that were told.
const HEADS: &str = include_str!("../../migrations/inventory/202612011210_trail_heads.sql");

/// The rows of the trail that do not follow from the one before, as the audit looks for them.
const BROKEN: &str = include_str!("../../app/src/audit/sql/trail.sql");
/// What stands in the place of `{trails}` in it.
const TRAILS: &str = include_str!("../../app/src/audit/sql/trails.sql");

async fn laid(pool: &PgPool) {
    let others = "create table access.trail (no bigint, at timestamptz, actor text, action text, principal_id uuid, body jsonb, hash text);
         create table orchestrator.trail (no bigint, at timestamptz, actor text, action text, subject uuid, body jsonb, hash text);
         create table access.trail_head (no bigint, hash text); create table orchestrator.trail_head (no bigint, hash text);";
    let schemas = "create schema inventory; create schema access; create schema orchestrator;";
    let sql = format!(
        "create schema shop; {} {schemas} {others} {TRAIL} {HEADS}",
        TRAIL.replace("inventory.", "shop.")
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
}

async fn tell(pool: &PgPool, schema: Schema, number: usize) -> Result<(), Broken> {
    let (subject, body) = (
        new_id(),
        json!({"number": number, "reason": "it \"was\" so, \u{e9}"}),
    );
    db::unit_of_work(pool, move |db| {
        Box::pin(async move {
            let line = Line {
                actor: "staff:7",
                action: "thing_done",
                subject,
                body,
            };
            append(db, schema, &line).await
        })
    })
    .await
}

#[sqlx::test(migrations = false)]
async fn lines_that_come_at_once_have_numbers_without_a_gap_and_follow_from_each_other(pool: PgPool) {
    laid(&pool).await;
    let telling = (0..20).map(|number| tell(&pool, Schema("inventory"), number));
    for told in futures::future::join_all(telling).await {
        told.unwrap();
    }
    let numbers = texts(&pool, "select no::text from inventory.trail t order by t.no").await;
    assert_eq!(
        numbers,
        (1..=20).map(|no: i32| no.to_string()).collect::<Vec<_>>()
    );
    let broken = async || {
        texts(
            &pool,
            &format!(
                "select no::text from ({}) broken order by broken.no",
                BROKEN.replace("{trails}", TRAILS)
            ),
        )
        .await
    };
    assert!(broken().await.is_empty());
    // What was told of the end, by whoever may ask the owner for it; once.
    assert_eq!(tell_head(&pool, Schema("inventory")).await.unwrap(), Some(20));
    assert_eq!(tell_head(&pool, Schema("inventory")).await.unwrap(), None);
    assert!(broken().await.is_empty());

    // Who may do anything changes one, and takes another out: both are found.
    for (planted, found) in [
        ("update inventory.trail set body = '{}' where no = 5", vec!["5"]),
        ("delete from inventory.trail where no = 9", vec!["5", "10"]),
        ("delete from inventory.trail where no = 20", vec!["5", "10", "20"]),
    ] {
        let refused = pool.execute(planted).await.unwrap_err().to_string();
        assert!(refused.contains("only appended"), "{refused}");
        let unguarded = format!(
            "alter table inventory.trail disable trigger user; {planted}; alter table inventory.trail enable trigger user;"
        );
        pool.execute(AssertSqlSafe(unguarded)).await.unwrap();
        assert_eq!(broken().await, found, "{planted}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_line_goes_with_the_transaction_that_it_tells_of(pool: PgPool) {
    laid(&pool).await;
    let failed = db::unit_of_work::<(), Broken, _>(&pool, |db| {
        Box::pin(async move {
            let line = Line {
                actor: "staff:7",
                action: "thing_done",
                subject: Uuid::nil(),
                body: json!({}),
            };
            append(db, SHOP, &line).await?;
            Err(Broken::Inconsistent("what it tells was not done".to_owned()))
        })
    });
    failed.await.unwrap_err();
    tell(&pool, SHOP, 1).await.unwrap();
    assert_eq!(
        texts(&pool, "select no::text from shop.trail").await,
        ["1"],
        "no number is lost"
    );
}
