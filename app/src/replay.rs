//! `bellhop replay`: real bookings, with their real cancellations, through the public REST API.
//!
//! Promise: rows = booked + refused, always; every refused row is reported with its line and code;
//! nothing but the public interface is used. With one booking at a time the result is the one that a
//! plain calculation gives.

mod drive;
mod file;
mod journal;
mod plan;
mod report;
mod setup;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use contract::StayDate;

use crate::client::{Client, ClientConfig};
use crate::say;

/// Settings of `bellhop replay`.
///
/// Reads the columns of the hotel booking demand data sets: `arrival_date_*`, `lead_time` (booked on =
/// arrival minus lead time), `stays_in_*_nights`, `adults`, `children`, `reserved_room_type`, `adr`,
/// `deposit_type` (No Deposit: free cancellation until 7 days before; Refundable: half the total;
/// Non Refund: the total), `reservation_status` and `reservation_status_date`.
#[derive(Args, Debug)]
pub struct Replay {
    /// CSV file of bookings.
    file: PathBuf,
    /// The first arrival is moved to this date or up to six days later, so that weekdays stay weekdays.
    /// Default: eight days from today.
    #[arg(long)]
    arrivals_from: Option<StayDate>,
    /// Rooms per room type, such as A=60,C=6. Default for the others: the 90th percentile of what the
    /// file has occupied at once, cancelled stays included.
    #[arg(long, value_delimiter = ',', value_parser = plan::rooms_of_type)]
    rooms: Vec<(String, u32)>,
    /// Bookings on their way at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Only so many rows.
    #[arg(long)]
    limit: Option<usize>,
    /// Where to write the report, as JSON.
    #[arg(long)]
    report: PathBuf,
    /// The provider's payment method token that every guest pays with.
    #[arg(long, default_value = "pm_ok")]
    payment_method: String,
    /// Write every request and its answer, with the times at which they were sent and there, to this file.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Each guest looks at the availability of the stay before booking, and at the calendar afterwards.
    #[arg(long)]
    look: bool,
    #[command(flatten)]
    client: ClientConfig,
}

impl Replay {
    /// Replays the file and writes the report.
    ///
    /// # Errors
    /// When the file cannot be read, the platform cannot be reached, or a row is unaccounted for.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let rows = file::read(&self.file, self.limit)?;
        let from = self.arrivals_from.map_or_else(plan::default_start, Ok)?;
        let plan = plan::Plan::new(&rows, from, &self.rooms)?;
        say::line(format!(
            "{} rows, dates moved by {} weeks, {} room types",
            rows.len(),
            plan.shift_weeks,
            plan.rooms.len()
        ));
        let client = Client::new(&self.client)?;
        let hotel = setup::hotel(&client, &plan).await?;
        say::line(format!("created hotel {}", hotel.hotel_id));
        let scribe = journal::Scribe::new(client, self.journal.as_deref())?;
        let manner = drive::Manner {
            payment_method: self.payment_method,
            concurrency: usize::from(self.concurrency),
            look: self.look,
        };
        let guests = drive::Driver::new(scribe.clone(), hotel, manner);
        let driven = guests.run(&rows, &plan).await?;
        scribe.finish()?;
        let report = report::Report::new(&self.file, &rows, &plan, driven, self.concurrency);
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(&self.report, json)
            .with_context(|| format!("cannot write {}", self.report.display()))?;
        say::line(&report);
        say::line(format!("the whole report: {}", self.report.display()));
        ensure!(
            report.adds_up(),
            "rows are unaccounted for: rows must be booked plus refused"
        );
        Ok(ExitCode::SUCCESS)
    }
}
