//! The settings of the hotel service.

use chrono::TimeDelta;

/// Settings of the hotel service.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// For how many seconds a quote's price holds, 30 to 86400.
    #[arg(
        long,
        env = "BELLHOP_QUOTE_TTL_SECONDS",
        default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(30..=86_400)
    )]
    pub quote_ttl_seconds: u32,
}

impl Config {
    /// For how long a quote's price holds.
    pub(crate) fn quote_ttl(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.quote_ttl_seconds))
    }
}
