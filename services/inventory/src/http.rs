//! The endpoints of the inventory service, one file each.

mod get_inventory;
mod set_inventory;

use contract::StayDate;
use platform::Clock;
use platform::http::Problem;
use sqlx::PgPool;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The most nights that one request may be about.
const NIGHTS_MAX: i32 = 400;

/// What the endpoints work with.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    /// The schema's connections.
    pub(crate) pool: PgPool,
    /// Tells which nights are past.
    pub(crate) clock: Clock,
}

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<Rooms> {
    OpenApiRouter::new()
        .routes(routes!(set_inventory::set_inventory))
        .routes(routes!(get_inventory::get_inventory))
}

/// Checks that `to` is 1 to [`NIGHTS_MAX`] nights after `from`.
fn range(from: StayDate, to: StayDate, pointer: &str) -> Result<(), Problem> {
    let nights = to.days_since_1970() - from.days_since_1970();
    if nights < 1 {
        let detail = "`to` is the first night that is not meant, so it must be after `from`.";
        Err(Problem::invalid("empty_range", pointer, detail))
    } else if nights > NIGHTS_MAX {
        let detail = format!("One request is about at most {NIGHTS_MAX} nights; send several requests.");
        Err(Problem::invalid("range_too_long", pointer, detail))
    } else {
        Ok(())
    }
}
