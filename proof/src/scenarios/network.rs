//! Faults between the parts: cut, silent, slow, cut within an answer; and a provider that is slow or away.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use tests::HalfOpen;

use crate::servers::{Server, Servers};
use crate::world::{Outcome, Plan, World, note};

/// How long a connection stays silent.
const SILENCE: Duration = Duration::from_secs(20);
/// How long Kafka is away.
const KAFKA_AWAY: Duration = Duration::from_mins(1);
/// How long the provider is away.
const PROVIDER_AWAY: Duration = Duration::from_secs(45);
/// How long each other fault lasts.
const A_WHILE: Duration = Duration::from_secs(6);

/// F06: every connection to Postgres goes silent, and nobody is told, not even when the network is back.
pub(crate) async fn f06() -> anyhow::Result<Outcome> {
    let servers = Servers::of_the_script()?;
    let cable = HalfOpen::start(format!("127.0.0.1:{}", servers.port(Server::Postgres)?)).await;
    let plan = Plan {
        database: Some(cable.address.clone()),
        ..Plan::default()
    };
    let world = World::start(plan).await?;
    cable.pull();
    tokio::time::sleep(A_WHILE).await;
    // A request during the silence is answered within its deadline, and not with "yes".
    let asked = Instant::now();
    let body = world.hotel.quote_body(0, 1, 1);
    let answer = world
        .platform
        .client()
        .json(reqwest::Method::POST, "/v1/quotes", &body, &[])
        .await?;
    note(format!(
        "a request during the silence: {} after {} ms",
        answer.status,
        asked.elapsed().as_millis()
    ));
    ensure!(
        answer.status.is_server_error(),
        "{} without a database",
        answer.status
    );
    tokio::time::sleep(SILENCE.saturating_sub(A_WHILE)).await;
    cable.plug();
    let healed = Instant::now();
    note(format!("{} connections went silent and stay so", cable.silent()));
    world.comes_to_rest(healed).await
}

/// F07: Kafka cannot be reached; bookings are accepted, and caught up with afterwards.
pub(crate) async fn f07() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let (answered, confirmed) = (world.load.answered(), world.load.seen().len());
    world.proxies.reachable("kafka", false).await?;
    tokio::time::sleep(KAFKA_AWAY).await;
    let (answered, confirmed) = (
        world.load.answered() - answered,
        world.load.seen().len() - confirmed,
    );
    world.proxies.heal().await?;
    let healed = Instant::now();
    note(format!(
        "{} s without Kafka: {answered} bookings accepted, {confirmed} of them confirmed",
        KAFKA_AWAY.as_secs()
    ));
    ensure!(
        answered > u64::try_from(confirmed)?,
        "nothing was accepted without Kafka"
    );
    world.comes_to_rest(healed).await
}

/// Reads the calendar until `length` is over; answers how often, and the slowest answer.
async fn readers(world: &World, length: Duration) -> anyhow::Result<(u32, Duration)> {
    let began = Instant::now();
    let (mut reads, mut slowest) = (0, Duration::ZERO);
    let path = format!(
        "/v1/hotels/{}/calendar?room_type_id={}&from={}&to={}",
        world.hotel.hotel_id,
        world.hotel.room_type_id,
        world.hotel.night(0),
        world.hotel.night(7)
    );
    while began.elapsed() < length {
        let asked = Instant::now();
        let answer = world.platform.client().get(&path).await?;
        ensure!(
            answer.status == 200,
            "a reader got {} {}",
            answer.status,
            answer.json
        );
        slowest = slowest.max(asked.elapsed());
        reads += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((reads, slowest))
}

/// F08: Redis is slow, then resets connections, then is away. No reader sees an error.
pub(crate) async fn f08() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    for (what, kind, attributes) in [
        ("500 ms late", "latency", json!({"latency": 500})),
        ("reset", "reset_peer", json!({"timeout": 0})),
        ("silent", "timeout", json!({"timeout": 0})),
        (
            "a byte at a time",
            "slicer",
            json!({"average_size": 1, "size_variation": 0, "delay": 2_000}),
        ),
    ] {
        world.poison("redis", kind, "downstream", attributes).await?;
        let (reads, slowest) = readers(&world, A_WHILE).await?;
        note(format!(
            "Redis {what}: {reads} reads, all answered, the slowest after {} ms",
            slowest.as_millis()
        ));
        world.proxies.heal().await?;
    }
    world.proxies.reachable("redis", false).await?;
    let (reads, slowest) = readers(&world, A_WHILE).await?;
    note(format!(
        "Redis away: {reads} reads, all answered, the slowest after {} ms",
        slowest.as_millis()
    ));
    world.proxies.heal().await?;
    world.comes_to_rest(Instant::now()).await
}

