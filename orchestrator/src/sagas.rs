//! Every saga there is, one file each. The only place that knows them all.

pub mod book_stay;
pub mod cancel_stay;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use contract::saga::{BookStay, CancelStay, SagaData};

use crate::engine::{self, Entry, Input, Line, Outline, Pace, Run, Saga};

static BOOK_STAY: LazyLock<Saga<BookStay>> = LazyLock::new(book_stay::definition);
static CANCEL_STAY: LazyLock<Saga<CancelStay>> = LazyLock::new(cancel_stay::definition);
static OUTLINES: LazyLock<[Outline; 2]> = LazyLock::new(|| [BOOK_STAY.outline(), CANCEL_STAY.outline()]);

/// The definitions without their commands.
pub fn outlines() -> &'static [Outline] {
    &*OUTLINES
}

/// The definition that runs on this data.
pub fn outline(data: &SagaData) -> &'static Outline {
    match data {
        SagaData::BookStay(_) => &OUTLINES[0],
        SagaData::CancelStay(_) => &OUTLINES[1],
    }
}

/// Changes a run by what came in; see [`engine::advance`].
pub fn advance(
    data: &SagaData,
    run: &mut Run,
    input: &Input<'_>,
    now: DateTime<Utc>,
    pace: Pace,
) -> Vec<Line> {
    match data {
        SagaData::BookStay(data) => engine::advance(&BOOK_STAY, data, run, input, now, pace),
        SagaData::CancelStay(data) => engine::advance(&CANCEL_STAY, data, run, input, now, pace),
    }
}

/// What a saga with this log does next; see [`engine::decide`].
pub fn decide(data: &SagaData, log: &[Entry]) -> engine::Decision {
    match data {
        SagaData::BookStay(data) => engine::decide(&BOOK_STAY, data, log),
        SagaData::CancelStay(data) => engine::decide(&CANCEL_STAY, data, log),
    }
}

#[cfg(test)]
pub mod samples {
    //! One example of each saga's data.

    use super::{SagaData, book_stay, cancel_stay};

    /// One of each, in the order of the definitions.
    pub fn all() -> [SagaData; 2] {
        [
            SagaData::BookStay(book_stay::tests::sample()),
            SagaData::CancelStay(cancel_stay::tests::sample()),
        ]
    }

    #[test]
    fn every_definition_has_a_sample() {
        let named: Vec<_> = all()
            .iter()
            .map(|data| (data.name(), super::outline(data).name))
            .collect();
        let wanted: Vec<_> = super::outlines()
            .iter()
            .map(|outline| (outline.name, outline.name))
            .collect();
        assert_eq!(named, wanted);
    }
}
