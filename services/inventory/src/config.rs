//! The inventory service's settings.

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
}
