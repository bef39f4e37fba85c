//! Which rules would hold back what a verb sends, as this process knows them now.

use contract::RuleId;
use serde::Serialize;
use utoipa::ToSchema;

use super::rules::Kind;
use crate::kept::Kept;
use crate::rules::{Does, Rules, about};
use crate::sagas::Shown;

/// A rule that would hold back a command that a verb leads to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaPreviewHeldBack)]
pub(super) struct WouldHold {
    /// The step whose command it is.
    #[schema(example = "authorize-payment")]
    step: &'static str,
    /// Whether the command undoes the step.
    undo: bool,
    rule_id: RuleId,
    kind: Kind,
    /// Of a limit: so many commands a minute go out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    per_minute: Option<u32>,
}

/// The rules that are about what this run would send: a pause lets none of it go, a limit lets it wait for its turn.
pub(super) fn would_hold(rules: &Rules, kept: &Kept, shown: &Shown) -> Vec<WouldHold> {
    let held = shown.held_by_rules().flat_map(|(step, undo)| {
        let covering = rules.covering(&about(kept, step, undo)).into_iter();
        covering.map(move |rule| WouldHold {
            step,
            undo,
            rule_id: rule.id,
            kind: match rule.does {
                Does::Pause => Kind::Pause,
                Does::Limit(_) => Kind::Limit,
            },
            per_minute: match rule.does {
                Does::Pause => None,
                Does::Limit(per_minute) => Some(per_minute),
            },
        })
    });
    held.collect()
}
