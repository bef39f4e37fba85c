//! Every answer of the journal held against the log.

mod availability;
mod reservations;

use std::collections::{BTreeMap, BTreeSet};

use contract::{Money, ReservationId, StayDate};
use serde_json::Value;

use crate::books::Books;
use crate::guests::Guests;
use crate::journal::Entry;
use crate::prices::Offers;
use crate::stream::Transaction;
use crate::timeline::Window;
use crate::verdict::Verdict;

/// The tables that the oracle looks at.
pub const TABLES: [&str; 8] = [
    "hotel.price",
    "hotel.room_type",
    "inventory.hold",
    "inventory.inbox",
    "inventory.outbox",
    "inventory.room_night",
    "orchestrator.outbox",
    "reservation.reservation",
];
/// A commit is stamped a little before others see it: when its record has reached the disk and the process
/// had its turn. So long after its stamp the state before it may still be read.
const SEEN_LATE_US: i64 = 1_000_000;

/// Everything that the log says.
#[derive(Debug, Default)]
pub struct Judge {
    /// Rooms.
    pub books: Books,
    /// Reservations.
    pub guests: Guests,
    /// Prices and room types.
    pub offers: Offers,
    /// What was found.
    pub verdict: Verdict,
    told: BTreeSet<ReservationId>,
}

/// Plays the log through the rules and holds every answer of the journal against it.
///
/// # Errors
/// When a row of the log or an entry of the journal cannot be read.
pub fn judge(log: &[Transaction], journal: &[Entry]) -> anyhow::Result<Verdict> {
    let mut judge = Judge::default();
    for transaction in log {
        judge.take(transaction)?;
    }
    for (entry, line) in journal.iter().zip(1_usize..) {
        let before = judge.verdict.violations.len();
        judge.answer(entry);
        for violation in &mut judge.verdict.violations[before..] {
            *violation = format!(
                "journal line {line}, {} {}: {violation}",
                entry.method, entry.path
            );
        }
    }
    judge.nobody_is_forgotten();
    Ok(judge.verdict)
}

impl Judge {
    fn take(&mut self, transaction: &Transaction) -> anyhow::Result<()> {
        self.verdict.compared("transactions of the log");
        self.books.apply(transaction, &mut self.verdict)?;
        for change in &transaction.changes {
            match change.table.as_str() {
                "reservation.reservation" => self.guests.apply(transaction.at_us, change)?,
                "hotel.price" => self.offers.price(transaction.at_us, change)?,
                "hotel.room_type" => self.offers.room_type(transaction.at_us, change)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn answer(&mut self, entry: &Entry) {
        if !entry.is_answered() {
            self.verdict.compared("requests without an answer");
            return;
        }
        let judged = match (entry.method.as_str(), entry.segments().as_slice()) {
            ("POST", ["v1", "quotes"]) => self.quote(entry),
            ("POST", ["v1", "reservations"]) => self.booking(entry),
            ("POST", ["v1", "reservations", id, "cancellation"]) => self.cancellation(entry, id),
            ("GET", ["v1", "reservations", id]) => self.reservation(entry, id),
            ("GET", ["v1", "hotels", hotel, "availability"]) => self.page(entry, hotel, "availability pages"),
            ("GET", ["v1", "hotels", hotel, "calendar"]) => self.page(entry, hotel, availability::CALENDARS),
            _ => None,
        };
        if judged.is_none() {
            self.verdict.violation(format!(
                "the answer is not understood: {} {}",
                entry.status, entry.answer
            ));
        }
    }

    /// What the client asked for is in the log and in the journal.
    fn nobody_is_forgotten(&mut self) {
        for id in self.guests.0.keys() {
            self.verdict.compared("reservations known to their guests");
            if !self.told.contains(id) {
                self.verdict.violation(format!(
                    "reservation {id} is in the log, and nobody was told of it"
                ));
            }
        }
    }

    /// Nights in a quote have the prices that the hotel had set.
    fn quote(&mut self, entry: &Entry) -> Option<()> {
        let window = primary(entry);
        if entry.status != 201 {
            // A party or a stay that no hotel takes: nothing of the log speaks about it.
            self.verdict.answer("quotes refused", window);
            return (entry.status < 500).then_some(());
        }
        self.verdict.answer("quotes", window);
        let hotel = entry.text("/hotel_id")?.parse().ok()?;
        let lines = entry.answer.get("lines")?.as_array()?;
        let mut sums: BTreeMap<StayDate, i64> = BTreeMap::new();
        for line in lines {
            let room_type = line["room_type_id"].as_str()?.parse().ok()?;
            let plan = line["rate_plan_id"].as_str()?.parse().ok()?;
            for night in line["nights"].as_array()? {
                let (date, told) = priced(night)?;
                if !self.offers.was(&(hotel, room_type, plan, date), told, window) {
                    let wrong = format!("{told} for {date}, which was never the price meanwhile");
                    self.verdict.violation(wrong);
                }
                *sums.entry(date).or_default() += told;
            }
        }
        // What one room costs where they are alike, and else what all of them cost.
        let is_alike = entry.answer.get("room_type_id").is_some();
        let rooms = i64::try_from(lines.len()).ok().filter(|_| is_alike).unwrap_or(1);
        let nights = entry.answer.get("nights")?.as_array()?.iter();
        let nights = nights.map(|night| priced(night).map(|(date, told)| (date, told * rooms)));
        if nights.collect::<Option<BTreeMap<_, _>>>()? != sums {
            let wrong = format!("a quote of {hotel} has nights that are not what its lines cost");
            self.verdict.violation(wrong);
        }
        Some(())
    }
}

/// The window of an answer that is read where it was written.
fn primary(entry: &Entry) -> Window {
    Window {
        from_us: entry.began_us - SEEN_LATE_US,
        to_us: entry.ended_us,
    }
}

/// A night with its price.
fn priced(night: &Value) -> Option<(StayDate, i64)> {
    let date = night["night"].as_str()?.parse().ok()?;
    Some((date, minor(&night["price"])?))
}

/// An amount in minor units.
fn minor(money: &Value) -> Option<i64> {
    let money: Money = serde_json::from_value(money.clone()).ok()?;
    Some(money.minor())
}
