//! `POST /v1/obligations/{saga_id}/{seq}/owner`: who sees to what is owed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use contract::SagaId;
use platform::access::{Actor, Allowed};
use platform::http::{Common, Problem, StrictJson, StrictPath};
use platform::{db, problems};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Inspection;
use super::obligation::ListedBody;
use super::obligations::{no_obligation, one};
use crate::engine::Rule;
use crate::store::{self, Handed};
use crate::verbs::Refused;

/// Who sees to it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ObligationOwner)]
pub(super) struct Owner {
    /// Who, as `kind:id`; without it, whoever asks.
    #[schema(example = "operator:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")]
    owner: Option<String>,
}

problems!(Problems: Common::NotFound, Common::AgainstRule);

/// Take what is owed upon oneself, or hand it over
///
/// Of an obligation that is open. It says who sees to it and nothing else: anybody who may can settle it.
#[utoipa::path(
    post, path = "/v1/obligations/{saga_id}/{seq}/owner", tag = "Sagas",
    params(
        ("saga_id" = SagaId, Path, description = "The run that it comes from"),
        ("seq" = u16, Path, description = "Its place among those of the run, from 1", minimum = 1),
    ),
    request_body = Owner,
    responses((status = 200, description = "The obligation with its owner", body = ListedBody), Problems)
)]
pub(super) async fn own_obligation(
    allowed: Allowed<super::OwnObligation>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath((saga_id, seq)): StrictPath<(SagaId, u16)>,
    StrictJson(owner): StrictJson<Owner>,
) -> Result<Json<ListedBody>, Problem> {
    let owner = match owner.owner {
        Some(owner) => read(&owner)?,
        None => allowed.actor,
    };
    let handed = Handed {
        saga_id: saga_id.uuid(),
        seq: seq.into(),
        owner: owner.to_string(),
        by: allowed.actor.to_string(),
    };
    let pace = inspection.pace;
    let body = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let is_open = store::own(db, &handed).await?;
            let body = one(db, saga_id, seq, pace).await?.ok_or_else(no_obligation)?;
            if !is_open {
                return Err(Refused::Against(Rule::NothingOwed).problem());
            }
            Ok(body)
        })
    });
    Ok(Json(body.await?))
}

fn read(owner: &str) -> Result<Actor, Problem> {
    owner.parse().map_err(|_| {
        let detail = "Say who as kind:id, such as operator:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d.";
        Problem::invalid_field("/owner", detail)
    })
}
