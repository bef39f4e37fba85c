//! Faults of what the platform stands on: Postgres, Kafka, Redis, and the disks under them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tests::{ended, until};

use crate::servers::{Server, Servers, SmallDisk, command};
use crate::world::{Outcome, Plan, World, note};

/// How long a disk stays full, a lock is held, a relay is paused.
const A_WHILE: Duration = Duration::from_secs(5);
/// How long the relay stands still while others write.
const RELAY_PAUSED: Duration = Duration::from_secs(45);
/// Megabytes of the small disks.
const SMALL_MB: u32 = 256;
/// Write operations a second of the slow disk.
const SLOW_IOPS: u32 = 30;

/// F11: the disk under Postgres takes 30 writes a second.
pub(crate) async fn f11() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let group = Throttle::postgres(&world.servers)?;
    let before = world.load.seen().len();
    tokio::time::sleep(4 * A_WHILE).await;
    let slow = world.load.seen().len() - before;
    drop(group);
    let healed = Instant::now();
    note(format!(
        "{SLOW_IOPS} writes a second for {} s: {slow} bookings confirmed",
        4 * A_WHILE.as_secs()
    ));
    world.comes_to_rest(healed).await
}

/// A control group whose writes are counted; undone when dropped.
struct Throttle(PathBuf);

