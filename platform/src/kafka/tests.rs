//! What the consuming side promises to whoever takes its batches, on a real Kafka.

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{Broker, ORDERS, SHOP, new_id, soon, until};

#[tokio::test]
async fn topics_are_made_once_and_missed_by_their_plain_names() {
    let broker = Broker::with(2).await;
    let kept = vec![("cleanup.policy", "compact".to_owned())];
    let wanted = [
        (ORDERS.to_owned(), 2, Vec::new()),
        ("replies".to_owned(), 3, kept),
    ];
    assert_eq!(broker.kafka.missing_topics(&wanted).await.unwrap(), ["replies"]);
    for _ in 0..2 {
        broker.kafka.create_topics(&wanted).await.unwrap();
    }
    until("both are there", async || {
        broker
            .kafka
            .missing_topics(&wanted)
            .await
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
    assert_eq!(broker.kafka.partitions("replies").await.unwrap(), Some(3));
    assert_eq!(broker.kafka.partitions("none").await.unwrap(), None);
    let elsewhere = Broker::with(1).await;
    assert_eq!(
        elsewhere.kafka.missing_topics(&wanted).await.unwrap(),
        ["replies"],
        "a namespace sees its own"
    );
}

#[tokio::test]
async fn a_topic_of_a_former_release_is_read_from_when_it_is_there() {
    let broker = Broker::with(2).await;
    let stop = CancellationToken::new();
    let former = ["former.orders"];
    let mut deliveries = consume(&broker.kafka, SHOP.0, &[ORDERS], &former, stop.clone()).unwrap();
    let next = soon("partitions", deliveries.recv()).await;
    let of = |topic: &str| vec![(topic.to_owned(), 0), (topic.to_owned(), 1)];
    assert!(
        matches!(&next, Some(Delivery::Assigned(come)) if *come == of(ORDERS)),
        "{next:?}"
    );
    broker
        .kafka
        .create_topics(&[("former.orders".to_owned(), 2, Vec::new())])
        .await
        .unwrap();
    let mut come = Vec::new();
    while come.len() < 4 {
        match soon("more partitions", deliveries.recv()).await {
            Some(Delivery::Assigned(more)) => come = more,
            Some(Delivery::Revoked(_)) => come.clear(),
            other => panic!("{other:?}"),
        }
    }
    come.sort();
    assert_eq!(come, [of("former.orders"), of(ORDERS)].concat());
    stop.cancel();
}

struct Consumer {
    deliveries: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
}

impl Consumer {
    fn start(broker: &Broker) -> Self {
        let stop = CancellationToken::new();
        let deliveries = consume(&broker.kafka, SHOP.0, &[ORDERS], &[], stop.clone()).unwrap();
        Self { deliveries, stop }
    }

    async fn next(&mut self) -> Option<Delivery> {
        soon("a delivery", self.deliveries.recv()).await
    }

    /// Waits until it has ended. On its way out it may say that its partitions are gone, and nothing else.
    async fn ended(&mut self) {
        while let Some(news) = self.next().await {
            assert!(matches!(news, Delivery::Revoked(_)), "{news:?} after the end");
        }
    }

    async fn batch(&mut self) -> (Vec<Received>, std::sync::mpsc::Sender<()>) {
        loop {
            match self.next().await {
                Some(Delivery::Batch(batch, handled)) => return (batch, handled),
                Some(_) => {}
                None => panic!("the consumer has ended"),
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests stand for the relay and for others"
)]
fn send(broker: &Broker, record: BaseRecord<'_, str, str>) {
    let producer: BaseProducer = broker.kafka.client().create().unwrap();
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

#[tokio::test]
async fn a_message_is_handed_over_as_it_is_under_its_plain_topic() {
    let broker = Broker::with(1).await;
    let (topic, id) = (broker.kafka.topic(ORDERS), new_id());
    let header = |key, value| Header { key, value };
    // Debezium writes ids in quotes.
    let quoted = format!("\"{id}\"");
    let headers = OwnedHeaders::new()
        .insert(header("id", Some(quoted.as_str())))
        .insert(header("eventType", Some("Order")))
        .insert(header("other", None));
    send(
        &broker,
        BaseRecord::to(&topic)
            .key("the key")
            .payload("the body")
            .headers(headers),
    );
    send(&broker, BaseRecord::to(&topic));
    let mut consumer = Consumer::start(&broker);
    let Some(Delivery::Assigned(partitions)) = consumer.next().await else {
        panic!("what is ours is told before what is in it");
    };
    assert_eq!(partitions, [(ORDERS.to_owned(), 0)]);
    let mut all = Vec::new();
    while all.len() < 2 {
        let (batch, handled) = consumer.batch().await;
        all.extend(batch);
        handled.send(()).unwrap();
    }
    let whole = &all[0];
    assert_eq!(
        (whole.topic.as_str(), whole.partition, whole.offset),
        (ORDERS, 0, 0)
    );
    assert_eq!(
        (whole.message_id, whole.kind.as_deref()),
        (Some(id), Some("Order"))
    );
    assert_eq!(
        (whole.key.as_slice(), whole.payload.as_slice()),
        (&b"the key"[..], &b"the body"[..])
    );
    let empty = &all[1];
    assert_eq!(
        (
            empty.message_id,
            &empty.kind,
            empty.key.len(),
            empty.payload.len()
        ),
        (None, &None, 0, 0)
    );
    consumer.stop.cancel();
}

#[tokio::test]
async fn only_a_batch_that_was_handled_is_behind_a_restart() {
    let broker = Broker::with(1).await;
    broker.order(0, "first");
    let mut consumer = Consumer::start(&broker);
    let (batch, handled) = consumer.batch().await;
    assert_eq!(batch.len(), 1);
    handled.send(()).unwrap();
    broker.order(0, "second");
    let (batch, handled) = consumer.batch().await;
    assert_eq!(batch[0].offset, 1);
    broker.until_committed(0, 1).await;
    // The process is stopping: the batch is given up, and the consumer ends by itself.
    drop(handled);
    consumer.ended().await;
    assert_eq!(broker.committed(0), Some(1));

    let mut again = Consumer::start(&broker);
    let (batch, handled) = again.batch().await;
    assert_eq!(
        batch.iter().map(|message| message.offset).collect::<Vec<_>>(),
        [1]
    );
    handled.send(()).unwrap();
    broker.until_committed(0, 2).await;
    // It ends when the process stops.
    again.stop.cancel();
    again.ended().await;
}

#[tokio::test]
async fn what_was_handled_last_is_kept_by_a_stop_that_follows_at_once() {
    let broker = Broker::with(1).await;
    let mut consumer = Consumer::start(&broker);
    for name in ["one", "two", "three"] {
        broker.order(0, name);
    }
    let mut seen = 0;
    while seen < 3 {
        let (batch, handled) = consumer.batch().await;
        seen += batch.len();
        handled.send(()).unwrap();
    }
    consumer.stop.cancel();
    consumer.ended().await;
    broker.until_committed(0, 3).await;
}
