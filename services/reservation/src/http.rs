//! The service's endpoints, one file each.

mod body;
mod cancel;
mod cancellation_quote;
mod create;
mod get;
mod history;
mod list;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::create_reservation, list::list_reservations))
        .routes(routes!(get::get_reservation))
        .routes(routes!(history::reservation_history))
        .routes(routes!(cancellation_quote::cancellation_quote))
        .routes(routes!(cancel::cancel_reservation))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_path_is_in_the_document() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        assert_eq!(document["paths"].as_object().unwrap().len(), 5);
    }
}
