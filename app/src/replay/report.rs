//! The report: what was booked, refused, cancelled, charged and refunded, how full and how fast.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use contract::{Money, StayDate};
use serde::Serialize;

use super::drive::{Driven, Fate};
use super::file::Row;
use super::plan::Plan;

/// What is written to the report file.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    file: String,
    hotel_id: String,
    concurrency: u16,
    /// Dates were moved by so many weeks.
    shift_weeks: i64,
    rows: usize,
    booked: usize,
    refused: usize,
    refused_by_code: BTreeMap<String, usize>,
    cancelled: usize,
    /// Sum per currency, as decimal strings.
    charged: BTreeMap<String, String>,
    refunded: BTreeMap<String, String>,
    peaks: Vec<Peak>,
    seconds: String,
    bookings_per_second: String,
    latency_ms: Latency,
    refused_rows: Vec<RefusedRow>,
}

#[derive(Debug, Serialize)]
struct Peak {
    room_type: String,
    /// Rooms that exist.
    total: u32,
    /// Most that were sold for one night at one time.
    sold: u32,
    night: Option<StayDate>,
    /// `sold / total` in percent.
    percent: u32,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

#[derive(Debug, Serialize)]
struct RefusedRow {
    line: u64,
    code: String,
    detail: String,
}

impl Report {
    pub(crate) fn new(file: &Path, rows: &[Row], plan: &Plan, driven: Driven, concurrency: u16) -> Self {
        let mut report = Self {
            file: file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            hotel_id: driven.hotel_id.clone(),
            concurrency,
            shift_weeks: plan.shift_weeks,
            rows: rows.len(),
            booked: 0,
            refused: 0,
            refused_by_code: BTreeMap::new(),
            cancelled: 0,
            charged: BTreeMap::new(),
            refunded: BTreeMap::new(),
            peaks: peaks(plan, &driven),
            seconds: tenths(driven.took.as_millis(), 1_000),
            bookings_per_second: String::new(),
            latency_ms: latency(&driven.latencies),
            refused_rows: Vec::new(),
        };
        let (mut charged, mut refunded) = (Sums::default(), Sums::default());
        for (row, ended) in rows.iter().zip(driven.ended) {
            match ended {
                Fate::Refused { code, detail } => {
                    report.refused += 1;
                    *report.refused_by_code.entry(code.clone()).or_default() += 1;
                    report.refused_rows.push(RefusedRow {
                        line: row.line,
                        code,
                        detail,
                    });
                }
                Fate::Booked {
                    charged: total,
                    cancelled,
                } => {
                    report.booked += 1;
                    charged.add(total);
                    if let Some(cancelled) = cancelled {
                        report.cancelled += 1;
                        refunded.add(cancelled.refunded);
                    }
                }
            }
        }
        (report.charged, report.refunded) = (charged.texts(), refunded.texts());
        report.bookings_per_second = tenths(report.booked as u128 * 1_000, driven.took.as_millis());
        report
    }

    /// Whether every row is booked or refused.
    pub(crate) fn adds_up(&self) -> bool {
        self.rows == self.booked + self.refused
    }
}

/// Sums of money per currency.
#[derive(Default)]
struct Sums(BTreeMap<&'static str, (i64, u32)>);

impl Sums {
    fn add(&mut self, money: Money) {
        let currency = money.currency();
        self.0.entry(currency.code()).or_insert((0, currency.digits())).0 += money.minor();
    }

    fn texts(&self) -> BTreeMap<String, String> {
        let text = |(minor, digits): &(i64, u32)| match digits {
            0 => minor.to_string(),
            digits => {
                let unit = 10_i64.pow(*digits);
                format!(
                    "{}.{:0width$}",
                    minor / unit,
                    minor % unit,
                    width = *digits as usize
                )
            }
        };
        self.0
            .iter()
            .map(|(code, sum)| ((*code).to_owned(), text(sum)))
            .collect()
    }
}

/// `value / unit` with one decimal, rounded half up.
fn tenths(value: u128, unit: u128) -> String {
    let tenths = (value * 20 + unit.max(1)) / (unit.max(1) * 2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn peaks(plan: &Plan, driven: &Driven) -> Vec<Peak> {
    let peak = |(name, total): (&String, &u32)| {
        let found = driven.peaks.get(name);
        let sold = found.map_or(0, |(sold, _)| *sold);
        Peak {
            room_type: name.clone(),
            total: *total,
            sold,
            night: found.map(|(_, night)| *night),
            percent: sold * 100 / (*total).max(1),
        }
    };
    plan.rooms.iter().map(peak).collect()
}

fn latency(latencies: &[Duration]) -> Latency {
    let mut sorted: Vec<u64> = latencies
        .iter()
        .map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
        .collect();
    sorted.sort_unstable();
    let rank = |percent: usize| {
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied().unwrap_or_default()
    };
    Latency {
        p50: rank(50),
        p90: rank(90),
        p99: rank(99),
        max: rank(100),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |sums: &BTreeMap<String, String>| {
            sums.iter()
                .map(|(code, sum)| format!("{sum} {code}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        writeln!(
            f,
            "rows       {} = {} booked + {} refused",
            self.rows, self.booked, self.refused
        )?;
        for (code, count) in &self.refused_by_code {
            writeln!(f, "           {count:>6} {code}")?;
        }
        writeln!(f, "cancelled  {}", self.cancelled)?;
        writeln!(f, "charged    {}", list(&self.charged))?;
        writeln!(f, "refunded   {}", list(&self.refunded))?;
        writeln!(
            f,
            "peak       most rooms sold for one night, of the rooms that exist"
        )?;
        for peak in &self.peaks {
            let night = peak
                .night
                .map_or_else(|| "-".to_owned(), |night| night.to_string());
            writeln!(
                f,
                "           {:>2} {:>5} of {:>4} = {:>3}% on {night}",
                peak.room_type, peak.sold, peak.total, peak.percent
            )?;
        }
        writeln!(
            f,
            "took       {} s, {} bookings/s at concurrency {}",
            self.seconds, self.bookings_per_second, self.concurrency
        )?;
        let Latency { p50, p90, p99, max } = &self.latency_ms;
        write!(
            f,
            "latency    quote to outcome: p50 {p50} ms, p90 {p90} ms, p99 {p99} ms, max {max} ms"
        )
    }
}
