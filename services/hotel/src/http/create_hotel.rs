//! `POST /v1/hotels`

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono_tz::Tz;
use contract::refusal::Code;
use contract::{Currency, HotelId, Text, Why};
use platform::access::Allowed;
use platform::http::{Common, Keyed, Problem, Stored, StrictJson};
use platform::problems;
use platform::repeat;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::{PICTURES_MAX, PictureUrl, urls};
use super::{App, at_most};
use crate::catalogue::Hotel;
use crate::model::{Tax, WrittenTax};
use crate::{SCHEMA, store};

/// The most taxes of a hotel.
const TAXES_MAX: usize = 10;

/// A hotel to add.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Pensão Aurora",
    "address": "Rua das Flores 12, 1200-194 Lisboa, Portugal",
    "time_zone": "Europe/Lisbon",
    "currency": "EUR",
    "description": "Twelve rooms above the river.",
    "pictures": ["https://images.example.com/aurora/front.jpg"],
    "taxes": [{"name": "VAT", "percent": "6.00"}]
}))]
pub(super) struct CreateHotel {
    /// Its name.
    name: Text<200>,
    /// Where it stands.
    address: Text<500>,
    /// Its zone of the IANA time zone database.
    time_zone: Text<64>,
    /// The currency of all its prices: money of today, neither withdrawn nor a fund. It cannot be changed later.
    currency: Currency,
    /// What guests read about it.
    #[serde(default)]
    description: Option<Text<4000>>,
    /// URLs of pictures, http or https.
    #[serde(default)]
    #[schema(max_items = 30)]
    pictures: Vec<PictureUrl>,
    /// Taxes on the price of all nights and rooms.
    #[serde(default)]
    #[schema(max_items = 10, value_type = Vec<Tax>)]
    taxes: Vec<WrittenTax>,
}

impl CreateHotel {
    fn check(self) -> Result<Hotel, Problem> {
        let unknown = |_| Why::UnknownTimeZone.tell(Problem::refused).at("/time_zone");
        let zone: Tz = self.time_zone.as_str().parse().map_err(unknown)?;
        self.currency
            .in_use()
            .map_err(|why| Problem::invalid_field("/currency", format!("{why}.")))?;
        at_most(&self.pictures, PICTURES_MAX, "/pictures")?;
        at_most(&self.taxes, TAXES_MAX, "/taxes")?;
        let taxes: Vec<Tax> = self.taxes.into_iter().map(Tax::from).collect();
        let mut names = HashSet::new();
        for (at, tax) in taxes.iter().enumerate() {
            if !names.insert(&tax.name) {
                let pointer = format!("/taxes/{at}/name");
                return Err(Problem::invalid_field(&pointer, "Two taxes have the same name."));
            }
        }
        Ok(Hotel {
            hotel_id: HotelId::new(),
            name: self.name.into_string(),
            address: self.address.into_string(),
            time_zone: zone.name().to_owned(),
            currency: self.currency.code().to_owned(),
            description: self.description.map(Text::into_string),
            pictures: urls(self.pictures),
            taxes,
            created_at: chrono::DateTime::UNIX_EPOCH,
        })
    }
}

problems!(Problems: Common::IdempotencyKeyInvalid, Common::IdempotencyKeyReused, Code::UnknownTimeZone);

