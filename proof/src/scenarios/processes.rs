//! Faults of our own processes: killed, paused, stopped, starved, shown a wrong clock.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::join_all;
use reqwest::Method;
use tests::{TARGETS, booking_body, fixed_address, lost, until};

use crate::servers::{command, setting};
use crate::world::{Outcome, Plan, World, note};

/// Sagas that are open when the orchestrator is killed.
const OPEN_SAGAS: usize = 1_000;
/// Requests of a burst that are under way at once.
const AT_ONCE: usize = 50;
/// A member of a consumer group that is silent for longer is taken for dead (10 s), with some room.
const PAST_SESSION_TIMEOUT: Duration = Duration::from_secs(14);
/// Rounds of "the machine is off".
const POWER_CUTS: usize = 10;
/// Descriptors that are left to a starved process beside those it has.
const FILES_LEFT: u64 = 12;
/// Connections that a stranger opens to it.
const STRANGERS: usize = 60;

/// F02: the orchestrator is killed with a thousand sagas open, twice.
pub(crate) async fn f02() -> anyhow::Result<Outcome> {
    let mut world = World::start(Plan::default()).await?;
    world.platform.kill_target("orchestrator");
    let mut accepted = Vec::with_capacity(OPEN_SAGAS);
    for _ in 0..OPEN_SAGAS / AT_ONCE {
        let burst = join_all((0..AT_ONCE).map(async |at| {
            let from = u32::try_from(at % 50).unwrap_or(0);
            let quote = world.hotel.quote(&world.platform, from, 1, 1).await;
            let key = quote["quote_id"].as_str().unwrap_or_default().to_owned();
            let (body, headers) = (
                booking_body(&quote, "Ada Lovelace", "pm_ok"),
                [("idempotency-key", key.as_str())],
            );
            let asked = world
                .platform
                .send_json(Method::POST, "/v1/reservations", &body, &headers)
                .await;
            (asked.status == 202).then(|| asked.text("/reservation_id").to_owned())
        }))
        .await;
        accepted.extend(burst.into_iter().flatten());
    }
    ensure!(
        accepted.len() == OPEN_SAGAS,
        "{} of {OPEN_SAGAS} bookings were accepted",
        accepted.len()
    );
    world.platform.run("orchestrator");
    until("some sagas have begun", async || {
        let open = world
            .platform
            .query("select count(*)::text from orchestrator.run")
            .await?;
        (open.parse::<usize>().ok()? > OPEN_SAGAS / 4).then_some(())
    })
    .await;
    world.platform.kill_target("orchestrator");
    world.platform.run("orchestrator");
    let healed = Instant::now();
    let told: Vec<_> = accepted
        .into_iter()
        .map(|reservation_id| tests::Acknowledged {
            reservation_id,
            confirmed: true,
            cancelled: false,
        })
        .collect();
    let lost = lost(&world.platform.client(), &told).await;
    ensure!(lost.is_empty(), "accepted and not confirmed: {lost:?}");
    note(format!(
        "{OPEN_SAGAS} open sagas confirmed {} ms after the second kill",
        healed.elapsed().as_millis()
    ));
    world.comes_to_rest(healed).await
}

/// F03 and F05: a process is paused past its session timeout, another takes over, and the first is thawed.
async fn paused(target: &str) -> anyhow::Result<Outcome> {
    let mut world = World::start(Plan::default()).await?;
    world.platform.signal_target(target, "-STOP");
    let second = fixed_address();
    let env = [("BELLHOP_NODE", "second"), ("BELLHOP_LISTEN", second.as_str())];
    world.platform.run_with("second", target, &env);
    let took_over = world.works().await?;
    note(format!(
        "the second {target} took over after {} ms",
        took_over.as_millis()
    ));
    tokio::time::sleep(PAST_SESSION_TIMEOUT).await;
    world.platform.signal_target(target, "-CONT");
    let healed = Instant::now();
    world.load.progress(50).await;
    world.platform.kill_target("second");
    note("and the second was killed again");
    world.comes_to_rest(healed).await
}

