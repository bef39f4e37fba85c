//! `GET /v1/reservations`: a hotel's or a guest's reservations, newest first.

use axum::Json;
use axum::extract::State;
use contract::refusal::Code;
use contract::{GuestId, HotelId, ReservationId, Why};
use platform::access::Allowed;
use platform::http::{Common, Cursor, PageLimit, Problem, StrictQuery};
use platform::problems;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::model::{self, Email};
use crate::store::{guests, read};
use crate::view::ReservationBody;

/// Whose reservations; at least one of `hotel_id`, `guest_id` and `guest_email`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those in this hotel.
    hotel_id: Option<HotelId>,
    /// Those of this guest.
    guest_id: Option<GuestId>,
    /// Those of the guest with this e-mail address.
    #[param(value_type = Option<String>, example = "ana@example.com")]
    guest_email: Option<Email>,
    /// Those in this state.
    state: Option<model::State>,
    /// Rows on the page, 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, example = 50)]
    limit: PageLimit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of reservations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReservationPage {
    items: Vec<ReservationBody>,
    /// Give it as `cursor` for the next page; the last page has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

problems!(Problems: Common::InvalidCursor, Code::FilterMissing);

/// Reservations of a hotel or of a guest, newest first
#[utoipa::path(
    get, path = "/v1/reservations", tag = "Reservations", params(Which),
    responses(
        (status = 200, description = "A page", body = ReservationPage),
        Problems,
    )
)]
pub(super) async fn list_reservations(
    allowed: Allowed<super::ListReservations>,
    State(app): State<App>,
    StrictQuery(which): StrictQuery<Which>,
) -> Result<Json<ReservationPage>, Problem> {
    let before = which
        .cursor
        .as_deref()
        .map(Cursor::read::<ReservationId>)
        .transpose()?;
    let page = read::Page {
        state: which.state,
        before,
        rows: which.limit.rows_and_one(),
        sees: allowed.sees,
    };
    let mut rows = match (which.guest(&app).await?, which.hotel_id) {
        (Guest::One(guest_id), hotel_id) => read::page_of_guest(&app.pool, guest_id, hotel_id, page).await?,
        (Guest::Nobody, _) => Vec::new(),
        (Guest::Any, Some(hotel_id)) => read::page_of_hotel(&app.pool, hotel_id, page).await?,
        (Guest::Any, None) => {
            return Err(Why::FilterMissing.tell(Problem::refused).at("hotel_id"));
        }
    };
    let next_cursor = which.limit.cut(&mut rows, |row| row.reservation_id);
    Ok(Json(ReservationPage {
        next_cursor,
        items: rows.iter().map(ReservationBody::from).collect(),
    }))
}

/// Which guest is meant.
enum Guest {
    Any,
    One(GuestId),
    /// Nobody has this address, or not this id.
    Nobody,
}

impl Which {
    async fn guest(&self, app: &App) -> Result<Guest, Problem> {
        let Some(email) = &self.guest_email else {
            return Ok(self.guest_id.map_or(Guest::Any, Guest::One));
        };
        let found = guests::by_email(&app.pool, email).await?;
        Ok(match (found, self.guest_id) {
            (Some(found), None) => Guest::One(found),
            (Some(found), Some(asked)) if found == asked => Guest::One(found),
            _ => Guest::Nobody,
        })
    }
}
