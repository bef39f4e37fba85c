//! The API of runs: what people see of them, and what they say to them. The dashboard uses nothing else.

mod approve;
mod definitions;
#[cfg(test)]
mod desk;
mod dry_run;
mod journal;
mod lift_rule;
mod list;
mod make_rule;
mod obligation;
mod obligations;
mod one;
mod own;
mod reason;
mod rules;
mod saga;
mod say;
mod seen;
mod verb;
mod would_hold;

use std::sync::Arc;

use platform::access::{Class, Kind, Place, Row};
use platform::{Tasks, operations};
use sqlx::PgPool;

use crate::engine::Pace;
use crate::rules::Rules;

/// What the handlers need.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) pool: PgPool,
    /// How patient runs are, by which one sees when something is due.
    pub(crate) pace: Pace,
    /// What operators hold back, as this process knows it.
    pub(crate) rules: Arc<Rules>,
    /// The process's tasks, whose end nobody waits beyond.
    pub(crate) tasks: Tasks,
}

/// Who sees the runs.
const INSPECTS: Row = Row::of(&[Kind::Viewer]).class(Class::Desk);
/// Who acts on them. It must be known this second who they are.
const ACTS: Row = Row::of(&[Kind::Operator]).class(Class::Money).cost(20).fresh();
/// The same, where the outcome may be waited for.
const SAYS: Row = ACTS.waits();

operations! { pub(crate) Arc<Inspection>;
    ListSagas = list::list_sagas: INSPECTS.cost(5).found_by(Place::All),
    GetSaga = one::get_saga: INSPECTS,
    SayVerb = say::say_verb: SAYS,
    GetVerb = verb::get_verb: INSPECTS,
    ApproveVerb = approve::approve_verb: SAYS,
    ListObligations = obligations::list_obligations: INSPECTS.cost(5).found_by(Place::All),
    GetObligation = obligations::get_obligation: INSPECTS,
    OwnObligation = own::own_obligation: ACTS,
    ListSagaRules = rules::list_saga_rules: INSPECTS.cost(5).found_by(Place::All),
    CreateSagaRule = make_rule::create_saga_rule: ACTS.found_by(Place::All),
    GetSagaRule = rules::get_saga_rule: INSPECTS,
    LiftSagaRule = lift_rule::lift_saga_rule: ACTS,
    ListSagaDefinitions = definitions::list_saga_definitions: INSPECTS.found_by(Place::Root),
}

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verbs_tests;
