//! The figures that Bellhop claims, each as a ratio to a peer or a limit measured in the same run.
//! `scripts/bench NAME` starts the servers and calls this.

mod book;
mod cdc;
mod cpu;
mod hold;
mod idle;
mod machine;
mod pair;
mod probe;
mod work;

use std::path::PathBuf;

use clap::Parser;

/// Measures and prints; the figures go into `docs/benchmarks.md` with their conditions.
#[derive(Parser)]
enum Bench {
    /// Holds of one hot room night: grouped against one commit per hold.
    Hold {
        /// Seconds of each of the runs.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Pairs of runs.
        #[arg(long, default_value_t = 3)]
        pairs: usize,
    },
    /// Complete bookings: per second with 64 clients, their latency at 20 per second beside a floor, and what one of
    /// them has the database do. Fails when a bar is not met.
    Book {
        /// Seconds of each run and of the warm-up; the broker needs 60 until its code is compiled.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Clients of the closed loop.
        #[arg(long, default_value_t = 64)]
        clients: usize,
    },
    /// Complete bookings of two builds, or of two settings, by turns on the same servers: what a change is worth.
    Pair {
        /// The build that the present one is compared with; itself where none is named.
        #[arg(long)]
        other: Option<PathBuf>,
        /// A setting of the other's turns: NAME=VALUE.
        #[arg(long)]
        set: Vec<String>,
        /// Seconds of each turn, after ten that are not measured.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Turns of each.
        #[arg(long, default_value_t = 5)]
        turns: usize,
        /// Clients of the closed loop.
        #[arg(long, default_value_t = 64)]
        clients: usize,
    },
    /// What a lone booking has the database do, and of which statements and tables that is. A count needs no quiet machine.
    Work,
    /// From commit to Redis, beside `pg_recvlogical` on a second slot.
    Cdc {
        /// Seconds of the run.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// What a platform costs that has nothing to do.
    Idle {
        /// Seconds that are measured, after the first minute.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let bench = Bench::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match bench {
            Bench::Hold { seconds, pairs } => hold::run(seconds, pairs).await,
            Bench::Book { seconds, clients } => book::run(seconds, clients).await,
            Bench::Pair {
                other,
                set,
                seconds,
                turns,
                clients,
            } => pair::run(other, &set, seconds, turns, clients).await,
            Bench::Work => work::run(book::ROOMS).await,
            Bench::Cdc { seconds } => cdc::run(seconds).await,
            Bench::Idle { seconds } => idle::run(seconds).await,
        }
    })
}
