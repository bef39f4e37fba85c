//! What outbox, inbox and their housekeeping promise, on a real Postgres.

use sqlx::{Executor as _, PgPool};

use super::*;
use crate::testing::{SHOP, new_id, open_shop, soon, texts, until};

#[sqlx::test(migrations = false)]
async fn messages_are_written_in_order_as_they_are(pool: PgPool) {
    open_shop(&pool).await;
    let body = serde_json::json!({"name": "Søren \"'\\ 1e400", "at": 9_007_199_254_740_993_i64});
    let messages: Vec<Outgoing> = (0..3)
        .map(|at| Outgoing::new("topic", format!("key {at}"), "Kind", &body).unwrap())
        .collect();
    let mut db = pool.acquire().await.unwrap();
    write(&mut db, SHOP, &messages).await.unwrap();
    write(&mut db, SHOP, &[]).await.unwrap();
    drop(db);
    let sql =
        "select concat_ws('|', id, aggregatetype, aggregateid, type, payload) from shop.outbox order by id";
    let wanted: Vec<String> = messages
        .iter()
        .map(|message| format!("{}|topic|{}|Kind|{}", message.id, message.key, message.payload))
        .collect();
    assert_eq!(
        texts(&pool, sql).await,
        wanted,
        "ids in the order of making, bodies byte for byte"
    );
}

#[sqlx::test(migrations = false)]
async fn what_travels_beside_a_message_stands_beside_it_and_is_null_where_there_is_none(pool: PgPool) {
    open_shop(&pool).await;
    let message = || Outgoing::new("topic", "key", "Kind", &1).unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let envelope = Envelope {
        actor: Some("partner-7".to_owned()),
        trace: Traceparent::read(trace),
        deadline: chrono::DateTime::from_timestamp_millis(1_796_000_000_123),
    };
    let messages = [
        message(),
        message().within(envelope.clone()),
        message().within(envelope.onward()),
    ];
    let mut db = pool.acquire().await.unwrap();
    write(&mut db, SHOP, &messages).await.unwrap();
    drop(db);
    let sql = "select format('%s|%s|%s', actor, traceparent, deadline_ms) from shop.outbox order by id";
    let wanted = [
        "||".to_owned(),
        format!("partner-7|{trace}|1796000000123"),
        format!("partner-7|{trace}|"),
    ];
    assert_eq!(texts(&pool, sql).await, wanted);
}

#[sqlx::test(migrations = false)]
async fn what_is_heard_is_heard_once_and_all_of_it_or_nothing(pool: PgPool) {
    open_shop(&pool).await;
    let [old, new, other] = [new_id(), new_id(), new_id()];
    let mut db = pool.acquire().await.unwrap();
    let _ = hear(&mut db, SHOP, &[old]).await.unwrap();
    let known = heard(&mut db, SHOP, &[new, old, other]).await.unwrap();
    assert_eq!(known, HashSet::from([old]));
    let again = hear(&mut db, SHOP, &[new, old, other]).await.unwrap_err();
    assert!(was_heard(&again) && !again.is_transient(), "{again:?}");
    let known = heard(&mut db, SHOP, &[new, old, other]).await.unwrap();
    assert_eq!(known, HashSet::from([old]), "nothing of it was written");
    let _ = hear(&mut db, SHOP, &[new, other]).await.unwrap();
    // Whoever writes the inbox with the rest says how many rows that were.
    let few = Heard::written(1, &[new, other]).unwrap_err();
    assert!(
        !was_heard(&few) && matches!(few, Broken::Inconsistent(_)),
        "{few:?}"
    );
}

/// Rows that are so old, in both tables, named by their age.
async fn aged(pool: &PgPool, ages: &[&str]) {
    for age in ages {
        let sql = format!(
            "insert into shop.outbox_former values (gen_random_uuid(), '{age}', '', '', '{{}}', now() - interval '{age}');
             insert into shop.inbox values (gen_random_uuid(), now() - interval '{age}')"
        );
        pool.execute(AssertSqlSafe(sql)).await.unwrap();
    }
}

/// The ages of an inbox's rows in whole hours.
async fn inbox_hours(pool: &PgPool) -> Vec<String> {
    let sql = "select round(extract(epoch from now() - handled_at) / 3600)::text from shop.inbox order by handled_at";
    texts(pool, sql).await
}

