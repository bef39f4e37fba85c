//! The replay of real bookings: one at a time it equals a plain calculation that knows nothing of the
//! platform's code; many at a time, every invariant holds.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::Value;
use tests::Platform;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/resort-hotel-bookings.csv"
);
/// Rows that are replayed here; `bellhop replay` without `--limit` takes all.
const ROWS: usize = 400;
/// Rooms for those rows: so few that a night sells out.
const FEW: [(&str, i64); 2] = [("A", 20), ("D", 5)];

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_equals_a_plain_calculation() {
    let platform = Platform::start().await;
    let report = replay(&platform, "1");
    assert_equals_the_calculation(&report, ROWS, &FEW);
    audit(&platform);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_a_time_violates_nothing() {
    let platform = Platform::start().await;
    let report = replay(&platform, "64");
    let count = |field: &str| report[field].as_u64().unwrap();
    assert_eq!(count("rows"), count("booked") + count("refused"));
    assert!(count("booked") > 100, "{report}");
    audit(&platform);
}

/// Compares a report of the first `rows` rows, replayed one at a time.
fn assert_equals_the_calculation(report: &Value, rows: usize, given: &[(&'static str, i64)]) {
    let expected = model(rows, given);
    assert_eq!(report["rows"], rows);
    assert_eq!(report["booked"], expected.booked, "{report}");
    assert_eq!(report["cancelled"], expected.cancelled);
    assert_eq!(report["charged"]["EUR"], euros(expected.charged));
    assert_eq!(report["refunded"]["EUR"], euros(expected.refunded));
    let refused: BTreeMap<u64, String> = report["refused_rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["line"].as_u64().unwrap(),
                row["code"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(
        refused.keys().collect::<Vec<_>>(),
        expected.refused.keys().collect::<Vec<_>>(),
        "{report}"
    );
    for (line, why) in &expected.refused {
        assert_eq!(
            refused[line] == "sold_out",
            *why == "sold_out",
            "line {line}: {} or {why}",
            refused[line]
        );
    }
    assert!(
        expected.refused.values().any(|why| *why == "sold_out"),
        "the test must see a sold-out night"
    );
}

/// The whole file takes some ten minutes one at a time: replay it by hand and name the report.
#[test]
#[ignore = "BELLHOP_REPLAY_REPORT=replay.json cargo test -p tests --test e2e whole_file -- --ignored"]
fn a_report_of_the_whole_file_equals_a_plain_calculation() {
    #[expect(clippy::disallowed_methods, reason = "the report is named by hand")]
    let report = std::env::var("BELLHOP_REPLAY_REPORT").expect("BELLHOP_REPLAY_REPORT names a report");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    let rows = usize::try_from(report["rows"].as_u64().unwrap()).unwrap();
    assert_equals_the_calculation(&report, rows, &[]);
}

fn replay(platform: &Platform, concurrency: &str) -> Value {
    let rows = ROWS.to_string();
    let done = platform.command(&[
        "replay",
        FILE,
        "--report",
        "replay.json",
        "--concurrency",
        concurrency,
        "--limit",
        &rows,
        "--rooms",
        "A=20,D=5",
    ]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let report = std::fs::read_to_string(platform.folder().join("replay.json")).unwrap();
    serde_json::from_str(&report).unwrap()
}

fn audit(platform: &Platform) {
    platform.assert_audit_at_rest();
}

fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[derive(Default)]
struct Expected {
    booked: usize,
    cancelled: usize,
    charged: i64,
    refunded: i64,
    refused: BTreeMap<u64, &'static str>,
}

struct Stay {
    line: u64,
    /// Nights as days; the model counts nights in the file's own calendar.
    nights: std::ops::Range<i64>,
    room_type: String,
    deposit: String,
    rate: i64,
    fits: bool,
}

/// The calculation: rooms are numbers in a table, a booking takes one for each night if 110% allow it.
fn model(limit: usize, given: &[(&'static str, i64)]) -> Expected {
    let mut reader = csv::Reader::from_path(FILE).unwrap();
    let headers = reader.headers().unwrap().clone();
    let mut stays = Vec::new();
    let mut events = Vec::new();
    for (at, record) in reader.records().take(limit).enumerate() {
        let record = record.unwrap();
        let cell = |name: &str| {
            record
                .get(headers.iter().position(|header| header == name).unwrap())
                .unwrap()
        };
        let number = |name: &str| cell(name).parse::<i64>().unwrap();
        let date = format!(
            "{} {} {}",
            cell("arrival_date_year"),
            cell("arrival_date_month"),
            cell("arrival_date_day_of_month")
        );
        let arrival = days(NaiveDate::parse_from_str(&date, "%Y %B %d").unwrap());
        let nights = number("stays_in_weekend_nights") + number("stays_in_week_nights");
        let booked_on = arrival - number("lead_time");
        let (adults, children) = (number("adults"), cell("children").parse::<i64>().unwrap_or(0));
        events.push((booked_on, false, at));
        if cell("reservation_status") == "Canceled" {
            let on = days(NaiveDate::parse_from_str(cell("reservation_status_date"), "%Y-%m-%d").unwrap());
            events.push((on.max(booked_on), true, at));
        }
        stays.push(Stay {
            line: u64::try_from(at).unwrap() + 2,
            nights: arrival..arrival + nights,
            room_type: cell("reserved_room_type").to_owned(),
            deposit: cell("deposit_type").to_owned(),
            rate: cents(cell("adr")),
            fits: (1..=30).contains(&nights) && (1..=4).contains(&adults) && children <= 3 + 4 - adults,
        });
    }
    events.sort_unstable();
    play(&stays, &events, given)
}

fn play(stays: &[Stay], events: &[(i64, bool, usize)], given: &[(&'static str, i64)]) -> Expected {
    let mut rooms = rooms(stays);
    rooms.extend(given.iter().copied());
    let prices = prices(stays);
    let mut sold: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    let mut paid: BTreeMap<usize, i64> = BTreeMap::new();
    let mut expected = Expected::default();
    for (_, cancels, at) in events {
        let stay = &stays[*at];
        let nights = || stay.nights.clone().map(|night| (stay.room_type.as_str(), night));
        if *cancels {
            let Some(total) = paid.get(at) else { continue };
            nights().for_each(|night| *sold.entry(night).or_default() -= 1);
            expected.cancelled += 1;
            // More than a week ahead: free, unless a deposit is kept.
            expected.refunded += match stay.deposit.as_str() {
                "Non Refund" => 0,
                "Refundable" => total - (total + 1) / 2,
                _ => *total,
            };
        } else if !stay.fits {
            expected.refused.insert(stay.line, "invalid");
        } else if nights()
            .any(|night| (sold.get(&night).copied().unwrap_or(0) + 1) * 10 > rooms[night.0] * 11)
        {
            expected.refused.insert(stay.line, "sold_out");
        } else {
            nights().for_each(|night| *sold.entry(night).or_default() += 1);
            let total = nights()
                .map(|(_, night)| prices[&(stay.room_type.clone(), stay.deposit.clone(), night)])
                .sum();
            paid.insert(*at, total);
            expected.booked += 1;
            expected.charged += total;
        }
    }
    expected
}

/// The nearest-rank 90th percentile of the guests of all nights that have one.
fn rooms(stays: &[Stay]) -> BTreeMap<&str, i64> {
    let mut guests: BTreeMap<&str, BTreeMap<i64, i64>> = BTreeMap::new();
    for stay in stays
        .iter()
        .filter(|stay| stay.nights.end - stay.nights.start <= 30)
    {
        let of_type = guests.entry(&stay.room_type).or_default();
        stay.nights
            .clone()
            .for_each(|night| *of_type.entry(night).or_default() += 1);
    }
    guests
        .into_iter()
        .map(|(name, nights)| {
            let mut counts: Vec<i64> = nights.into_values().collect();
            counts.sort_unstable();
            (
                name,
                if counts.is_empty() {
                    1
                } else {
                    counts[(counts.len() * 9).div_ceil(10) - 1]
                },
            )
        })
        .collect()
}

/// The mean rate of each night, half a cent up.
fn prices(stays: &[Stay]) -> BTreeMap<(String, String, i64), i64> {
    let mut sums: BTreeMap<(String, String, i64), (i64, i64)> = BTreeMap::new();
    for stay in stays
        .iter()
        .filter(|stay| stay.nights.end - stay.nights.start <= 30)
    {
        for night in stay.nights.clone() {
            let sum = sums
                .entry((stay.room_type.clone(), stay.deposit.clone(), night))
                .or_default();
            *sum = (sum.0 + stay.rate, sum.1 + 1);
        }
    }
    sums.into_iter()
        .map(|(key, (sum, count))| (key, (2 * sum + count) / (2 * count)))
        .collect()
}

fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

fn cents(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let thousandths: i64 = format!("{fraction:0<3}")[..3].parse().unwrap();
    whole.parse::<i64>().unwrap() * 100 + (thousandths + 5) / 10
}
