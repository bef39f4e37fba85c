//! What the consumer promises, one test each, on a real Kafka and a real Postgres.

use sqlx::{Executor as _, PgPool};

use super::*;
use crate::envelope::Envelope;
use crate::testing::{
    Broker, Clerk, Fate, ORDERS, Order, Process, SHOP, handled, new_id, open_shop, texts, until,
    until_handled,
};

/// A shop whose messages are in one partition, so that they come in order.
pub(super) async fn shop(pool: &PgPool) -> (Broker, Arc<Clerk>) {
    open_shop(pool).await;
    (Broker::with(1).await, Arc::default())
}

pub(super) async fn receipts(pool: &PgPool) -> Vec<String> {
    let sql = "select aggregateid from shop.outbox where aggregatetype = 'receipts' order by id";
    texts(pool, sql).await
}

/// What was set aside, as JSON.
pub(super) async fn dead(pool: &PgPool) -> Vec<serde_json::Value> {
    let sql = "select json_build_object('topic', aggregatetype, 'key', aggregateid, 'type', type, 'body', payload)::text
               from shop.outbox where aggregatetype like '%.dead' order by id";
    let rows = texts(pool, sql).await;
    rows.iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

pub(super) async fn inbox(pool: &PgPool) -> Vec<String> {
    texts(pool, "select message_id::text from shop.inbox order by 1").await
}

#[sqlx::test(migrations = false)]
async fn a_batch_its_answers_and_its_inbox_are_one_commit(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    let id = broker.order(0, "one");
    // Each try writes before it fails: nothing of it may stay.
    clerk.expect("one", &[Fate::Transient, Fate::Transient, Fate::Transient]);
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["one"]).await;
    until("the commit is told", async || {
        (process.clerk.told() == ["one"]).then_some(())
    })
    .await;
    assert_eq!(process.clerk.tries_of("one"), 4);
    assert_eq!(receipts(&pool).await, ["one"]);
    assert_eq!(inbox(&pool).await, [id.to_string()]);
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_message_that_comes_again_is_not_handled_again(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    let first = new_id();
    // Twice in one batch, before anybody listens: the first one counts.
    for name in ["first", "the same id again"] {
        broker.order_as(0, first, name);
    }
    broker.order(0, "second");
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["first", "second"]).await;
    // And later, in a batch of its own.
    broker.order_as(0, first, "first");
    broker.order(0, "third");
    until_handled(&pool, &["first", "second", "third"]).await;
    assert_eq!(receipts(&pool).await, ["first", "second", "third"]);
    assert_eq!(inbox(&pool).await.len(), 3);
    broker.until_committed(0, 5).await;
    assert!(process.stop().await);
    // Nor by another process that begins from the first offset, as after a loss of the offsets.
    let broker = Broker::with(1).await;
    broker.order_as(0, first, "first");
    broker.order(0, "fourth");
    let process = Process::start(&broker, &pool, "1", Arc::default());
    until_handled(&pool, &["first", "second", "third", "fourth"]).await;
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn many_messages_are_handled_once_each_in_their_order_in_batches(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    let names: Vec<String> = (0..1_300).map(|at| format!("{at:04}")).collect();
    for name in &names {
        broker.raw(0, Some(&new_id().to_string()), &format!(r#"{{"name":"{name}"}}"#));
    }
    broker.flush();
    let process = Process::start(&broker, &pool, "1", clerk);
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    until_handled(&pool, &wanted).await;
    let tries = process.clerk.tries();
    assert_eq!(tries.concat(), wanted, "once each, in order");
    assert!(
        tries.iter().all(|batch| batch.len() <= kafka::BATCH_MAX),
        "no transaction is larger"
    );
    assert!(
        tries.len() < 200,
        "what is there already shares a transaction: {}",
        tries.len()
    );
    broker.until_committed(0, 1_300).await;
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_superseded_batch_is_tried_again_until_kafka_takes_it_away(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    broker.order(0, "one");
    clerk.expect("one", &[Fate::Superseded, Fate::Superseded]);
    let process = Process::start(&broker, &pool, "1", clerk);
    until("it was superseded", async || {
        (process.clerk.tries_of("one") == 1).then_some(())
    })
    .await;
    assert!(handled(&pool).await.is_empty());
    // Kafka says nothing, so it is ours: handled once the other one lets it be.
    until_handled(&pool, &["one"]).await;
    assert_eq!(process.clerk.tries_of("one"), 3);
    assert!(
        dead(&pool).await.is_empty(),
        "being superseded says nothing about a message"
    );
    broker.until_committed(0, 1).await;
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_message_tried_alone_that_is_superseded_is_not_set_aside_either(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    broker.order(0, "one");
    let mut fates = vec![Fate::Final];
    fates.extend([Fate::Superseded; 2]);
    clerk.expect("one", &fates);
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["one"]).await;
    assert!(dead(&pool).await.is_empty());
    assert!(process.stop().await);
}

/// A consumer without Kafka: its deliveries come by hand.
fn by_hand(pool: &PgPool) -> (Consumer<Clerk>, mpsc::Sender<Delivery>, mpsc::Receiver<Delivery>) {
    let (news, deliveries) = mpsc::channel(4);
    let consumer = Consumer {
        schema: SHOP,
        pool: pool.clone(),
        participant: Arc::new(Clerk::default()),
        tasks: crate::Tasks::new(),
        tracer: Tracer::default(),
    };
    (consumer, news, deliveries)
}

fn received(name: &str) -> Received {
    Received {
        topic: ORDERS.to_owned(),
        partition: 0,
        offset: 7,
        key: Vec::new(),
        message_id: Some(new_id()),
        kind: None,
        payload: format!(r#"{{"name":"{name}"}}"#).into_bytes(),
        envelope: Envelope::default(),
    }
}

#[sqlx::test(migrations = false)]
async fn a_message_alone_that_takes_too_long_is_no_bad_message_however_often(pool: PgPool) {
    open_shop(&pool).await;
    let (consumer, _news, _deliveries) = by_hand(&pool);
    let of = |name| vec![decode::<Order>(&received(name)).unwrap()];
    let often = usize::try_from(TIMEOUTS_TOGETHER).unwrap() + 1;
    consumer.participant.expect("slow", &vec![Fate::Timeout; often]);
    let alone = consumer.until_settled(&Arc::new(of("slow"))).await;
    assert!(matches!(alone, Some(Ok(()))), "{alone:?}");
    assert_eq!(consumer.participant.tries_of("slow"), often + 1);
    // Together with another one it is: whose fault it is shows when each is tried alone.
    consumer.participant.expect("slow", &vec![Fate::Timeout; often]);
    let together = Arc::new([of("other"), of("slow")].concat());
    let together = consumer.until_settled(&together).await;
    assert!(matches!(together, Some(Err(error)) if error.is_timeout()));
}

#[sqlx::test(migrations = false)]
async fn a_superseded_batch_that_kafka_takes_away_is_dropped_and_told(pool: PgPool) {
    open_shop(&pool).await;
    let (consumer, news, mut deliveries) = by_hand(&pool);
    consumer.participant.expect("one", &[Fate::Superseded; 50]);
    let partitions = vec![(ORDERS.to_owned(), 0)];
    // Partitions that come are no reason to drop it; those that go are.
    news.send(Delivery::Assigned(partitions.clone())).await.unwrap();
    news.send(Delivery::Revoked(partitions.clone())).await.unwrap();
    assert!(consumer.batch_or_news(&[received("one")], &mut deliveries).await);
    assert_eq!(
        consumer.participant.tries_of("one"),
        2,
        "again after what came, not after what went"
    );
    assert_eq!(
        consumer.participant.news(),
        [(true, partitions.clone()), (false, partitions)]
    );
    assert!(handled(&pool).await.is_empty() && inbox(&pool).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn a_batch_that_a_stop_interrupts_is_not_handled(pool: PgPool) {
    open_shop(&pool).await;
    let fates = [Fate::Superseded, Fate::Transient, Fate::Final];
    for (at, fate) in fates.into_iter().enumerate() {
        let (consumer, _news, mut deliveries) = by_hand(&pool);
        let name = format!("{at}");
        consumer.participant.expect(&name, &[fate; 100]);
        if fate == Fate::Final {
            pool.execute("drop table shop.outbox").await.unwrap();
        }
        let stopping = async {
            until("it is tried", async || {
                (consumer.participant.tries_of(&name) > 1).then_some(())
            })
            .await;
            consumer.tasks.stop();
        };
        let batch = [received(&name)];
        let (handled, ()) = tokio::join!(consumer.batch_or_news(&batch, &mut deliveries), stopping);
        assert!(!handled, "{fate:?}");
    }
    // Also one that cannot be read while its dead letter cannot be written.
    let (consumer, _news, mut deliveries) = by_hand(&pool);
    let mut bad = received("x");
    bad.message_id = None;
    consumer.tasks.stop();
    assert!(!consumer.batch_or_news(&[bad], &mut deliveries).await);
    assert!(inbox(&pool).await.is_empty());
}

#[sqlx::test(migrations = false)]
async fn what_a_stop_interrupted_comes_again_after_the_restart(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    broker.order(0, "done");
    let process = Process::start(&broker, &pool, "1", clerk);
    until_handled(&pool, &["done"]).await;
    broker.until_committed(0, 1).await;
    process.clerk.expect("interrupted", &[Fate::Transient; 100]);
    broker.order(0, "interrupted");
    until("it is tried", async || {
        (process.clerk.tries_of("interrupted") > 1).then_some(())
    })
    .await;
    assert!(
        process.stop().await,
        "the process ends while the transaction fails"
    );
    assert_eq!(handled(&pool).await, ["done"]);
    // Whoever restarts under the name takes over at once, and begins with what was not handled.
    let clerk = Arc::new(Clerk::default());
    let again = Process::start(&broker, &pool, "1", Arc::clone(&clerk));
    until_handled(&pool, &["done", "interrupted"]).await;
    assert_eq!(clerk.tries(), [["interrupted"]], "and with nothing else");
    broker.until_committed(0, 2).await;
    assert!(again.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_stop_waits_for_the_transaction_that_is_under_way(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    clerk.expect("slow", &[Fate::Held]);
    broker.order(0, "slow");
    let process = Process::start(&broker, &pool, "1", Arc::clone(&clerk));
    until("it is under way", async || {
        (clerk.tries_of("slow") == 1).then_some(())
    })
    .await;
    process.parts.tasks.stop();
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        clerk.let_go();
    };
    let (drained, ()) = tokio::join!(process.parts.tasks.drained(), letting_go);
    assert!(drained);
    assert_eq!(
        handled(&pool).await,
        ["slow"],
        "it was done when the process said that it had stopped"
    );
    assert_eq!(clerk.told(), ["slow"]);
}

#[sqlx::test(migrations = false)]
async fn offsets_of_partitions_that_went_meanwhile_are_not_kept(pool: PgPool) {
    let (broker, clerk) = shop(&pool).await;
    clerk.expect("held", &[Fate::Held]);
    broker.order(0, "held");
    let first = Process::start(&broker, &pool, "9", Arc::clone(&clerk));
    until("the first has it", async || {
        (clerk.tries_of("held") == 1).then_some(())
    })
    .await;
    // The group gives the partition to the one whose name comes first.
    let other = Arc::new(Clerk::default());
    other.expect("held", &[Fate::Held]);
    let second = Process::start(&broker, &pool, "1", Arc::clone(&other));
    until("the second has the partition", async || {
        other.is_assigned().then_some(())
    })
    .await;
    clerk.let_go();
    until_handled(&pool, &["held"]).await;
    until("the first heard of it", async || {
        (!clerk.is_assigned()).then_some(())
    })
    .await;
    // The message was read before the partition went, so it is read again by the second, which meets it in the inbox
    // when it has done all the rest.
    until("the second is at it", async || {
        (other.tries_of("held") == 1).then_some(())
    })
    .await;
    other.let_go();
    broker.order(0, "next");
    until_handled(&pool, &["held", "next"]).await;
    assert_eq!(other.told(), ["next"], "the inbox knew the first one");
    assert_eq!(clerk.told(), ["held"]);
    broker.until_committed(0, 2).await;
    assert!(first.stop().await && second.stop().await);
}

#[sqlx::test(migrations = false)]
async fn a_long_transaction_loses_nothing_of_what_comes_meanwhile(pool: PgPool) {
    open_shop(&pool).await;
    let (broker, clerk) = (Broker::with(3).await, Arc::new(Clerk::default()));
    clerk.expect("long", &[Fate::Held]);
    broker.order(0, "long");
    let process = Process::start(&broker, &pool, "1", Arc::clone(&clerk));
    until("it is under way", async || {
        (clerk.tries_of("long") == 1).then_some(())
    })
    .await;
    // Longer than the wait after which the partitions are paused and polled.
    for round in 0..25 {
        for partition in 0..3 {
            broker.order(partition, &format!("{partition}-{round:02}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(clerk.tries().len(), 1, "one batch at a time");
    clerk.let_go();
    until("all are handled", async || {
        (handled(&pool).await.len() == 76).then_some(())
    })
    .await;
    for partition in 0..3 {
        let prefix = format!("{partition}-");
        let names = handled(&pool).await;
        let mine = names.iter().filter(|name| name.starts_with(&prefix));
        let wanted: Vec<String> = (0..25).map(|round| format!("{prefix}{round:02}")).collect();
        assert!(mine.eq(wanted.iter()), "in the order of the partition");
    }
    broker.until_committed(0, 26).await;
    assert!(process.stop().await);
}

#[sqlx::test(migrations = false)]
async fn partitions_that_were_paused_are_read_again_once_they_went_and_came_back(pool: PgPool) {
    open_shop(&pool).await;
    let (broker, clerk) = (Broker::with(2).await, Arc::new(Clerk::default()));
    clerk.expect("taken over", &[Fate::Superseded; 1_000]);
    broker.order(0, "taken over");
    let first = Process::start(&broker, &pool, "9", Arc::clone(&clerk));
    until(
        "the batch has taken so long that the partitions are paused",
        async || (clerk.tries_of("taken over") >= 3).then_some(()),
    )
    .await;
    // The group takes both partitions away, gives the first to the one whose name comes first, and the other back.
    let second = Process::start(&broker, &pool, "1", Arc::default());
    until("a partition came back", async || {
        (clerk.news().len() > 1 && clerk.is_assigned()).then_some(())
    })
    .await;
    for partition in 0..2 {
        broker.order(partition, &format!("next of {partition}"));
    }
    until("all are handled", async || {
        (handled(&pool).await.len() == 3).then_some(())
    })
    .await;
    assert_eq!(clerk.told(), ["next of 1"]);
    assert!(first.stop().await && second.stop().await);
}
