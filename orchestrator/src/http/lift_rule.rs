//! `POST /v1/saga-rules/{rule_id}/lift`: what a rule holds back goes out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use contract::{RuleId, Text};
use platform::access::Allowed;
use platform::http::{Common, Problem, StrictJson, StrictPath};
use platform::{db, problems};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::{RuleBody, no_rule};
use super::{Inspection, reason};
use crate::store::{self, Lift};

/// Why a rule is lifted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SagaRuleLift)]
pub(super) struct Lifted {
    /// Why, for those who read it later: 10 to 500 characters.
    #[schema(value_type = String, min_length = 10, max_length = 500, example = "The provider is back; see incident 4711.")]
    reason: Text<500>,
}

problems!(Problems: Common::NotFound);

/// Let go what a rule holds back
///
/// Within a second what it held back goes out, unless another rule holds it. A rule that was lifted before stays as it
/// is, so a repeat changes nothing.
#[utoipa::path(
    post, path = "/v1/saga-rules/{rule_id}/lift", tag = "Sagas",
    params(("rule_id" = RuleId, Path, description = "The rule")),
    request_body = Lifted,
    responses((status = 200, description = "It is not in force any more", body = RuleBody), Problems)
)]
pub(super) async fn lift_saga_rule(
    allowed: Allowed<super::LiftSagaRule>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath(rule_id): StrictPath<RuleId>,
    StrictJson(lifted): StrictJson<Lifted>,
) -> Result<Json<RuleBody>, Problem> {
    reason::check(&lifted.reason)?;
    let lift = Lift {
        by: allowed.actor.to_string(),
        reason: lifted.reason.as_str().to_owned(),
    };
    let row = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            store::lift_rule(db, rule_id.uuid(), &lift).await?;
            Ok(store::rule(db, rule_id.uuid()).await?)
        })
    });
    Ok(Json(row.await?.ok_or_else(no_rule)?.into()))
}
