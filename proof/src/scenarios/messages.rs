//! Messages that nobody can handle.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tests::until;

use crate::servers::setting;
use crate::world::{Outcome, Plan, World, note};

/// Where commands and replies travel.
const TOPICS: [&str; 4] = [
    "orchestrator.messages",
    "inventory.commands",
    "payment.commands",
    "reservation.commands",
];
/// Bytes of the large one: just below what the broker takes.
const LARGE_BYTES: usize = 900_000;

/// F37: messages without an id, without JSON, of a kind that nobody knows, of a later version, large, and
/// empty, among good ones. Each ends beside its topic with its reason, and the partition goes on.
pub(crate) async fn f37() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", setting("BELLHOP_KAFKA_BROKERS")?);
    let producer: FutureProducer = client.create()?;
    let later = br#"{"version": 99, "kind": "HoldRooms", "from_the_future": true}"#;
    let unknown = br#"{"kind": "MakeCoffee", "saga_id": "none"}"#;
    let large = vec![b'x'; LARGE_BYTES];
    let bodies: [(&str, &[u8]); 6] = [
        ("no JSON", b"\xff\xfe not JSON \0"),
        ("an unknown kind", unknown),
        ("a later version", later),
        ("large", &large),
        ("empty", b""),
        ("deeply nested", &[b'['; 5_000]),
    ];
    let mut sent = 0;
    for topic in TOPICS {
        let topic = format!("{}.{topic}", world.platform.name);
        for (number, (_, body)) in bodies.iter().enumerate() {
            for with_id in [false, true] {
                let id = format!("00000000-0000-7000-8000-{sent:012}");
                let header = Header {
                    key: "id",
                    value: with_id.then_some(id.as_str()),
                };
                let key = number.to_string();
                let record = FutureRecord::to(&topic).key(&key).payload(*body);
                let record = record.headers(OwnedHeaders::new().insert(header));
                #[expect(clippy::disallowed_methods, reason = "a stranger writes to the topic")]
                let delivered = producer.send(record, Duration::from_secs(20)).await;
                delivered.map_err(|(error, _)| error).context(topic.clone())?;
                sent += 1;
            }
        }
    }
    let healed = Instant::now();
    let dead = "select ((select count(*) from orchestrator.outbox where aggregatetype like '%.dead')
        + (select count(*) from inventory.outbox where aggregatetype like '%.dead')
        + (select count(*) from payment.outbox where aggregatetype like '%.dead')
        + (select count(*) from reservation.outbox where aggregatetype like '%.dead'))::text";
    until("each is set aside", async || {
        (world.platform.query(dead).await? == sent.to_string()).then_some(())
    })
    .await;
    let reasons = world
        .platform
        .query("select count(*)::text from inventory.outbox where aggregatetype like '%.dead' and payload ->> 'reason' <> ''")
        .await;
    note(format!("{sent} messages that nobody can handle, each set aside"));
    ensure!(
        reasons.as_deref() == Some("12"),
        "inventory gave {reasons:?} reasons for 12 messages"
    );
    world.comes_to_rest(healed).await
}
