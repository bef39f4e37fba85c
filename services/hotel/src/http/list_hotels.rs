//! `GET /v1/hotels`

use axum::Json;
use axum::extract::State;
use contract::HotelId;
use platform::http::{Caller, Cursor, PageLimit, Problem, ProblemBody, StrictQuery};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{App, Page};
use crate::catalogue::Hotel;
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

/// List the hotels, in the order in which they were added.
#[utoipa::path(
    get,
    path = "/v1/hotels",
    tag = "Hotels",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of hotels.", body = Page<Hotel>),
        (status = 400, description = "`invalid_query`, `invalid_cursor`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_hotels(
    _: Caller,
    State(app): State<App>,
    StrictQuery(query): StrictQuery<PageQuery>,
) -> Result<Json<Page<Hotel>>, Problem> {
    let after: Option<HotelId> = query.after()?;
    let rows = query.limit.rows_and_one();
    let hotels = store::hotels(&mut *app.connection().await?, after, rows).await?;
    Ok(Json(Page::new(hotels, query.limit, |hotel| hotel.hotel_id)))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::Value;
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
                400,
                "invalid_query",
                Some(pointer),
            );
        }
        assert_eq!(api.get("/v1/hotels?sort=name").await.0, StatusCode::BAD_REQUEST);
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
