//! Where each message of the stream goes, and what of it is published, against librdkafka's own mock of a broker.

use std::time::{Duration, Instant};

use platform::kafka::KafkaConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::*;
use crate::pgoutput;
use crate::status::Meters;
use crate::tests::stage::Settings;
use crate::tracker::Position;
use crate::wire;

const SOURCE: Source = Source {
    lsn: 100,
    last_commit_lsn: None,
    xid: Some(7),
    commit_time_us: 1_700_000_000_000_000,
    snapshot: false,
};
/// Where tests put their topics.
const NAMESPACE: &str = "test.";
/// The topics that the tests publish to.
const TOPICS: [&str; 2] = ["inventory.commands", "bellhop.inventory.room_night"];

fn outbox(schema: &str) -> Relation {
    let columns = [
        ("id", 2950, true),
        ("aggregatetype", 25, false),
        ("aggregateid", 25, false),
        ("type", 25, false),
        ("payload", 3802, false),
    ];
    wire::table(schema, "outbox", b'd', &columns)
}

fn room_night() -> Relation {
    let columns = [("hotel_id", 25, true), ("night", 23, true), ("held", 23, false)];
    wire::table("inventory", "room_night", b'd', &columns)
}

const ROW: [Cell<'_>; 3] = [Cell::Text("h"), Cell::Text("20811"), Cell::Text("1")];
const MESSAGE: [Cell<'_>; 5] = [
    Cell::Text("0195"),
    Cell::Text("inventory.commands"),
    Cell::Text("saga-1"),
    Cell::Text("Hold"),
    Cell::Text("{\"rooms\": 1}"),
];

/// A record's key, value and headers.
type Heard = (String, String, Vec<(String, String)>);

struct Stage {
    cluster: MockCluster<'static, DefaultProducerContext>,
    kafka: KafkaConfig,
    publisher: Publisher,
    router: Router,
}

impl Stage {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        for topic in TOPICS {
            cluster
                .create_topic(&format!("{NAMESPACE}{topic}"), 1, 1)
                .unwrap();
        }
        let brokers = cluster.bootstrap_servers();
        let kafka = Settings::of(&["--kafka-brokers", &brokers, "--topic-namespace", NAMESPACE]).kafka;
        let keys = [("inventory.room_night", vec!["hotel_id", "night"])];
        let owned = |(table, key): (&str, Vec<&str>)| {
            (table.to_owned(), key.into_iter().map(str::to_owned).collect())
        };
        let router = Router::new(
            "hotels",
            &kafka,
            &Clock::system(),
            keys.into_iter().map(owned).collect(),
        );
        Self {
            publisher: Publisher::new(&kafka, &Meters::new()).unwrap(),
            cluster,
            kafka,
            router,
        }
    }

    /// Hands a change to the router in a transaction of its own that ends there, and answers whether a record was
    /// sent for it.
    async fn sends(&mut self, bytes: &[u8], end: u64) -> bool {
        // While the broker is down, only a transaction without records is confirmed.
        self.cluster.broker_down(1).unwrap();
        let ticket = self.publisher.begin();
        let message = pgoutput::decode(bytes).unwrap();
        let published = self.router.publish(&self.publisher, ticket, &SOURCE, message);
        published.await.unwrap();
        let end = Position {
            lsn: end,
            commit_time_us: 1,
        };
        self.publisher.commit(ticket, end);
        let sent = self.publisher.confirmed() != end;
        self.cluster.broker_up(1).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.publisher.is_idle() {
            assert!(Instant::now() < deadline, "{:?}", self.publisher.check());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(self.publisher.confirmed(), end);
        sent
    }

    /// The records of a topic, as text.
    fn records(&self, topic: &str, count: usize) -> Vec<Heard> {
        let mut client = self.kafka.client();
        client.set("group.id", "test").set("enable.auto.commit", "false");
        let consumer: BaseConsumer = client.create().unwrap();
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(&format!("{NAMESPACE}{topic}"), 0, Offset::Beginning)
            .unwrap();
        consumer.assign(&all).unwrap();
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut records = Vec::new();
        while records.len() < count {
            assert!(Instant::now() < deadline, "{records:?}");
            if let Some(record) = consumer.poll(Duration::from_millis(50)) {
                let record = record.unwrap();
                let headers = record
                    .headers()
                    .map(|headers| headers.iter())
                    .into_iter()
                    .flatten();
                let headers = headers.map(|header| (header.key.to_owned(), text(header.value)));
                records.push((text(record.key()), text(record.payload()), headers.collect()));
            }
        }
        records
    }
}

#[tokio::test]
async fn a_message_goes_to_the_topic_that_it_names_once() {
    let mut stage = Stage::new();
    for schema in ["inventory", "reservation", "payment", "orchestrator"] {
        assert!(
            matches!(stage.router.target(&outbox(schema)).unwrap(), Target::Outbox(_)),
            "{schema}"
        );
    }
    stage.router.relation(&outbox("inventory")).unwrap();
    let oid = outbox("inventory").oid;
    assert!(
        stage
            .sends(&wire::change(b'I', oid, None, Some(&MESSAGE)), 10)
            .await
    );
    // Housekeeping, and a hand in the table: neither is a message.
    let delete = wire::change(b'D', oid, Some((b'K', &MESSAGE)), None);
    let update = wire::change(b'U', oid, None, Some(&MESSAGE));
    assert!(!stage.sends(&delete, 20).await);
    assert!(!stage.sends(&update, 30).await);
    let records = stage.records("inventory.commands", 1);
    let headers = vec![
        ("id".to_owned(), "0195".to_owned()),
        ("eventType".to_owned(), "Hold".to_owned()),
    ];
    assert_eq!(
        records,
        [("\"saga-1\"".to_owned(), "{\"rooms\":1}".to_owned(), headers)]
    );
}

#[tokio::test]
async fn a_changed_row_goes_to_its_tables_topic_under_its_primary_key() {
    let mut stage = Stage::new();
    stage.router.relation(&room_night()).unwrap();
    let oid = room_night().oid;
    let inserted = wire::change(b'I', oid, None, Some(&ROW));
    let updated = wire::change(b'U', oid, None, Some(&ROW));
    let deleted = wire::change(b'D', oid, Some((b'K', &ROW)), None);
    assert!(stage.sends(&inserted, 10).await);
    assert!(stage.sends(&updated, 20).await);
    assert!(stage.sends(&deleted, 30).await);
    // A row that a snapshot read goes the same way.
    let Target::Rows(table) = stage.router.target(&room_night()).unwrap() else {
        panic!("its changes are published")
    };
    let ticket = stage.publisher.begin();
    let cells = ROW.into_iter();
    let read = stage
        .router
        .snapshot_row(&stage.publisher, ticket, &table, &SOURCE, cells);
    read.unwrap();
    let records = stage.records("bellhop.inventory.room_night", 4);
    let ops: Vec<_> = records
        .iter()
        .map(|(key, value, headers)| {
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            (
                key.as_str(),
                value["op"].as_str().unwrap().to_owned(),
                headers.len(),
            )
        })
        .collect();
    let key = "{\"hotel_id\":\"h\",\"night\":20811}";
    assert_eq!(ops, ["c", "u", "d", "r"].map(|op| (key, op.to_owned(), 0)));
}

#[tokio::test]
async fn what_is_not_captured_is_not_published_and_what_is_not_known_stops_the_stream() {
    let mut stage = Stage::new();
    let elsewhere = wire::table("payment", "payment", b'd', &[("payment_id", 25, true)]);
    assert!(matches!(
        stage.router.target(&elsewhere).unwrap(),
        Target::Ignored
    ));
    stage.router.relation(&elsewhere).unwrap();
    let inserted = wire::change(b'I', elsewhere.oid, None, Some(&[Cell::Text("p")]));
    assert!(!stage.sends(&inserted, 10).await);
    assert!(matches!(
        stage.router.target(&room_night()).unwrap(),
        Target::Rows(table) if table.topic == "test.bellhop.inventory.room_night"
    ));

    let ticket = stage.publisher.begin();
    let unknown = wire::change(b'I', 99, None, Some(&ROW));
    let message = pgoutput::decode(&unknown).unwrap();
    let published = stage
        .router
        .publish(&stage.publisher, ticket, &SOURCE, message)
        .await;
    assert!(matches!(published, Err(Parted::Inconsistent(_))));
}
