//! One OpenAPI document for all services, made from their code, and Swagger UI to try it.

use axum::Router;
use axum::http::Method;
use axum::routing::get;
use contract::refusal::{self, Code};
use platform::access::{Identity, Kind, Rule};
use platform::http::{CODES, Common, Declared, ProblemBody, documented, met_by_all};
use utoipa::PartialSchema as _;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{
    AdditionalProperties, Components, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{HeaderBuilder, Info, License, OpenApi, OpenApiBuilder, PathItem, RefOr, Response};
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
        access::openapi(),
        hotel::openapi(),
        inventory::openapi(),
        reservation::openapi(),
        payment::openapi(),
        availability::openapi(),
        orchestrator::openapi(),
        relay::openapi(),
        crate::problems::openapi(),
    ] {
        document.merge(part);
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert("Problem".to_owned(), problem());
    components.add_security_scheme(KEY, SecurityScheme::Http(key_scheme()));
    components.add_security_scheme(GUEST_LINK, SecurityScheme::Http(link_scheme()));
    components.add_security_scheme(MEMBER, SecurityScheme::Http(member_scheme()));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(session_scheme()));
    secure(&mut document);
    let paths = document.paths.paths.values_mut();
    paths.flat_map(operations).for_each(complete);
    document
}

/// Under which the document says who may; who is above an operator's level may what it may.
const WHO: &str = "x-who-may";
/// How the document calls the credentials.
const KEY: &str = "key";
const GUEST_LINK: &str = "guest_link";
const SESSION: &str = "session";
const MEMBER: &str = "member";

fn key_scheme() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("bhk_<id>_<secret>_<check sum>".to_owned());
    scheme.description = Some("An API key, as it was shown when it was made.".to_owned());
    scheme
}

fn link_scheme() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("bhl_1_<kid>_<reservation>_<number>_<end>_<HMAC>_<check sum>".to_owned());
    scheme.description = Some(
        "The `guest_link.token` of the answer to a booking or a look-up. It opens that one reservation."
            .to_owned(),
    );
    scheme
}

fn member_scheme() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format =
        Some("bhm_1_<kid>_<member>_<grade>_<since>_<blocked>_<end>_<HMAC>_<check sum>".to_owned());
    scheme.description =
        Some("The token of a member: a guest with an account, who sees their own things.".to_owned());
    scheme
}

fn session_scheme() -> ApiKey {
    let description = "The session of a page: `POST /v1/session` sets the cookie. What changes something sends \
                       `X-CSRF-Token` too, as `GET /v1/me` tells it.";
    ApiKey::Cookie(ApiKeyValue::with_description("__Host-bellhop", description))
}

/// Says of each operation, as its row does, who may, and what others are told.
fn secure(document: &mut OpenApi) {
    for (path, method, row) in crate::operations::table().rows() {
        let Some(PathItem {
            get,
            put,
            post,
            delete,
            ..
        }) = document.paths.paths.get_mut(path)
        else {
            continue;
        };
        let operation = match *method {
            Method::GET => get,
            Method::PUT => put,
            Method::DELETE => delete,
            _ => post,
        };
        let Some(operation) = operation else {
            continue;
        };
        let who: Vec<_> = row.rule.kinds().iter().map(|kind| kind.word()).collect();
        let more = operation.extensions.get_or_insert_default();
        more.merge(Extensions::from_iter([(WHO, serde_json::json!(who))]));
        if row.identity != Identity::Unread {
            guard(operation, row.rule, method);
        }
    }
}

/// Says which credential an operation takes, and what those without a good one are told.
fn guard(operation: &mut Operation, rule: Rule, method: &Method) {
    let mut told = vec![
        Common::CredentialInvalid.declared(),
        Common::LinkEnded.declared(),
        Common::SessionEnded.declared(),
        Common::IdentitiesStale.declared(),
    ];
    if method != Method::GET {
        told.push(Common::CsrfRefused.declared());
    }
    let by = |scheme| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []);
    operation.security = Some(match rule {
        Rule::Of(_) => {
            told.extend([Common::CredentialMissing, Common::NotPermitted].map(Common::declared));
            let mut schemes = vec![by(KEY)];
            if rule.admits(Kind::Guest) {
                schemes.push(by(GUEST_LINK));
            }
            if rule.admits(Kind::Member) {
                schemes.push(by(MEMBER));
            }
            if [Kind::Staff, Kind::Admin].iter().any(|kind| rule.admits(*kind)) {
                schemes.push(by(SESSION));
            }
            schemes
        }
        Rule::Anyone => vec![SecurityRequirement::default(), by(KEY), by(SESSION)],
    });
    let responses = &mut operation.responses.responses;
    for (status, response) in &documented(&told) {
        let RefOr::T(declared) = response else {
            continue;
        };
        // What the handler declares with the same status is told beside it.
        let both: Vec<Declared> = match responses.get(status) {
            Some(RefOr::T(known)) => codes(known).chain(codes(declared)).collect(),
            _ => codes(declared).collect(),
        };
        responses.extend(documented(&both));
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        ..
    } = path;
    [get, put, post, delete].into_iter().flatten()
}

