//! The versions of one saga. A run is begun with the newest and stays with the version that it was begun with, so
//! that a saga can be changed while runs of the former kind are still open: both are there, side by side, until
//! the last of those has ended.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::Command;

use super::dsl::Saga;
use super::journal::Line;
use super::outline::Outline;
use super::preview::{Preview, preview};
use super::replay::replay;
use super::run::{Input, Moves, advance};
use super::settle;
use super::standing::{Run, standing};
use super::verb::{Rule, Spoken};
use super::waiting::Pace;

/// Every version of a saga that a run may still be on, oldest first.
#[derive(Debug)]
pub struct Versions<D>(Vec<Version<D>>);

#[derive(Debug)]
struct Version<D> {
    saga: Saga<D>,
    outline: Outline,
    /// What its runs go through, for each combination of conditions.
    applying: Vec<Applying<D>>,
}

/// A version with the steps that apply to some of its runs.
#[derive(Debug)]
struct Applying<D> {
    saga: Saga<D>,
    outline: Outline,
}

impl<D: Clone> Versions<D> {
    /// These definitions, oldest first, each with a larger version than the one before.
    ///
    /// # Panics
    /// When there is none, when they are not in order, or when they are not of one name.
    pub fn new(definitions: impl IntoIterator<Item = Saga<D>>) -> Self {
        let applying = |saga: Saga<D>| Applying {
            outline: saga.outline(),
            saga,
        };
        let outlined = |saga: Saga<D>| Version {
            outline: saga.outline(),
            applying: saga.combinations().into_iter().map(applying).collect(),
            saga,
        };
        let versions: Vec<_> = definitions.into_iter().map(outlined).collect();
        assert!(!versions.is_empty(), "a saga without a version");
        let rises = |pair: &[Version<D>]| {
            pair[0].saga.version < pair[1].saga.version && pair[0].saga.name == pair[1].saga.name
        };
        assert!(
            versions.windows(2).all(rises),
            "the versions of {} are not in order",
            versions[0].saga.name
        );
        Self(versions)
    }
}

impl<D> Versions<D> {
    fn newest(&self) -> &Version<D> {
        &self.0[self.0.len() - 1]
    }

    /// What runs of this version on this data go through.
    fn of(&self, version: i32, data: &D) -> Option<&Applying<D>> {
        let known = self.0.iter().find(|known| known.saga.version == version)?;
        known.applying.get(known.saga.combination(data))
    }

    /// The version with which a run is begun now.
    pub fn version(&self) -> i32 {
        self.newest().saga.version
    }

    /// No command of any version is sent again sooner.
    pub fn soonest(&self) -> Duration {
        let steps = self.0.iter().flat_map(|version| &version.saga.steps);
        let waits = steps.map(|step| step.resend.soonest());
        waits.min().unwrap_or(Duration::MAX)
    }

    /// The newest version without its commands.
    pub fn outline(&self) -> &Outline {
        &self.newest().outline
    }

    /// A version without its commands, if it is there: the steps that apply to runs on this data.
    pub fn outline_of(&self, version: i32, data: &D) -> Option<&Outline> {
        self.of(version, data).map(|known| &known.outline)
    }

    /// Of each version, how many combinations of conditions it has, and which this data are.
    #[cfg(test)]
    pub fn combinations(&self, data: &D) -> Vec<(i32, usize, usize)> {
        let of = |known: &Version<D>| {
            let (count, this) = (known.applying.len(), known.saga.combination(data));
            (known.saga.version, count, this)
        };
        self.0.iter().map(of).collect()
    }

    /// Changes a run by what came in, by the version that it was begun with; see [`advance`]. One that was begun
    /// with a version that is not there any more is left alone.
    pub fn advance(
        &self,
        data: &D,
        run: &mut Run,
        input: &Input<'_>,
        now: DateTime<Utc>,
        pace: Pace,
    ) -> Moves {
        let version = *run.version.get_or_insert_with(|| self.version());
        self.of(version, data).map_or_else(Moves::default, |known| {
            advance(&known.saga, data, run, input, now, pace)
        })
    }

