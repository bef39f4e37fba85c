//! `POST /v1/hotels/{hotel_id}/room-types`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contract::number::within;
use contract::quote::PARTY_MAX;
use contract::{HotelId, RoomTypeId, Text};
use platform::access::Allowed;
use platform::http::{Common, Keyed, Problem, Stored, StrictJson, StrictPath};
use platform::problems;
use platform::repeat;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::{PICTURES_MAX, PictureUrl, urls};
use super::{App, at_most, unknown};
use crate::catalogue::RoomType;
use crate::{SCHEMA, store};

/// The most beds of a room.
const BEDS_MAX: usize = 20;
/// The most amenities of a room.
const AMENITIES_MAX: usize = 100;

/// A room type to add.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Double with river view",
    "beds": ["double"],
    "adults_max": 2,
    "children_max": 1,
    "amenities": ["wifi", "bath"],
    "pictures": ["https://images.example.com/aurora/double.jpg"]
}))]
pub(super) struct CreateRoomType {
    /// Its name.
    name: Text<200>,
    /// The beds of one room.
    #[schema(min_items = 1, max_items = 20)]
    beds: Vec<Text<60>>,
    /// Adults one room takes.
    #[serde(deserialize_with = "within::<1, PARTY_MAX, _, _>")]
    #[schema(minimum = 1, maximum = 36)]
    adults_max: u16,
    /// Children one room takes beside the adults; they may also take places that adults leave free.
    #[serde(deserialize_with = "within::<0, PARTY_MAX, _, _>")]
    #[schema(minimum = 0, maximum = 36)]
    children_max: u16,
    /// What the room has.
    #[serde(default)]
    #[schema(max_items = 100)]
    amenities: Vec<Text<60>>,
    /// What guests read about it.
    #[serde(default)]
    description: Option<Text<4000>>,
    /// URLs of pictures, http or https.
    #[serde(default)]
    #[schema(max_items = 30)]
    pictures: Vec<PictureUrl>,
}

impl CreateRoomType {
    fn check(self, hotel_id: HotelId) -> Result<RoomType, Problem> {
        if self.beds.is_empty() {
            let detail = "A room has at least one bed.";
            return Err(Problem::invalid_field("/beds", detail));
        }
        at_most(&self.beds, BEDS_MAX, "/beds")?;
        at_most(&self.amenities, AMENITIES_MAX, "/amenities")?;
        at_most(&self.pictures, PICTURES_MAX, "/pictures")?;
        let strings = |texts: Vec<Text<60>>| texts.into_iter().map(Text::into_string).collect();
        Ok(RoomType {
            room_type_id: RoomTypeId::of(hotel_id),
            hotel_id,
            name: self.name.into_string(),
            beds: strings(self.beds),
            adults_max: self.adults_max,
            children_max: self.children_max,
            amenities: strings(self.amenities),
            description: self.description.map(Text::into_string),
            pictures: urls(self.pictures),
            created_at: chrono::DateTime::UNIX_EPOCH,
        })
    }
}

problems!(Problems: Common::IdempotencyKeyInvalid, Common::NotFound, Common::IdempotencyKeyReused);

