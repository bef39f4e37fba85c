//! What participants answer. *Done* or *refused*; what is broken is not answered but tried again.

use serde::{Deserialize, Serialize};

use crate::SagaId;
use crate::refusal::Refusal;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done, now or earlier.
    Done,
    /// It is not done and will not be.
    Refused(Refusal),
}

/// The answer to one command, on [`crate::topics::ORCHESTRATOR_MESSAGES`], keyed by saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The saga that asked.
    pub saga_id: SagaId,
    /// The step that asked.
    pub step: String,
    /// Whether the step was being undone.
    pub undo: bool,
    /// Which round of the run asked. Without it, as the former release answered, the first.
    #[serde(default = "first_round")]
    pub round: u32,
    /// Which sending is answered.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// The round of a message that names none.
pub(crate) const fn first_round() -> u32 {
    1
}

impl Reply {
    /// The name for the `eventType` header.
    pub const fn name(&self) -> &'static str {
        match self.outcome {
            Outcome::Done => "Done",
            Outcome::Refused(_) => "Refused",
        }
    }
}
