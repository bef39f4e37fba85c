//! The rate plans of hotels, and how a cancellation policy stands in its columns.

use chrono::{DateTime, Utc};
use contract::penalty::Penalty;
use contract::quote::CancellationPolicy;
use contract::{HotelId, RatePlanId};
use platform::Broken;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{inconsistent, small};
use crate::catalogue::RatePlan;

/// How a policy stands in its three columns.
pub(super) struct PolicyColumns {
    pub(super) free_until_days_before: Option<i32>,
    pub(super) penalty: String,
    pub(super) penalty_percent: Option<i32>,
}

impl From<CancellationPolicy> for PolicyColumns {
    fn from(policy: CancellationPolicy) -> Self {
        let (penalty, penalty_percent) = match policy.penalty {
            Penalty::FirstNight => ("first_night", None),
            Penalty::Percent(percent) => ("percent", Some(i32::from(percent))),
            Penalty::Full => ("full", None),
        };
        let free_until_days_before = policy.free_until_days_before.map(i32::from);
        Self {
            free_until_days_before,
            penalty: penalty.to_owned(),
            penalty_percent,
        }
    }
}

impl TryFrom<PolicyColumns> for CancellationPolicy {
    type Error = Broken;
    fn try_from(columns: PolicyColumns) -> Result<Self, Broken> {
        let penalty = match (columns.penalty.as_str(), columns.penalty_percent) {
            ("first_night", None) => Penalty::FirstNight,
            ("percent", Some(percent)) => Penalty::Percent(u8::try_from(percent).map_err(inconsistent)?),
            ("full", None) => Penalty::Full,
            (other, _) => return Err(inconsistent(format!("the penalty {other}"))),
        };
        let free_until_days_before = columns.free_until_days_before.map(small).transpose()?;
        Ok(Self {
            free_until_days_before,
            penalty,
        })
    }
}

/// Adds a rate plan. An unknown hotel breaks the constraint `rate_plan_of_hotel`.
pub(crate) async fn add_rate_plan(db: &mut PgConnection, plan: RatePlan) -> Result<RatePlan, Broken> {
    let policy = PolicyColumns::from(plan.cancellation_policy);
    let created_at = sqlx::query_scalar!(
        "insert into hotel.rate_plan
             (hotel_id, rate_plan_id, name, free_until_days_before, penalty, penalty_percent)
         values ($1, $2, $3, $4, $5, $6)
         returning created_at",
        plan.hotel_id.uuid(),
        plan.rate_plan_id.uuid(),
        plan.name,
        policy.free_until_days_before,
        policy.penalty,
        policy.penalty_percent,
    )
    .fetch_one(db)
    .await?;
    Ok(RatePlan { created_at, ..plan })
}

struct RatePlanRow {
    hotel_id: Uuid,
    rate_plan_id: Uuid,
    name: String,
    free_until_days_before: Option<i32>,
    penalty: String,
    penalty_percent: Option<i32>,
    created_at: DateTime<Utc>,
}

impl TryFrom<RatePlanRow> for RatePlan {
    type Error = Broken;
    fn try_from(row: RatePlanRow) -> Result<Self, Broken> {
        let policy = PolicyColumns {
            free_until_days_before: row.free_until_days_before,
            penalty: row.penalty,
            penalty_percent: row.penalty_percent,
        };
        Ok(Self {
            rate_plan_id: RatePlanId::from_uuid(row.rate_plan_id),
            hotel_id: HotelId::from_uuid(row.hotel_id),
            name: row.name,
            cancellation_policy: policy.try_into()?,
            created_at: row.created_at,
        })
    }
}

/// One rate plan of a hotel.
pub(crate) async fn rate_plan(
    db: &mut PgConnection,
    hotel_id: HotelId,
    rate_plan_id: RatePlanId,
) -> Result<Option<RatePlan>, Broken> {
    let row = sqlx::query_as!(
        RatePlanRow,
        "select hotel_id, rate_plan_id, name, free_until_days_before, penalty, penalty_percent, created_at
         from hotel.rate_plan
         where hotel_id = $1 and rate_plan_id = $2",
        hotel_id.uuid(),
        rate_plan_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(RatePlan::try_from).transpose()
}

/// Rate plans of a hotel in the order in which they were added, after one of them.
pub(crate) async fn rate_plans(
    db: &mut PgConnection,
    hotel_id: HotelId,
    after: Option<RatePlanId>,
    rows: i64,
) -> Result<Vec<RatePlan>, Broken> {
    let rows = sqlx::query_as!(
        RatePlanRow,
        "select hotel_id, rate_plan_id, name, free_until_days_before, penalty, penalty_percent, created_at
         from hotel.rate_plan
         where hotel_id = $1 and rate_plan_id > $2
         order by rate_plan_id
         limit $3",
        hotel_id.uuid(),
        after.map_or(Uuid::nil(), RatePlanId::uuid),
        rows,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(RatePlan::try_from).collect()
}
