//! `GET /v1/hotels`

use axum::Json;
use axum::extract::State;
use contract::HotelId;
use platform::access::Allowed;
use platform::http::{Common, Cursor, PageLimit, Problem, StrictQuery};
use platform::problems;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::App;
use crate::catalogue::{Hotel, Unreadable};
use crate::store;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Rows on the page.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    pub(super) limit: PageLimit,
    /// The `next_cursor` of the page before.
    pub(super) cursor: Option<String>,
}

impl PageQuery {
    /// The id after which the page begins.
    pub(super) fn after<Id: serde::de::DeserializeOwned>(&self) -> Result<Option<Id>, Problem> {
        self.cursor.as_deref().map(Cursor::read).transpose()
    }
}

/// A page of hotels.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HotelPage {
    /// The hotels.
    items: Vec<Hotel>,
    /// Hotels of this page whose stored row cannot be read: they are left out of `items`, and an operator has to mend
    /// them. Absent when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<Unreadable>,
    /// Send it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

problems!(Problems: Common::InvalidCursor);

/// List the hotels, in the order in which they were added.
#[utoipa::path(
    get,
    path = "/v1/hotels",
    tag = "Hotels",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of hotels.", body = HotelPage),
        Problems,
    )
)]
pub(super) async fn list_hotels(
    _: Allowed<super::ListHotels>,
    State(app): State<App>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<Json<HotelPage>, Problem> {
    let after: Option<HotelId> = query.after()?;
    let rows = query.limit.rows_and_one();
    let mut hotels = store::hotels(&mut *app.connection().await?, after, rows).await?;
    let id = |hotel: &Result<Hotel, Unreadable>| match hotel {
        Ok(hotel) => hotel.hotel_id,
        Err(hotel) => hotel.hotel_id,
    };
    let next_cursor = query.limit.cut(&mut hotels, id);
    let (mut items, mut unreadable) = (Vec::with_capacity(hotels.len()), Vec::new());
    for hotel in hotels {
        match hotel {
            Ok(hotel) => items.push(hotel),
            Err(hotel) => unreadable.push(hotel),
        }
    }
    Ok(Json(HotelPage {
        items,
        unreadable,
        next_cursor,
    }))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::Value;
    use sqlx::Executor as _;
    use sqlx::postgres::PgPool;

    use crate::testing::{Api, assert_problem, hotel};

    #[sqlx::test(migrations = false)]
    async fn pages_show_every_hotel_once_in_order(pool: PgPool) {
        let api = Api::start(pool).await;
        let mut added = Vec::new();
        for _ in 0..5 {
            added.push(api.add("/v1/hotels", &hotel(), "hotel_id").await);
        }
        let (mut shown, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let (status, page) = api.get(&format!("/v1/hotels?limit=2{cursor}")).await;
            assert_eq!(status, StatusCode::OK);
            pages += 1;
            let items = page["items"].as_array().unwrap();
            shown.extend(
                items
                    .iter()
                    .map(|hotel| hotel["hotel_id"].as_str().unwrap().to_owned()),
            );
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!((shown, pages), (added, 3));
    }

    #[sqlx::test(migrations = false)]
    async fn a_hotel_that_cannot_be_read_is_named_and_hides_no_other(pool: PgPool) {
        let api = Api::start(pool).await;
        let mut added = Vec::new();
        for _ in 0..5 {
            added.push(api.add("/v1/hotels", &hotel(), "hotel_id").await);
        }
        for (id, taxes) in [(&added[1], "[{\"levy\": 1}]"), (&added[3], "[7]")] {
            api.pool
                .execute(sqlx::AssertSqlSafe(format!(
                    "update hotel.hotel set taxes = '{taxes}' where hotel_id = '{id}'"
                )))
                .await
                .unwrap();
        }
        let (status, page) = api.get("/v1/hotels").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let shown: Vec<&str> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hotel| hotel["hotel_id"].as_str().unwrap())
            .collect();
        assert_eq!(shown, [&added[0], &added[2], &added[4]]);
        let unreadable = |at: usize| serde_json::json!({"hotel_id": added[at], "name": hotel()["name"]});
        assert_eq!(
            page["unreadable"],
            serde_json::json!([unreadable(1), unreadable(3)])
        );
        // Also where a page ends with it.
        let (_, page) = api.get("/v1/hotels?limit=2").await;
        assert_eq!(page["unreadable"], serde_json::json!([unreadable(1)]));
        let next = page["next_cursor"].as_str().unwrap();
        let (_, page) = api.get(&format!("/v1/hotels?limit=2&cursor={next}")).await;
        assert_eq!(page["items"][0]["hotel_id"], serde_json::json!(added[2]));
        assert_problem(
            &api.get(&format!("/v1/hotels/{}", added[1])).await,
            500,
            "internal",
            None,
        );
    }

    #[sqlx::test(migrations = false)]
    async fn a_bad_query_is_refused(pool: PgPool) {
        let api = Api::start(pool).await;
        for (query, pointer) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=1", "limit"),
        ] {
            assert_problem(
                &api.get(&format!("/v1/hotels?{query}")).await,
                422,
                "invalid_field",
                Some(pointer),
            );
        }
        assert_problem(
            &api.get("/v1/hotels?sort=name").await,
            422,
            "invalid_field",
            Some("sort"),
        );
        for cursor in ["x", "22222222", "%27or%201=1--", "6e756c6c"] {
            assert_problem(
                &api.get(&format!("/v1/hotels?cursor={cursor}")).await,
                400,
                "invalid_cursor",
                Some("cursor"),
            );
        }
    }
}
