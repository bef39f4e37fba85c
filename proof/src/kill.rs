//! Random processes are killed at random moments under load, and started again at once.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tests::{Hotel, Load, Platform, Seen, TARGETS};

use crate::say;
use crate::servers::{Server, Servers, command};
use crate::world::holds;

/// Rooms of the hotel: enough that nothing is sold out.
const ROOMS: u32 = 10_000;
/// Between two lines that say how it goes.
const SAY_EVERY: Duration = Duration::from_mins(1);
/// Out of so many kills ...
const OUT_OF: u32 = 100;
/// ... so many hit one of our processes; the others what those stand on.
const OURS: u32 = 90;

/// A recovery that takes longer is told of by itself.
const SLOW: Duration = Duration::from_secs(2);

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Target(&'static str),
    Everything,
    Session,
    Postmaster,
    Redis,
    Kafka,
}

impl Victim {
    fn choose(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..OUT_OF) {
            0 => Self::Kafka,
            1 => Self::Postmaster,
            2 => Self::Everything,
            3..=5 => Self::Redis,
            at if at < OUT_OF - OURS => Self::Session,
            _ => Self::Target(TARGETS[random.usize(0..TARGETS.len())]),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let servers = [
            Self::Everything,
            Self::Session,
            Self::Postmaster,
            Self::Redis,
            Self::Kafka,
        ];
        TARGETS.into_iter().map(Self::Target).chain(servers)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Target(target) => target,
            Self::Everything => "all nine at once",
            Self::Session => "a session of Postgres",
            Self::Postmaster => "Postgres",
            Self::Redis => "Redis",
            Self::Kafka => "Kafka",
        }
    }
}

/// One kill.
struct Kill {
    victim: Victim,
    at: Instant,
}

/// Runs for so long; answers failure when anything was lost.
pub(crate) async fn run(
    length: Duration,
    seed: Option<u64>,
    every: Duration,
    clients: usize,
    only: Option<&str>,
) -> anyhow::Result<ExitCode> {
    ensure!(!length.is_zero(), "say for how long: --minutes N or --hours N");
    if let Some(only) = only {
        let words: Vec<_> = Victim::all().map(Victim::word).collect();
        ensure!(words.contains(&only), "--only is one of: {}", words.join(", "));
    }
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    say(format!(
        "seed {seed}, {} s, a kill each {} ms, {clients} clients",
        length.as_secs(),
        every.as_millis()
    ));
    let servers = Servers::of_the_script()?;
    let mut platform = Platform::migrated();
    platform.split();
    platform.run_split();
    platform.all_ready().await;
    let hotel = Hotel::create(&platform, ROOMS).await;
    let journal = platform.folder().join("journal.jsonl");
    let load = Load::start_with_journal(&platform, &hotel, clients, &journal);
    load.progress(50).await;
    let (began, mut said) = (Instant::now(), Instant::now());
    let (mut kills, mut died) = (Vec::new(), Vec::new());
    let every_ms = u64::try_from(every.as_millis())?;
    while began.elapsed() < length {
        tokio::time::sleep(Duration::from_millis(random.u64(0..=2 * every_ms))).await;
        for target in TARGETS {
            if platform.has_ended(target) {
                died.push(target);
                platform.kill_target(target);
                platform.run(target);
            }
        }
        let victim = loop {
            let victim = Victim::choose(&mut random);
            if only.is_none_or(|only| only == victim.word()) {
                break victim;
            }
        };
        kills.push(strike(victim, &servers, &mut platform, &mut random)?);
        if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            say(format!(
                "{:>5} s: {} kills, {} bookings confirmed",
                began.elapsed().as_secs(),
                kills.len(),
                load.seen().len()
            ));
        }
    }
    let last = Instant::now();
    let recovered = load.recovery_after(last, Duration::from_mins(3)).await;
    ensure!(recovered.is_some(), "no booking succeeds after the last kill");
    let took = began.elapsed();
    let bookings = load.seen();
    let told = load.stop().await;
    report(began, &kills, &bookings);
    let confirmed = told.iter().filter(|entry| entry.confirmed).count();
    let cancelled = told.iter().filter(|entry| entry.cancelled).count();
    say(format!(
        "{} kills in {} s (seed {seed}); {} bookings acknowledged, {confirmed} of them at once confirmed, {cancelled} cancelled again",
        kills.len(),
        took.as_secs(),
        told.len()
    ));
    holds(&platform, &told, &journal).await?;
    say("acknowledged and lost: 0; the audit at rest is content");
    ensure!(died.is_empty(), "ended by themselves: {died:?}");
    Ok(ExitCode::SUCCESS)
}

/// Kills the victim and starts it again.
fn strike(
    victim: Victim,
    servers: &Servers,
    platform: &mut Platform,
    random: &mut fastrand::Rng,
) -> anyhow::Result<Kill> {
    let at = Instant::now();
    match victim {
        Victim::Target(target) => {
            platform.kill_target(target);
            platform.run(target);
        }
        Victim::Everything => {
            platform.kill();
            platform.run_split();
        }
        Victim::Session => {
            let sql = "select pid from pg_stat_activity where usename like 'bellhop_%'";
            let sessions = servers.sql(sql).unwrap_or_default();
            let pids: Vec<&str> = sessions.lines().collect();
            if let Some(pid) = random.choice(&pids) {
                // It may have ended meanwhile.
                let _ = command("kill", &["-9", pid]);
            }
        }
        Victim::Postmaster => restart(servers, Server::Postgres)?,
        Victim::Redis => restart(servers, Server::Redis)?,
        Victim::Kafka => restart(servers, Server::Kafka)?,
    }
    Ok(Kill { victim, at })
}

fn restart(servers: &Servers, server: Server) -> anyhow::Result<()> {
    servers.kill(server)?;
    servers.start(server)
}

/// From each kill to the first confirmation of a booking whose first request was sent after it.
fn report(began: Instant, kills: &[Kill], seen: &[Seen]) {
    let mut seen: Vec<Seen> = seen.to_vec();
    seen.sort_by_key(|seen| seen.began);
    // The earliest confirmation among this booking and all that began later.
    let mut earliest: Vec<Instant> = seen.iter().map(|seen| seen.confirmed).collect();
    for at in (1..earliest.len()).rev() {
        earliest[at - 1] = earliest[at - 1].min(earliest[at]);
    }
    say(format!("slower than {} s:", SLOW.as_secs()));
    let mut all = Vec::new();
    let mut by_victim: BTreeMap<Victim, Vec<Duration>> = BTreeMap::new();
    for kill in kills {
        let next = seen.partition_point(|seen| seen.began < kill.at);
        if let Some(confirmed) = earliest.get(next) {
            let recovery = *confirmed - kill.at;
            if recovery > SLOW {
                let (at, word) = ((kill.at - began).as_secs_f64(), kill.victim.word());
                say(format!(
                    "  {at:>8.1} s: {word:<24} {:>6} ms",
                    recovery.as_millis()
                ));
            }
            all.push(recovery);
            by_victim.entry(kill.victim).or_default().push(recovery);
        }
    }
    say("recovery: from the kill to the confirmation of a booking that began after it");
    for (victim, times) in &mut by_victim {
        say(format!("  {:<24} {}", victim.word(), quantiles(times)));
    }
    say(format!("  {:<24} {}", "all", quantiles(&mut all)));
}

fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    let ms = |percent| at(percent).map_or(0, Duration::as_millis);
    format!(
        "{:>5} kills, p50 {:>5} ms, p95 {:>5} ms, worst {:>6} ms",
        times.len(),
        ms(50),
        ms(95),
        ms(100)
    )
}
