//! The one executable: `bellhop run` starts services, every other command is for people.

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bellhop books hotel stays: no night sold beyond what the hotel allows, no card charged without a room.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the platform, or one target of it, until SIGTERM or Ctrl-C.
    Run(Box<bellhop::run::Run>),
    /// Create roles, schemas, tables, grants and the publication, or bring them up to date.
    Migrate(bellhop::migrate::Migrate),
    /// Print the OpenAPI document.
    Openapi,
    /// Create the hotels of the examples, ready to be booked.
    Seed(bellhop::seed::Seed),
    /// Fill, repair or verify the availability cache.
    Warm(bellhop::warm::Warm),
    /// Book and cancel real bookings from a file through the public REST API.
    Replay(bellhop::replay::Replay),
    /// Check that no invariant is violated; exits with 1 when one is, after telling all.
    Audit(bellhop::audit::Audit),
    /// Print what people did to keys, runs, rules and rooms, or check that nothing of it is gone.
    Trail(bellhop::trail::Trail),
    /// Make a principal with an API key, or a sign-in link, past HTTP: so the first administrator comes to be.
    #[command(subcommand)]
    Access(bellhop::access_command::Access),
    /// Sign tokens of members, for load.
    #[command(subcommand)]
    Members(bellhop::members_command::Members),
    /// Say what is missing or wrong around the platform, and what to do about it.
    Doctor(bellhop::doctor::Doctor),
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    let cli = Cli::parse();
    platform::chaos::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Run(run) => run.execute().await,
            Command::Migrate(migrate) => migrate.execute().await,
            Command::Openapi => bellhop::openapi::print(),
            Command::Seed(seed) => seed.execute().await,
            Command::Warm(warm) => warm.execute().await,
            Command::Replay(replay) => replay.execute().await,
            Command::Audit(audit) => audit.execute().await,
            Command::Trail(trail) => trail.execute().await,
            Command::Access(access) => access.execute().await,
            Command::Members(members) => members.execute(),
            Command::Doctor(doctor) => doctor.execute().await,
        }
    })
}
