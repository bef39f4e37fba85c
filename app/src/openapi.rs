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

/// The codes in a description, between backticks.
fn codes_in(description: &str) -> impl Iterator<Item = &str> {
    let words = description.split('`').skip(1).step_by(2);
    words.filter(|word| crate::problems::is_code(word))
}

/// The same once more for programs.
fn list_codes(response: &mut Response) {
    let codes: Vec<&str> = codes_in(&response.description).collect();
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

/// Documents the answers of the layers around every handler, beside what the handler says of the same status.
fn add_what_every_request_may_meet(operation: &mut Operation) {
    let unreadable = if operation.request_body.is_some() {
        "`malformed_json`, `malformed_body`, `invalid_host`"
    } else {
        "`unexpected_body`, `malformed_body`, `invalid_host`"
    };
    let not_json = (
        "415",
        "`unsupported_media_type`: not `application/json` in UTF-8, or encoded",
    );
    let met = [
        ("400", unreadable),
        ("408", "`body_too_slow`"),
        ("413", "`body_too_large`: more than 64 KiB"),
        (
            "422",
            "`invalid_field`: something that the operation does not know; `card_data_refused`",
        ),
        (
            "503",
            "`unavailable`: something that the request needs is away or busy",
        ),
    ];
    let with_body = operation.request_body.is_some().then_some(not_json);
    for (status, description) in met.into_iter().chain(with_body) {
        let responses = &mut operation.responses.responses;
        match responses.get_mut(status) {
            Some(RefOr::T(said)) => say_besides(said, description),
            Some(RefOr::Ref(_)) => {}
            None => {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new()
                    .description(description)
                    .content("application/problem+json", problem);
                responses.insert(status.to_owned(), response.build().into());
            }
        }
    }
}

/// Adds the codes that the handler does not name itself.
fn say_besides(said: &mut Response, description: &str) {
    let named = |code: &&str| !said.description.contains(&format!("`{code}`"));
    let missing: Vec<String> = codes_in(description)
        .filter(named)
        .map(|code| format!("`{code}`"))
        .collect();
    if !missing.is_empty() {
        said.description = format!("{}; as everywhere {}", said.description, missing.join(", "));
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
