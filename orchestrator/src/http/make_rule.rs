//! `POST /v1/saga-rules`: from now on these commands are held back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contract::{RuleId, SagaId, Text};
use platform::access::Allowed;
use platform::http::{
    Common, Problem, StrictJson, StrictQuery, fingerprint, idempotency_key, replayed, reused,
};
use platform::{Broken, db, problems};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::dry_run::DryRun;
use super::rules::{Kind, RuleBody, SubjectBody};
use super::{Inspection, reason};
use crate::engine::{Outline, Pace};
use crate::kept::Kept;
use crate::rules::{Does, Rule, Subject, about};
use crate::sagas;
use crate::store::{self, NewRule};

/// Open runs that a dry run looks at, at most.
const LOOKED_AT: i64 = 2_000;
/// The fastest limit.
const PER_MINUTE_MOST: u32 = 1_000_000;

/// A rule to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSagaRule)]
pub(super) struct Wanted {
    kind: Kind,
    /// Which commands; without it, every command of every run.
    #[serde(default)]
    subject: SubjectBody,
    /// Of a limit alone, which needs it: so many commands a minute, over all processes together. They go out evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000, example = 60)]
    per_minute: Option<u32>,
    /// Why, for those who read it later: 10 to 500 characters.
    #[schema(value_type = String, min_length = 10, max_length = 500, example = "The provider times out; see incident 4711.")]
    reason: Text<500>,
}

/// What a rule would be about now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaRulePreview)]
pub(super) struct Preview {
    /// Open runs whose next command, or the one that they wait for, it is about.
    matches: usize,
    /// Whether there may be more: only the newest 2,000 open runs of its saga and hotel were looked at.
    is_at_least: bool,
}

problems!(Problems:
    Common::IdempotencyKeyMissing, Common::IdempotencyKeyInvalid, Common::IdempotencyKeyReused,
);

/// Hold commands of runs back
///
/// Within a second, in every process: a `pause` lets no command go that it is about, a `limit` so many a minute. Replies are
/// still taken, and no time runs out in a run whose command is held back, but the hold of its rooms may. Each run's journal
/// says which rule holds it back and when it was released. With `?dry_run=true` nothing is made, and the answer counts
/// what it would be about.
#[utoipa::path(
    post, path = "/v1/saga-rules", tag = "Sagas",
    params(
        DryRun,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "1 to 255 visible ASCII characters; a repeat with the same key is the same rule. Not needed for a dry run.", example = "provider-down-1"),
    ),
    request_body = Wanted,
    responses(
        (status = 200, description = "With `dry_run`: what it would be about now", body = Preview),
        (status = 201, description = "It is in force", body = RuleBody,
         headers(
             ("Location" = String, description = "The path of the rule."),
             ("Idempotent-Replayed" = Option<String>, description = "`true` for the answer to a repeat."),
         )),
        Problems,
    )
)]
pub(super) async fn create_saga_rule(
    allowed: Allowed<super::CreateSagaRule>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictQuery(query): StrictQuery<DryRun>,
    headers: HeaderMap,
    StrictJson(wanted): StrictJson<Wanted>,
) -> Result<Response, Problem> {
    let does = check(&wanted)?;
    let subject = Subject::from(wanted.subject.clone());
    if query.dry_run {
        return preview(&inspection, subject).await;
    }
    let new = NewRule {
        key: idempotency_key(&headers)?,
        fingerprint: fingerprint(&wanted),
        made_by: allowed.actor.to_string(),
        reason: wanted.reason.as_str().to_owned(),
        rule: Rule {
            id: RuleId::new(),
            does,
            subject,
        },
    };
    let made = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move { make(db, &new).await })
    });
    let (body, is_repeat) = made.await?;
    let location = [(header::LOCATION, body.links.this.clone())];
    let response = (StatusCode::CREATED, location, Json(body)).into_response();
    Ok(if is_repeat { replayed(response) } else { response })
}

/// What can be said about a rule without looking at any run.
fn check(wanted: &Wanted) -> Result<Does, Problem> {
    reason::check(&wanted.reason)?;
    let wrong = |field: &str, detail: String| Err(Problem::invalid_field(field, detail));
    let is_meant = |outline: &&Outline| {
        let saga = wanted.subject.saga.as_ref();
        saga.is_none_or(|saga| saga == outline.name)
    };
    let sagas: Vec<&Outline> = sagas::outlines().iter().filter(is_meant).collect();
    if sagas.is_empty() {
        let names: Vec<_> = sagas::outlines().iter().map(|outline| outline.name).collect();
        return wrong(
            "/subject/type",
            format!("This takes one of: {}.", names.join(", ")),
        );
    }
    let steps = sagas.iter().flat_map(|outline| &outline.steps);
    let mut steps = steps.map(|step| step.name).collect::<Vec<_>>();
    if let Some(step) = &wanted.subject.step
        && !steps.contains(&step.as_str())
    {
        steps.sort_unstable();
        steps.dedup();
        return wrong(
            "/subject/step",
            format!("This takes one of: {}.", steps.join(", ")),
        );
    }
    match (wanted.kind, wanted.per_minute) {
        (Kind::Pause, None) => Ok(Does::Pause),
        (Kind::Pause, Some(_)) => wrong("/per_minute", "A pause lets nothing go; leave it out.".to_owned()),
        (Kind::Limit, Some(most @ 1..=PER_MINUTE_MOST)) => Ok(Does::Limit(most)),
        (Kind::Limit, _) => {
            let detail = "Say how many commands a minute may go, 1 to 1000000; to let none go, use a pause.";
            wrong("/per_minute", detail.to_owned())
        }
    }
}

async fn preview(inspection: &Inspection, subject: Subject) -> Result<Response, Problem> {
    let pace = inspection.pace;
    let mut db = db::lease(&inspection.pool).await.map_err(Broken::from)?;
    let counted = db::patiently(count(&mut db, &subject, pace)).await?;
    Ok(Json(counted).into_response())
}

async fn count(db: &mut PgConnection, subject: &Subject, pace: Pace) -> Result<Preview, Broken> {
    let ids: Vec<Uuid> = store::open_runs(db, subject, LOOKED_AT).await?;
    let found = store::runs(db, &ids, pace).await?;
    let is_about = |(_, kept): &(&SagaId, &Kept)| {
        let (Some(at), Ok(outline)) = (kept.run.at, kept.outline()) else {
            return false;
        };
        subject.covers(&about(kept, outline.steps[at.step].name, at.undo))
    };
    Ok(Preview {
        matches: found.runs.iter().filter(is_about).count(),
        is_at_least: i64::try_from(ids.len()).is_ok_and(|looked| looked >= LOOKED_AT),
    })
}

/// Makes the rule, or answers the one that was made under the same key.
async fn make(db: &mut PgConnection, new: &NewRule) -> Result<(RuleBody, bool), Problem> {
    let is_new = store::make_rule(db, new).await?;
    let row = store::rule_made_before(db, &new.made_by, &new.key).await?;
    let row = row.ok_or_else(|| Broken::Inconsistent("a rule that was just made is not there".to_owned()))?;
    if !is_new && row.fingerprint != new.fingerprint {
        return Err(reused());
    }
    Ok((row.into(), !is_new))
}
