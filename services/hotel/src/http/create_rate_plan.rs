//! `POST /v1/hotels/{hotel_id}/rate-plans`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::number::within_or_none;
use contract::penalty::WrittenPenalty;
use contract::quote::CancellationPolicy;
use contract::{HotelId, RatePlanId, Text};
use platform::access::Allowed;
use platform::http::{Common, Keyed, Problem, Stored, StrictJson, StrictPath};
use platform::problems;
use platform::repeat;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, unknown};
use crate::catalogue::RatePlan;
use crate::{SCHEMA, store};

/// The earliest end of free cancellation, in days before arrival.
const FREE_UNTIL_DAYS_MAX: u16 = 365;

/// A rate plan to add.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Flexible",
    "cancellation_policy": {"free_until_days_before": 7, "penalty": {"kind": "first_night"}}
}))]
pub(super) struct CreateRatePlan {
    /// Its name.
    name: Text<200>,
    /// What a cancellation costs. Non-refundable: the penalty `full` without `free_until_days_before`.
    #[schema(value_type = CancellationPolicy)]
    cancellation_policy: WrittenPolicy,
}

/// What a cancellation costs, as a client writes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPolicy {
    #[serde(default, deserialize_with = "within_or_none::<0, FREE_UNTIL_DAYS_MAX, _, _>")]
    free_until_days_before: Option<u16>,
    penalty: WrittenPenalty,
}

impl CreateRatePlan {
    fn check(self, hotel_id: HotelId) -> Result<RatePlan, Problem> {
        let policy = self.cancellation_policy;
        let penalty = policy.penalty.read().map_err(|why| {
            let pointer = "/cancellation_policy/penalty/percent";
            Problem::invalid_field(pointer, why.to_string())
        })?;
        Ok(RatePlan {
            rate_plan_id: RatePlanId::of(hotel_id),
            hotel_id,
            name: self.name.into_string(),
            cancellation_policy: CancellationPolicy {
                free_until_days_before: policy.free_until_days_before,
                penalty,
            },
            created_at: chrono::DateTime::UNIX_EPOCH,
        })
    }
}

problems!(Problems: Common::IdempotencyKeyInvalid, Common::NotFound, Common::IdempotencyKeyReused);

