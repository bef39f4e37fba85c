//! A platform under load for one scenario, and what must hold when the fault is over.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tests::{Acknowledged, Hotel, Load, Platform, TARGETS, lost};

use crate::say;
use crate::servers::{Server, Servers, setting};
use crate::toxiproxy::{Toxic, Toxiproxy};

/// Clients that go on booking during the fault.
const CLIENTS: usize = 6;
/// Rooms of the hotel: enough that nothing is sold out.
const ROOMS: u32 = 10_000;
/// The platform must work again after so long.
const RECOVERY_MAX: Duration = Duration::from_mins(3);
/// After the load has ended everything must have come to rest after so long.
const REST_MAX: Duration = Duration::from_mins(3);

/// The platform, its servers and its clients.
pub(crate) struct World {
    pub(crate) servers: Servers,
    pub(crate) proxies: Toxiproxy,
    pub(crate) platform: Platform,
    pub(crate) hotel: Hotel,
    pub(crate) load: Load,
    journal: PathBuf,
}

/// How a scenario's platform differs from the usual one.
#[derive(Default)]
pub(crate) struct Plan<'p> {
    /// Settings of every process.
    pub(crate) env: Vec<(&'p str, String)>,
    /// Where Postgres is, if not behind Toxiproxy.
    pub(crate) database: Option<String>,
}

/// What a scenario saw.
pub(crate) struct Outcome {
    /// From the end of the fault to the confirmation of a booking that began after it.
    pub(crate) recovery: Duration,
    /// Bookings acknowledged during the scenario.
    pub(crate) acknowledged: usize,
}

fn host(url: &str) -> anyhow::Result<(String, String)> {
    let (before, rest) = url
        .split_once("127.0.0.1:")
        .context("an address of this machine")?;
    let end = rest.find('/').unwrap_or(rest.len());
    Ok((before.to_owned(), rest[end..].to_owned()))
}

impl World {
    /// Starts Toxiproxy in front of all servers and the provider, the platform with a process for each
    /// target, a hotel, and the clients.
    pub(crate) async fn start(plan: Plan<'_>) -> anyhow::Result<Self> {
        let servers = Servers::of_the_script()?;
        let proxies = Toxiproxy::start().await?;
        let broker = format!("127.0.0.1:{}", servers.port(Server::Kafka)?);
        proxies
            .proxy("kafka", &setting("BELLHOP_KAFKA_BROKERS")?, &broker)
            .await?;
        let mut platform = Platform::migrated();
        platform.split();
        for (name, setting_name, port) in [
            (
                "postgres",
                "BELLHOP_DATABASE_URL",
                servers.port(Server::Postgres)?,
            ),
            ("redis", "BELLHOP_REDIS_URL", servers.port(Server::Redis)?),
        ] {
            let listen = tests::fixed_address();
            proxies.proxy(name, &listen, &format!("127.0.0.1:{port}")).await?;
            through(&mut platform, setting_name, &listen)?;
        }
        let provider = platform
            .address("sandbox-provider")
            .context("an address")?
            .to_owned();
        let listen = tests::fixed_address();
        proxies.proxy("provider", &listen, &provider).await?;
        through(&mut platform, "BELLHOP_PROVIDER_URL", &listen)?;
        if let Some(database) = &plan.database {
            through(&mut platform, "BELLHOP_DATABASE_URL", database)?;
        }
        for (name, value) in &plan.env {
            platform.set(name, value);
        }
        platform.run_split();
        platform.all_ready().await;
        let hotel = Hotel::create(&platform, ROOMS).await;
        let journal = platform.folder().join("journal.jsonl");
        let load = Load::start_with_journal(&platform, &hotel, CLIENTS, &journal);
        load.progress(20).await;
        Ok(Self {
            servers,
            proxies,
            platform,
            hotel,
            load,
            journal,
        })
    }

    /// Lets a toxic work on a proxy.
    pub(crate) async fn poison(
        &self,
        proxy: &str,
        kind: &'static str,
        stream: &'static str,
        attributes: serde_json::Value,
    ) -> anyhow::Result<()> {
        let toxic = Toxic {
            kind,
            stream,
            share: 1.0,
            attributes,
        };
        self.proxies.poison(proxy, &toxic).await
    }

    /// The platform's database as the superuser of the server itself sees it.
    pub(crate) fn database_url(&self) -> anyhow::Result<String> {
        let url = setting("BELLHOP_ADMIN_DATABASE_URL")?;
        let (server, _) = url.rsplit_once('/').context("a database URL")?;
        Ok(format!("{server}/{}", self.platform.name))
    }

    /// Waits until a booking that began now is confirmed.
    pub(crate) async fn works(&self) -> anyhow::Result<Duration> {
        self.works_since(Instant::now()).await
    }

    pub(crate) async fn works_since(&self, moment: Instant) -> anyhow::Result<Duration> {
        let recovery = self.load.recovery_after(moment, RECOVERY_MAX).await;
        recovery.with_context(|| format!("no booking succeeded within {} s", RECOVERY_MAX.as_secs()))
    }

    /// The fault ended at `healed`: bookings succeed again, every process still lives, nothing that was
    /// acknowledged is lost, everything ends, and the audit finds nothing.
    pub(crate) async fn comes_to_rest(mut self, healed: Instant) -> anyhow::Result<Outcome> {
        let recovery = self.works_since(healed).await?;
        self.load.progress(20).await;
        for target in TARGETS {
            ensure!(!self.platform.has_ended(target), "{target} has ended by itself");
        }
        let told = self.load.stop().await;
        holds(&self.platform, &told, &self.journal).await?;
        Ok(Outcome {
            recovery,
            acknowledged: told.len(),
        })
    }
}

/// Nothing that was acknowledged is lost, everything ends, and the audit finds nothing.
pub(crate) async fn holds(
    platform: &Platform,
    told: &[Acknowledged],
    journal: &std::path::Path,
) -> anyhow::Result<()> {
    let kept: std::collections::HashSet<String> = std::fs::read_to_string(journal)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|entry| Some(entry["reservation_id"].as_str()?.to_owned()))
        .collect();
    ensure!(!told.is_empty(), "nothing was booked, so nothing was proven");
    ensure!(
        kept.len() == told.len(),
        "the journal has {} bookings, the clients know {}",
        kept.len(),
        told.len()
    );
    let lost = lost(&platform.client(), told).await;
    ensure!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    platform.comes_to_rest(REST_MAX).await.map_err(anyhow::Error::msg)
}

/// Leads a setting with an address of this machine to another one.
fn through(platform: &mut Platform, name: &str, address: &str) -> anyhow::Result<()> {
    let found = platform.env.iter().find(|(other, _)| other == name);
    let (before, after) = host(&found.context("a setting of the platform")?.1)?;
    platform.set(name, &format!("{before}{address}{after}"));
    Ok(())
}

/// Says that something of a scenario happened.
pub(crate) fn note(text: impl std::fmt::Display) {
    say(format!("       {text}"));
}
