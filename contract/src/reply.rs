//! What participants answer. *Done* or *refused*; what is broken is not answered but tried again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SagaId;
use crate::stay::StayDate;

/// A participant said no, and did nothing. The code is stable and listed in the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// A slug such as `sold_out`.
    #[schema(example = "sold_out")]
    pub code: String,
    /// A sentence for people.
    #[schema(example = "The night of 2026-12-24 has just been sold out.")]
    pub message: String,
    /// The night that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night: Option<StayDate>,
}

impl Refusal {
    /// A refusal that is not about one night.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            night: None,
        }
    }

    /// A refusal because of one night.
    pub fn on_night(code: &str, night: StayDate, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            night: Some(night),
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done, now or earlier.
    Done,
    /// It is not done and will not be.
    Refused(Refusal),
}

/// The answer to one command, on [`crate::topics::ORCHESTRATOR_REPLIES`], keyed by saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The saga that asked.
    pub saga_id: SagaId,
    /// The step that asked.
    pub step: String,
    /// Whether the step was being undone.
    pub undo: bool,
    /// Which sending is answered.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
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
