//! The publisher against librdkafka's own mock of a broker, which can be taken down.

use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::tests::stage::Settings;

const END: Position = Position {
    lsn: 10,
    commit_time_us: 1,
};

struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    publisher: Publisher,
}

fn mock() -> Mock {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 4, 1).unwrap();
    let kafka = Settings::of(&["--kafka-brokers", &cluster.bootstrap_servers()]).kafka;
    let publisher = Publisher::new(&kafka, &Meters::new()).unwrap();
    Mock { cluster, publisher }
}

fn outbound(value: &[u8]) -> Outbound<'_> {
    Outbound {
        topic: "t",
        key: b"k",
        value,
        headers: &[],
    }
}

fn wait_until_idle(publisher: &Publisher) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !publisher.is_idle() {
        assert!(Instant::now() < deadline, "{:?}", publisher.check());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_kafka_has_not_acknowledged_is_not_confirmed() {
    let Mock { cluster, publisher } = mock();
    cluster.broker_down(1).unwrap();
    let ticket = publisher.begin();
    publisher.send(ticket, &outbound(b"1")).unwrap();
    publisher.commit(ticket, END);
    assert!(publisher.producer.flush(Duration::from_millis(200)).is_err());
    assert_eq!(
        (publisher.confirmed(), publisher.is_idle()),
        (Position::default(), false)
    );
    cluster.broker_up(1).unwrap();
    wait_until_idle(&publisher);
    assert_eq!(publisher.confirmed(), END);
    publisher.check().unwrap();
}

#[test]
fn a_record_that_kafka_can_never_take_stops_nothing() {
    let publisher = mock().publisher;
    let ticket = publisher.begin();
    publisher.send(ticket, &outbound(&vec![b'x'; 2_000_000])).unwrap();
    publisher.commit(ticket, END);
    assert_eq!(publisher.confirmed(), END);
}

#[test]
fn a_delivery_that_fails_is_an_error_and_confirms_nothing_more() {
    let Mock { cluster, publisher } = mock();
    cluster
        .topic_error(
            "gone",
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        )
        .unwrap();
    let ticket = publisher.begin();
    publisher
        .send(
            ticket,
            &Outbound {
                topic: "gone",
                ..outbound(b"1")
            },
        )
        .unwrap();
    publisher.commit(ticket, END);
    let deadline = Instant::now() + Duration::from_secs(30);
    while publisher.check().is_ok() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(publisher.confirmed(), Position::default());
}

#[test]
fn only_a_record_that_is_too_large_for_ever_is_left_out() {
    use RDKafkaErrorCode as Code;
    for never in [Code::MessageSizeTooLarge, Code::InvalidMessageSize] {
        assert!(is_hopeless(never), "{never}");
    }
    // What is left out is lost; all of these may pass, or somebody can make them pass.
    for may_pass in [
        Code::MessageTimedOut,
        Code::RequestTimedOut,
        Code::AllBrokersDown,
        Code::BrokerTransportFailure,
        Code::NotLeaderForPartition,
        Code::NotEnoughReplicas,
        Code::NotEnoughReplicasAfterAppend,
        Code::UnknownTopic,
        Code::UnknownTopicOrPartition,
        Code::TopicAuthorizationFailed,
        Code::InvalidMessage,
        Code::OutOfOrderSequenceNumber,
        Code::PurgeQueue,
        Code::Fatal,
    ] {
        assert!(!is_hopeless(may_pass), "{may_pass}");
    }
}

#[test]
fn the_producer_is_full_when_too_much_is_under_way() {
    let Mock { cluster, publisher } = mock();
    cluster.broker_down(1).unwrap();
    let ticket = publisher.begin();
    let value = vec![b'x'; IN_FLIGHT_BYTES_MAX / 128];
    for _ in 0..128 {
        assert!(publisher.has_room());
        publisher.send(ticket, &outbound(&value)).unwrap();
    }
    assert!(!publisher.has_room());
}

#[test]
fn only_what_kafka_can_have_is_a_topic() {
    for good in ["inventory.commands", "a", "x_y-z.1"] {
        assert!(is_topic(good), "{good}");
    }
    for bad in ["", ".", "..", "a b", "ä", "a/b", &"a".repeat(250)] {
        assert!(!is_topic(bad), "{bad}");
    }
}

/// So many records of the topic, as they lie in its partitions: partition, key and value.
fn records(publisher: &Publisher, count: usize) -> Vec<(i32, Vec<u8>, Vec<u8>)> {
    let mut client = publisher.kafka.client();
    client.set("group.id", "test").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..4 {
        all.add_partition_offset("t", partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&all).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "{} of {count}", records.len());
        if let Some(record) = consumer.poll(Duration::from_millis(50)) {
            let record = record.unwrap();
            let bytes = |bytes: Option<&[u8]>| bytes.unwrap_or_default().to_vec();
            records.push((record.partition(), bytes(record.key()), bytes(record.payload())));
        }
    }
    records
}

#[test]
fn a_key_goes_where_javas_producer_would_send_it() {
    let Mock { publisher, cluster } = mock();
    // Of Kafka's own test of its hash, murmur2; then what remains of the positive part divided by four.
    let known = [
        ("21", 0),
        ("foobar", 2),
        ("a-little-bit-longer-string", 3),
        ("abc", 3),
    ];
    let ticket = publisher.begin();
    for (key, _) in known {
        let outbound = Outbound {
            key: key.as_bytes(),
            ..outbound(b"1")
        };
        publisher.send(ticket, &outbound).unwrap();
    }
    publisher.commit(ticket, END);
    wait_until_idle(&publisher);
    let found = records(&publisher, known.len());
    drop(cluster);
    for (key, partition) in known {
        let of_key = found
            .iter()
            .find(|(_, found, _)| found == key.as_bytes())
            .unwrap();
        assert_eq!(of_key.0, partition, "{key}");
    }
}

#[test]
fn records_of_a_key_keep_their_order_and_come_once_while_kafka_refuses_some() {
    let Mock { cluster, publisher } = mock();
    let again = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    let values: Vec<Vec<u8>> = (0..400)
        .map(|number: u32| number.to_string().into_bytes())
        .collect();
    let ticket = publisher.begin();
    for (at, value) in values.iter().enumerate() {
        if at % 100 == 50 {
            cluster.request_errors(RDKafkaApiKey::Produce, &[again, again]);
        }
        publisher.send(ticket, &outbound(value)).unwrap();
    }
    publisher.commit(ticket, END);
    wait_until_idle(&publisher);
    publisher.check().unwrap();
    assert_eq!(publisher.confirmed(), END);
    let found: Vec<Vec<u8>> = records(&publisher, values.len())
        .into_iter()
        .map(|(_, _, value)| value)
        .collect();
    assert_eq!(found, values);
}
