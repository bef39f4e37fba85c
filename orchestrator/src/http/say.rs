//! `POST /v1/sagas/{saga_id}/{verb}`: a person says what to do with a run, or asks what would come of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use contract::{SagaId, Text, VerbId, topics};
use platform::access::{Allowed, Kind};
use platform::http::{
    Common, Prefer, Problem, StrictJson, StrictPath, StrictQuery, fingerprint, idempotency_key, reused,
};
use platform::outbox::Outgoing;
use platform::{Broken, Envelope, db, problems};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::dry_run::DryRun;
use super::seen::seen;
use super::verb::{VerbBody, answer};
use super::would_hold::{WouldHold, would_hold};
use super::{Inspection, reason};
use crate::engine::{Pace, Rule, Spoken, Verb};
use crate::kept::Kept;
use crate::message::Asked;
use crate::rules::Rules;
use crate::sagas::Shown;
use crate::store::{self, NewVerb};
use crate::verbs::{self, Outcome, Refused};

/// Who speaks where nobody has an identity: there is no second person then, and nobody is waited for.
const NOBODY: &str = Kind::Anyone.word();
/// Why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SagaVerbRequest)]
pub(super) struct Said {
    /// Why, for those who read the journal later: 10 to 500 characters.
    #[schema(value_type = String, min_length = 10, max_length = 500, example = "The provider is back; see incident 4711.")]
    reason: Text<500>,
    /// A step by its name in the definition, of the verbs that need one: to which the run goes back (`back_to`), or because of
    /// which something is owed (`settle`, `settled_by_hand`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "hold-rooms")]
    step: Option<Text<100>>,
    /// What came of the step that is skipped, as whoever did it says: of `skip` alone, which needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500, example = "Refunded by bank transfer 2026-4711.")]
    result: Option<Text<500>>,
    /// What shows that it was done by hand: of `undone_by_hand`, `skip` and `settled_by_hand`, which need it. 10 to 2000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 10, max_length = 2000)]
    evidence: Option<Text<2000>>,
}

/// What would come of a verb.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaVerbPreview)]
pub(super) struct PreviewBody {
    saga_id: SagaId,
    /// Tells this preview from any other: send it as `Preview-Digest` with the verb.
    digest: String,
    #[serde(flatten)]
    shown: Shown,
    /// The rules that would hold back what it leads to, as they are now; no part of what the digest is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<WouldHold>)]
    held_back: Vec<WouldHold>,
}

problems!(Problems:
    Common::NotFound, Common::AgainstRule, Common::PreconditionFailed, Common::PreconditionRequired,
    Common::IdempotencyKeyMissing, Common::IdempotencyKeyInvalid, Common::IdempotencyKeyReused,
);

