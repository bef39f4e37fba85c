//! Every SQL statement of the schema hotel, one per function.

use chrono::{DateTime, NaiveDate, Utc};
use contract::penalty::Penalty;
use contract::quote::{CancellationPolicy, NightPrice};
use contract::{Currency, HotelId, Money, RatePlanId, RoomTypeId, StayDate};
use platform::Broken;
use rules::Capacity;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::catalogue::{Hotel, RatePlan, RoomType, Unreadable};
use crate::model::Tax;

fn inconsistent(what: impl std::fmt::Display) -> Broken {
    Broken::Inconsistent(what.to_string())
}

fn small(number: i32) -> Result<u16, Broken> {
    u16::try_from(number).map_err(inconsistent)
}

struct HotelRow {
    hotel_id: Uuid,
    name: String,
    address: String,
    time_zone: String,
    currency: String,
    description: Option<String>,
    pictures: Vec<String>,
    /// Read apart, so that one hotel's taxes that cannot be read do not hide the others of a page.
    taxes: Json<Value>,
    created_at: DateTime<Utc>,
}

impl TryFrom<HotelRow> for Hotel {
    type Error = Broken;
    fn try_from(row: HotelRow) -> Result<Self, Broken> {
        Ok(Self {
            hotel_id: HotelId::from_uuid(row.hotel_id),
            name: row.name,
            address: row.address,
            time_zone: row.time_zone,
            currency: row.currency,
            description: row.description,
            pictures: row.pictures,
            taxes: serde_json::from_value(row.taxes.0)
                .map_err(|why| inconsistent(format!("the taxes of hotel {}: {why}", row.hotel_id)))?,
            created_at: row.created_at,
        })
    }
}

/// Adds a hotel; the time it was added is the database's.
pub(crate) async fn add_hotel(db: &mut PgConnection, hotel: Hotel) -> Result<Hotel, Broken> {
    let created_at = sqlx::query_scalar!(
        "insert into hotel.hotel
             (hotel_id, name, address, time_zone, currency, description, pictures, taxes)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         returning created_at",
        hotel.hotel_id.uuid(),
        hotel.name,
        hotel.address,
        hotel.time_zone,
        hotel.currency,
        hotel.description,
        &hotel.pictures,
        Json(&hotel.taxes) as _,
    )
    .fetch_one(db)
    .await?;
    Ok(Hotel { created_at, ..hotel })
}

/// One hotel.
pub(crate) async fn hotel(db: &mut PgConnection, hotel_id: HotelId) -> Result<Option<Hotel>, Broken> {
    let row = sqlx::query_as!(
        HotelRow,
        r#"select hotel_id, name, address, time_zone, currency, description, pictures,
                  taxes as "taxes: Json<Value>", created_at
           from hotel.hotel
           where hotel_id = $1"#,
        hotel_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Hotel::try_from).transpose()
}