    /// What a verb would come to, by the version that the run was begun with; see [`preview`].
    ///
    /// # Errors
    /// The rule that forbids it. A run of a version that is not there any more takes no verb.
    pub fn preview(
        &self,
        data: &D,
        run: &Run,
        spoken: &Spoken,
        now: DateTime<Utc>,
        pace: Pace,
    ) -> Result<Preview, Rule> {
        let known = run.version.and_then(|version| self.of(version, data));
        let known = known.ok_or(Rule::VersionGone)?;
        preview(&known.saga, data, run, spoken, now, pace)
    }

    /// How what is owed because of a step is settled by a command, by the version that the run was begun with: whether the
    /// command undoes something, and which it is. None where none does it.
    pub fn settled_by(&self, data: &D, run: &Run, step: &str) -> Option<(bool, Command)> {
        let saga = &self.of(run.version?, data)?.saga;
        let at = settle::way(saga, data, run, saga.position(step)?)?;
        Some((at.undo, settle::command(saga, data, at)?))
    }

    /// Where a run of this version stands whose journal this is; none if that version is not there.
    pub fn standing(&self, data: &D, version: i32, journal: &[Line], pace: Pace) -> Option<Run> {
        let known = self.of(version, data)?;
        Some(standing(&known.saga, data, journal, pace))
    }

    /// The same, and of each line the command that it is about, if there is one.
    pub fn replay(
        &self,
        data: &D,
        version: i32,
        journal: &[Line],
        pace: Pace,
    ) -> Option<(Run, Vec<Option<Command>>)> {
        let known = self.of(version, data)?;
        Some(replay(&known.saga, data, journal, pace))
    }
}

#[cfg(test)]
#[path = "conditions_tests.rs"]
mod conditions_tests;
#[cfg(test)]
mod tests {
    use contract::saga::CancelStay;
    use contract::{Outcome, Reply, SagaId};

    use super::*;
    use crate::engine::State;
    use crate::sagas::cancel_stay::definition;
    use crate::sagas::cancel_stay::tests::{sample, yesterday};

    const PACE: Pace = Pace::new(Duration::from_mins(1));

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// What a run sends next, if it sends anything.
    fn goes_on(saga: &Versions<CancelStay>, run: &mut Run, input: &Input<'_>) -> Option<Reply> {
        let moves = saga.advance(&sample(), run, input, now(), PACE);
        let sent = moves.commands.into_iter().next()?;
        Some(sent.envelope(SagaId::new()).reply(Outcome::Done))
    }

    #[test]
    fn runs_of_two_versions_go_on_side_by_side_each_as_it_was_begun() {
        let before = Versions::new([yesterday()]);
        let after = Versions::new([yesterday(), definition()]);
        let (mut old, mut new) = (Run::new(), Run::new());
        let mut said_old = goes_on(&before, &mut old, &Input::Start);
        // The code is replaced while the old run is open.
        let mut said_new = goes_on(&after, &mut new, &Input::Start);
        let (mut order_old, mut order_new) = (Vec::new(), Vec::new());
        while said_old.is_some() || said_new.is_some() {
            if let Some(reply) = said_old.take() {
                order_old.push(reply.step.clone());
                said_old = goes_on(&after, &mut old, &Input::Reply(&reply));
            }
            if let Some(reply) = said_new.take() {
                order_new.push(reply.step.clone());
                said_new = goes_on(&after, &mut new, &Input::Reply(&reply));
            }
        }
        assert_eq!(order_old, ["refund-payment", "release-rooms", "mark-cancelled"]);
        assert_eq!(order_new, ["release-rooms", "refund-payment", "mark-cancelled"]);
        assert_eq!((old.state, new.state), (State::Completed, State::Completed));
        assert_eq!((old.version, new.version), (Some(0), Some(1)));
    }

    #[test]
    fn a_run_of_a_version_that_is_gone_is_left_alone() {
        let mut run = Run::new();
        let reply = goes_on(&Versions::new([yesterday()]), &mut run, &Input::Start).unwrap();
        let before = run.clone();
        let without = Versions::new([definition()]);
        assert!(goes_on(&without, &mut run, &Input::Reply(&reply)).is_none());
        assert_eq!(run, before);
    }

    #[test]
    #[should_panic(expected = "not in order")]
    fn a_version_that_is_not_raised_is_not_accepted() {
        drop(Versions::new([definition(), definition()]));
    }
}
