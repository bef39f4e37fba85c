//! `GET /v1/verbs/{verb_id}`: what somebody said to a run, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use contract::{SagaId, VerbId};
use platform::access::Allowed;
use platform::http::{Common, Prefer, Problem, StrictPath, replayed};
use platform::{Broken, db, problems};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Inspection;
use crate::engine::Verb;
use crate::store::{self, AskedRow};

/// Between two looks for whoever waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What became of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaVerbState)]
enum State {
    /// It is on its way to whoever owns the run.
    Asked,
    /// It waits for a second person.
    Waits,
    /// It was obeyed.
    Applied,
    /// It was not.
    Refused,
}

/// What somebody said to a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SagaVerbSaid)]
pub(super) struct VerbBody {
    verb_id: VerbId,
    saga_id: SagaId,
    #[schema(value_type = Verb)]
    verb: Value,
    state: State,
    /// Who said it.
    actor: String,
    /// Why.
    reason: String,
    /// The step to which the run goes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    step: Option<Value>,
    /// What came of the step that was done by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    result: Option<Value>,
    /// What shows that it was done by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    evidence: Option<Value>,
    /// The digest of the preview that was seen, which a second person has to have seen too; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The second person, of a verb that takes two.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    /// The version of the run that was seen; absent where any would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_version: Option<i32>,
    /// The version of the run that it led to, and whether anything changed; or the `problem` that was in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    outcome: Option<Value>,
    asked_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_at: Option<DateTime<Utc>>,
    links: Links,
}

/// Where to go on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SagaVerbLinks)]
struct Links {
    #[serde(rename = "self")]
    this: String,
    saga: String,
}

impl VerbBody {
    pub(super) fn of(row: AskedRow) -> Result<Self, Problem> {
        let (verb_id, saga_id) = (VerbId::from_uuid(row.verb_id), SagaId::from_uuid(row.saga_id));
        let state = match row.state.as_str() {
            "asked" => State::Asked,
            "waits" => State::Waits,
            "applied" => State::Applied,
            "refused" => State::Refused,
            other => return Err(Broken::Inconsistent(format!("a verb is {other}")).into()),
        };
        Ok(Self {
            verb_id,
            saga_id,
            verb: row.verb.get("verb").cloned().unwrap_or_default(),
            state,
            actor: row.actor,
            reason: row.reason,
            step: row.verb.get("step").cloned(),
            result: row.verb.get("result").cloned(),
            evidence: row.verb.get("evidence").cloned(),
            digest: row.digest,
            approved_by: row.approved_by,
            expected_version: row.expected,
            outcome: row.outcome,
            asked_at: row.asked_at,
            done_at: row.done_at,
            links: Links {
                this: format!("/v1/verbs/{verb_id}"),
                saga: format!("/v1/sagas/{saga_id}"),
            },
        })
    }

    /// The refusal, of one that was refused.
    fn refusal(&self) -> Option<Problem> {
        let problem = self
            .outcome
            .as_ref()?
            .get("problem")
            .filter(|_| self.state == State::Refused)?;
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = problem.get("status").and_then(Value::as_u64);
        let status = status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(409);
        let rule = problem.get("rule").map(|rule| ("rule", rule.clone()));
        Some(Problem::refused(
            status,
            text("code"),
            text("detail"),
            Vec::from_iter(rule),
        ))
    }
}

problems!(Problems: Common::NotFound);

/// What somebody said to a run, and what came of it
#[utoipa::path(
    get, path = "/v1/verbs/{verb_id}", tag = "Sagas", params(("verb_id" = VerbId, Path, description = "What was said")),
    responses((status = 200, description = "What was said, and what came of it", body = VerbBody), Problems)
)]
pub(super) async fn get_verb(
    _: Allowed<super::GetVerb>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath(verb_id): StrictPath<VerbId>,
) -> Result<Json<VerbBody>, Problem> {
    Ok(Json(read(&inspection, verb_id).await?))
}

async fn read(inspection: &Inspection, verb_id: VerbId) -> Result<VerbBody, Problem> {
    let mut db = db::lease(&inspection.pool).await.map_err(Broken::from)?;
    let row = db::patiently(store::verb(&mut db, verb_id.uuid())).await?;
    VerbBody::of(row.ok_or_else(|| Problem::not_found("verb").at("verb_id"))?)
}

/// The answer to whoever said it, who may want to wait.
pub(super) async fn answer(
    inspection: &Inspection,
    mut body: VerbBody,
    is_repeat: bool,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let until = prefer.wait.map(|wait| tokio::time::Instant::now() + wait);
    while body.state == State::Asked
        && until.is_some_and(|until| tokio::time::Instant::now() < until)
        && inspection.tasks.pause(LOOK_EVERY).await
    {
        body = read(inspection, body.verb_id).await?;
    }
    if let Some(problem) = body.refusal() {
        return Err(problem);
    }
    let status = match body.state {
        State::Applied | State::Refused => StatusCode::CREATED,
        State::Asked | State::Waits => StatusCode::ACCEPTED,
    };
    let location = [(header::LOCATION, body.links.this.clone())];
    let response = (status, location, Json(body)).into_response();
    let response = if is_repeat { replayed(response) } else { response };
    Ok(prefer.applied(response))
}