/// The statuses with which a booking may end: those of the classes of refusals, but busy.
const OUTCOMES: [&str; 5] = ["402", "403", "409", "410", "422"];

fn complete(operation: &mut Operation) {
    let takes = |name: &str| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == name))
    };
    let (keyed, waits) = (takes("Idempotency-Key"), takes("Prefer"));
    let mut problems: Vec<Declared> = met_by_all(operation.request_body.is_some()).collect();
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            if keyed && status.starts_with('2') {
                say_that_it_may_be_a_repeat(response);
            }
            problems.extend(codes(response));
        }
    }
    // Once more with what every request may meet, whether or not its handler says more with the same status.
    let mut documented = documented(&problems);
    for (status, response) in &mut documented {
        if let RefOr::T(response) = response
            && OUTCOMES.contains(&status.as_str())
            && keyed
            && waits
        {
            say_with_what_an_outcome_comes(response);
        }
    }
    responses.extend(documented);
}

/// A booking that was refused is told like one that was confirmed: again under its key, and after the wait.
fn say_with_what_an_outcome_comes(response: &mut Response) {
    say_that_it_may_be_a_repeat(response);
    let applied = "How long was waited, where `Prefer` asked for it.";
    add_header(response, "Preference-Applied", applied);
    if codes(response).any(|(_, code, _)| code == Code::QuoteUsed.word()) {
        let location = "With `quote_used`: the path of the booking that came of the quote.";
        add_header(response, "Location", location);
    }
}

fn add_header(response: &mut Response, name: &str, description: &str) {
    let header = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description));
    response.headers.insert(name.to_owned(), RefOr::T(header.build()));
}

/// The problems that a handler has declared.
fn codes(response: &Response) -> impl Iterator<Item = Declared> {
    let listed = response.extensions.as_ref().and_then(|more| more.get(CODES));
    let words = listed.and_then(|codes| codes.as_array()).into_iter().flatten();
    words.filter_map(|word| crate::problems::declared(word.as_str()?))
}

/// A problem with every member that a refusal may tell.
fn problem() -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut body)) = ProblemBody::schema() else {
        return ProblemBody::schema();
    };
    let arguments = Code::ALL.iter().flat_map(|code| code.meaning().arguments);
    for argument in arguments {
        let member = match argument.kind {
            refusal::Kind::Date => ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
                .examples(["2026-12-24"]),
            refusal::Kind::Count => ObjectBuilder::new().schema_type(Type::Integer).examples([9]),
            refusal::Kind::Id => ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
                .examples(["01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d"]),
        };
        let member = member.description(Some(format!("Told by {}.", told_by(argument.name))));
        body.properties.insert(argument.name.to_owned(), member.into());
    }
    body.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
    RefOr::T(Schema::Object(body))
}

/// The codes that tell a member. A booking's refusal tells of its reservation, whatever the code.
fn told_by(name: &str) -> String {
    let tells = |code: &&Code| {
        code.meaning()
            .arguments
            .iter()
            .any(|argument| argument.name == name)
    };
    let words: Vec<_> = Code::ALL
        .iter()
        .filter(tells)
        .map(|code| format!("`{}`", code.word()))
        .collect();
    let of_bookings = if name == "reservation_id" {
        " and every refusal of a booking"
    } else {
        ""
    };
    format!("{}{of_bookings}", words.join(", "))
}

fn say_that_it_may_be_a_repeat(response: &mut Response) {
    let repeat = "`true` on a repeat under the same Idempotency-Key.";
    add_header(response, "Idempotent-Replayed", repeat);
}

const DESCRIPTION: &str = "Hotel stays, booked by sagas. Ask for availability, get a quote, send the quote's token \
with an `Idempotency-Key` to `POST /v1/reservations`, and follow the reservation. Errors are \
`application/problem+json` with a stable `code`, a pointer to the field, and whether and when a retry helps; `GET /v1/problems` lists the codes. \
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