impl Throttle {
    fn postgres(servers: &Servers) -> anyhow::Result<Self> {
        let group = PathBuf::from("/sys/fs/cgroup/blkio/bellhop-proof");
        std::fs::create_dir_all(&group).context("needs control groups of version 1 with blkio")?;
        let throttle = Self(group);
        let home = servers.home.display().to_string();
        let device = command("findmnt", &["-n", "-o", "MAJ:MIN", "--target", &home])?;
        let rule = format!("{} {SLOW_IOPS}", device.trim());
        std::fs::write(throttle.0.join("blkio.throttle.write_iops_device"), rule)?;
        let postmaster = std::fs::read_to_string(servers.home.join("postgres/postmaster.pid"))?;
        let postmaster = postmaster.lines().next().unwrap_or_default().to_owned();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let mut all = std::fs::read_to_string(children)?;
        all.push_str(&postmaster);
        for pid in all.split_whitespace() {
            // A session may have ended meanwhile.
            let _ = std::fs::write(throttle.0.join("cgroup.procs"), pid);
        }
        Ok(throttle)
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        let pids = std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        for pid in pids.split_whitespace() {
            let _ = std::fs::write("/sys/fs/cgroup/blkio/cgroup.procs", pid);
        }
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// F12: the disk of Postgres' log is full.
pub(crate) async fn f12() -> anyhow::Result<Outcome> {
    let servers = Servers::of_the_script()?;
    servers.sql("alter system set max_wal_size = '96MB'")?;
    servers.sql("alter system set min_wal_size = '32MB'")?;
    servers.sql("alter system set wal_recycle = off")?;
    servers.sql("select pg_reload_conf()")?;
    servers.sql("checkpoint")?;
    let disk = wal_on_a_small_disk(&servers)?;
    let world = World::start(Plan::default()).await?;
    let filled = disk.fill()?;
    note(format!("filled the last {filled} bytes of {SMALL_MB} MB"));
    // A segment that is already there can be written; a new one cannot be made.
    until("Postgres panics", async || {
        let log = std::fs::read_to_string(servers.home.join("postgres.log")).unwrap_or_default();
        let _ = servers.sql("select pg_logical_emit_message(false, 'filler', repeat('x', 500000))");
        log.contains("PANIC").then_some(())
    })
    .await;
    note("Postgres panicked: no space left on device");
    tokio::time::sleep(A_WHILE).await;
    disk.empty()?;
    let healed = Instant::now();
    // The postmaster may have given up; a supervisor would start it again.
    servers.start(Server::Postgres)?;
    world.comes_to_rest(healed).await
}

fn wal_on_a_small_disk(servers: &Servers) -> anyhow::Result<SmallDisk> {
    let (wal, aside) = (
        servers.home.join("postgres/pg_wal"),
        servers.home.join("postgres/pg_wal_aside"),
    );
    stop_postgres(servers)?;
    std::fs::rename(&wal, &aside)?;
    command(
        "install",
        &["-d", "-m", "700", "-o", "postgres", &wal.display().to_string()],
    )?;
    let disk = SmallDisk::over(&wal, SMALL_MB)?;
    copy_back(&aside, &wal)?;
    std::fs::remove_dir_all(&aside)?;
    servers.start(Server::Postgres)?;
    Ok(disk)
}

fn copy_back(from: &std::path::Path, to: &std::path::Path) -> anyhow::Result<()> {
    command(
        "cp",
        &["-a", &format!("{}/.", from.display()), &to.display().to_string()],
    )?;
    command("chown", &["-R", "postgres", &to.display().to_string()]).map(drop)
}

fn stop_postgres(servers: &Servers) -> anyhow::Result<()> {
    servers.signal(Server::Postgres, "-INT")?;
    let pid_file = servers.home.join("postgres/postmaster.pid");
    for _ in 0..600 {
        if !pid_file.exists() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("Postgres does not stop")
}

/// F13: the disk of Kafka's log is full, then Redis has no memory left.
pub(crate) async fn f13() -> anyhow::Result<Outcome> {
    let servers = Servers::of_the_script()?;
    // The broker's whole folder: its log cannot be made anew below a mount of its own.
    let data = servers.home.join("kafka");
    let properties = std::fs::read(data.join("server.properties"))?;
    servers.wipe_kafka()?;
    let disk = SmallDisk::over(&data, SMALL_MB)?;
    std::fs::write(data.join("server.properties"), properties)?;
    servers.start(Server::Kafka)?;
    let world = World::start(Plan::default()).await?;
    let filled = disk.fill()?;
    note(format!(
        "filled the last {filled} bytes of {SMALL_MB} MB under Kafka"
    ));
    let pid = std::fs::read_to_string(servers.home.join("kafka.pid"))?;
    let began = Instant::now();
    let alive = || !ended(pid.trim());
    while began.elapsed() < 4 * A_WHILE && alive() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    note(format!(
        "the broker {} after {} s",
        if alive() { "still lives" } else { "ended" },
        began.elapsed().as_secs()
    ));
    if alive() {
        servers.kill(Server::Kafka)?;
    }
    disk.empty()?;
    servers.start(Server::Kafka)?;
    let healed = Instant::now();
    note(format!(
        "with space again, a booking after {} ms",
        world.works_since(healed).await?.as_millis()
    ));
    redis_cli(&servers, &["config", "set", "maxmemory", "1"])?;
    tokio::time::sleep(A_WHILE).await;
    redis_cli(&servers, &["config", "set", "maxmemory", "0"])?;
    world.comes_to_rest(Instant::now()).await
}

fn redis_cli(servers: &Servers, arguments: &[&str]) -> anyhow::Result<String> {
    let port = servers.port(Server::Redis)?;
    command("redis-cli", &[&["-p", port.as_str()], arguments].concat())
}

/// F19: the broker is killed three times within a minute.
pub(crate) async fn f19() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let mut healed = Instant::now();
    for round in 1..=3 {
        world.servers.kill(Server::Kafka)?;
        world.servers.start(Server::Kafka)?;
        healed = Instant::now();
        let back = world.works_since(healed).await?;
        note(format!(
            "{round}: a booking {} ms after the broker was there again",
            back.as_millis()
        ));
    }
    world.comes_to_rest(healed).await
}

/// F20: the broker's log is wiped.
pub(crate) async fn f20() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    world.servers.wipe_kafka()?;
    world.servers.start(Server::Kafka)?;
    world.comes_to_rest(Instant::now()).await
}

/// F21: the relay stands still while bookings are accepted, and catches up.
pub(crate) async fn f21() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let answered = world.load.answered();
    world.platform.signal_target("relay", "-STOP");
    tokio::time::sleep(RELAY_PAUSED).await;
    let kept = world.servers.sql(&format!(
        "select pg_size_pretty(pg_current_wal_lsn() - restart_lsn) from pg_replication_slots where slot_name = '{}'",
        world.platform.name
    ))?;
    world.platform.signal_target("relay", "-CONT");
    let healed = Instant::now();
    note(format!(
        "{} s without the relay: {} bookings accepted, {kept} of log kept for it",
        RELAY_PAUSED.as_secs(),
        world.load.answered() - answered
    ));
    world.comes_to_rest(healed).await
}

