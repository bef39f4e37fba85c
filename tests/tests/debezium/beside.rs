//! The relay's records beside Debezium's for the same changes, field by field.

use std::collections::{BTreeMap, BTreeSet};

use contract::topics;
use platform::kafka::{Delivery, KafkaConfig, consume};
use platform::{Envelope, Tasks};
use serde_json::Value;
use tests::{Hotel, Platform, until};

use super::connect::{Connect, kafka};

/// Fields that cannot be the same, or that nobody reads: whose record it is, and when it was made.
const OTHER: [&str; 6] = [
    "/source/version",
    "/source/name",
    "/source/sequence",
    "/ts_ms",
    "/ts_us",
    "/ts_ns",
];

/// A record's headers: the message's id and type, and what travels beside it.
type Headers = (Option<String>, Option<String>, Envelope);

/// A record without what may differ: its topic, its headers and its value.
type Record = (String, Headers, Value);

/// Reads everything that is published under a namespace, by topic and key, in order.
struct Reader {
    records: BTreeMap<String, Vec<Record>>,
    count: usize,
    deliveries: tokio::sync::mpsc::Receiver<Delivery>,
}

impl Reader {
    fn start(config: &KafkaConfig, tasks: &Tasks) -> Self {
        let topics = [
            topics::INVENTORY_COMMANDS,
            topics::PAYMENT_COMMANDS,
            topics::RESERVATION_COMMANDS,
            topics::ORCHESTRATOR_MESSAGES,
            topics::RESERVATION_EVENTS,
            topics::ROOM_NIGHT_CHANGES,
            topics::HOTEL_CHANGES,
            topics::ROOM_TYPE_CHANGES,
            topics::RATE_PLAN_CHANGES,
            topics::PRICE_CHANGES,
        ];
        Self {
            records: BTreeMap::new(),
            count: 0,
            deliveries: consume(config, "comparison", &topics, &[], tasks.stop_token()).unwrap(),
        }
    }

    async fn read(&mut self) {
        let wait = std::time::Duration::from_millis(200);
        while let Ok(Some(delivery)) = tokio::time::timeout(wait, self.deliveries.recv()).await {
            let Delivery::Batch(batch, handled) = delivery else {
                continue;
            };
            for record in batch {
                let key = String::from_utf8(record.key).unwrap();
                let mut value: Value = serde_json::from_slice(&record.payload).unwrap_or_default();
                for pointer in OTHER {
                    if let Some(field) = value.pointer_mut(pointer) {
                        *field = Value::Null;
                    }
                }
                let lane = format!("{} {key}", record.topic);
                let id = record.message_id.map(|id| id.to_string());
                let record = (record.topic, (id, record.kind, record.envelope), value);
                self.records.entry(lane).or_default().push(record);
                self.count += 1;
            }
            let _ = handled.send(());
        }
    }
}

/// Where two values differ, with both.
fn differences(at: &str, ours: &Value, theirs: &Value, found: &mut BTreeSet<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => differences(&format!("{at}/{name}"), a, b, found),
                    (Some(a), None) => drop(found.insert(format!("{at}/{name}: ours {a}, not in theirs"))),
                    (None, Some(b)) => drop(found.insert(format!("{at}/{name}: theirs {b}, not in ours"))),
                    (None, None) => {}
                }
            }
        }
        _ if ours == theirs => {}
        // Of a row that is gone only the key is logged. For a required number that is not there Debezium writes a
        // zero that nobody stored; the relay writes null.
        _ if at.contains("/before/") && ours.is_null() && *theirs == 0 => {}
        _ => drop(found.insert(format!("{at}: ours {ours}, theirs {theirs}"))),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/prove debezium runs it"]
async fn the_relays_records_are_debeziums() {
    let platform = Platform::start().await;
    let tasks = Tasks::new();
    let (mine, theirs) = (format!("{}.", platform.name), format!("{}.dbz.", platform.name));
    kafka(&platform, &theirs)
        .create_topics(&topics::plans(2))
        .await
        .unwrap();
    let slot = format!("{}_dbz", platform.name);
    let only_changes = [("snapshot.mode=initial", "snapshot.mode=no_data")];
    let connect = Connect::start(&platform, &slot, &theirs, &only_changes).await;
    let mut relay = Reader::start(&kafka(&platform, &mine), &tasks);
    let mut debezium = Reader::start(&kafka(&platform, &theirs), &tasks);

    let hotel = Hotel::create(&platform, 10).await;
    assert_eq!(hotel.book(&platform, 0, 3, "pm_ok").await.status, 201);
    assert_eq!(hotel.book(&platform, 1, 1, "pm_declined").await.status, 402);
    for sql in [
        // A value that is kept out of line, and an update that does not touch it.
        "update hotel.hotel set description = (select string_agg(md5(n::text), ' ') from generate_series(1, 110) n)",
        "update hotel.hotel set name = 'An Unchanged Description'",
        // A moment without a fraction, and one with a short one.
        "update hotel.hotel set created_at = '2026-01-02 03:04:05+00'",
        "update hotel.hotel set created_at = '2026-01-02 03:04:05.5+00'",
        // A null, a key that changes, a row that goes.
        "update hotel.hotel set description = null",
        "update hotel.price set night = night + 300 where night = (select max(night) from hotel.price)",
        "delete from hotel.price where night = (select min(night) from hotel.price)",
    ] {
        platform.tamper(sql).await;
    }
    let mut before = (0, 0);
    until("both have published everything", async || {
        relay.read().await;
        debezium.read().await;
        let now = (relay.count, debezium.count);
        let done = now == before && now.0 > 100 && now.0 >= now.1 && now.1 > 100;
        before = now;
        done.then_some(())
    })
    .await;
    connect.stop(&platform).await;

    let (mut found, mut deadlines) = (BTreeSet::new(), 0);
    let lanes: BTreeSet<&String> = relay.records.keys().chain(debezium.records.keys()).collect();
    for lane in lanes {
        let none = Vec::new();
        let ours = relay.records.get(lane).unwrap_or(&none);
        let theirs = debezium.records.get(lane).unwrap_or(&none);
        if ours.len() != theirs.len() {
            found.insert(format!(
                "{lane}: {} of ours, {} of theirs",
                ours.len(),
                theirs.len()
            ));
        }
        for (a, b) in ours.iter().zip(theirs) {
            if a.1 != b.1 {
                found.insert(format!("{lane}: headers {:?} and {:?}", a.1, b.1));
            }
            deadlines += u32::from(a.1.2.deadline.is_some());
            differences(&a.0, &a.2, &b.2, &mut found);
        }
    }
    assert!(
        relay.count > 100,
        "{} records are too few to mean anything",
        relay.count
    );
    assert!(deadlines > 0, "some command has a deadline");
    let count = found.len();
    let first: Vec<String> = found.into_iter().take(40).collect();
    assert!(
        count == 0,
        "{count} differences in {} records:\n{}",
        relay.count,
        first.join("\n")
    );
}
