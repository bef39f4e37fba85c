//! The availability service's settings.

use clap::Args;

platform::secret_setting! {
    /// Redis, which holds the cache. Needs no persistence; must not evict (`maxmemory-policy noeviction`).
    /// May hold a password, so it is never printed.
    pub RedisUrl = "BELLHOP_REDIS_URL", Is("redis://127.0.0.1:6379/")
}

/// How the availability service is set up.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// [`RedisUrl`].
    #[command(flatten)]
    pub redis_url: RedisUrl,

    /// Put in front of every key, so that several platforms can share a Redis.
    #[arg(long, env = "BELLHOP_REDIS_PREFIX", default_value = "")]
    pub redis_prefix: String,

    /// The inventory service's address, asked for rooms when the cache cannot answer.
    #[arg(long, env = "BELLHOP_INVENTORY_URL", default_value = "http://127.0.0.1:8080")]
    pub inventory_url: String,

    /// The hotel service's address, asked for hotels and prices when the cache cannot answer; the inventory service
    /// asks there which room types a hotel has.
    #[arg(long, env = "BELLHOP_HOTEL_URL", default_value = "http://127.0.0.1:8080")]
    pub hotel_url: String,

    /// Requests that may be answered from the database at once; one more waits up to a second and is
    /// then asked to come back.
    #[arg(long, env = "BELLHOP_FALLBACK_CALLS_MAX", default_value_t = 16)]
    pub fallback_calls_max: usize,

    /// An answer of the cache older than this many milliseconds is not given while the database can be
    /// asked. The relay's heartbeat keeps an idle platform's cache young.
    #[arg(long, env = "BELLHOP_CACHE_AGE_MS_MAX", default_value_t = 60_000)]
    pub cache_age_ms_max: u64,

    /// Nights before today (UTC) that stay in the cache, in days. A night that began longer ago leaves it with the
    /// daily comparison; yesterday always stays, because somewhere on earth it is still yesterday.
    #[arg(
        long,
        env = "BELLHOP_CACHE_PAST_DAYS",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=3_650)
    )]
    pub cache_past_days: u32,
}