/// F22: the slot is lost, because its relay stood still while the log grew beyond what Postgres keeps.
pub(crate) async fn f22() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    let (servers, name) = (&world.servers, &world.platform.name);
    servers.sql("alter system set max_slot_wal_keep_size = '32MB'")?;
    servers.sql("select pg_reload_conf()")?;
    world.platform.signal_target("relay", "-STOP");
    let status = format!("select wal_status from pg_replication_slots where slot_name = '{name}'");
    until("the slot is lost", async || {
        servers.sql("select count(pg_logical_emit_message(false, 'filler', repeat('x', 500000))) from generate_series(1, 60)").ok()?;
        servers.sql("select pg_switch_wal()").ok()?;
        servers.sql("checkpoint").ok()?;
        (servers.sql(&status).ok()? == "lost").then_some(())
    })
    .await;
    let healed = Instant::now();
    world.platform.signal_target("relay", "-CONT");
    servers.sql("alter system reset max_slot_wal_keep_size")?;
    servers.sql("select pg_reload_conf()")?;
    until("another slot is there", async || {
        let now = servers.sql(&status).ok()?;
        (!now.is_empty() && now != "lost").then_some(())
    })
    .await;
    note(format!(
        "the relay had another slot {} ms after it was thawed",
        healed.elapsed().as_millis()
    ));
    world.comes_to_rest(healed).await
}

/// F25: a session of Postgres is killed, which restarts all of it; then the postmaster is.
pub(crate) async fn f25() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    for role in ["bellhop_inventory", "bellhop_orchestrator", "bellhop_relay"] {
        let sql = format!("select pid from pg_stat_activity where usename = '{role}' limit 1");
        let pid = world.servers.sql(&sql)?;
        command("kill", &["-9", &pid])?;
        let killed = Instant::now();
        let back = world.works_since(killed).await?;
        note(format!(
            "a session of {role} killed; a booking {} ms after",
            back.as_millis()
        ));
    }
    world.servers.kill(Server::Postgres)?;
    world.servers.start(Server::Postgres)?;
    world.comes_to_rest(Instant::now()).await
}

/// F28: a lock keeps every connection of a pool waiting.
pub(crate) async fn f28() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    for table in [
        "reservation.reservation",
        "inventory.room_night",
        "orchestrator.run",
    ] {
        let url = world.database_url()?;
        let sql = format!(
            "begin; lock table {table} in access exclusive mode; select pg_sleep({}); commit",
            A_WHILE.as_secs()
        );
        let lock = tokio::task::spawn_blocking(move || command("psql", &["-X", "-q", &url, "-c", &sql]));
        let asked = Instant::now();
        let body = world.hotel.quote_body(0, 1, 1);
        let quote = world
            .platform
            .client()
            .json(reqwest::Method::POST, "/v1/quotes", &body, &[])
            .await?;
        note(format!(
            "{table} locked: quote {} in {} ms",
            quote.status,
            asked.elapsed().as_millis()
        ));
        lock.await??;
        world.works().await?;
    }
    world.comes_to_rest(Instant::now()).await
}

/// F29: Redis is emptied, killed and started empty, and filled with lies.
pub(crate) async fn f29() -> anyhow::Result<Outcome> {
    let world = World::start(Plan::default()).await?;
    redis_cli(&world.servers, &["flushall"])?;
    world.load.progress(20).await;
    world.servers.kill(Server::Redis)?;
    world.servers.start(Server::Redis)?;
    world.load.progress(20).await;
    note("emptied, and killed and started empty");
    let lie = "local n = 0 for _, key in ipairs(redis.call('keys', '*')) do if redis.call('type', key).ok == 'string' \
               then redis.call('set', key, 'lie') n = n + 1 end end return n";
    let lies = redis_cli(&world.servers, &["eval", lie, "0"])?;
    world.load.progress(20).await;
    note(format!(
        "{} keys overwritten with lies; bookings went on",
        lies.trim()
    ));
    let repaired = world.platform.command(&["warm"]);
    ensure!(
        repaired.status.success(),
        "{}",
        String::from_utf8_lossy(&repaired.stderr)
    );
    world.comes_to_rest(Instant::now()).await
}
