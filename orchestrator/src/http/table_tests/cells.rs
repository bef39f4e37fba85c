//! What a verb may do where: the table as it stands in `cells.csv`, by hand.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Kind, WHY};
use crate::engine::{Rule, Verb};

/// What shows that something was done by hand.
pub(super) const EVIDENCE: &str = "The page of the provider shows it.";
const TABLE: &str = include_str!("cells.csv");

/// A verb, with the step that it names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) verb: Verb,
    /// The place of the step, where it names one.
    step: usize,
}

/// What a verb may do in a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Obeyed,
    /// There is nothing to do, which is no mistake.
    Same,
    Forbidden(&'static str),
}

const fn column(name: &'static str, verb: Verb, step: usize) -> Column {
    Column { name, verb, step }
}

pub(super) const COLUMNS: [Column; 11] = [
    column("retry", Verb::Retry, 0),
    column("pause", Verb::Pause, 0),
    column("resume", Verb::Resume, 0),
    column("cancel", Verb::Cancel, 0),
    column("back to 1st", Verb::BackTo, 0),
    column("back to 2nd", Verb::BackTo, 1),
    column("skip", Verb::Skip, 0),
    column("undone by hand", Verb::UndoneByHand, 0),
    column("abandon", Verb::Abandon, 0),
    column("settle 2nd", Verb::Settle, 1),
    column("by hand 2nd", Verb::SettledByHand, 1),
];

impl Column {
    /// What is said.
    pub(super) fn body(self, kind: Kind) -> Value {
        let steps = match kind {
            Kind::Booking => ["open-reservation", "hold-rooms"],
            Kind::Cancellation | Kind::Marked => ["lock-reservation", "release-rooms"],
        };
        let mut body = json!({"reason": WHY});
        if self.verb.takes_step() {
            body["step"] = steps[self.step].into();
        }
        if self.verb.takes_evidence() {
            body["evidence"] = EVIDENCE.into();
        }
        if self.verb.takes_result() {
            body["result"] = "It was done by telephone.".into();
        }
        body
    }
}

/// The cells of a kind of saga, by state and column.
pub(super) fn cells(kind: Kind) -> HashMap<(&'static str, &'static str), Cell> {
    let kind = match kind {
        Kind::Booking => "booking",
        Kind::Cancellation => "cancellation",
        Kind::Marked => "marked",
    };
    let mut lines = TABLE.lines();
    let head = lines.next().map(|head| head.split(',').skip(2));
    let head: Vec<&str> = head.into_iter().flatten().collect();
    assert!(
        head.iter().eq(COLUMNS.iter().map(|column| &column.name)),
        "{head:?}"
    );
    let mut cells = HashMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let mut words = line.split(',');
        let (of, state) = (words.next().unwrap(), words.next().unwrap());
        for (column, word) in COLUMNS.iter().zip(words).filter(|_| of == kind) {
            let cell = match word {
                "yes" => Cell::Obeyed,
                "same" => Cell::Same,
                rule => Cell::Forbidden(rule),
            };
            if let Cell::Forbidden(rule) = cell {
                assert!(
                    Rule::ALL.iter().any(|known| known.word() == rule),
                    "{rule} is no rule"
                );
            }
            cells.insert((state, column.name), cell);
        }
    }
    cells
}