/// Add a room type to a hotel.
#[utoipa::path(
    post,
    path = "/v1/hotels/{hotel_id}/room-types",
    tag = "Hotels",
    params(
        ("hotel_id" = HotelId, Path, description = "The hotel."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "A key of your choice: the same request under it is done once, and a repeat within 30 days gets the same answer, with `Idempotent-Replayed: true`.", example = "set-up-1"),
    ),
    request_body = CreateRoomType,
    responses(
        (status = 201, description = "Added.", body = RoomType,
            headers(("Location" = String, description = "The room type's path."))),
        Problems,
    )
)]
pub(super) async fn create_room_type(
    allowed: Allowed<super::CreateRoomType>,
    State(app): State<App>,
    StrictPath(hotel_id): StrictPath<HotelId>,
    keyed: Keyed,
    StrictJson(body): StrictJson<CreateRoomType>,
) -> Result<Response, Problem> {
    allowed.sees.require_hotel(hotel_id.uuid())?;
    let request = keyed.with(&body);
    let room_type = body.check(hotel_id)?;
    repeat::once(&app.pool, SCHEMA, request, move |db| {
        Box::pin(async move {
            match store::add_room_type(db, room_type).await {
                Ok(added) => {
                    let location = format!("/v1/hotels/{hotel_id}/room-types/{}", added.room_type_id);
                    Ok(Stored::json(StatusCode::CREATED, &added, Some(location)))
                }
                Err(broken) if broken.constraint() == Some("room_type_of_hotel") => {
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
    use serde_json::{Value, json};
    use sqlx::postgres::PgPool;

    use super::*;
    use crate::testing::{Api, NOBODY, assert_problem, hotel, with};

    fn double() -> Value {
        json!({
            "name": "Double", "beds": ["double"], "adults_max": 2, "children_max": 1,
            "amenities": ["wifi"], "description": "Above the river.", "pictures": ["https://example.com/d.jpg"],
        })
    }

    #[sqlx::test(migrations = false)]
    async fn a_room_type_comes_back_as_it_was_given(pool: PgPool) {
        let api = Api::start(pool).await;
        let hotel_id = api.add("/v1/hotels", &hotel(), "hotel_id").await;
        let path = format!("/v1/hotels/{hotel_id}/room-types");
        let (status, added) = api.post(&path, &double()).await;
        assert_eq!(status, StatusCode::CREATED);
        for (field, value) in double().as_object().unwrap() {
            assert_eq!(&added[field], value);
        }
        assert_eq!(api.get(&path).await.1, json!({"items": [added]}));
    }

    #[sqlx::test(migrations = false)]
    async fn a_bad_field_is_refused_and_named(pool: PgPool) {
        let api = Api::start(pool).await;
        let hotel_id = api.add("/v1/hotels", &hotel(), "hotel_id").await;
        let path = format!("/v1/hotels/{hotel_id}/room-types");
        let bad = [
            ("/name", json!("a\u{0}")),
            ("/beds", json!([])),
            ("/beds", json!(vec!["a"; 21])),
            ("/beds/0", json!("")),
            ("/adults_max", json!(0)),
            ("/adults_max", json!(-1)),
            ("/adults_max", json!(37)),
            ("/adults_max", json!(1.5)),
            ("/adults_max", json!("2")),
            ("/adults_max", json!(4_294_967_296_u64)),
            ("/children_max", json!(37)),
            ("/children_max", json!(-1)),
            ("/amenities", json!(vec!["a"; 101])),
            ("/pictures/0", json!("ftp://example.com/")),
            ("/room_type_id", json!(NOBODY)),
        ];
        for (pointer, value) in bad {
            let answer = api.post(&path, &with(&double(), pointer, Some(value))).await;
            assert_problem(&answer, 422, "invalid_field", Some(pointer));
        }
    }

    #[sqlx::test(migrations = false)]
    async fn an_unknown_hotel_has_no_room_types(pool: PgPool) {
        let api = Api::start(pool).await;
        let answer = api
            .post(&format!("/v1/hotels/{NOBODY}/room-types"), &double())
            .await;
        assert_problem(&answer, 404, "not_found", Some("hotel_id"));
    }

    #[sqlx::test(migrations = false)]
    async fn what_was_added_is_where_its_location_says(pool: PgPool) {
        let api = Api::start(pool).await;
        let hotel_id = api.add("/v1/hotels", &hotel(), "hotel_id").await;
        let path = format!("/v1/hotels/{hotel_id}/room-types");
        let first = api.located(&path, &double()).await;
        let second = api.located(&path, &double()).await;
        assert_ne!(first, second);
        for location in [first, second] {
            let (status, shown) = api.get(&location).await;
            assert_eq!(status, StatusCode::OK, "{location}");
            assert_eq!(
                location,
                format!("{path}/{}", shown["room_type_id"].as_str().unwrap())
            );
        }
    }
}
