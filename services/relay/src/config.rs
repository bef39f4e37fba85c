//! The relay's settings.

use clap::Args;
use platform::StartError;

use crate::captured::{self, PUBLICATION, SLOT};

/// Settings of the relay.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Replication slot that keeps the relay's position in Postgres. Relays of one slot take over from each
    /// other; one works at a time.
    #[arg(long, env = "BELLHOP_SLOT", default_value = SLOT)]
    pub slot_name: String,

    /// Publication that names the captured tables; `bellhop migrate` makes it.
    #[arg(long, env = "BELLHOP_PUBLICATION", default_value = PUBLICATION)]
    pub publication_name: String,

    /// Seconds between two heartbeats, by which readers of the changes know how fresh they are.
    #[arg(long, env = "BELLHOP_HEARTBEAT_SECONDS", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=60))]
    pub heartbeat_seconds: u64,
}

impl Config {
    /// Refuses names that Postgres would not take.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        for (setting, name) in [
            ("--slot-name", &self.slot_name),
            ("--publication-name", &self.publication_name),
        ] {
            if !captured::is_name(name) {
                return Err(StartError::Setting(format!(
                    "{setting} is {name:?}; use 1 to 63 lower-case letters, digits and underscores, not \
                     beginning with a digit"
                )));
            }
        }
        Ok(())
    }
}
