//! What a relay leaves behind when it stops, what a change says of its commit, and a slot that cannot be used.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use platform::{Clock, Tasks};
use rdkafka::mocking::MockCluster;
use serde_json::Value;

use super::stage::{Settings, Stage, on_stage};
use super::{json_of, message, number, room_night};
use crate::envelope::Source;
use crate::publisher::{Outbound, Publisher};
use crate::router::Router;
use crate::snapshot::Snapshot;
use crate::status::{Meters, State};
use crate::tracker::Position;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_stop_does_not_come_again() {
    on_stage("farewell", async |stage: Stage| {
        stage.publish().await;
        let mut events = stage.consume(&["orchestrator.messages"]);
        for round in 1..=4 {
            let relay = stage.relay("1");
            relay.is(State::Streaming, "").await;
            stage
                .execute(&message("inventory", "orchestrator.messages", "a", round))
                .await;
            let came = number(&events.take(1).await[0]);
            assert_eq!(came, round, "what was there before the stop came again");
            // At once: nothing was told to Postgres by the way.
            relay.stop().await;
            let beyond = format!(
                "select count(*) from pg_replication_slots
                 where slot_name = '{}' and confirmed_flush_lsn > pg_current_wal_insert_lsn()",
                stage.name
            );
            assert_eq!(stage.number(&beyond).await, 0, "nobody has said what comes next");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_says_when_it_was_committed_and_after_which_commit() {
    on_stage("times", async |stage: Stage| {
        const NOW: &str = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
        stage.publish().await;
        stage
            .execute("insert into relay.heartbeat (id, at) values (1, now())")
            .await;
        let relay = stage.relay("1");
        relay.is(State::Streaming, "").await;
        let mut events = stage.consume(&["bellhop.inventory.room_night", "bellhop.relay.heartbeat"]);
        let mut last = None;
        for held in 1..=3 {
            let before = stage.number(NOW).await;
            stage.execute(&room_night("2026-12-24", held)).await;
            let after = stage.number(NOW).await;
            let row = loop {
                let came = events.take(1).await.remove(0);
                if came.topic == "bellhop.inventory.room_night" {
                    break json_of(&came.payload);
                }
                // A heartbeat in the snapshot would say that the stream lives while it does not.
                assert_eq!(json_of(&came.payload)["source"]["snapshot"], "false");
            };
            let at = row["source"]["ts_ms"].as_i64().unwrap();
            assert!((before - 1..=after).contains(&at), "{before} {at} {after}");
            let of = |text: &Value| text.as_str().map(|lsn| lsn.parse::<i64>().unwrap());
            let sequence = json_of(row["source"]["sequence"].as_str().unwrap().as_bytes());
            let (commit_before, own) = (of(&sequence[0]), of(&sequence[1]).unwrap());
            assert_eq!(row["source"]["lsn"], own);
            // The former change's transaction, or that of a heartbeat in between.
            assert!(last.is_none_or(|last| commit_before.unwrap() >= last) && commit_before < Some(own));
            last = Some(own);
        }
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_older_than_its_publication_is_replaced() {
    on_stage("older", async |stage: Stage| {
        stage.publish().await;
        let relay = stage.relay("1");
        relay.is(State::Streaming, "").await;
        stage.execute(&format!("drop publication {}", stage.name)).await;
        stage.execute(&room_night("2026-12-24", 1)).await;
        relay.is(State::Waiting, "There is no publication").await;
        stage.publish().await;
        relay.is(State::Streaming, "").await;
        let row = &stage.consume(&["bellhop.inventory.room_night"]).take(1).await[0];
        assert_eq!(json_of(&row.payload)["op"], "r");
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_not_done_before_kafka_has_acknowledged_it() {
    on_stage("acknowledged", async |stage: Stage| {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let kafka = Settings::of(&["--kafka-brokers", &cluster.bootstrap_servers()]).kafka;
        let publisher = Arc::new(Publisher::new(&kafka, &Meters::new()).unwrap());
        cluster.broker_down(1).unwrap();
        let ticket = publisher.begin();
        let record = Outbound {
            topic: "t",
            key: b"k",
            value: b"1",
            headers: &[],
        };
        publisher.send(ticket, &record).unwrap();
        publisher.commit(ticket, Position::default());
        let tasks = Tasks::new();
        let snapshot = Snapshot {
            tables: Arc::default(),
            router: Router::new("x", &kafka, &Clock::system(), HashMap::new()),
            publisher: Arc::clone(&publisher),
            tasks: tasks.clone(),
            source: Source {
                lsn: 10,
                last_commit_lsn: None,
                xid: None,
                commit_time_us: 0,
                snapshot: true,
            },
        };
        let pool = stage.pool();
        let mut taking = tasks.spawn_work(async move { snapshot.publish(&pool).await.is_ok() });
        let early = tokio::time::timeout(Duration::from_secs(1), &mut taking).await;
        assert!(early.is_err(), "what is under way may yet be lost");
        cluster.broker_up(1).unwrap();
        assert!(taking.await.unwrap());
        assert!(publisher.is_idle());
    })
    .await;
}
