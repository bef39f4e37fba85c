//! Every saga there is, one file each. The only place that knows them all.

pub mod book_stay;
pub mod cancel_stay;
mod effects;
mod shown;

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::Command;
use contract::saga::{BookStay, CancelStay, SagaData};

use crate::engine::{Input, Line, Moves, Outline, Pace, Preview, Rule, Run, Spoken, Versions};

pub(crate) use effects::Kind as DebtKind;
pub(crate) use shown::{Debt, Shown};

// A saga that is to go another way gets a new version, which is added at the end here. The former one stays as
// long as runs of it are open: `select kind, definition, count(*) from orchestrator.run where wake_at is not null`.
static BOOK_STAY: LazyLock<Versions<BookStay>> = LazyLock::new(|| {
    Versions::new([
        #[cfg(test)]
        book_stay::tests::with_a_step_that_only_some_have(),
        book_stay::definition(),
    ])
});
static CANCEL_STAY: LazyLock<Versions<CancelStay>> = LazyLock::new(|| {
    Versions::new([
        #[cfg(test)]
        cancel_stay::tests::with_a_step_that_only_some_have(),
        #[cfg(test)]
        cancel_stay::tests::yesterday(),
        cancel_stay::definition(),
    ])
});

/// Has the versions of a saga do something with the data, which are of that saga: the one place that tells kinds apart.
macro_rules! of_kind {
    ($data:expr, |$saga:ident, $own:pat_param| $done:expr) => {
        match $data {
            SagaData::BookStay($own) => {
                let $saga = &*BOOK_STAY;
                $done
            }
            SagaData::CancelStay($own) => {
                let $saga = &*CANCEL_STAY;
                $done
            }
        }
    };
}

static OUTLINES: LazyLock<[Outline; 2]> =
    LazyLock::new(|| [BOOK_STAY.outline().clone(), CANCEL_STAY.outline().clone()]);

/// The newest definitions without their commands.
pub fn outlines() -> &'static [Outline] {
    &*OUTLINES
}

/// The newest definition, with the steps that apply to this data.
///
/// # Panics
/// Never: there is a newest one.
pub fn outline(data: &SagaData) -> &'static Outline {
    outline_of(data, newest(data)).unwrap_or_else(|| unreachable!("the newest version is there"))
}

/// The version with which a saga of this data is begun now.
pub fn newest(data: &SagaData) -> i32 {
    of_kind!(data, |saga, _| saga.version())
}

/// The definition of this version, if it is there, with the steps that apply to this data.
pub fn outline_of(data: &SagaData, version: i32) -> Option<&'static Outline> {
    of_kind!(data, |saga, data| saga.outline_of(version, data))
}

/// No command of any saga is sent again sooner than so long after it was sent.
pub fn soonest() -> Duration {
    BOOK_STAY.soonest().min(CANCEL_STAY.soonest())
}

/// Changes a run by what came in, by the version that it was begun with; see [`crate::engine::advance`].
pub fn advance(data: &SagaData, run: &mut Run, input: &Input<'_>, now: DateTime<Utc>, pace: Pace) -> Moves {
    of_kind!(data, |saga, data| saga.advance(data, run, input, now, pace))
}

/// What a verb would come to, by the version that the run was begun with; see [`crate::engine::preview`].
///
/// # Errors
/// The rule that forbids it.
pub fn preview(
    data: &SagaData,
    run: &Run,
    spoken: &Spoken,
    now: DateTime<Utc>,
    pace: Pace,
) -> Result<Preview, Rule> {
    of_kind!(data, |saga, data| saga.preview(data, run, spoken, now, pace))
}

/// How what is owed because of a step is settled by a command: whether the command undoes something, and which it is. None
/// where none does it.
pub fn settled_by(data: &SagaData, run: &Run, step: &str) -> Option<(bool, Command)> {
    of_kind!(data, |saga, data| saga.settled_by(data, run, step))
}

/// Where a run stands that was begun with this version and whose journal this is; none if that version is not there.
pub fn standing(data: &SagaData, version: i32, journal: &[Line], pace: Pace) -> Option<Run> {
    of_kind!(data, |saga, data| saga.standing(data, version, journal, pace))
}

/// The same, and of each line the command that it is about, if there is one.
pub fn replay(
    data: &SagaData,
    version: i32,
    journal: &[Line],
    pace: Pace,
) -> Option<(Run, Vec<Option<Command>>)> {
    of_kind!(data, |saga, data| saga.replay(data, version, journal, pace))
}

#[cfg(test)]
pub mod samples {
    //! One example of each saga's data.

    use std::collections::{BTreeMap, BTreeSet};

    use super::{BOOK_STAY, CANCEL_STAY, SagaData, book_stay, cancel_stay};

    /// One of each, in the order of the definitions.
    pub fn all() -> [SagaData; 2] {
        [
            SagaData::BookStay(book_stay::tests::sample()),
            SagaData::CancelStay(cancel_stay::tests::sample()),
        ]
    }

    /// Of each version of this data's saga: how many combinations of conditions it has, and which this data are.
    fn combinations(data: &SagaData) -> Vec<(i32, usize, usize)> {
        of_kind!(data, |saga, data| saga.combinations(data))
    }

    /// Data for every combination of conditions of every version, with that version.
    pub fn of_every_combination() -> Vec<(SagaData, i32)> {
        let [booking, cancelling] = all();
        let rare = [
            SagaData::BookStay(book_stay::tests::free_of_charge()),
            SagaData::CancelStay(cancel_stay::tests::without_refund()),
        ];
        let mut known = BTreeSet::new();
        let mut every = Vec::new();
        for data in [booking, cancelling].into_iter().chain(rare) {
            for (version, _, combination) in combinations(&data) {
                if known.insert((data.name(), version, combination)) {
                    every.push((data.clone(), version));
                }
            }
        }
        every
    }

    #[test]
    fn every_combination_of_every_version_has_a_sample() {
        let mut seen: BTreeMap<_, usize> = BTreeMap::new();
        let every = of_every_combination();
        for (data, version) in &every {
            *seen.entry((data.name(), *version)).or_default() += 1;
        }
        for (data, _) in &every {
            for (version, count, _) in combinations(data) {
                assert_eq!(seen[&(data.name(), version)], count, "{} {version}", data.name());
            }
        }
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