/// Say what to do with a run
///
/// `retry`, `pause`, `resume`, `cancel`, `back_to`, `skip`, `abandon` or `undone_by_hand`; of a run that is over and owes something, `settle` or
/// `settled_by_hand`. With `?dry_run=true` nothing is done, and the answer shows what
/// would be: what is sent at once and until the end, what that does to rooms, money and the guest, and what stays owed.
/// Whoever saw that says the verb with the run's version as `If-Match` and the preview's digest as `Preview-Digest`: what
/// is done is what was shown, or nothing is. `pause` and `resume` may say `If-Match: *`, and need no digest then. Who
/// owns the run does it; ask the Location, or wait. `back_to`, `skip`, `abandon`, `undone_by_hand`, `settle` and `settled_by_hand` take two
/// people where people have identities: such a verb `waits` until another one has approved it.
#[utoipa::path(
    post, path = "/v1/sagas/{saga_id}/{verb}", tag = "Sagas",
    params(
        ("saga_id" = SagaId, Path, description = "The saga"),
        ("verb" = Verb, Path, description = "What to do with it"),
        DryRun,
        ("If-Match" = Option<String>, Header, description = "The ETag of the run as it was seen, or `*` where the verb takes it. Not needed for a dry run.", example = "\"7\""),
        ("Preview-Digest" = Option<String>, Header, description = "The digest of the preview that was seen. Not needed for a dry run, nor with `If-Match: *`."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "1 to 255 visible ASCII characters; a repeat with the same key is the same verb. Not needed for a dry run.", example = "retry-1"),
        ("Prefer" = Option<String>, Header, description = "`wait=N` waits up to N seconds (at most 30) until it is done; `Preference-Applied` says how long (RFC 7240).", example = "wait=10"),
    ),
    request_body = Said,
    responses(
        (status = 200, description = "With `dry_run`: what would come of it", body = PreviewBody,
         headers(("etag" = String, description = "The version of the run that the preview is about, quoted"))),
        (status = 201, description = "It is done", body = VerbBody,
         headers(
             ("Location" = String, description = "The path of the verb."),
             ("Idempotent-Replayed" = Option<String>, description = "`true` for the answer to a repeat."),
             ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
         )),
        (status = 202, description = "It is on its way to whoever owns the run; ask the Location", body = VerbBody,
         headers(
             ("Location" = String, description = "The path of the verb."),
             ("Idempotent-Replayed" = Option<String>, description = "`true` for the answer to a repeat."),
             ("Preference-Applied" = Option<String>, description = "How long was waited, where `Prefer` asked for it."),
         )),
        Problems,
    )
)]
pub(super) async fn say_verb(
    allowed: Allowed<super::SayVerb>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath((saga_id, verb)): StrictPath<(SagaId, Verb)>,
    StrictQuery(query): StrictQuery<DryRun>,
    headers: HeaderMap,
    StrictJson(said): StrictJson<Said>,
) -> Result<Response, Problem> {
    check(verb, &said)?;
    let spoken = Spoken {
        verb_id: VerbId::of_run(saga_id),
        verb,
        actor: allowed.actor.to_string(),
        reason: said.reason.as_str().to_owned(),
        step: said.step.as_ref().map(|step| step.as_str().to_owned()),
        result: said.result.as_ref().map(|result| result.as_str().to_owned()),
        evidence: said.evidence.as_ref().map(|said| said.as_str().to_owned()),
        approved_by: None,
    };
    if query.dry_run {
        return preview(&inspection, saga_id, spoken).await;
    }
    let seen = seen(&headers, verb)?;
    let key = idempotency_key(&headers)?;
    let fingerprint = fingerprint(&json!([saga_id, verb, seen.version, seen.digest, said]));
    let asked = Asked {
        saga_id,
        expected: seen.version,
        digest: seen.digest,
        spoken,
    };
    let envelope = Envelope {
        actor: Some(asked.spoken.actor.clone()),
        ..Envelope::of_request(&headers)
    };
    let (rules, pace) = (Arc::clone(&inspection.rules), inspection.pace);
    let kept = db::unit_of_work::<_, Problem, _>(&inspection.pool, move |db| {
        Box::pin(async move { keep(db, asked, key, fingerprint, envelope, (&rules, pace)).await })
    });
    let (body, is_repeat) = kept.await?;
    answer(&inspection, body, is_repeat, Prefer::of(&headers)).await
}

/// What can be said about a request without looking at the run.
fn check(verb: Verb, said: &Said) -> Result<(), Problem> {
    reason::check(&said.reason)?;
    if said.step.is_some() != verb.takes_step() {
        let detail = if verb.takes_step() {
            "Name the step, as the definition calls it: to which the run goes back, or because of which something is owed."
        } else {
            "This verb names no step; leave it out."
        };
        return Err(Problem::invalid_field("/step", detail));
    }
    if said.result.is_some() != verb.takes_result() {
        let detail = if verb.takes_result() {
            "Say what came of the step that is skipped."
        } else {
            "This verb takes no result; leave it out."
        };
        return Err(Problem::invalid_field("/result", detail));
    }
    let wrong = |detail: &str| Err(Problem::invalid_field("/evidence", detail));
    match (&said.evidence, verb.takes_evidence()) {
        (None, true) => wrong("Say what shows that it was done by hand: a receipt, a page, who did it."),
        (Some(_), false) => wrong("This verb takes no evidence; leave it out."),
        (Some(said), true) if reason::is_short(said.as_str()) => {
            wrong("Say in at least 10 characters what shows it.")
        }
        _ => Ok(()),
    }
}

