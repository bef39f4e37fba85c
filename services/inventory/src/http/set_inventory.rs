//! `PUT /v1/hotels/{hotel_id}/room-types/{room_type_id}/inventory`: how many rooms there are each night.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use contract::number::within_or_none;
use contract::refusal::Code;
use contract::{HotelId, RoomTypeId, StayDate, Text, Why};
use platform::access::{Actor, Allowed};
use platform::http::{Common, Problem, StrictJson, StrictPath};
use platform::problems;
use platform::{Broken, db};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{Rooms, range};
use crate::model::{NightSet, NotSet, RoomTypeKey, Wanted, set_night};
use crate::store::{self, Reduction};

/// Rooms of one type that a hotel can have.
const TOTAL_MAX: u16 = 10_000;
/// How far ahead rooms can be offered, in days: two years of booking window and one to plan ahead.
const DAYS_AHEAD_MAX: i32 = 3 * 366;
/// Tries before the caller is told to come back; each fails only because another request came first.
const TRIES: u32 = 3;

/// What is to be true of each night; what is left out stays as it is.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2026-12-01", "to": "2027-01-01", "total": 20}))]
pub(super) struct SetInventory {
    /// The first night; yesterday (UTC) at the earliest.
    from: StayDate,
    /// The night after the last, at most 400 nights after `from`.
    to: StayDate,
    /// Rooms that exist. Required for nights that were never offered.
    #[serde(default, deserialize_with = "within_or_none::<0, TOTAL_MAX, _, _>")]
    #[schema(example = 20, minimum = 0, maximum = 10_000)]
    total: Option<u16>,
    /// Whether nothing more is sold. What is held or sold stays.
    #[schema(example = false)]
    closed: Option<bool>,
    /// Set the total even where more rooms are held or sold than it allows; recorded with `reason`.
    #[serde(default)]
    force: bool,
    /// Why the total is forced.
    #[schema(example = "Water damage on the third floor")]
    reason: Option<Text<500>>,
}

/// What was done.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct InventorySet {
    /// Nights that are different from before.
    #[schema(example = 31)]
    nights_changed: usize,
    /// Nights among them whose total was forced below what is held and sold.
    #[schema(example = 0)]
    nights_forced: usize,
}

problems!(Problems:
    Common::NotFound, Code::BelowSold, Code::EmptyRange, Code::RangeTooLong, Code::NothingToSet,
    Code::TotalRequired, Code::ReasonRequired, Code::NightInPast, Code::TooFarAhead,
);

/// Set how many rooms there are
///
/// For every night from `from` up to but without `to`: all of them or, when one cannot be set, none. Sending
/// the same again changes nothing. A total that allows fewer rooms (110 %) than are held or sold is refused
/// with `below_sold`, unless `force` insists and `reason` says why.
#[utoipa::path(
    put, path = "/v1/hotels/{hotel_id}/room-types/{room_type_id}/inventory", tag = "Inventory",
    params(
        ("hotel_id" = HotelId, Path, description = "The hotel"),
        ("room_type_id" = RoomTypeId, Path, description = "The room type"),
    ),
    request_body = SetInventory,
    responses(
        (status = 200, description = "Every night is as wanted", body = InventorySet),
        Problems,
    )
)]
pub(super) async fn set_inventory(
    allowed: Allowed<super::SetInventory>,
    State(rooms): State<Rooms>,
    StrictPath((hotel_id, room_type_id)): StrictPath<(HotelId, RoomTypeId)>,
    StrictJson(wish): StrictJson<SetInventory>,
) -> Result<Json<InventorySet>, Problem> {
    allowed.sees.require_hotel(hotel_id.uuid())?;
    check(&wish, today(&rooms)?)?;
    let key = (hotel_id, room_type_id);
    rooms.catalogue.room_type(key).await?;
    for _ in 1..TRIES {
        match attempt(&rooms, key, &wish, allowed.actor).await {
            Err(NotDone::Broken(Broken::Overtaken(_))) => {}
            done => return done.map(Json).map_err(Problem::from),
        }
    }
    attempt(&rooms, key, &wish, allowed.actor)
        .await
        .map(Json)
        .map_err(Problem::from)
}

