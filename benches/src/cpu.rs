//! CPU time and memory of the processes of one run, and of nobody else's on the machine: who listens on the ports that the run was
//! given, with all that a server has started and buried. Others of the same name that come and go meanwhile do not count.

use std::fmt;

use anyhow::{Context as _, ensure};
use procfs::net::{TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, Stat, all_processes};
use tests::Platform;

/// A process whose CPU is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Postgres,
    Kafka,
    Redis,
    Bellhop,
    /// This process, which makes the load.
    Generator,
}

/// All parts on the way of a booking.
pub(crate) const ALL: [Part; 5] = [
    Part::Postgres,
    Part::Kafka,
    Part::Redis,
    Part::Bellhop,
    Part::Generator,
];

impl Part {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Redis => "redis",
            Self::Bellhop => "bellhop",
            Self::Generator => "generator",
        }
    }

    /// Its process.
    fn pid(self, platform: &Platform) -> anyhow::Result<i32> {
        let setting = match self {
            Self::Generator => return Ok(Process::myself()?.pid),
            Self::Bellhop => return listener(port(&platform.url)?),
            Self::Postgres => "BELLHOP_DATABASE_URL",
            Self::Kafka => "BELLHOP_KAFKA_BROKERS",
            Self::Redis => "BELLHOP_REDIS_URL",
        };
        let address = platform.env.iter().find(|(name, _)| name == setting);
        let (_, address) = address.with_context(|| format!("the run has no {setting}"))?;
        listener(port(address)?)
    }
}

/// The processes of a run.
#[derive(Debug)]
pub(crate) struct Processes(Vec<(Part, i32)>);

/// CPU time of each so far, in ticks.
#[derive(Debug)]
pub(crate) struct Cpu(Vec<(Part, u64)>);

/// What one operation cost, in microseconds of CPU.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) each: Vec<(Part, u64)>,
    pub(crate) sum: u64,
}

impl Processes {
    /// Those of the parts.
    ///
    /// # Errors
    /// When nobody listens where a part should.
    pub(crate) fn of(platform: &Platform, parts: &[Part]) -> anyhow::Result<Self> {
        let found = parts.iter().map(|part| Ok((*part, part.pid(platform)?)));
        Ok(Self(found.collect::<anyhow::Result<_>>()?))
    }

    /// What each has spent so far.
    ///
    /// # Errors
    /// When one of them is not there any more.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let all: Vec<Stat> = all_processes()?
            .flatten()
            .filter_map(|process| process.stat().ok())
            .collect();
        let spent = self.0.iter().map(|(part, pid)| {
            let stat = all.iter().find(|stat| stat.pid == *pid);
            let stat = stat.with_context(|| format!("{} has ended", part.name()))?;
            let ticks = match part {
                Part::Postgres | Part::Kafka | Part::Redis => with_children(stat, &all),
                // Bellhop is a child of the generator.
                Part::Bellhop | Part::Generator => own(stat),
            };
            Ok((*part, ticks))
        });
        Ok(Cpu(spent.collect::<anyhow::Result<_>>()?))
    }

    /// The process of a part.
    ///
    /// # Errors
    /// When it is not one of these, or has ended.
    pub(crate) fn process(&self, part: Part) -> anyhow::Result<Process> {
        let found = self.0.iter().find(|(one, _)| *one == part);
        let (_, pid) = found.with_context(|| format!("{} is not measured", part.name()))?;
        Ok(Process::new(*pid)?)
    }

    /// Its resident memory, in MB.
    ///
    /// # Errors
    /// As [`Self::process`].
    pub(crate) fn resident_mb(&self, part: Part) -> anyhow::Result<u64> {
        let kilobytes = self.process(part)?.status()?.vmrss;
        Ok(kilobytes.context("a process without memory")? / 1_024)
    }
}

