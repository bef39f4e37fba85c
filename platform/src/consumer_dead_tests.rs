//! What becomes of messages that fail: which are tried again, which are set aside, after how many tries, and how.

use sqlx::{Executor as _, PgPool};

use super::tests::{dead, inbox, receipts, shop};
use super::*;
use crate::testing::{Fate, ORDERS, Process, handled, new_id, until, until_handled};

#[sqlx::test(migrations = false)]
async fn a_bad_message_costs_itself_alone_after_five_tries_alone(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    broker.order(0, "before");
    let id = broker.order(0, "bad");
    broker.order(0, "after");
    clerk.expect("bad", &[Fate::Final; 20]);
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["before", "after"]).await;
    let tries = process.clerk.tries();
    let alone = tries.iter().filter(|batch| **batch == ["bad"]).count();
    assert_eq!(alone, 5, "{tries:?}");
    let mut letters = dead(&pool).await;
    let reason = letters[0]["body"]["reason"].take();
    assert!(reason.as_str().unwrap().contains("division by zero"), "{reason}");
    let key = format!("{ORDERS}/0/1");
    let wanted = serde_json::json!([{
        "topic": "orders.dead", "key": key, "type": "Dead",
        "body": {
            "reason": null, "topic": "orders", "partition": 0, "offset": 1, "message_id": id, "kind": "Order", "key": "a key",
            "payload": r#"{"name":"bad"}"#,
        },
    }]);
    assert_eq!(serde_json::Value::from(letters), wanted);
    assert_eq!(receipts(&pool).await, ["before", "after"]);
    assert!(
        inbox(&pool).await.contains(&id.to_string()),
        "it is not tried again"
    );
    broker.until_committed(0, 3).await;
    broker.order_as(0, id, "bad");
    broker.order(0, "later");
    until_handled(&pool, &["before", "after", "later"]).await;
    assert_eq!(dead(&pool).await.len(), 1);
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_message_that_recovers_before_the_fifth_try_is_handled(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    // Once together and four times alone.
    clerk.expect(
        "moody",
        &[Fate::Final, Fate::Panic, Fate::Final, Fate::Final, Fate::Panic],
    );
    broker.order(0, "moody");
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["moody"]).await;
    assert_eq!(process.clerk.tries_of("moody"), 6);
    assert!(dead(&pool).await.is_empty());
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn each_of_several_bad_messages_has_five_tries_of_its_own(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    let names = ["bad", "good", "worse", "moody"];
    for name in names {
        broker.order(0, name);
    }
    clerk.expect("bad", &[Fate::Final; 20]);
    clerk.expect("worse", &[Fate::Final; 20]);
    // The last one of its five tries alone is a good one, whatever others before it have used up.
    clerk.expect("moody", &[Fate::Final; 4]);
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["good", "moody"]).await;
    let tries = process.clerk.tries();
    let alone = names.map(|name| tries.iter().filter(|batch| **batch == [name]).count());
    assert_eq!(alone, [5, 1, 5, 5], "{tries:?}");
    assert_eq!(dead(&pool).await.len(), 2);
    broker.until_committed(0, 4).await;
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn what_may_pass_sets_nothing_aside_together_or_alone(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    broker.order(0, "one");
    broker.order(0, "bad");
    broker.order(0, "two");
    // Together, then alone after the bad one; each time more often than a bad message is tried.
    clerk.expect("one", &[Fate::Transient; 7]);
    clerk.expect("bad", &[Fate::Final; 20]);
    clerk.expect("two", &[Fate::Transient; 7]);
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["one", "two"]).await;
    let letters = dead(&pool).await;
    let keys: Vec<&str> = letters
        .iter()
        .map(|letter| letter["body"]["payload"].as_str().unwrap())
        .collect();
    assert_eq!(keys, [r#"{"name":"bad"}"#]);
    assert!(process.clerk.tries_of("two") >= 8);
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_batch_that_takes_too_long_is_tried_one_by_one_and_sets_nothing_aside(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    broker.order(0, "one");
    broker.order(0, "slow");
    broker.order(0, "two");
    clerk.expect("slow", &[Fate::Timeout; 9]);
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["one", "slow", "two"]).await;
    let tries = process.clerk.tries();
    let together = tries.iter().take_while(|batch| batch.len() > 1).count();
    assert_eq!(together, 3, "{tries:?}");
    assert_eq!(
        tries.iter().filter(|batch| **batch == ["slow"]).count(),
        7,
        "{tries:?}"
    );
    assert!(dead(&pool).await.is_empty());
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn what_cannot_be_read_is_set_aside_with_its_reason(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    let id = new_id().to_string();
    broker.raw(0, Some(&id), r#"{"name": 7}"#);
    broker.raw(0, None, r#"{"name":"no id"}"#);
    broker.raw(0, Some("no uuid"), r#"{"name":"wrong id"}"#);
    broker.raw(0, Some(&new_id().to_string()), "\0\u{1}");
    broker.order(0, "good");
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["good"]).await;
    let letters = dead(&pool).await;
    let body = |at: usize, field: &str| letters[at]["body"][field].clone();
    assert_eq!(letters.len(), 4, "{letters:?}");
    assert!(
        body(0, "reason").as_str().unwrap().contains("expected a string"),
        "{letters:?}"
    );
    assert_eq!(body(0, "message_id"), id);
    for at in [1, 2] {
        assert_eq!(body(at, "reason"), "the message has no header `id` with a UUID");
        assert!(body(at, "message_id").is_null());
    }
    assert_eq!(
        body(3, "payload"),
        "\u{fffd}\u{1}",
        "JSON of Postgres takes no NUL"
    );
    assert_eq!(body(3, "offset"), 3);
    assert_eq!(process.clerk.tries(), [["good"]], "no participant saw them");
    assert!(inbox(&pool).await.contains(&id));
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn nothing_is_skipped_while_its_dead_letter_cannot_be_written(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    pool.execute("alter table shop.outbox rename to away")
        .await
        .unwrap();
    broker.raw(0, Some(&new_id().to_string()), "not JSON");
    broker.order(0, "bad");
    clerk.expect("bad", &[Fate::Final; 8]);
    let process = Process::start(&broker, &pool, "1", Arc::clone(&clerk));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(clerk.tries().is_empty(), "what comes after waits");
    assert_eq!(broker.committed(0), None);
    pool.execute("alter table shop.away rename to outbox")
        .await
        .unwrap();
    until("the first is set aside", async || {
        (!dead(&pool).await.is_empty()).then_some(())
    })
    .await;
    // The second one: after five tries it is kept until it can be set aside, however often that takes.
    until("it is tried", async || (clerk.tries_of("bad") > 0).then_some(())).await;
    pool.execute("alter table shop.outbox rename to away")
        .await
        .unwrap();
    until("it is tried more than five times", async || {
        (clerk.tries_of("bad") > 7).then_some(())
    })
    .await;
    pool.execute("alter table shop.away rename to outbox")
        .await
        .unwrap();
    until("the second one ends", async || {
        let ended = dead(&pool).await.len() + handled(&pool).await.len();
        (ended == 2).then_some(())
    })
    .await;
    broker.until_committed(0, 2).await;
    assert!(process.stop().await);
}
