//! `prove-faults`: breaks what a real platform stands on, under load, and looks whether anything that was
//! acknowledged is lost. Started by `scripts/prove fault`, `scripts/prove kill` and `scripts/prove points`.

mod catalogue;
mod kill;
mod points;
mod scenarios;
mod servers;
mod toxiproxy;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// Real faults on a real platform.
#[derive(Parser)]
enum Proof {
    /// One fault of the list, or all of them.
    Fault {
        /// Such as `F22`; without it the list is printed.
        id: Option<String>,
        /// Print only the ids of what can be staged.
        #[arg(long)]
        staged: bool,
    },
    /// Kills random processes at random moments under load.
    Kill {
        /// For so many minutes.
        #[arg(long, default_value_t = 0)]
        minutes: u64,
        /// And so many hours.
        #[arg(long, default_value_t = 0)]
        hours: u64,
        /// Chooses victims and moments.
        #[arg(long)]
        seed: Option<u64>,
        /// Milliseconds between two kills, on average.
        #[arg(long, default_value_t = 1_100)]
        every_ms: u64,
        /// Clients that go on booking.
        #[arg(long, default_value_t = 6)]
        clients: usize,
        /// Kill nothing but this, such as `Kafka` or `relay`.
        #[arg(long)]
        only: Option<String>,
    },
    /// Kills each process before and after each of its commits, publishes and provider calls.
    Points {
        /// Only hits up to this one of each point are tried.
        #[arg(long, default_value_t = 12)]
        hits_max: u32,
    },
}

/// Prints one line.
pub(crate) fn say(text: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn main() -> anyhow::Result<ExitCode> {
    let proof = Proof::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match proof {
            Proof::Fault { id: Some(id), .. } => catalogue::run(&id).await,
            Proof::Fault { staged, .. } => {
                if staged {
                    catalogue::print_staged();
                } else {
                    catalogue::print();
                }
                Ok(ExitCode::SUCCESS)
            }
            Proof::Kill {
                minutes,
                hours,
                seed,
                every_ms,
                clients,
                only,
            } => {
                let length = Duration::from_mins(minutes + 60 * hours);
                kill::run(
                    length,
                    seed,
                    Duration::from_millis(every_ms),
                    clients,
                    only.as_deref(),
                )
                .await
            }
            Proof::Points { hits_max } => points::run(hits_max).await,
        }
    })
}
