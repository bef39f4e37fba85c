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

#[cfg(test)]
mod tests {
    use clap::{Arg, CommandFactory as _};

    use super::*;

    /// What no argument's name has in it: an argument stands in the list of processes, for everybody on the machine.
    const SECRET: [&str; 8] = [
        "secret",
        "password",
        "pepper",
        "key",
        "token",
        "credential",
        "redis_url",
        "admin_database_url",
    ];

    fn all(command: &clap::Command, found: &mut Vec<clap::Command>) {
        found.push(command.clone());
        for sub in command.get_subcommands() {
            all(sub, found);
        }
    }

    /// The variables that the helps of all commands tell as secrets.
    fn secrets(commands: &[clap::Command]) -> std::collections::BTreeSet<String> {
        let told = |command: &clap::Command| {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let named = help.split("[env: ").skip(1);
            named
                .map(|rest| rest.split(']').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        commands.iter().flat_map(told).collect()
    }

    #[test]
    fn no_secret_is_an_argument_of_any_command() {
        let mut commands = Vec::new();
        all(&Cli::command(), &mut commands);
        let secrets = secrets(&commands);
        for known in [
            "KEY_PEPPER",
            "LINK_SECRET",
            "DATABASE_PASSWORD",
            "ADMIN_DATABASE_URL",
            "KEY",
            "REDIS_URL",
        ] {
            assert!(
                secrets.contains(&format!("BELLHOP_{known}")),
                "{known}: {secrets:?}"
            );
        }
        let mut seen = 0;
        for command in &commands {
            for argument in command.get_arguments() {
                seen += 1;
                let id = argument.get_id().as_str();
                let name = argument.get_long().unwrap_or(id).replace('-', "_");
                // What everybody may know.
                let is_public = name.ends_with("_public_key");
                assert!(
                    is_public
                        || !SECRET
                            .iter()
                            .any(|word| name == *word || name.ends_with(&format!("_{word}"))),
                    "{}: {name} is an argument",
                    command.get_name()
                );
                let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
                assert!(
                    !variable.as_ref().is_some_and(|name| secrets.contains(name)),
                    "{}: {variable:?} is an argument",
                    command.get_name()
                );
                assert!(
                    !Arg::is_hide_env_values_set(argument),
                    "{name}: what is hidden is a secret"
                );
            }
        }
        assert!(seen > 100, "only {seen} arguments were seen");
        // None of them is taken as one, by no command.
        for command in &commands {
            for variable in &secrets {
                let long = variable
                    .trim_start_matches("BELLHOP_")
                    .to_lowercase()
                    .replace('_', "-");
                for long in [format!("--{long}=x"), format!("--{}=x", variable.to_lowercase())] {
                    let taken = command.clone().try_get_matches_from(["x", long.as_str()]);
                    assert!(taken.is_err(), "{} {long}", command.get_name());
                }
            }
        }
    }
}