/// Add a rate plan to a hotel.
#[utoipa::path(
    post,
    path = "/v1/hotels/{hotel_id}/rate-plans",
    tag = "Hotels",
    params(
        ("hotel_id" = HotelId, Path, description = "The hotel."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "A key of your choice: the same request under it is done once, and a repeat within 30 days gets the same answer, with `Idempotent-Replayed: true`.", example = "set-up-1"),
    ),
    request_body = CreateRatePlan,
    responses(
        (status = 201, description = "Added.", body = RatePlan,
            headers(("Location" = String, description = "The rate plan's path."))),
        Problems,
    )
)]
pub(super) async fn create_rate_plan(
    allowed: Allowed<super::CreateRatePlan>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    keyed: Keyed,
    StrictJson(body): StrictJson<CreateRatePlan>,
) -> Result<Response, Problem> {
    allowed.sees.require_hotel(hotel_id.uuid())?;
    let request = keyed.with(&body);
    let plan = body.check(hotel_id)?;
    repeat::once(&app.pool, SCHEMA, request, move |db| {
        Box::pin(async move {
            match store::add_rate_plan(db, plan).await {
                Ok(added) => {
                    let location = format!("/v1/hotels/{hotel_id}/rate-plans/{}", added.rate_plan_id);
                    Ok(Stored::json(StatusCode::CREATED, &added, Some(location)))
                }
                Err(broken) if broken.constraint() == Some("rate_plan_of_hotel") => {
                    Err(unknown("hotel", "hotel_id"))
                }
                Err(broken) => Err(broken.into()),
            }
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::postgres::PgPool;

    use super::*;
    use crate::testing::{Api, NOBODY, assert_problem, hotel, with};

    #[sqlx::test(migrations = false)]
    async fn every_kind_of_policy_comes_back_as_it_was_given(pool: PgPool) {
        let api = Api::start(pool).await;
        let hotel_id = api.add("/v1/hotels", &hotel(), "hotel_id").await;
        let path = format!("/v1/hotels/{hotel_id}/rate-plans");
        let policies = [
            json!({"free_until_days_before": 7, "penalty": {"kind": "first_night"}}),
            json!({"free_until_days_before": 0, "penalty": {"kind": "percent", "percent": 50}}),
            json!({"penalty": {"kind": "full"}}),
        ];
        for policy in &policies {
            let plan = json!({"name": "Plan", "cancellation_policy": policy});
            let (status, added) = api.post(&path, &plan).await;
            assert_eq!(
                (status, &added["cancellation_policy"]),
                (StatusCode::CREATED, policy)
            );
        }
        let (_, listed) = api.get(&path).await;
        let listed: Vec<_> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|plan| plan["cancellation_policy"].clone())
            .collect();
        assert_eq!(listed, policies);
    }

    #[sqlx::test(migrations = false)]
    async fn a_bad_policy_is_refused_and_named(pool: PgPool) {
        let api = Api::start(pool).await;
        let hotel_id = api.add("/v1/hotels", &hotel(), "hotel_id").await;
        let path = format!("/v1/hotels/{hotel_id}/rate-plans");
        let plan = json!({"name": "Plan", "cancellation_policy": {"free_until_days_before": 7, "penalty": {"kind": "percent", "percent": 50}}});
        let bad = [
            ("/cancellation_policy/free_until_days_before", json!(366)),
            ("/cancellation_policy/free_until_days_before", json!(-1)),
            ("/cancellation_policy/penalty/percent", json!(101)),
            ("/cancellation_policy/penalty/percent", json!(256)),
            ("/cancellation_policy/penalty/percent", json!(null)),
            ("/cancellation_policy/penalty/kind", json!("none")),
            ("/cancellation_policy/penalty", json!("none")),
            ("/cancellation_policy/penalty", json!("first_night")),
            ("/cancellation_policy/penalty", json!({"percent": 50})),
            ("/cancellation_policy/penalty", json!(null)),
            ("/cancellation_policy/fee", json!(1)),
            ("/cancellation_policy", json!(null)),
            ("/name", json!("a\tb")),
        ];
        for (pointer, value) in bad {
            let (status, problem) = api.post(&path, &with(&plan, pointer, Some(value))).await;
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (422, &json!("invalid_field")),
                "{problem}"
            );
            assert!(
                pointer.starts_with(problem["pointer"].as_str().unwrap()),
                "{pointer}: {problem}"
            );
        }
        let answer = api.post(&format!("/v1/hotels/{NOBODY}/rate-plans"), &plan).await;
        assert_problem(&answer, 404, "not_found", Some("hotel_id"));
    }

    #[sqlx::test(migrations = false)]
    async fn what_was_added_is_where_its_location_says(pool: PgPool) {
        let api = Api::start(pool).await;
        let hotel_id = api.add("/v1/hotels", &hotel(), "hotel_id").await;
        let path = format!("/v1/hotels/{hotel_id}/rate-plans");
        let first = api
            .located(
                &path,
                &json!({"name": "Plan", "cancellation_policy": {"penalty": {"kind": "full"}}}),
            )
            .await;
        let second = api
            .located(
                &path,
                &json!({"name": "Plan", "cancellation_policy": {"penalty": {"kind": "full"}}}),
            )
            .await;
        assert_ne!(first, second);
        for location in [first, second] {
            let (status, shown) = api.get(&location).await;
            assert_eq!(status, StatusCode::OK, "{location}");
            assert_eq!(
                location,
                format!("{path}/{}", shown["rate_plan_id"].as_str().unwrap())
            );
        }
    }
}