fn today(rooms: &Rooms) -> Result<StayDate, Problem> {
    let today = rooms.clock.now().date_naive();
    StayDate::from_date(today).map_err(|error| Broken::Inconsistent(error.to_string()).into())
}

/// What can be said about a request without looking at the books.
fn check(wish: &SetInventory, today: StayDate) -> Result<(), Problem> {
    range(wish.from, wish.to, "/to")?;
    let days_ahead = |date: StayDate| date.days_since_1970() - today.days_since_1970();
    let refused = |why: Why, pointer| Err(why.tell(Problem::refused).at(pointer));
    if days_ahead(wish.from) < -1 {
        return refused(Why::NightInPast { today }, "/from");
    }
    if days_ahead(wish.to) > DAYS_AHEAD_MAX {
        let most = DAYS_AHEAD_MAX.unsigned_abs();
        return refused(Why::TooFarAhead { most, today }, "/to");
    }
    if wish.total.is_none() && wish.closed.is_none() {
        return refused(Why::NothingToSet, "");
    }
    if wish.force && wish.reason.is_none() {
        return refused(Why::ReasonRequired, "/reason");
    }
    Ok(())
}

/// Why the nights were not set.
#[derive(Debug)]
enum NotDone {
    /// The books say no.
    Refused(StayDate, NotSet),
    /// Something did not work.
    Broken(Broken),
}

impl From<Broken> for NotDone {
    fn from(error: Broken) -> Self {
        Self::Broken(error)
    }
}

impl From<NotDone> for Problem {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::Broken(error) => error.into(),
            NotDone::Refused(night, not_set) => {
                let why = match not_set {
                    NotSet::BelowSold { taken, sellable } => Why::BelowSold {
                        night,
                        taken,
                        sellable,
                    },
                    NotSet::TotalUnknown => Why::TotalRequired { night },
                };
                why.tell(Self::refused).at("/total")
            }
        }
    }
}

async fn attempt(
    rooms: &Rooms,
    key: RoomTypeKey,
    wish: &SetInventory,
    actor: Actor,
) -> Result<InventorySet, NotDone> {
    let (wish, actor) = (wish.clone(), actor.to_string());
    db::unit_of_work(&rooms.pool, move |db| {
        Box::pin(async move { set(db, key, &wish, &actor).await })
    })
    .await
}

async fn set(
    db: &mut PgConnection,
    key: RoomTypeKey,
    wish: &SetInventory,
    actor: &str,
) -> Result<InventorySet, NotDone> {
    let now: BTreeMap<_, _> = store::lock_range(db, key, (wish.from, wish.to))
        .await?
        .into_iter()
        .collect();
    let wanted = Wanted {
        total: wish.total.map(i32::from),
        closed: wish.closed,
        force: wish.force,
    };
    let (mut new, mut changed, mut reductions) = (Vec::new(), Vec::new(), Vec::new());
    for day in wish.from.days_since_1970()..wish.to.days_since_1970() {
        let night = StayDate::from_days_since_1970(day)
            .map_err(|error| Broken::Inconsistent(format!("day {day}: {error}")))?;
        let before = now.get(&night);
        match set_night(before, wanted).map_err(|why| NotDone::Refused(night, why))? {
            NightSet::Unchanged => {}
            NightSet::Created { total, closed } => new.push((night, total, closed)),
            NightSet::Changed {
                total,
                closed,
                forced,
            } => {
                changed.push((night, total, closed));
                let before = before.filter(|_| forced).copied();
                reductions.extend(before.map(|before| Reduction { night, before, total }));
            }
        }
    }
    if !changed.is_empty() {
        store::change_nights(db, key, &changed).await?;
    }
    if !reductions.is_empty() {
        let reason = wish.reason.as_ref().map(Text::as_str).unwrap_or_default();
        store::record_reductions(db, key, &reductions, reason, actor).await?;
    }
    if !new.is_empty() {
        store::insert_nights(db, key, &new).await?;
    }
    Ok(InventorySet {
        nights_changed: new.len() + changed.len(),
        nights_forced: reductions.len(),
    })
}

#[cfg(test)]
mod limits;
#[cfg(test)]
mod tests;
