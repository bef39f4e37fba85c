//! Kafka Connect as a process of the test's own.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use platform::kafka::KafkaConfig;
use tests::{Platform, until};

/// What this repository ships.
const WORKER: &str = include_str!("../../../ops/debezium/worker.properties");
const CONNECTOR: &str = include_str!("../../../ops/debezium/bellhop.properties");

/// A worker with the shipped connector.
pub(crate) struct Connect {
    process: Child,
    slot: String,
    sql_drop: String,
}

pub(crate) fn setting(platform: &Platform, name: &str) -> String {
    let found = platform.env.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

/// Kafka as the connector's records have it.
pub(crate) fn kafka(platform: &Platform, namespace: &str) -> KafkaConfig {
    KafkaConfig {
        kafka_brokers: setting(platform, "BELLHOP_KAFKA_BROKERS"),
        topic_namespace: namespace.to_owned(),
        kafka_replication_factor: 1,
        kafka_partitions: None,
        node: "test".to_owned(),
    }
}

impl Connect {
    /// Starts the connector on a slot of this name, publishing under this namespace; `changes` replaces lines of
    /// the shipped configuration.
    pub(crate) async fn start(
        platform: &Platform,
        slot: &str,
        namespace: &str,
        changes: &[(&str, &str)],
    ) -> Self {
        let folder = platform.folder().join(slot);
        std::fs::create_dir_all(&folder).unwrap();
        let (worker, connector) = (
            folder.join("worker.properties"),
            folder.join("bellhop.properties"),
        );
        std::fs::write(&worker, WORKER).unwrap();
        let mut text = CONNECTOR.to_owned();
        for (line, by) in changes {
            assert!(text.contains(line), "{line} is not in the shipped configuration");
            text = text.replace(line, by);
        }
        std::fs::write(&connector, text).unwrap();
        let url = setting(platform, "BELLHOP_DATABASE_URL");
        let (server, database) = url.rsplit_once('/').unwrap();
        let (host, port) = server.trim_start_matches("postgres://").rsplit_once(':').unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let log = File::create(folder.join("connect.log")).unwrap();
        let process = Command::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../scripts/debezium/connect"
        ))
        .args([&worker, &connector])
        .envs(platform.env.iter().cloned())
        .env("BELLHOP_DATABASE_HOST", host)
        .env("BELLHOP_DATABASE_PORT", port)
        .env("BELLHOP_DATABASE_NAME", database)
        .env("BELLHOP_TOPIC_NAMESPACE", namespace)
        .env("BELLHOP_SLOT", slot)
        .env("CONNECT_PORT", free.to_string())
        .env("CONNECT_OFFSETS", folder.join("offsets"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
        let connect = Self {
            process,
            slot: slot.to_owned(),
            sql_drop: format!(
                "select pg_drop_replication_slot(slot_name)::text from pg_replication_slots
                 where slot_name = '{slot}' and not active"
            ),
        };
        until("the connector reads its slot", async || {
            let sql = format!("select active::text from pg_replication_slots where slot_name = '{slot}'");
            let active = platform.try_query(&sql).await;
            (active.as_deref() == Some("true")).then_some(())
        })
        .await;
        connect
    }

    /// Stops it and drops its slot.
    pub(crate) async fn stop(mut self, platform: &Platform) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        until("the connector's slot is gone", async || {
            platform.try_query(&self.sql_drop).await;
            let sql = format!(
                "select count(*)::text from pg_replication_slots where slot_name = '{}'",
                self.slot
            );
            let left = platform.try_query(&sql).await;
            (left.as_deref() == Some("0")).then_some(())
        })
        .await;
    }
}

impl Drop for Connect {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
