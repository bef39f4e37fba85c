//! `bellhop warm`: fills, repairs or verifies the availability cache, by the code that the availability
//! service itself uses. A hotel that cannot be read is named, and stops no other.

use std::process::ExitCode;

use availability::{Mode, Plan};
use clap::Args;
use contract::HotelId;
use indicatif::{ProgressBar, ProgressStyle};
use platform::Clock;
use platform::access::{ServiceIdentity, ServiceTokens};
use platform::token::TokenConfig;

use crate::say;

/// Settings of `bellhop warm`.
#[derive(Args, Debug)]
pub struct Warm {
    /// Only say what differs, and write nothing; exits with 1 when something does or cannot be compared.
    #[arg(long)]
    verify: bool,
    /// Only these hotels, separated by commas.
    #[arg(long, value_delimiter = ',')]
    hotels: Vec<HotelId>,
    #[command(flatten)]
    availability: availability::Config,
    #[command(flatten)]
    token: TokenConfig,
}

impl Warm {
    /// Compares the cache with the tables and writes what differs; exit code 1 when a hotel could not be compared.
    ///
    /// # Errors
    /// When Redis or a service stays away. What was written stays; a second run goes on.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let clock = Clock::system();
        let mode = if self.verify { Mode::Verify } else { Mode::Repair };
        let mut plan = Plan::all(mode, clock.now());
        let tokens = ServiceTokens::new(&self.token)?;
        let identity = ServiceIdentity::new(tokens, availability::NAME, clock);
        if !self.hotels.is_empty() {
            plan.hotels = Some(self.hotels);
        }
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} hotels, {msg} keys, {eta} left")?;
        let bar = ProgressBar::new(0).with_style(style);
        let report = availability::rebuild(&self.availability, identity, &plan, |progress| {
            bar.set_length(progress.hotels_total);
            bar.set_position(progress.hotels_done);
            bar.set_message(progress.keys.to_string());
        })
        .await?;
        bar.finish_and_clear();
        for difference in &report.differences {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let (cache, database) = (text(&difference.cache), text(&difference.database));
            if mode == Mode::Verify {
                say::line(format!(
                    "{}: the cache says {cache}, the database {database}",
                    difference.key
                ));
            }
        }
        let cannot = if mode == Mode::Verify {
            "compared"
        } else {
            "filled"
        };
        for failed in &report.failed {
            let name = failed
                .name
                .as_ref()
                .map_or_else(String::new, |name| format!(" ({name})"));
            say::line(format!(
                "hotel {}{name} could not be {cannot}: {}",
                failed.hotel, failed.why
            ));
        }
        say::line(format!(
            "{} hotels, {} keys compared, {} differed, {} written, {} of past nights removed, {} hotels not {cannot}",
            report.hotels,
            report.keys,
            report.differing,
            report.written,
            report.removed,
            report.failed.len()
        ));
        let wrong = !report.failed.is_empty() || mode == Mode::Verify && report.differing > 0;
        Ok(if wrong {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}
