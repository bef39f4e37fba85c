//! The inventory service's settings.

use platform::retention::{DAYS_MAX, DAYS_MIN};

/// How the inventory service works.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// How long rooms are held for a booking that is under way, in seconds. Longer than a booking ever
    /// takes; a booking that is later than this finds its rooms given back, and charges nobody.
    #[arg(
        long,
        env = "BELLHOP_HOLD_TTL_SECONDS",
        default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    pub hold_ttl_seconds: u32,

    /// For how many days after the stay a hold is kept that was released, expired or sold. What was sold each night
    /// is kept for ever.
    #[arg(
        long,
        env = "BELLHOP_HOLD_KEPT_DAYS",
        default_value_t = 400,
        value_parser = clap::value_parser!(u16).range(i64::from(DAYS_MIN)..=i64::from(DAYS_MAX))
    )]
    pub hold_kept_days: u16,
}
