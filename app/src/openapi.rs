//! One OpenAPI document for all services, made from their code, and Swagger UI to try it.

use axum::Router;
use axum::routing::get;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{
    Content, HeaderBuilder, Info, License, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Response,
    ResponseBuilder,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The document.
pub fn document() -> OpenApi {
    let mut info = Info::new("Bellhop", env!("CARGO_PKG_VERSION"));
    info.description = Some(DESCRIPTION.to_owned());
    let mut license = License::new("MIT");
    license.identifier = Some("MIT".to_owned());
    info.license = Some(license);
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
    let paths = document.paths.paths.values_mut();
    paths.flat_map(operations).for_each(complete);
    document
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, .. } = path;
    [get, put, post].into_iter().flatten()
}

fn complete(operation: &mut Operation) {
    add_what_every_request_may_meet(operation);
    let mut parameters = operation.parameters.iter().flatten();
    let keyed = parameters
        .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == "Idempotency-Key"));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            if keyed && status.starts_with('2') {
                say_that_it_may_be_a_repeat(response);
            }
            list_codes(response);
            say_when_to_come_back(status, response);
        }
    }
}

/// The codes in a description, between backticks, once more for programs.
fn list_codes(response: &mut Response) {
    let words = response.description.split('`').skip(1).step_by(2);
    let codes: Vec<&str> = words.filter(|word| crate::problems::is_code(word)).collect();
    if response.content.contains_key("application/problem+json") && !codes.is_empty() {
        let listed = [("x-problem-codes", serde_json::json!(codes))];
        response.extensions = Some(Extensions::from_iter(listed));
    }
}

fn say_that_it_may_be_a_repeat(response: &mut Response) {
    let header = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some("`true` on a repeat under the same Idempotency-Key."));
    response
        .headers
        .insert("Idempotent-Replayed".to_owned(), RefOr::T(header.build()));
}

fn say_when_to_come_back(status: &str, response: &mut Response) {
    let later = status == "503" || response.description.contains("request_in_progress");
    if later {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0_u32));
        let header = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("After how many seconds to send the same again."));
        response
            .headers
            .insert("Retry-After".to_owned(), RefOr::T(header.build()));
    }
}

/// Documents the answers of the layers around every handler, where a handler does not say more.
fn add_what_every_request_may_meet(operation: &mut Operation) {
    const BODY: [(&str, &str); 4] = [
        ("400", "`malformed_json`, `malformed_body`"),
        ("408", "`body_too_slow`"),
        ("413", "`body_too_large`: more than 64 KiB"),
        (
            "415",
            "`unsupported_media_type`: not `application/json` in UTF-8, or encoded",
        ),
    ];
    let with_body: &[_] = if operation.request_body.is_some() {
        &BODY
    } else {
        &[]
    };
    let unavailable = [(
        "503",
        "`unavailable`: something that the request needs is away or busy",
    )];
    for (status, description) in with_body.iter().chain(&unavailable) {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/problem+json", problem);
        let responses = &mut operation.responses.responses;
        responses
            .entry((*status).to_owned())
            .or_insert_with(|| response.build().into());
    }
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

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