#[sqlx::test(migrations = false)]
async fn an_outbox_is_kept_three_days_and_an_inbox_two_more(pool: PgPool) {
    open_shop(&pool).await;
    let ages = [
        "500 hours",
        "120 hours 1 minute",
        "119 hours 59 minutes",
        "72 hours 1 minute",
        "71 hours 59 minutes",
        "0 hours",
    ];
    aged(&pool, &ages).await;
    tidy(&pool, SHOP).await.unwrap();
    let former = "select aggregatetype from shop.outbox_former order by created_at";
    assert_eq!(texts(&pool, former).await, ["71 hours 59 minutes", "0 hours"]);
    // A message that is still in its outbox may be published again, and is recognised.
    assert_eq!(inbox_hours(&pool).await, ["120", "72", "72", "0"]);
    tidy(&pool, SHOP).await.unwrap();
    assert_eq!(inbox_hours(&pool).await.len(), 4);
}

#[sqlx::test(migrations = false)]
async fn many_rows_go_in_batches_beside_somebody_who_is_busy_with_one(pool: PgPool) {
    open_shop(&pool).await;
    pool.execute(
        "insert into shop.inbox select gen_random_uuid(), now() - interval '121 hours' from generate_series(1, 12000);
         insert into shop.inbox select gen_random_uuid(), now() from generate_series(1, 7);
         create table shop.sizes (deleted bigint);
         create function shop.note() returns trigger language plpgsql as
             $$ begin insert into shop.sizes select count(*) from gone; return null; end $$;
         create trigger note after delete on shop.inbox referencing old table as gone
             for each statement execute function shop.note()",
    )
    .await
    .unwrap();
    let mut busy = pool.acquire().await.unwrap();
    busy.execute(
        "begin; select from shop.inbox where handled_at < now() - interval '1 hour' order by message_id limit 1 for update",
    )
    .await
    .unwrap();
    let both = async { tokio::join!(tidy(&pool, SHOP), tidy(&pool, SHOP)) };
    let (one, two) = soon("the housekeeping ends", both).await;
    one.unwrap();
    two.unwrap();
    assert_eq!(
        texts(&pool, "select count(*)::text from shop.inbox").await,
        ["8"],
        "new ones, and the one that is locked"
    );
    busy.execute("commit").await.unwrap();
    let largest = texts(&pool, "select max(deleted)::text from shop.sizes").await;
    assert_eq!(largest, ["5000"], "no statement removes more");
    tidy(&pool, SHOP).await.unwrap();
    assert_eq!(texts(&pool, "select count(*)::text from shop.inbox").await, ["7"]);
}

#[sqlx::test(migrations = false)]
async fn a_table_that_cannot_be_tidied_does_not_keep_the_other_from_it(pool: PgPool) {
    for (broken, kept) in [("outbox_former", "inbox"), ("inbox", "outbox_former")] {
        pool.execute("drop schema if exists shop cascade").await.unwrap();
        open_shop(&pool).await;
        aged(&pool, &["121 hours", "1 hour"]).await;
        let away = format!("alter table shop.{broken} rename to away");
        pool.execute(AssertSqlSafe(away)).await.unwrap();
        assert!(tidy(&pool, SHOP).await.is_err(), "{broken} is told");
        let left = texts(&pool, &format!("select count(*)::text from shop.{kept}")).await;
        assert_eq!(left, ["1"], "{kept}");
    }
}

#[sqlx::test(migrations = false)]
async fn the_housekeeping_goes_on_until_the_process_stops(pool: PgPool) {
    open_shop(&pool).await;
    let tasks = Tasks::new();
    keep_tidy_every(&tasks, &pool, SHOP, Duration::from_millis(20));
    for round in 0..2 {
        aged(&pool, &["130 hours", "1 hour"]).await;
        until("the old row goes", async || {
            (inbox_hours(&pool).await.len() == round + 1).then_some(())
        })
        .await;
        // A round that fails is not the last one.
        pool.execute("alter table shop.outbox rename to away")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        pool.execute("alter table shop.away rename to outbox")
            .await
            .unwrap();
    }
    tasks.stop();
    assert!(tasks.drained().await);
}
