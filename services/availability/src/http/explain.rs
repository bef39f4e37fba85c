//! Why something is not on offer: told where `explain` asks for it, in the words in which quote and hold refuse it.

use contract::{RatePlanId, Refusal, RoomTypeId};
use rules::{Ask, Blocked, Facts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much is told of what is not on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Explain {
    /// The reason by which a quote or a hold would refuse it.
    First,
    /// Every reason that is known, in the order in which they are told.
    All,
}

/// A room type that is not on offer in a rate plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotSold<'a> {
    /// The room type.
    pub room_type_id: RoomTypeId,
    /// Its name.
    #[schema(example = "Double room")]
    pub name: &'a str,
    /// The rate plan; absent where the hotel has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_plan_id: Option<RatePlanId>,
    /// What stands against it; at least one reason. A night that the hotel closed has no rooms left, and is told as
    /// `sold_out` here.
    pub blocked_by: Vec<Refusal>,
}

/// What stands against it, as far as somebody wants to know: one reason is enough to know that there is one.
pub(super) fn reasons(explain: Option<Explain>, ask: &Ask, facts: &Facts<'_>) -> Vec<Blocked> {
    match explain {
        Some(Explain::All) => rules::evaluate(ask, facts),
        Some(Explain::First) | None => rules::first(ask, facts).into_iter().collect(),
    }
}

/// The reasons as refusals.
pub(super) fn told(blocked: &[Blocked]) -> Vec<Refusal> {
    let refusals = blocked
        .iter()
        .filter_map(|one| Some(one.why()?.saying(one.to_string())));
    refusals.collect()
}
