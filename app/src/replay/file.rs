//! Reading the file: every row becomes a booking or a reason why it cannot be one.

use std::path::Path;

use anyhow::Context as _;
use chrono::NaiveDate;
use serde::Deserialize;

/// A row of the file, with its line (the header is line 1).
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) booking: Result<Booking, String>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booking {
    pub(crate) arrival: NaiveDate,
    pub(crate) booked_on: NaiveDate,
    pub(crate) nights: u32,
    pub(crate) adults: u16,
    pub(crate) children: u16,
    pub(crate) room_type: String,
    /// The average daily rate in cents.
    pub(crate) rate_minor: i64,
    pub(crate) deposit: Deposit,
    /// The day on which the guest cancelled.
    pub(crate) cancelled_on: Option<NaiveDate>,
}

/// The deposit type, which decides the rate plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Deposit {
    None,
    Refundable,
    NonRefundable,
}

impl Deposit {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Refundable, Self::NonRefundable];
}

#[derive(Deserialize)]
struct Raw {
    lead_time: String,
    arrival_date_year: String,
    arrival_date_month: String,
    arrival_date_day_of_month: String,
    stays_in_weekend_nights: String,
    stays_in_week_nights: String,
    adults: String,
    children: String,
    reserved_room_type: String,
    adr: String,
    deposit_type: String,
    reservation_status: String,
    reservation_status_date: String,
}

/// Reads at most `limit` rows.
pub(crate) fn read(path: &Path, limit: Option<usize>) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let headers = reader.headers().context("the file has no header line")?.clone();
    let mut rows = Vec::new();
    for record in reader.records().take(limit.unwrap_or(usize::MAX)) {
        let record = record.context("the file is not CSV in UTF-8")?;
        let line = record.position().map_or(0, csv::Position::line);
        let raw = record
            .deserialize::<Raw>(Some(&headers))
            .map_err(|error| error.to_string());
        rows.push(Row {
            line,
            booking: raw.and_then(|raw| booking(&raw)),
        });
    }
    Ok(rows)
}

fn booking(raw: &Raw) -> Result<Booking, String> {
    let year = number::<i32>("arrival_date_year", &raw.arrival_date_year)?;
    let day = number::<u32>("arrival_date_day_of_month", &raw.arrival_date_day_of_month)?;
    let month: chrono::Month = raw
        .arrival_date_month
        .parse()
        .map_err(|_| format!("arrival_date_month: {:?} is not a month", raw.arrival_date_month))?;
    let arrival = NaiveDate::from_ymd_opt(year, month.number_from_month(), day).ok_or_else(|| {
        format!(
            "arrival_date: there is no day {day} in {} {year}",
            raw.arrival_date_month
        )
    })?;
    let lead = number::<u64>("lead_time", &raw.lead_time)?;
    let booked_on = arrival
        .checked_sub_days(chrono::Days::new(lead))
        .ok_or("lead_time: out of range")?;
    let weekend = number::<u32>("stays_in_weekend_nights", &raw.stays_in_weekend_nights)?;
    let week = number::<u32>("stays_in_week_nights", &raw.stays_in_week_nights)?;
    let children = if raw.children == "NA" {
        "0"
    } else {
        raw.children.as_str()
    };
    let cancelled = raw.reservation_status == "Canceled";
    Ok(Booking {
        arrival,
        booked_on,
        nights: weekend.saturating_add(week),
        adults: number("adults", &raw.adults)?,
        children: number("children", children.trim_end_matches(".0"))?,
        room_type: room_type(&raw.reserved_room_type)?,
        rate_minor: cents(&raw.adr)
            .ok_or_else(|| format!("adr: {:?} is not an amount of zero or more", raw.adr))?,
        deposit: deposit(&raw.deposit_type)?,
        cancelled_on: if cancelled {
            Some(date(&raw.reservation_status_date)?)
        } else {
            None
        },
    })
}

fn number<N: std::str::FromStr>(column: &str, text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("{column}: {text:?} is not a whole number in range"))
}

fn room_type(text: &str) -> Result<String, String> {
    let known = text.len() == 1 && text.bytes().all(|letter| letter.is_ascii_uppercase());
    if known {
        Ok(text.to_owned())
    } else {
        Err(format!("reserved_room_type: {text:?} is not a letter A to Z"))
    }
}

fn deposit(text: &str) -> Result<Deposit, String> {
    match text {
        "No Deposit" => Ok(Deposit::None),
        "Refundable" => Ok(Deposit::Refundable),
        "Non Refund" => Ok(Deposit::NonRefundable),
        other => Err(format!(
            "deposit_type: {other:?} is not a deposit type of this data set"
        )),
    }
}

/// ISO in this file, m/d/yyyy in other parts of the data set.
fn date(text: &str) -> Result<NaiveDate, String> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(text, "%m/%d/%Y"))
        .map_err(|_| format!("reservation_status_date: {text:?} is neither yyyy-mm-dd nor m/d/yyyy"))
}

/// `98.5` → 9850; a third decimal is rounded half up.
fn cents(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 100 + (thousandths + 5) / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_become_cents() {
        let read = ["98", "98.5", "98.05", "98.005", "0", "0.0"].map(cents);
        assert_eq!(
            read,
            [Some(9800), Some(9850), Some(9805), Some(9801), Some(0), Some(0)]
        );
        for bad in ["", "-6.38", "1e3", ".5", "NA", "1,5"] {
            assert_eq!(cents(bad), None, "{bad}");
        }
    }

    #[test]
    fn both_forms_of_the_status_date_are_read() {
        let day = NaiveDate::from_ymd_opt(2015, 7, 3).unwrap();
        assert_eq!(date("2015-07-03"), Ok(day));
        assert_eq!(date("7/3/2015"), Ok(day));
        assert!(date("3.7.2015").is_err());
    }
}