impl Cpu {
    /// What an operation cost since `before`.
    ///
    /// # Errors
    /// When a part spent nothing: then the sum is not that of the operations.
    pub(crate) fn per_operation(&self, before: &Self, operations: u64) -> anyhow::Result<Cost> {
        let tick_micros = 1_000_000 / procfs::ticks_per_second();
        let mut each = Vec::new();
        for ((part, now), (_, before)) in self.0.iter().zip(&before.0) {
            let ticks = now.saturating_sub(*before);
            ensure!(
                ticks > 0,
                "no CPU was measured for {}, so that the sum would be too small",
                part.name()
            );
            each.push((*part, ticks * tick_micros / operations.max(1)));
        }
        let sum = each.iter().map(|(_, micros)| micros).sum();
        Ok(Cost { each, sum })
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self
            .each
            .iter()
            .map(|(part, micros)| format!("{} {micros}", part.name()))
            .collect();
        write!(f, "{} = {} us per operation", each.join(" + "), self.sum)
    }
}

/// User and system time of one process, in ticks.
const fn own(stat: &Stat) -> u64 {
    stat.utime + stat.stime
}

/// The same with what it has started, whether that lives or was buried.
fn with_children(stat: &Stat, all: &[Stat]) -> u64 {
    let buried = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
    let living = all.iter().filter(|child| child.ppid == stat.pid);
    own(stat) + buried + living.map(|child| with_children(child, all)).sum::<u64>()
}

/// The port of an address or URL.
fn port(address: &str) -> anyhow::Result<u16> {
    let authority = address.rsplit("://").next().unwrap_or(address);
    let host = authority.split('/').next().unwrap_or(authority);
    let port = host.rsplit(':').next().and_then(|port| port.parse().ok());
    port.with_context(|| format!("{address} has no port"))
}

/// The process that listens on a port of this machine: the oldest that holds the socket, since children inherit it.
fn listener(port: u16) -> anyhow::Result<i32> {
    let sockets = tcp()?.into_iter().chain(tcp6()?);
    let listening: Vec<u64> = sockets
        .filter(|socket| socket.state == TcpState::Listen && socket.local_address.port() == port)
        .map(|socket| socket.inode)
        .collect();
    let holds = |process: &Process| {
        process.fd().is_ok_and(|fds| {
            fds.flatten()
                .any(|fd| matches!(fd.target, FDTarget::Socket(inode) if listening.contains(&inode)))
        })
    };
    let holders = all_processes()?.flatten().filter(holds);
    let oldest = holders
        .filter_map(|process| process.stat().ok())
        .min_by_key(|stat| stat.starttime);
    oldest.map(|stat| stat.pid).with_context(|| {
        format!(
            "nobody whose sockets we may see listens on port {port}; run this as who started it, or as root"
        )
    })
}

#[cfg(test)]
mod sums {
    use super::*;

    #[test]
    fn a_part_that_spent_nothing_is_no_part_of_a_sum() {
        let ticks = |each: [u64; 5]| Cpu(ALL.into_iter().zip(each).collect());
        let before = ticks([100, 50, 7, 30, 1]);
        let cost = ticks([300, 150, 8, 130, 31]).per_operation(&before, 10).unwrap();
        let tick = 1_000_000 / procfs::ticks_per_second() / 10;
        assert_eq!(cost.sum, 200 * tick + 100 * tick + tick + 100 * tick + 30 * tick);
        for missing in 0..ALL.len() {
            let mut after = [300, 150, 8, 130, 31];
            after[missing] = before.0[missing].1;
            let error = ticks(after).per_operation(&before, 10).unwrap_err().to_string();
            assert!(error.contains(ALL[missing].name()), "{error}");
        }
    }

    #[test]
    fn a_process_that_is_not_there_is_missed() {
        let none = Processes(vec![(Part::Redis, i32::MAX)]);
        assert!(none.cpu().unwrap_err().to_string().contains("redis"));
        assert!(listener(1).is_err(), "nobody listens there");
    }
}