/// F03: an orchestrator is paused, another adopts its sagas, and the first wakes up.
pub(crate) async fn f03() -> anyhow::Result<Outcome> {
    paused("orchestrator").await
}

/// F05: the same with a participant. Its HTTP interface is not taken over, only its messages are.
pub(crate) async fn f05() -> anyhow::Result<Outcome> {
    paused("payment").await
}

/// F04: each process in turn is asked to stop under load, and is started again.
pub(crate) async fn f04() -> anyhow::Result<Outcome> {
    let mut world = World::start(Plan::default()).await?;
    let mut healed = Instant::now();
    for target in TARGETS {
        let began = Instant::now();
        world.platform.signal_target(target, "-TERM");
        ensure!(world.platform.exit_of(target), "{target} did not end in order");
        note(format!("{target} drained in {} ms", began.elapsed().as_millis()));
        world.platform.run(target);
        healed = Instant::now();
        world.works().await?;
    }
    world.comes_to_rest(healed).await
}

/// F14: each process in turn lives three days in the future, then three in the past.
pub(crate) async fn f14() -> anyhow::Result<Outcome> {
    let library = setting("BELLHOP_FAKETIME")?;
    ensure!(!library.is_empty(), "libfaketime is not installed");
    let mut world = World::start(Plan::default()).await?;
    for target in TARGETS {
        for days in ["+3d", "-3d"] {
            world.platform.kill_target(target);
            let env = [
                ("LD_PRELOAD", library.as_str()),
                ("FAKETIME", days),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
                ("DONT_FAKE_MONOTONIC", "1"),
            ];
            world.platform.run_with(target, target, &env);
            let before = world.load.seen().len();
            // Long enough for holds, quotes and sagas to be judged by the wrong clock.
            tokio::time::sleep(Duration::from_secs(4)).await;
            let after = world.load.seen().len();
            ensure!(
                !world.platform.has_ended(target),
                "{target} did not live with {days}"
            );
            note(format!(
                "{target} at {days}: {} bookings confirmed in 4 s",
                after - before
            ));
        }
        world.platform.kill_target(target);
        world.platform.run(target);
        world.works().await?;
    }
    world.comes_to_rest(Instant::now()).await
}

/// F43: a process has no file descriptor left.
pub(crate) async fn f43() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    for target in ["hotel", "reservation", "payment", "orchestrator", "relay"] {
        let Some(pid) = world.platform.pid(target) else {
            continue;
        };
        let open = std::fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        let limit = u64::try_from(open)? + FILES_LEFT;
        command(
            "prlimit",
            &["--pid", &pid.to_string(), &format!("--nofile={limit}:")],
        )?;
        let address = world.platform.address(target).unwrap_or_default().to_owned();
        let strangers =
            join_all((0..STRANGERS).map(|_| tokio::net::TcpStream::connect(address.clone()))).await;
        // The connections that a starved process needs are cut, so that it has to open others.
        world.servers.sql("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'bellhop_%'")?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(strangers);
        command("prlimit", &["--pid", &pid.to_string(), "--nofile=1024:"])?;
        let back = world.works().await?;
        note(format!(
            "{target} had {limit} descriptors for 3 s; a booking {} ms after",
            back.as_millis()
        ));
    }
    world.comes_to_rest(Instant::now()).await
}

/// F44: every process of ours is killed at once, again and again, and started in another order each time.
pub(crate) async fn f44() -> anyhow::Result<Outcome> {
    let mut world = World::start(Plan::default()).await?;
    let mut random = fastrand::Rng::with_seed(44);
    let (mut worst, mut healed) = (Duration::ZERO, Instant::now());
    for _ in 0..POWER_CUTS {
        world.load.progress(5).await;
        world.platform.kill();
        let mut order = TARGETS;
        random.shuffle(&mut order);
        for target in order {
            world.platform.run(target);
        }
        healed = Instant::now();
        worst = worst.max(world.works_since(healed).await?);
    }
    note(format!(
        "{POWER_CUTS} power cuts, the slowest first booking after {} ms",
        worst.as_millis()
    ));
    world.comes_to_rest(healed).await
}
