//! `prove-oracle`: a replay under the oracle's eyes, or recorded files judged again.

mod run;
mod tap;

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use oracle::{journal, judge, stream};

#[derive(Parser)]
#[command(about = "Was every answer right at some point while the client waited for it?")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the platform, replays bookings, and judges every answer.
    Run(run::Run),
    /// Judges a recorded journal by a recorded log.
    Judge {
        /// What `bellhop replay --journal` wrote.
        journal: PathBuf,
        /// What `prove-oracle run --keep` left as log.jsonl.
        log: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Run(run) => run.execute().await,
        Command::Judge { journal, log } => verdict(&journal, &log),
    }
}

fn verdict(journal: &Path, log: &Path) -> anyhow::Result<ExitCode> {
    let open = |path: &Path| {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        anyhow::Ok(BufReader::new(file))
    };
    let (journal, log) = (journal::read(open(journal)?)?, stream::read(open(log)?)?);
    let verdict = judge::judge(&log, &journal)?;
    say(&verdict);
    Ok(if verdict.violations.is_empty() && verdict.answers() > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints a line.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