/// Add a hotel.
///
/// Then add its room types and rate plans, its prices, and its rooms per night.
#[utoipa::path(
    post,
    path = "/v1/hotels",
    tag = "Hotels",
    request_body = CreateHotel,
    params(
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!#-~][!-~]*$", description = "A key of your choice: the same request under it is done once, and a repeat within 30 days gets the same answer, with `Idempotent-Replayed: true`.", example = "set-up-1"),
    ),
    responses(
        (status = 201, description = "Added.", body = Hotel,
            headers(("Location" = String, description = "The hotel's path."))),
        Problems,
    )
)]
pub(super) async fn create_hotel(
    _: Allowed<super::CreateHotel>,
    State(app): State<App>,
    keyed: Keyed,
    StrictJson(body): StrictJson<CreateHotel>,
) -> Result<Response, Problem> {
    let request = keyed.with(&body);
    let hotel = body.check()?;
    repeat::once(&app.pool, SCHEMA, request, move |db| {
        Box::pin(async move {
            let hotel = store::add_hotel(db, hotel).await?;
            let location = format!("/v1/hotels/{}", hotel.hotel_id);
            Ok(Stored::json(StatusCode::CREATED, &hotel, Some(location)))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, header};
    use serde_json::{Value, json};
    use sqlx::Executor as _;
    use sqlx::postgres::PgPool;

    use super::*;
    use crate::testing::{Api, assert_problem, hotel, with};

    #[sqlx::test(migrations = false)]
    async fn a_hotel_comes_back_as_it_was_given(pool: PgPool) {
        let api = Api::start(pool).await;
        let request = axum::http::Request::post("/v1/hotels").header("content-type", "application/json");
        let response = api.send(request.body(hotel().to_string().into()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let (status, shown) = api.get(&location).await;
        assert_eq!(status, StatusCode::OK);
        for (field, value) in hotel().as_object().unwrap() {
            assert_eq!(&shown[field], value);
        }
        assert_eq!(
            location,
            format!("/v1/hotels/{}", shown["hotel_id"].as_str().unwrap())
        );
    }

    #[sqlx::test(migrations = false)]
    async fn only_name_address_zone_and_currency_are_required(pool: PgPool) {
        let api = Api::start(pool).await;
        let least = json!({"name": "A", "address": "B", "time_zone": "Asia/Tokyo", "currency": "JPY"});
        let (status, shown) = api.post("/v1/hotels", &least).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(
            (&shown["taxes"], &shown["pictures"], shown.get("description")),
            (&json!([]), &json!([]), None)
        );
        for field in ["/name", "/address", "/time_zone", "/currency"] {
            assert_problem(
                &api.post("/v1/hotels", &with(&least, field, None)).await,
                422,
                "invalid_field",
                Some(field),
            );
        }
    }

    #[sqlx::test(migrations = false)]
    async fn a_bad_field_is_refused_and_named(pool: PgPool) {
        let api = Api::start(pool).await;
        let many = |item: Value, count: usize| Value::Array(vec![item; count]);
        let bad = [
            ("/name", json!("")),
            ("/name", json!("a\u{0}b")),
            ("/name", json!("a\nb")),
            ("/name", json!("a\u{202e}b")),
            ("/name", json!("a".repeat(201))),
            ("/name", json!(7)),
            ("/name", Value::Null),
            ("/address", json!("a\u{7f}b")),
            ("/description", json!("a\u{0}b")),
            ("/currency", json!("eur")),
            ("/currency", json!("XXX")),
            ("/currency", json!("HRK")),
            ("/currency", json!("BGN")),
            ("/currency", json!("USN")),
            ("/currency", json!("CLF")),
            ("/currency", json!("XAD")),
            ("/taxes/0/percent", json!("1e1")),
            ("/taxes/0/percent", json!("-1")),
            ("/taxes/1/percent", json!("100.01")),
            ("/taxes/1/percent", json!(6)),
            ("/taxes/1/name", json!("VAT")),
            ("/taxes", many(json!({"name": "A", "percent": "1"}), 11)),
            ("/pictures/0", json!("javascript:alert(1)")),
            ("/pictures/0", json!("https://user@example.com/")),
            ("/pictures", many(json!("https://example.com/"), 31)),
            ("/hotel_id", json!("01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d")),
            ("/created_at", json!("2026-01-01T00:00:00Z")),
        ];
        for (pointer, value) in bad {
            let answer = api
                .post("/v1/hotels", &with(&hotel(), pointer, Some(value)))
                .await;
            assert_problem(&answer, 422, "invalid_field", Some(pointer));
        }
        for zone in [
            "Lisbon",
            "europe/lisbon",
            "Europe/ Lisbon",
            "+01:00",
            "../../etc/passwd",
        ] {
            let answer = api
                .post("/v1/hotels", &with(&hotel(), "/time_zone", Some(json!(zone))))
                .await;
            assert_problem(&answer, 422, "unknown_time_zone", Some("/time_zone"));
        }
        assert_eq!(
            api.get("/v1/hotels").await.1,
            json!({"items": []}),
            "nothing was added"
        );
    }

    #[sqlx::test(migrations = false)]
    async fn a_hotel_with_money_of_former_times_goes_on(pool: PgPool) {
        let api = Api::start(pool).await;
        let aurora = api.aurora().await;
        api.pool
            .execute("update hotel.hotel set currency = 'HRK'")
            .await
            .unwrap();
        assert_eq!(
            api.get(&format!("/v1/hotels/{}", aurora.hotel)).await.1["currency"],
            "HRK"
        );
        let price = json!([{"night": "2026-07-01", "price": {"amount": "750.00", "currency": "HRK"}}]);
        assert_eq!(
            api.put(&aurora.prices(), &aurora.set(&price)).await.0,
            StatusCode::OK
        );
        let (status, quote) = api.post("/v1/quotes", &aurora.stay()).await;
        assert_eq!(
            (status, &quote["total"]["currency"]),
            (StatusCode::CREATED, &json!("HRK")),
            "{quote}"
        );
    }

    #[sqlx::test(migrations = false)]
    async fn what_is_not_json_is_refused(pool: PgPool) {
        let api = Api::start(pool).await;
        for body in ["", "{", "nope", "{\"name\":\"\\ud800\"}", "\u{feff}{}"] {
            let answer = api.send_text(Method::POST, "/v1/hotels", body.to_owned()).await;
            assert_problem(&answer, 400, "malformed_json", None);
        }
        let twice = r#"{"name":"a","name":"b"}"#.to_owned();
        assert_eq!(
            api.send_text(Method::POST, "/v1/hotels", twice).await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let huge = with(&hotel(), "/description", Some(json!("a".repeat(70_000)))).to_string();
        let answer = api.send_text(Method::POST, "/v1/hotels", huge).await;
        assert_problem(&answer, 413, "body_too_large", None);
        let plain = axum::http::Request::post("/v1/hotels").header("content-type", "text/plain");
        let response = api.send(plain.body(hotel().to_string().into()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let delete = axum::http::Request::delete("/v1/hotels")
            .body(String::new().into())
            .unwrap();
        assert_eq!(api.send(delete).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
