//! Runs the platform, replays real bookings with a journal, hurts it if asked to, and judges.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tests::{Platform, until};

use crate::tap::Tap;
use crate::{say, verdict};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/resort-hotel-bookings.csv"
);
const ROOMS: &str = "A=40,D=12,E=6";
/// What the replay says beside its report.
const COMPLAINTS: &str = "replay.stderr";
/// Between two looks at the slot and at the replay.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// After the replay everything must have come to rest after so long.
const REST_MAX: Duration = Duration::from_mins(3);

/// A replay under the oracle's eyes.
#[derive(Args)]
pub(crate) struct Run {
    /// Bookings of the file that are replayed.
    #[arg(long, default_value_t = 2_000)]
    rows: usize,
    /// Guests at once.
    #[arg(long, default_value_t = 64)]
    concurrency: u16,
    /// Rooms of the most wanted types: few enough that nights are sold out, for which guests race.
    #[arg(long, default_value = ROOMS)]
    rooms: String,
    /// Kill the platform, end the services' sessions and empty the cache while the guests book.
    #[arg(long)]
    faults: bool,
    /// Seed of the faults; printed if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Where the journal and the log stay; otherwise they go with the platform.
    #[arg(long)]
    keep: Option<PathBuf>,
}

impl Run {
    pub(crate) async fn execute(self) -> anyhow::Result<ExitCode> {
        let mut platform = Platform::migrated();
        let folder = self.keep.clone().unwrap_or_else(|| platform.folder().to_owned());
        std::fs::create_dir_all(&folder)?;
        let (journal, log) = (folder.join("journal.jsonl"), folder.join("log.jsonl"));
        let mut tap = Tap::open(&platform, &log).await?;
        platform.run("all");
        platform.ready().await;
        let replay = self.replay(&platform, &journal)?;
        let mut faults = Faults::new(self.faults, self.seed);
        self.watch(&mut platform, replay, &mut tap, &mut faults).await?;
        platform
            .comes_to_rest(REST_MAX)
            .await
            .map_err(anyhow::Error::msg)?;
        tap.close().await?;
        if self.faults {
            say(&faults);
        }
        verdict(&journal, &log)
    }

    fn replay(&self, platform: &Platform, journal: &Path) -> anyhow::Result<Child> {
        let binary = setting("BELLHOP_BIN")?;
        let mut command = Command::new(binary);
        command.args([
            "replay",
            FILE,
            "--look",
            "--report",
            "replay.json",
            "--rooms",
            &self.rooms,
        ]);
        command.args(["--limit", &self.rows.to_string()]);
        command.args(["--concurrency", &self.concurrency.to_string()]);
        command.arg("--journal").arg(std::path::absolute(journal)?);
        let child = command
            .envs(platform.env.iter().cloned())
            .current_dir(platform.folder())
            .stdin(Stdio::null())
            .stderr(File::create(platform.folder().join(COMPLAINTS))?)
            .spawn();
        child.context("the binary that BELLHOP_BIN names")
    }

    /// Empties the slot until the replay has ended.
    async fn watch(
        &self,
        platform: &mut Platform,
        mut replay: Child,
        tap: &mut Tap,
        faults: &mut Faults,
    ) -> anyhow::Result<()> {
        loop {
            if let Some(status) = replay.try_wait()? {
                ensure!(
                    status.success(),
                    "the replay failed: {}",
                    complaint(platform.folder())
                );
                return Ok(());
            }
            tap.drain().await?;
            if let Err(error) = faults.strike(platform).await {
                let _ = replay.kill();
                return Err(error);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// What the replay said last; its progress is not written where nobody looks.
fn complaint(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(COMPLAINTS)).unwrap_or_default()
}

/// What is done to the platform meanwhile.
struct Faults {
    on: bool,
    seed: u64,
    random: fastrand::Rng,
    next: Instant,
    kills: u32,
    sessions: u32,
    caches: u32,
}

impl Faults {
    fn new(on: bool, seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        Self {
            on,
            seed,
            random: fastrand::Rng::with_seed(seed),
            next: Instant::now() + Duration::from_secs(5),
            kills: 0,
            sessions: 0,
            caches: 0,
        }
    }

    /// Does the next harm when it is time for it.
    async fn strike(&mut self, platform: &mut Platform) -> anyhow::Result<()> {
        if !self.on || Instant::now() < self.next {
            return Ok(());
        }
        match self.random.u32(0..3) {
            0 => {
                platform.kill();
                platform.run("all");
                self.kills += 1;
                // On a machine that starts it slower than harm is done nothing would be answered any more.
                let client = platform.client();
                until("the platform starts again", async || {
                    client.get("/healthz").await.ok()
                })
                .await;
            }
            1 => {
                let sql = "select count(pg_terminate_backend(pid))::text from pg_stat_activity
                           where usename like 'bellhop_%'";
                platform.try_query(sql).await.context("sessions can be ended")?;
                self.sessions += 1;
            }
            _ => {
                platform.forget_cache().await;
                self.caches += 1;
            }
        }
        self.next = Instant::now() + Duration::from_millis(self.random.u64(1_500..6_000));
        Ok(())
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "seed {}: the platform killed {} times, all sessions ended {} times, the cache emptied {} times",
            self.seed, self.kills, self.sessions, self.caches
        )
    }
}

fn setting(name: &str) -> anyhow::Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "scripts/prove tells by the environment where things are"
    )]
    let value = std::env::var(name);
    value.with_context(|| format!("{name} is not set; run this by scripts/prove"))
}