async fn preview(inspection: &Inspection, saga_id: SagaId, spoken: Spoken) -> Result<Response, Problem> {
    let mut db = db::lease(&inspection.pool).await.map_err(Broken::from)?;
    let kept = db::patiently(run(&mut db, saga_id, inspection.pace)).await?;
    let now = db::patiently(store::now(&mut db)).await?;
    let version = kept.run.seq;
    let asked = Asked {
        saga_id,
        expected: None,
        digest: None,
        spoken,
    };
    let shown = verbs::show(&kept, &asked, &inspection.rules, now, inspection.pace);
    let shown = shown.map_err(|rule| Refused::Against(rule).problem())?;
    let body = PreviewBody {
        saga_id,
        digest: shown.digest(),
        held_back: would_hold(&inspection.rules, &kept, &shown),
        shown,
    };
    Ok(([(header::ETAG, format!("\"{version}\""))], Json(body)).into_response())
}

/// The run, as its journal says.
pub(super) async fn run(db: &mut PgConnection, saga_id: SagaId, pace: Pace) -> Result<Kept, Problem> {
    let mut found = store::runs(db, &[saga_id.uuid()], pace).await?;
    if !found.unreadable.is_empty() {
        return Err(Refused::Against(Rule::VersionGone).problem());
    }
    let kept = found.runs.remove(&saga_id);
    kept.ok_or_else(|| Problem::not_found("saga").at("saga_id"))
}

/// Keeps the verb, and says it to whoever owns the run. What would be refused now is refused at once. Answers whether the
/// key had been used for it before.
async fn keep(
    db: &mut PgConnection,
    asked: Asked,
    key: String,
    fingerprint: [u8; 32],
    envelope: Envelope,
    (rules, pace): (&Rules, Pace),
) -> Result<(VerbBody, bool), Problem> {
    let actor = asked.spoken.actor.clone();
    if let Some(before) = store::asked_before(db, &actor, &key).await? {
        return again(before, fingerprint);
    }
    let kept = run(db, asked.saga_id, pace).await?;
    let now = store::now(db).await?;
    if let Outcome::Refused(refused) = verbs::judge(&kept, &asked, rules, now, pace) {
        return Err(refused.problem());
    }
    let shown = verbs::show(&kept, &asked, rules, now, pace);
    let shown = shown.map_err(|rule| Refused::Against(rule).problem())?;
    let waits = shown.changes && asked.spoken.verb.takes_two() && actor != NOBODY;
    let mut said = Vec::new();
    if shown.changes && !waits {
        said.push(to_owner(&asked, envelope)?);
    }
    let verb_id = asked.spoken.verb_id;
    let new = NewVerb {
        outcome: (!shown.changes).then(|| verbs::applied(kept.run.seq, false)),
        waits,
        asked,
        key,
        fingerprint,
    };
    if !store::ask(db, &new, &said).await? {
        // Somebody was faster with the same key.
        let before = store::asked_before(db, &actor, &new.key).await?;
        return again(before.ok_or_else(gone)?, fingerprint);
    }
    let row = store::verb(db, verb_id.uuid()).await?;
    Ok((VerbBody::of(row.ok_or_else(gone)?)?, false))
}

/// The verb on its way to whoever owns the run.
pub(super) fn to_owner(asked: &Asked, envelope: Envelope) -> Result<Outgoing, Broken> {
    let run = asked.saga_id.to_string();
    Ok(Outgoing::new(topics::ORCHESTRATOR_MESSAGES, run, "Verb", asked)?.within(envelope))
}

fn again(before: store::AskedRow, fingerprint: [u8; 32]) -> Result<(VerbBody, bool), Problem> {
    if before.fingerprint != fingerprint {
        return Err(reused());
    }
    Ok((VerbBody::of(before)?, true))
}

fn gone() -> Problem {
    Broken::Inconsistent("a verb that was just written is not there".to_owned()).into()
}