/// F09: what is sent arrives, what is answered is lost: first the provider's answers, then Postgres', then
/// Kafka's.
pub(crate) async fn f09() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let mut healed = Instant::now();
    for proxy in ["provider", "postgres", "kafka"] {
        world
            .poison(proxy, "timeout", "downstream", json!({"timeout": 500}))
            .await?;
        tokio::time::sleep(A_WHILE).await;
        world.proxies.heal().await?;
        healed = Instant::now();
        let back = world.works().await?;
        note(format!(
            "answers of {proxy} lost for {} s; a booking {} ms after",
            A_WHILE.as_secs(),
            back.as_millis()
        ));
    }
    world.comes_to_rest(healed).await
}

/// F10: everything is late by 200 ms more or less, comes in crumbs, and is cut after some bytes.
pub(crate) async fn f10() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let crumbs = json!({"average_size": 40, "size_variation": 20, "delay": 500});
    for (what, kind, attributes) in [
        (
            "late by 100 to 300 ms",
            "latency",
            json!({"latency": 200, "jitter": 100}),
        ),
        ("in crumbs of 40 bytes", "slicer", crumbs),
        ("cut after 20,000 bytes", "limit_data", json!({"bytes": 20_000})),
    ] {
        let before = world.load.seen().len();
        for proxy in ["postgres", "kafka", "redis", "provider"] {
            world
                .poison(proxy, kind, "downstream", attributes.clone())
                .await?;
        }
        tokio::time::sleep(2 * A_WHILE).await;
        world.proxies.heal().await?;
        note(format!(
            "{what}: {} bookings confirmed meanwhile",
            world.load.seen().len() - before
        ));
    }
    world.comes_to_rest(Instant::now()).await
}

/// F33: the provider is away; bookings wait, and nobody is charged for a room that was given back.
pub(crate) async fn f33() -> anyhow::Result<Outcome> {
    let mut world = World::start(Plan::default()).await?;
    let (answered, confirmed) = (world.load.answered(), world.load.seen().len());
    world.platform.kill_target("sandbox-provider");
    tokio::time::sleep(PROVIDER_AWAY).await;
    let (answered, confirmed) = (
        world.load.answered() - answered,
        world.load.seen().len() - confirmed,
    );
    world.platform.run("sandbox-provider");
    let healed = Instant::now();
    note(format!(
        "{} s without the provider: {answered} bookings accepted, {confirmed} confirmed",
        PROVIDER_AWAY.as_secs()
    ));
    world.comes_to_rest(healed).await
}

/// F36: holds last three seconds and the provider needs two for each answer, so that many a hold expires
/// between its booking's steps.
pub(crate) async fn f36() -> anyhow::Result<Outcome> {
    let plan = Plan {
        env: vec![("BELLHOP_HOLD_TTL_SECONDS", "3".to_owned())],
        ..Plan::default()
    };
    let world = World::start(plan).await?;
    for latency in [1_000, 2_000, 2_600, 2_900, 3_200] {
        world
            .poison(
                "provider",
                "latency",
                "downstream",
                json!({"latency": latency, "jitter": 300}),
            )
            .await?;
        tokio::time::sleep(2 * A_WHILE).await;
        world.proxies.heal().await?;
    }
    let expired = world
        .platform
        .query("select count(*)::text from inventory.hold where state = 'expired'")
        .await;
    note(format!(
        "{} holds expired under way",
        expired.as_deref().unwrap_or("no")
    ));
    ensure!(
        expired.as_deref() != Some("0"),
        "no hold expired, so nothing was proven"
    );
    world.comes_to_rest(Instant::now()).await
}