/// Hotels in the order in which they were added, after one of them; of one that cannot be read its id and name.
pub(crate) async fn hotels(
    db: &mut PgConnection,
    after: Option<HotelId>,
    rows: i64,
) -> Result<Vec<Result<Hotel, Unreadable>>, Broken> {
    let rows = sqlx::query_as!(
        HotelRow,
        r#"select hotel_id, name, address, time_zone, currency, description, pictures,
                  taxes as "taxes: Json<Value>", created_at
           from hotel.hotel
           where hotel_id > $1
           order by hotel_id
           limit $2"#,
        after.map_or(Uuid::nil(), HotelId::uuid),
        rows,
    )
    .fetch_all(db)
    .await?;
    let read = |row: HotelRow| {
        let (hotel_id, name) = (HotelId::from_uuid(row.hotel_id), row.name.clone());
        Hotel::try_from(row).map_err(|error| {
            tracing::error!(hotel = %hotel_id, error = &error as &dyn std::error::Error, "a hotel cannot be read");
            Unreadable { hotel_id, name }
        })
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Adds a room type. An unknown hotel breaks the constraint `room_type_of_hotel`.
pub(crate) async fn add_room_type(db: &mut PgConnection, room_type: RoomType) -> Result<RoomType, Broken> {
    let created_at = sqlx::query_scalar!(
        "insert into hotel.room_type
             (hotel_id, room_type_id, name, beds, adults_max, children_max, amenities, description, pictures)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         returning created_at",
        room_type.hotel_id.uuid(),
        room_type.room_type_id.uuid(),
        room_type.name,
        &room_type.beds,
        i32::from(room_type.adults_max),
        i32::from(room_type.children_max),
        &room_type.amenities,
        room_type.description,
        &room_type.pictures,
    )
    .fetch_one(db)
    .await?;
    Ok(RoomType {
        created_at,
        ..room_type
    })
}

struct RoomTypeRow {
    hotel_id: Uuid,
    room_type_id: Uuid,
    name: String,
    beds: Vec<String>,
    adults_max: i32,
    children_max: i32,
    amenities: Vec<String>,
    description: Option<String>,
    pictures: Vec<String>,
    created_at: DateTime<Utc>,
}

impl TryFrom<RoomTypeRow> for RoomType {
    type Error = Broken;
    fn try_from(row: RoomTypeRow) -> Result<Self, Broken> {
        Ok(Self {
            room_type_id: RoomTypeId::from_uuid(row.room_type_id),
            hotel_id: HotelId::from_uuid(row.hotel_id),
            name: row.name,
            beds: row.beds,
            adults_max: small(row.adults_max)?,
            children_max: small(row.children_max)?,
            amenities: row.amenities,
            description: row.description,
            pictures: row.pictures,
            created_at: row.created_at,
        })
    }
}

/// One room type of a hotel.
pub(crate) async fn room_type(
    db: &mut PgConnection,
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
) -> Result<Option<RoomType>, Broken> {
    let row = sqlx::query_as!(
        RoomTypeRow,
        "select hotel_id, room_type_id, name, beds, adults_max, children_max, amenities, description, pictures,
                created_at
         from hotel.room_type
         where hotel_id = $1 and room_type_id = $2",
        hotel_id.uuid(),
        room_type_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(RoomType::try_from).transpose()
}

/// Room types of a hotel in the order in which they were added, after one of them.
pub(crate) async fn room_types(
    db: &mut PgConnection,
    hotel_id: HotelId,
    after: Option<RoomTypeId>,
    rows: i64,
) -> Result<Vec<RoomType>, Broken> {
    let rows = sqlx::query_as!(
        RoomTypeRow,
        "select hotel_id, room_type_id, name, beds, adults_max, children_max, amenities, description, pictures,
                created_at
         from hotel.room_type
         where hotel_id = $1 and room_type_id > $2
         order by room_type_id
         limit $3",
        hotel_id.uuid(),
        after.map_or(Uuid::nil(), RoomTypeId::uuid),
        rows,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(RoomType::try_from).collect()
}

/// How a policy stands in its three columns.
struct PolicyColumns {
    free_until_days_before: Option<i32>,
    penalty: String,
    penalty_percent: Option<i32>,
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

/// What a hotel offers under one room type and rate plan, everything that pricing needs but the prices.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The hotel's zone.
    pub(crate) time_zone: String,
    /// The hotel's currency.
    pub(crate) currency: Currency,
    /// The hotel's taxes.
    pub(crate) taxes: Vec<Tax>,
    /// How many people a room takes; none when the hotel has no such room type.
    pub(crate) capacity: Option<Capacity>,
    /// What a cancellation costs; none when the hotel has no such rate plan.
    pub(crate) cancellation_policy: Option<CancellationPolicy>,
}

/// The offer, if there is such a hotel.
pub(crate) async fn offer(
    db: &mut PgConnection,
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    rate_plan_id: RatePlanId,
) -> Result<Option<Offer>, Broken> {
    let row = sqlx::query!(
        r#"select h.time_zone, h.currency, h.taxes as "taxes: Json<Vec<Tax>>",
                  t.adults_max as "adults_max?", t.children_max as "children_max?",
                  p.free_until_days_before, p.penalty as "penalty?", p.penalty_percent
           from hotel.hotel h
           left join hotel.room_type t on t.hotel_id = h.hotel_id and t.room_type_id = $2
           left join hotel.rate_plan p on p.hotel_id = h.hotel_id and p.rate_plan_id = $3
           where h.hotel_id = $1"#,
        hotel_id.uuid(),
        room_type_id.uuid(),
        rate_plan_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let capacity = row.adults_max.zip(row.children_max).map(|(adults, children)| {
        Ok::<_, Broken>(Capacity {
            adults: small(adults)?.into(),
            children: small(children)?.into(),
        })
    });
    let policy = row.penalty.map(|penalty| {
        let (free_until_days_before, penalty_percent) = (row.free_until_days_before, row.penalty_percent);
        CancellationPolicy::try_from(PolicyColumns {
            free_until_days_before,
            penalty,
            penalty_percent,
        })
    });
    Ok(Some(Offer {
        time_zone: row.time_zone,
        currency: row.currency.parse().map_err(inconsistent)?,
        taxes: row.taxes.0,
        capacity: capacity.transpose()?,
        cancellation_policy: policy.transpose()?,
    }))
}

/// The prices from a night up to but without another, in date order.
pub(crate) async fn prices(
    db: &mut PgConnection,
    of: (HotelId, RoomTypeId, RatePlanId),
    from: StayDate,
    to: StayDate,
    currency: Currency,
) -> Result<Vec<NightPrice>, Broken> {
    let rows = sqlx::query!(
        "select night, amount_minor
         from hotel.price
         where hotel_id = $1 and room_type_id = $2 and rate_plan_id = $3 and night >= $4 and night < $5
         order by night",
        of.0.uuid(),
        of.1.uuid(),
        of.2.uuid(),
        from.date(),
        to.date(),
    )
    .fetch_all(db)
    .await?;
    let mut prices = Vec::with_capacity(rows.len());
    for row in rows {
        let night = StayDate::from_date(row.night).map_err(inconsistent)?;
        let price = Money::from_minor(row.amount_minor, currency).map_err(inconsistent)?;
        prices.push(NightPrice { night, price });
    }
    Ok(prices)
}

/// Sets prices and answers how many nights changed; a price that stays the same writes nothing.
/// `nights` are sorted, so that two requests for the same nights lock them in the same order.
pub(crate) async fn set_prices(
    db: &mut PgConnection,
    of: (HotelId, RoomTypeId, RatePlanId),
    nights: &[NaiveDate],
    amounts_minor: &[i64],
) -> Result<u64, Broken> {
    let done = sqlx::query!(
        "insert into hotel.price as p (hotel_id, room_type_id, rate_plan_id, night, amount_minor)
         select $1, $2, $3, night, amount_minor
         from unnest($4::date[], $5::bigint[]) as wanted (night, amount_minor)
         on conflict (hotel_id, room_type_id, rate_plan_id, night) do update
         set amount_minor = excluded.amount_minor
         where p.amount_minor <> excluded.amount_minor",
        of.0.uuid(),
        of.1.uuid(),
        of.2.uuid(),
        nights,
        amounts_minor,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
