//! The publisher against librdkafka's own mock of a broker, which can be taken down.

use std::time::Instant;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

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
            rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
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
