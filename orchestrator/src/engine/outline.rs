//! A saga without its commands: names, kinds and reasons, for the dashboard and for the log.
//! Made from the declaration itself, so that picture and code cannot differ.

use serde::Serialize;
use utoipa::ToSchema;

use super::dsl::{Kind, Saga, Step, Undo, Wait};

/// A saga's steps in order, with what can happen to each.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SagaDefinition)]
pub struct Outline {
    /// The saga's name.
    #[serde(rename = "type")]
    #[schema(example = "book-stay")]
    pub name: &'static str,
    /// What it guarantees.
    pub promise: &'static str,
    /// Its steps, in order.
    pub steps: Vec<OutlineStep>,
}

/// One step of a definition.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SagaDefinitionStep)]
pub struct OutlineStep {
    /// The step's name.
    #[schema(example = "hold-rooms")]
    pub name: &'static str,
    /// What the step is to the saga.
    pub kind: StepKind,
    /// On what it depends whether a run has the step; absent where every run has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "there is something to give back")]
    pub only_when: Option<&'static str>,
    /// Whether a command undoes it.
    pub undone_by_command: bool,
    /// The step whose undo gives it back too, where no command of its own undoes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hold-rooms")]
    pub undone_by: Option<&'static str>,
    /// Why nothing is sent for it, or nothing undoes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    /// Why a person may say that it was done outside the platform (`skip`); absent where nobody may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_be_skipped: Option<&'static str>,
    /// How many times the configured time its answer is waited for before it is given up; absent where
    /// nobody gives up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up_after_times: Option<u32>,
    /// What the guest is told when it is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "timed_out")]
    pub given_up_as: Option<&'static str>,
}

/// What a step is to its saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Done before the saga was asked for.
    Opening,
    /// Can be refused, given up and undone.
    Do,
    /// Decides.
    Pivot,
    /// Is sent until it is done.
    Then,
}

impl StepKind {
    /// The word in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Do => "do",
            Self::Pivot => "pivot",
            Self::Then => "then",
        }
    }
}

impl<D> Saga<D> {
    /// The saga without its commands.
    pub fn outline(&self) -> Outline {
        Outline {
            name: self.name,
            promise: self.promise,
            steps: self
                .steps
                .iter()
                .map(|step| step.outline(self.condition(step)))
                .collect(),
        }
    }
}

impl<D> Step<D> {
    /// What the step is to its saga.
    pub fn kind(&self) -> StepKind {
        match self.kind {
            Kind::Opening { .. } => StepKind::Opening,
            Kind::Undoable { .. } => StepKind::Do,
            Kind::Pivot { .. } => StepKind::Pivot,
            Kind::Retried { .. } => StepKind::Then,
        }
    }

    /// How long the step is waited for before it is given up; none where nobody gives up.
    pub fn wait(&self) -> Option<Wait> {
        match self.kind {
            Kind::Undoable { wait, .. } => Some(wait),
            Kind::Opening { .. } | Kind::Pivot { .. } | Kind::Retried { .. } => None,
        }
    }

    fn outline(&self, only_when: Option<&'static str>) -> OutlineStep {
        let undo = match &self.kind {
            Kind::Opening { undo, .. } => undo.as_ref(),
            Kind::Undoable { undo, .. } => Some(undo),
            Kind::Pivot { .. } | Kind::Retried { .. } => None,
        };
        let because = match (&self.kind, undo) {
            (Kind::Opening { because, .. }, _) | (_, Some(Undo::Nothing { because, .. })) => Some(*because),
            _ => None,
        };
        OutlineStep {
            name: self.name,
            kind: self.kind(),
            only_when,
            undone_by_command: matches!(undo, Some(Undo::With(_) | Undo::Telling(_))),
            undone_by: match undo {
                Some(Undo::Nothing { by, .. }) => *by,
                _ => None,
            },
            because,
            may_be_skipped: self.may_be_skipped,
            given_up_after_times: self.wait().map(|wait| wait.times),
            given_up_as: self.wait().map(|wait| wait.why.code().word()),
        }
    }
}
