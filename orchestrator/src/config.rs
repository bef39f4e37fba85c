//! Settings of the orchestrator.

use std::time::Duration;

use clap::Args;
use platform::retention::{DAYS_MAX, DAYS_MIN};

use crate::engine::Pace;

/// How patient sagas are.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// After how many seconds a step that can be undone is given up and everything undone. Authorising a
    /// payment is waited for twice as long. Keep the sum of all steps below the time that a hold lasts.
    #[arg(long, env = "BELLHOP_STEP_GIVE_UP_SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub step_give_up_seconds: u64,

    /// After how many seconds a saga that has not ended is shown as overdue.
    #[arg(long, env = "BELLHOP_SAGA_DEADLINE_SECONDS", default_value_t = 900,
          value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub saga_deadline_seconds: u64,

    /// For how many days a run that has ended well is kept, with its lines. Stuck ones are kept until somebody has
    /// dealt with them.
    #[arg(long, env = "BELLHOP_SAGA_KEPT_DAYS", default_value_t = 400,
          value_parser = clap::value_parser!(u16).range(i64::from(DAYS_MIN)..=i64::from(DAYS_MAX)))]
    pub saga_kept_days: u16,

    /// How often open, overdue and stuck runs are counted for the metrics, in seconds.
    #[arg(long, env = "BELLHOP_SAGA_COUNT_SECONDS", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub saga_count_seconds: u64,
}

impl Config {
    /// The waits, for the engine.
    pub fn pace(&self) -> Pace {
        Pace::new(Duration::from_secs(self.step_give_up_seconds))
    }

    /// The time after which a saga is overdue.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.saga_deadline_seconds)
    }
}
