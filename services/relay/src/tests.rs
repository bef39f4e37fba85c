//! The whole relay between a real Postgres and a real Kafka, each test with a database, a slot and a
//! namespace of its own. Skipped, and said so, unless `DATABASE_URL` and `BELLHOP_KAFKA_BROKERS` are set.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use platform::kafka::Received;
use serde_json::{Value, json};

use crate::status::State;
use stage::{Stage, on_stage, until};

mod by_day;
mod ends;
mod events;
pub(crate) mod stage;

const HOTEL: &str = "01900000-0000-7000-8000-000000000001";
const ROOM_TYPE: &str = "01900000-0000-7000-8000-000000000002";

fn room_night(night: &str, held: i32) -> String {
    format!(
        "insert into inventory.room_night (hotel_id, room_type_id, night, total, held)
         values ('{HOTEL}', '{ROOM_TYPE}', '{night}', 10, {held})
         on conflict (hotel_id, room_type_id, night) do update set held = excluded.held;"
    )
}

fn message(schema: &str, topic: &str, key: &str, number: usize) -> String {
    format!(
        "insert into {schema}.outbox (id, aggregatetype, aggregateid, type, payload)
         values ('{}', '{topic}', '{key}', 'Numbered', '{{\"number\": {number}}}');",
        uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128)
    )
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn number(message: &Received) -> usize {
    usize::try_from(json_of(&message.payload)["number"].as_u64().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_messages_arrive_with_keys_headers_and_in_commit_order() {
    on_stage("order", async |stage: Stage| {
        let relay = stage.relay("1");
        relay.is(State::Waiting, "There is no publication").await;
        stage.publish().await;
        relay.is(State::Streaming, "").await;
        let mut events = stage.consume(&["bellhop.inventory.room_night", "inventory.commands", "made.up"]);
        stage
            .execute(
                &(room_night("2026-12-24", 1) + &message("orchestrator", "inventory.commands", HOTEL, 1)),
            )
            .await;
        stage.execute(&room_night("2026-12-24", 2)).await;
        stage
            .execute("delete from inventory.room_night; delete from orchestrator.outbox_former;")
            .await;
        stage
            .execute(&message("orchestrator", "inventory.commands", HOTEL, 2))
            .await;
        stage
            .execute(&message("payment", "made.up", "a \"key\"", 3))
            .await;
        let received = events.take(6).await;

        let of = |topic: &str| {
            received
                .iter()
                .filter(|message| message.topic == topic)
                .collect::<Vec<_>>()
        };
        let rows = of("bellhop.inventory.room_night");
        let key = json!({"hotel_id": HOTEL, "room_type_id": ROOM_TYPE, "night": 20_811});
        assert!(rows.iter().all(|row| json_of(&row.key) == key), "{rows:?}");
        let values: Vec<Value> = rows.iter().map(|row| json_of(&row.payload)).collect();
        let ops: Vec<_> = values
            .iter()
            .map(|value| (value["op"].clone(), value["after"]["held"].clone()))
            .collect();
        assert_eq!(
            ops,
            [
                (json!("c"), json!(1)),
                (json!("u"), json!(2)),
                (json!("d"), Value::Null)
            ]
        );
        let positions: Vec<u64> = values
            .iter()
            .map(|value| value["source"]["lsn"].as_u64().unwrap())
            .collect();
        assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
        let change: contract::change::Change<contract::change::RoomNight> =
            serde_json::from_slice(&rows[1].payload).unwrap();
        assert_eq!(
            (
                change.after.unwrap().held,
                change.source.version().unwrap().bits()
            ),
            (2, positions[1])
        );

        let commands = of("inventory.commands");
        assert_eq!(
            commands.iter().map(|command| number(command)).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(commands[0].key, format!("\"{HOTEL}\"").into_bytes());
        assert_eq!(commands[0].kind.as_deref(), Some("Numbered"));
        assert_eq!(
            commands[0].message_id.unwrap().to_string(),
            "01900000-0000-7000-8000-000000000001"
        );
        assert_eq!(commands[0].payload, b"{\"number\":1}");
        assert_eq!(of("made.up")[0].key, br#""a \"key\"""#);

        // Everything was acknowledged, so Postgres soon knows it.
        let end = stage.wal_end().await;
        stage.slot_is_confirmed_to(end).await;
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_comes_without_any_other_change() {
    on_stage("heartbeat", async |stage: Stage| {
        stage.publish().await;
        let relay = stage.relay("1");
        let beats = stage.consume(&["bellhop.relay.heartbeat"]).take(3).await;
        let at = |message: &Received| {
            json_of(&message.payload)["after"]["at"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(
            beats
                .iter()
                .map(at)
                .collect::<Vec<_>>()
                .is_sorted_by(|one, next| one < next)
        );
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_out_of_order_when_the_relay_dies_again_and_again() {
    const MESSAGES: usize = 3_000;
    on_stage("dies", async |stage: Stage| {
        stage.publish().await;
        let mut relay = stage.relay("1");
        relay.is(State::Streaming, "").await;
        let mut events = stage.consume(&["orchestrator.messages"]);
        let keys = ["a", "b", "c", "d", "e"];
        for first in (1..=MESSAGES).step_by(10) {
            let batch = (first..first + 10).map(|number| {
                message(
                    "inventory",
                    "orchestrator.messages",
                    keys[number % keys.len()],
                    number,
                )
            });
            stage.execute(&batch.collect::<String>()).await;
            if first % 600 == 301 {
                relay.die();
                relay = stage.relay("1");
                relay.is(State::Streaming, "").await;
            }
        }
        let mut newest: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut seen = BTreeSet::new();
        while seen.len() < MESSAGES {
            for message in events.take(1).await {
                let number = number(&message);
                // A message may come again; one that comes for the first time follows all before it.
                if seen.insert(number) {
                    let before = newest.insert(message.key, number).unwrap_or_default();
                    assert!(
                        before < number && (before == 0 || before + keys.len() == number),
                        "{before} {number}"
                    );
                }
            }
        }
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_gone_is_replaced_and_everything_published_again() {
    on_stage("gone", async |stage: Stage| {
        stage.publish().await;
        let relay = stage.relay("1");
        relay.is(State::Streaming, "").await;
        relay.stop().await;
        stage
            .execute(&(room_night("2026-12-24", 1) + &message("payment", "orchestrator.messages", "a", 1)))
            .await;
        stage.drop_slot().await;
        stage
            .execute(&(room_night("2026-12-25", 2) + &message("payment", "orchestrator.messages", "a", 2)))
            .await;

        let mut events = stage.consume(&["bellhop.inventory.room_night", "orchestrator.messages"]);
        let relay = stage.relay("1");
        let received = events.take(4).await;
        let nights: Vec<Value> = received
            .iter()
            .filter(|message| message.topic == "bellhop.inventory.room_night")
            .map(|row| json_of(&row.payload))
            .collect();
        assert_eq!(nights.len(), 2);
        let position = nights[0]["source"]["lsn"].as_u64().unwrap();
        for night in &nights {
            assert_eq!(
                (&night["op"], &night["source"]["snapshot"]),
                (&json!("r"), &json!("true"))
            );
            assert_eq!(night["source"]["lsn"], position);
            let types = (
                &night["after"]["closed"],
                &night["after"]["total"],
                &night["after"]["night"],
            );
            assert!(
                matches!(types, (Value::Bool(false), Value::Number(_), Value::Number(_))),
                "{night}"
            );
        }
        let replies = received
            .iter()
            .filter(|message| message.topic == "orchestrator.messages");
        assert_eq!(replies.map(number).collect::<Vec<_>>(), [1, 2]);

        // What comes after is newer than the snapshot; another start publishes nothing again.
        relay.is(State::Streaming, "").await;
        stage.execute(&room_night("2026-12-24", 3)).await;
        let update = json_of(&events.take(1).await[0].payload);
        assert!(update["source"]["lsn"].as_u64().unwrap() > position);
        relay.stop().await;
        let relay = stage.relay("1");
        relay.is(State::Streaming, "").await;
        stage.execute(&room_night("2026-12-24", 4)).await;
        assert_eq!(json_of(&events.take(1).await[0].payload)["after"]["held"], 4);
        relay.stop().await;
    })
    .await;
}

/// Whoever reads a row of these tables as another role than their owner waits while this advisory lock is held: a
/// snapshot stands still in the middle, and everything else, the making of the slot included, goes on. However long it is held.
const GATE: &str = "
    create function public.gate() returns bool language plpgsql volatile set lock_timeout = 0 as $$ begin
        perform pg_advisory_lock_shared(4711); perform pg_advisory_unlock_shared(4711); return true; end $$;
    alter table inventory.room_night enable row level security;
    alter table hotel.price enable row level security;
    create policy gate on inventory.room_night for select using (public.gate());
    create policy gate on hotel.price for select using (public.gate());";

fn price(night: &str, minor: i64) -> String {
    format!(
        "insert into hotel.price (hotel_id, room_type_id, rate_plan_id, night, amount_minor)
         values ('{HOTEL}', '{ROOM_TYPE}', '{ROOM_TYPE}', '{night}', {minor})
         on conflict (hotel_id, room_type_id, rate_plan_id, night) do update set amount_minor = excluded.amount_minor;"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changes_while_the_snapshot_is_read_is_in_it_and_its_change_in_the_stream() {
    on_stage("during", async |stage: Stage| {
        let mut lock = stage.session().await;
        let mut hold = async |sql: &'static str| {
            sqlx::raw_sql(sql).execute(&mut *lock).await.unwrap();
        };
        stage.execute(GATE).await;
        for day in 1..=4 {
            let night = format!("2026-12-{day:02}");
            stage
                .execute(&(room_night(&night, 1) + &price(&night, 100)))
                .await;
        }
        stage.publish().await;
        hold("select pg_advisory_lock(4711)").await;
        let relay = stage.relay("1");
        until("the snapshot to be in the middle", async || {
            // Of this database: other tests have locks of their own.
            let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                 and database = (select oid from pg_database where datname = current_database())";
            match stage.number(waiting).await {
                0 => Err("nobody waits".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
        let done = "select count(*) from relay.position where state = 'streaming'";
        assert_eq!(stage.number(done).await, 0, "who dies now begins it anew");
        // Changed, deleted, added, and one that is being changed all the while and then is not.
        stage
            .execute(&(room_night("2026-12-01", 2) + &price("2026-12-01", 200)))
            .await;
        stage
            .execute(
                "delete from inventory.room_night where night = '2026-12-02';
                 delete from hotel.price where night = '2026-12-02';",
            )
            .await;
        stage
            .execute(&(room_night("2026-12-05", 5) + &price("2026-12-05", 500)))
            .await;
        let mut undecided = stage.session().await;
        sqlx::raw_sql(
            "begin; update inventory.room_night set held = 9 where night = '2026-12-03';
             update hotel.price set amount_minor = 9 where night = '2026-12-03';",
        )
        .execute(&mut *undecided)
        .await
        .unwrap();
        hold("select pg_advisory_unlock(4711)").await;
        relay.is(State::Streaming, "").await;
        sqlx::raw_sql("rollback").execute(&mut *undecided).await.unwrap();

        // Of each table four rows as they were when the snapshot began, then the three changes.
        let mut events = stage.consume(&["bellhop.inventory.room_night", "bellhop.hotel.price"]);
        let received = events.take(14).await;
        for (topic, field, factor) in [
            ("bellhop.inventory.room_night", "held", 1),
            ("bellhop.hotel.price", "amount_minor", 100),
        ] {
            let rows = received.iter().filter(|message| message.topic == topic);
            let told: BTreeSet<String> = rows
                .map(|message| {
                    let (key, value) = (json_of(&message.key), json_of(&message.payload));
                    let day = key["night"].as_i64().unwrap() - 20_788 + 1;
                    format!(
                        "{} {day} {}",
                        value["op"].as_str().unwrap(),
                        value["after"][field]
                    )
                })
                .collect();
            let mut should: BTreeSet<String> = (1..=4).map(|day| format!("r {day} {factor}")).collect();
            should.extend([
                format!("u 1 {}", 2 * factor),
                "d 2 null".to_owned(),
                format!("c 5 {}", 5 * factor),
            ]);
            assert_eq!(told, should, "{topic}");
        }
        let snapshot = |message: &&Received| json_of(&message.payload)["op"] == "r";
        let lsn = |message: &Received| json_of(&message.payload)["source"]["lsn"].as_u64().unwrap();
        let newest = received.iter().filter(snapshot).map(lsn).max().unwrap();
        let changes = received.iter().filter(|message| !snapshot(message));
        assert!(
            changes.map(lsn).all(|lsn| lsn > newest),
            "a change is newer than the snapshot"
        );
        relay.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_relay_stands_by_and_takes_over() {
    on_stage("standby", async |stage: Stage| {
        stage.publish().await;
        let first = stage.relay("1");
        first.is(State::Streaming, "").await;
        let second = stage.relay("2");
        second.is(State::Standby, "Another relay works on the slot").await;
        first.stop().await;
        second.is(State::Streaming, "").await;
        let mut events = stage.consume(&["reservation.events"]);
        stage
            .execute(&message("reservation", "reservation.events", "a", 1))
            .await;
        assert_eq!(number(&events.take(1).await[0]), 1);
        second.stop().await;
    })
    .await;
}

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_mins(1);
