//! One OpenAPI document for all services, made from their code, and Swagger UI to try it.

use axum::Router;
use axum::routing::get;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The document.
pub fn document() -> OpenApi {
    let mut info = Info::new("Bellhop", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    info.license = Some(License::new("MIT"));
    let mut document = OpenApiBuilder::new().info(info).build();
    for part in [
        hotel::openapi(),
        inventory::openapi(),
        reservation::openapi(),
        payment::openapi(),
        availability::openapi(),
        orchestrator::openapi(),
        relay::openapi(),
    ] {
        document.merge(part);
    }
    document
}

const DESCRIPTION: &str = "Hotel stays, booked by sagas. Ask for availability, get a quote, send the quote's token \
with an `Idempotency-Key` to `POST /v1/reservations`, and follow the reservation. Errors are \
`application/problem+json` with a stable `code`, a pointer to the field, and whether and when a retry helps. \
Money is a decimal string with a currency; dates are nights at the hotel.";

/// Prints the document, as it is checked in under `openapi/`.
///
/// # Errors
/// Never; the signature is that of every command.
pub fn print() -> anyhow::Result<std::process::ExitCode> {
    crate::say::line(document().to_pretty_json()?);
    Ok(std::process::ExitCode::SUCCESS)
}

/// `/openapi.json` and `/swagger-ui/`, with nothing loaded from elsewhere.
///
/// # Errors
/// When the document cannot be written as JSON.
pub fn routes() -> anyhow::Result<Router> {
    let json = axum::body::Bytes::from(document().to_json()?);
    let document =
        get(move || async move { ([(axum::http::header::CONTENT_TYPE, "application/json")], json) });
    let ui = SwaggerUi::new("/swagger-ui").config(Config::from("/openapi.json"));
    Ok(Router::new().route("/openapi.json", document).merge(ui))
}
