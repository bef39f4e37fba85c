//! `POST /v1/verbs/{verb_id}/approve`: a second person, who saw the same preview, lets a verb go its way.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use contract::{SagaId, VerbId};
use platform::access::Allowed;
use platform::http::{Common, Prefer, Problem, StrictPath};
use platform::{Broken, Envelope, db, problems};
use sqlx::PgConnection;

use super::Inspection;
use super::say::{run, to_owner};
use super::seen::digest;
use super::verb::{VerbBody, answer};
use crate::engine::{Pace, Rule, Spoken};
use crate::message::Asked;
use crate::rules::Rules;
use crate::store::{self, AskedRow};
use crate::verbs::{self, Outcome, Refused};

/// How long a verb waits for its second person.
const WITHIN: TimeDelta = TimeDelta::hours(24);

problems!(Problems:
    Common::NotFound, Common::AgainstRule, Common::PreconditionFailed, Common::PreconditionRequired,
);

/// Approve what somebody else said to a run
///
/// Of a verb that `waits`. Whoever approves it sends the digest of the preview, and so has seen what will be done. Not by
/// whoever said it, and within 24 hours. When the run has gone on since, it is refused (412) and has to be said anew.
#[utoipa::path(
    post, path = "/v1/verbs/{verb_id}/approve", tag = "Sagas",
    params(
        ("verb_id" = VerbId, Path, description = "What was said"),
        ("Preview-Digest" = String, Header, description = "The digest of the preview, as the verb shows it."),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 30) until it is done; `Preference-Applied` says how long (RFC 7240).", example = "wait=10"),
    ),
    responses(
        (status = 201, description = "It is done", body = VerbBody,
         headers(
             ("Location" = String, description = "The path of the verb."),
             ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
         )),
        (status = 202, description = "It is on its way to whoever owns the run; ask the Location", body = VerbBody,
         headers(
             ("Location" = String, description = "The path of the verb."),
             ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
         )),
        Problems,
    )
)]
pub(super) async fn approve_verb(
    allowed: Allowed<super::ApproveVerb>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath(verb_id): StrictPath<VerbId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (who, seen) = (allowed.actor.to_string(), digest(&headers)?);
    let (rules, pace) = (Arc::clone(&inspection.rules), inspection.pace);
    let envelope = Envelope {
        actor: Some(who.clone()),
        ..Envelope::of_request(&headers)
    };
    let approved = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move {
            let found = store::lock_verb(db, verb_id.uuid()).await?;
            let (row, now) = found.ok_or_else(|| Problem::not_found("verb").at("verb_id"))?;
            may(&row, &who, now)?;
            let asked = asked(&row, &who, seen)?;
            still_so(db, &asked, &rules, now, pace).await?;
            store::approve(db, verb_id.uuid(), &who, &[to_owner(&asked, envelope)?]).await?;
            let row = store::verb(db, verb_id.uuid()).await?;
            let gone = || Broken::Inconsistent("a verb that was just approved is not there".to_owned());
            VerbBody::of(row.ok_or_else(gone)?)
        })
    });
    answer(&inspection, approved.await?, false, Prefer::of(&headers)).await
}

fn may(row: &AskedRow, who: &str, now: DateTime<Utc>) -> Result<(), Problem> {
    let forbidden = if row.state != "waits" {
        Rule::NothingToApprove
    } else if row.actor == who {
        Rule::ApprovedByTheSame
    } else if now - row.asked_at > WITHIN {
        Rule::ApprovedTooLate
    } else {
        return Ok(());
    };
    Err(Refused::Against(forbidden).problem())
}

/// What was asked, as it was kept, with its second person, who saw this.
fn asked(row: &AskedRow, who: &str, seen: String) -> Result<Asked, Problem> {
    if row.digest.as_ref() != Some(&seen) {
        return Err(Refused::ShownOtherwise.problem());
    }
    let spoken: Spoken = serde_json::from_value(row.verb.clone())
        .map_err(|error| Broken::Inconsistent(format!("verb {}: {error}", row.verb_id)))?;
    Ok(Asked {
        saga_id: SagaId::from_uuid(row.saga_id),
        expected: row.expected.map(i32::cast_unsigned),
        digest: Some(seen),
        spoken: Spoken {
            approved_by: Some(who.to_owned()),
            ..spoken
        },
    })
}

async fn still_so(
    db: &mut PgConnection,
    asked: &Asked,
    rules: &Rules,
    now: DateTime<Utc>,
    pace: Pace,
) -> Result<(), Problem> {
    let kept = run(db, asked.saga_id, pace).await?;
    match verbs::judge(&kept, asked, rules, now, pace) {
        Outcome::Refused(refused) => Err(refused.problem()),
        Outcome::Applied => Ok(()),
    }
}

#[cfg(test)]
#[path = "approve_tests.rs"]
mod tests;
