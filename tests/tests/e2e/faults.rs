//! What the platform stands on is taken away under load: the slot, Kafka's log, Redis, the database's sessions.
//! Everything that was acknowledged is still true afterwards, and the audit finds nothing.

use std::path::PathBuf;
use std::process::Command;

use tests::{HalfOpen, Hotel, Load, PATIENCE, Platform, ended, lost, until};

/// Clients of each test.
const CLIENTS: usize = 8;

/// Nothing that was acknowledged is lost, everything ends, and the audit is content.
async fn comes_to_rest(platform: &Platform, load: Load) {
    let journal = load.stop().await;
    assert!(!journal.is_empty(), "nothing was booked");
    assert_eq!(lost(&platform.client(), &journal).await, []);
    assert_eq!(platform.comes_to_rest(PATIENCE).await, Ok(()));
}

async fn slot_since(platform: &Platform) -> Option<String> {
    let sql = format!(
        "select began_at::text from relay.position where slot = '{}' and state = 'streaming'",
        platform.name
    );
    platform.query(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_lost_under_load_is_replaced_and_nothing_is_missed() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5_000).await;
    let load = Load::start(&platform, &hotel, CLIENTS);
    load.progress(20).await;
    let before = slot_since(&platform).await;
    until("the slot is gone", async || {
        let name = &platform.name;
        let sql = format!(
            "with ended as materialized (
                 select pg_terminate_backend(active_pid, 2000) from pg_replication_slots
                 where slot_name = '{name}' and active)
             select count(*)::text from ended"
        );
        platform.query(&sql).await;
        let sql = format!(
            "select pg_drop_replication_slot(slot_name)::text from pg_replication_slots
             where slot_name = '{name}' and not active"
        );
        platform.try_query(&sql).await
    })
    .await;
    until("another slot streams", async || {
        let now = slot_since(&platform).await;
        (now.is_some() && now != before).then_some(())
    })
    .await;
    load.progress(20).await;
    comes_to_rest(&platform, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_emptied_under_load_is_filled_again() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5_000).await;
    let load = Load::start(&platform, &hotel, CLIENTS);
    load.progress(20).await;
    platform.forget_cache().await;
    load.progress(20).await;
    comes_to_rest(&platform, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_database_session_cut_again_and_again_loses_nothing() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5_000).await;
    let load = Load::start(&platform, &hotel, CLIENTS);
    for _ in 0..10 {
        load.progress(10).await;
        let cut = platform
            .query(
                "select count(pg_terminate_backend(pid))::text from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()",
            )
            .await;
        assert_ne!(cut.as_deref(), Some("0"));
    }
    comes_to_rest(&platform, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fell_silent_is_given_up_and_found_again() {
    let mut platform = Platform::migrated();
    let url = platform
        .env
        .iter()
        .find(|(name, _)| name == "BELLHOP_DATABASE_URL");
    let (_, rest) = url.unwrap().1.split_once("postgres://").unwrap();
    let (address, database) = rest.split_once('/').unwrap();
    let cable = HalfOpen::start(address.to_owned()).await;
    platform.set(
        "BELLHOP_DATABASE_URL",
        &format!("postgres://{}/{database}", cable.address),
    );
    platform.run("all");
    platform.ready().await;
    let hotel = Hotel::create(&platform, 5_000).await;
    let load = Load::start(&platform, &hotel, CLIENTS);
    load.progress(20).await;
    cable.pull();
    // Until every part has asked something that nobody will ever answer.
    until("connections fell silent", async || {
        (cable.silent() >= CLIENTS).then_some(())
    })
    .await;
    assert_eq!(platform.get("/v1/hotels").await.status, 503);
    cable.plug();
    load.progress(20).await;
    comes_to_rest(&platform, load).await;
}

/// A broker of the test's own, which can be killed and robbed of its data.
struct Broker {
    home: PathBuf,
    ports: [String; 2],
}

impl Broker {
    fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a folder that no other test has")]
        let name = format!("bellhop-broker-{}", uuid::Uuid::now_v7().simple());
        let port = || {
            super::crash::free_address()
                .rsplit(':')
                .next()
                .unwrap()
                .to_owned()
        };
        let broker = Self {
            home: std::env::temp_dir().join(name),
            ports: [port(), port()],
        };
        broker.begin();
        broker
    }

    fn script(&self, what: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/kafka/broker");
        let done = Command::new(script)
            .arg(what)
            .arg(&self.home)
            .args(&self.ports)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn begin(&self) {
        self.script("start");
    }

    /// Kills it, and waits until it is gone: its script takes one that is still dying for one that runs.
    async fn kill(&self) {
        let pid = std::fs::read_to_string(self.home.join("kafka.pid")).unwrap();
        let killed = Command::new("kill").args(["-9", pid.trim()]).output().unwrap();
        assert!(killed.status.success());
        until("the broker is gone", async || ended(pid.trim()).then_some(())).await;
    }

    fn wipe(&self) {
        std::fs::remove_dir_all(self.home.join("kafka/logs")).unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.script("stop");
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_and_one_whose_log_was_wiped_lose_nothing() {
    let broker = Broker::start();
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_KAFKA_BROKERS", &format!("127.0.0.1:{}", broker.ports[0]));
    platform.run("all");
    platform.ready().await;
    let hotel = Hotel::create(&platform, 5_000).await;
    let load = Load::start(&platform, &hotel, CLIENTS);
    load.progress(20).await;
    broker.kill().await;
    broker.begin();
    load.progress(20).await;
    broker.kill().await;
    broker.wipe();
    broker.begin();
    load.progress(20).await;
    comes_to_rest(&platform, load).await;
}
