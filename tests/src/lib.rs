//! The platform as its users meet it: the real binary as processes of its own, on real Postgres, Kafka
//! and Redis that `scripts/test` starts, spoken to over HTTP. Each [`Platform`] has its own database,
//! topics and keys, so tests run side by side.

#![expect(
    clippy::missing_panics_doc,
    reason = "what tests are made of fails by panicking"
)]

mod browser;
mod client;
mod collector;
mod document;
mod half_open;
mod hotel;
mod keys;
mod load;
mod platform;
mod process;
mod routes;
mod secrets;
mod split;

pub use browser::{Browser, SAME_ORIGIN};
pub use client::{Answer, Client};
pub use collector::{Collector, Seen as SpanSeen};
pub use document::Document;
pub use half_open::HalfOpen;
pub use hotel::{Hotel, booking_body, quote_a_day_earlier, quote_again, today_at};
pub use keys::{Keys, bearer};
pub use load::{Acknowledged, Load, Seen, lost};
pub use platform::Platform;
pub use process::ended;
pub use routes::{TARGETS, fixed_address};
pub use secrets::TOKEN_SECRET;

use std::time::{Duration, Instant};

/// How long a condition is waited for.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Asks again and again until the answer is there.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
