//! `GET /v1/saga-rules` and `GET /v1/saga-rules/{rule_id}`: what operators hold back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use contract::{HotelId, RuleId};
use platform::access::Allowed;
use platform::http::{Common, Cursor, PageLimit, Problem, StrictPath, StrictQuery};
use platform::{Broken, db, problems};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Inspection;
use crate::rules::Subject;
use crate::store::{self, RuleRow};

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaRuleKind)]
pub(super) enum Kind {
    /// Lets no command go that it is about.
    Pause,
    /// Lets so many of them go a minute.
    Limit,
}

/// Which commands a rule is about. What is not named is any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SagaRuleSubject)]
pub(super) struct SubjectBody {
    /// The saga's name.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "book-stay")]
    pub(super) saga: Option<String>,
    /// The step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "authorize-payment")]
    pub(super) step: Option<String>,
    /// `false`: only commands that do the step; `true`: only those that undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undo: Option<bool>,
    /// The hotel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hotel_id: Option<HotelId>,
}

impl From<SubjectBody> for Subject {
    fn from(body: SubjectBody) -> Self {
        let SubjectBody {
            saga,
            step,
            undo,
            hotel_id,
        } = body;
        Self {
            saga,
            step,
            undo,
            hotel_id,
        }
    }
}

/// A rule that holds commands of runs back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaRule)]
pub(super) struct RuleBody {
    pub(super) rule_id: RuleId,
    #[schema(value_type = Kind)]
    kind: String,
    subject: SubjectBody,
    /// Of a limit: so many commands a minute go out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    per_minute: Option<i32>,
    /// Whether it holds anything back; one that was lifted does not.
    in_force: bool,
    /// How many runs it holds back now.
    holds_back: i64,
    /// Who made it.
    made_by: String,
    /// Why.
    reason: String,
    made_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lift_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_at: Option<DateTime<Utc>>,
    pub(super) links: Links,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaRuleLinks)]
pub(super) struct Links {
    #[serde(rename = "self")]
    pub(super) this: String,
}

impl From<RuleRow> for RuleBody {
    fn from(row: RuleRow) -> Self {
        let rule_id = RuleId::from_uuid(row.rule_id);
        Self {
            rule_id,
            kind: row.kind,
            subject: SubjectBody {
                saga: row.saga,
                step: row.step,
                undo: row.undo,
                hotel_id: row.hotel_id.map(HotelId::from_uuid),
            },
            per_minute: row.per_minute,
            in_force: row.lifted_at.is_none(),
            holds_back: row.holds,
            made_by: row.made_by,
            reason: row.reason,
            made_at: row.made_at,
            lifted_by: row.lifted_by,
            lift_reason: row.lift_reason,
            lifted_at: row.lifted_at,
            links: Links {
                this: format!("/v1/saga-rules/{rule_id}"),
            },
        }
    }
}

/// Which rules.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    /// `true`: only those in force; `false`: only those that were lifted.
    in_force: Option<bool>,
    /// How many at most, 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, example = 50)]
    limit: PageLimit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaRulePage)]
pub(super) struct Page {
    items: Vec<RuleBody>,
    /// Names the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

problems!(Problems: Common::InvalidCursor);
problems!(Missing: Common::NotFound);

/// Rules that hold commands of runs back, newest first
#[utoipa::path(
    get, path = "/v1/saga-rules", tag = "Sagas", params(Query),
    responses((status = 200, description = "A page of rules", body = Page), Problems)
)]
pub(super) async fn list_saga_rules(
    _: Allowed<super::ListSagaRules>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictQuery(query): StrictQuery<Query>,
) -> Result<Json<Page>, Problem> {
    let before = query.cursor.as_deref().map(Cursor::read::<RuleId>).transpose()?;
    let limit = query.limit;
    let mut db = db::lease(&inspection.pool).await.map_err(Broken::from)?;
    let before = before.map(RuleId::uuid);
    let rows = store::rules(&mut db, query.in_force, before, limit.rows_and_one());
    let mut rows = db::patiently(rows).await?;
    let next_cursor = limit.cut(&mut rows, |row| RuleId::from_uuid(row.rule_id));
    Ok(Json(Page {
        items: rows.into_iter().map(RuleBody::from).collect(),
        next_cursor,
    }))
}

/// One rule that holds commands of runs back
#[utoipa::path(
    get, path = "/v1/saga-rules/{rule_id}", tag = "Sagas",
    params(("rule_id" = RuleId, Path, description = "The rule")),
    responses((status = 200, description = "The rule", body = RuleBody), Missing)
)]
pub(super) async fn get_saga_rule(
    _: Allowed<super::GetSagaRule>,
    Shared(inspection): Shared<Arc<Inspection>>,
    StrictPath(rule_id): StrictPath<RuleId>,
) -> Result<Json<RuleBody>, Problem> {
    let mut db = db::lease(&inspection.pool).await.map_err(Broken::from)?;
    let row = db::patiently(store::rule(&mut db, rule_id.uuid())).await?;
    Ok(Json(row.ok_or_else(no_rule)?.into()))
}

pub(super) fn no_rule() -> Problem {
    Problem::not_found("rule").at("rule_id")
}
