//! What an operation does not take is refused before its handler runs. Whether it takes a query or a body is what
//! the OpenAPI document says of it, so that no route can forget to look: `?rooms=1` or `{"rooms":1}` where nothing
//! is asked for would otherwise be ignored, and the client believe that it was heard. Inside a query or a body
//! that is taken, `StrictQuery` and `StrictJson` refuse what is unknown.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest as _, MatchedPath, Query, Request};
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use super::card;
use super::meaning::Common;
use super::problem::Problem;

/// Paths below this are the interface. Others (metrics, health, pages) are for tools that may add a query.
const INTERFACE: &str = "/v1/";

/// The routes, on which every operation takes a query and a body only if the document says so.
pub fn as_documented(routes: Router, document: &OpenApi) -> Router {
    let expected = Arc::new(Expected::by(document));
    routes.layer(from_fn(move |request: Request, next: Next| {
        let expected = Arc::clone(&expected);
        async move {
            match expected.check(request).await {
                Ok(request) => next.run(request).await,
                Err(refusal) => refusal.into_response(),
            }
        }
    }))
}

/// What one operation takes.
#[derive(Debug, Clone, Copy, Default)]
struct Takes {
    query: bool,
    body: bool,
}

/// What each operation takes, by path and method.
#[derive(Debug, Default)]
struct Expected(HashMap<String, HashMap<Method, Takes>>);

impl Expected {
    /// As the document says.
    fn by(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (path.clone(), takes(item))).collect())
    }

    /// What the request may bring; none where anything goes.
    fn of(&self, request: &Request) -> Option<Takes> {
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        let method = match request.method() {
            method if method == Method::HEAD => Method::GET,
            method => method.clone(),
        };
        match self.0.get(path) {
            // Another method of a known path has its own answer.
            Some(operations) => operations.get(&method).copied(),
            None => path.starts_with(INTERFACE).then(Takes::default),
        }
    }

    /// Refuses the request, or hands it on.
    async fn check(&self, request: Request) -> Result<Request, Problem> {
        let Some(takes) = self.of(&request) else {
            return Ok(request);
        };
        // Where a query is taken, whoever reads it looks for cards: once, since searches are asked often.
        if !takes.query {
            card::refuse_query(request.uri())?;
            if let Some(name) = first_parameter(request.uri()) {
                let detail = format!("This operation takes no query; take {name:?} away.");
                return Err(Problem::invalid_field(&name, detail));
            }
        }
        if takes.body || request.body().is_end_stream() {
            return Ok(request);
        }
        let (parts, body) = request.into_parts();
        // It is there as a whole already, so this does not fail.
        let body = Bytes::from_request(Request::new(body), &())
            .await
            .unwrap_or_default();
        match unexpected(&parts.method, &body) {
            Some(problem) => Err(problem),
            None => Ok(Request::from_parts(parts, Body::empty())),
        }
    }
}

fn takes(item: &PathItem) -> HashMap<Method, Takes> {
    let shared = item.parameters.as_deref().unwrap_or_default();
    let takes = |operation: &Operation| {
        Takes {
        query: operation
            .parameters
            .iter()
            .flatten()
            .chain(shared)
            .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query)),
        body: operation.request_body.is_some(),
    }
    };
    operations(item)
        .map(|(method, operation)| (method, takes(operation)))
        .collect()
}

/// The operations of a path, as a document says.
pub(crate) fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
        (Method::OPTIONS, &item.options),
        (Method::HEAD, &item.head),
        (Method::TRACE, &item.trace),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// The name of the first parameter in the query, if there is one.
fn first_parameter(uri: &Uri) -> Option<String> {
    let text = uri.query().filter(|query| !query.is_empty())?;
    match Query::<Vec<(String, String)>>::try_from_uri(uri) {
        Ok(Query(pairs)) => pairs.into_iter().next().map(|(name, _)| name),
        Err(_) => Some(text.to_owned()),
    }
}

/// What is wrong with a body where none is taken. A client that always sends JSON may POST `{}`: it asks for nothing.
fn unexpected(method: &Method, body: &[u8]) -> Option<Problem> {
    if body.is_empty() {
        return None;
    }
    let may_be_empty = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    let read: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(value) = &read
        && let Err(problem) = card::refuse_body(value, card::of_any_field)
    {
        return Some(problem);
    }
    match read {
        Some(Value::Object(fields)) if fields.is_empty() && may_be_empty => None,
        Some(Value::Object(fields)) if !fields.is_empty() => {
            let name = fields.keys().min().cloned().unwrap_or_default();
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            let short = pointer.len() <= super::strict::POINTER_BYTES_MAX;
            let detail = "This operation takes no fields; send it without a body.";
            let pointer = if short { pointer.as_str() } else { "" };
            Some(Problem::invalid_field(pointer, detail))
        }
        _ => {
            let detail = format!("This {method} takes no body; send it without one.");
            Some(Problem::new(Common::UnexpectedBody, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tower::ServiceExt as _;
    use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, PathItemBuilder};
    use utoipa::openapi::request_body::RequestBody;
    use utoipa::openapi::{HttpMethod, OpenApiBuilder, PathsBuilder};

    use super::*;

    /// One route of each kind, and routes that are not in the document.
    fn routes() -> Router {
        let bare = || OperationBuilder::new();
        let query = ParameterBuilder::new()
            .name("limit")
            .parameter_in(ParameterIn::Query);
        let item =
            |method, operation: OperationBuilder| PathItemBuilder::new().operation(method, operation).build();
        let paths = PathsBuilder::new()
            .path("/v1/things/{id}", item(HttpMethod::Get, bare()))
            .path("/v1/things/{id}/end", item(HttpMethod::Post, bare()))
            .path("/v1/lists", item(HttpMethod::Get, bare().parameter(query)))
            .path(
                "/v1/things",
                item(HttpMethod::Post, bare().request_body(Some(RequestBody::new()))),
            );
        let document = OpenApiBuilder::new().paths(paths).build();
        let heard = |body: Bytes| async move { body };
        let routes = Router::new()
            .route("/v1/things/{id}", get(heard))
            .route("/v1/things/{id}/end", post(heard))
            .route("/v1/lists", get(heard))
            .route("/v1/things", post(heard))
            .route("/v1/forgotten", post(heard))
            .route("/metrics", get(heard));
        super::super::layers(as_documented(routes, &document))
    }

    async fn send(method: &str, path: &str, body: &str) -> (u16, String, Option<String>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = routes().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |name: &str| problem[name].as_str().map(ToOwned::to_owned);
        (status, text("code").unwrap_or_default(), text("pointer"))
    }

    #[tokio::test]
    async fn a_query_is_refused_where_none_is_taken() {
        for (method, path) in [
            ("GET", "/v1/things/1"),
            ("HEAD", "/v1/things/1"),
            ("POST", "/v1/things/1/end"),
            ("POST", "/v1/things"),
            ("POST", "/v1/forgotten"),
        ] {
            for (query, name) in [
                ("x=1", "x"),
                ("rooms", "rooms"),
                ("%72ooms=1&x=2", "rooms"),
                ("=", ""),
                ("&&x=", "x"),
                ("a%20b=1", "a b"),
            ] {
                let (status, code, pointer) = send(method, &format!("{path}?{query}"), "").await;
                assert_eq!(status, 422, "{method} {path}?{query}");
                if method != "HEAD" {
                    assert_eq!(
                        (code.as_str(), pointer.as_deref()),
                        ("invalid_field", Some(name)),
                        "{query}"
                    );
                }
            }
            assert_eq!(
                send(method, &format!("{path}?"), "").await.0,
                200,
                "{method} {path}?"
            );
        }
        assert_eq!(send("GET", "/v1/lists?limit=1", "").await.0, 200);
        assert_eq!(send("GET", "/metrics?x=1", "{}").await.0, 200);
    }

    #[tokio::test]
    async fn a_body_is_refused_where_none_is_taken() {
        for (method, path) in [
            ("GET", "/v1/things/1"),
            ("GET", "/v1/lists"),
            ("POST", "/v1/things/1/end"),
            ("POST", "/v1/forgotten"),
        ] {
            let reads = method == "GET";
            for (body, code, pointer) in [
                (r#"{"rooms":1}"#, "invalid_field", Some("/rooms")),
                (r#" {"a/b~c":null} "#, "invalid_field", Some("/a~1b~0c")),
                ("null", "unexpected_body", None),
                ("[]", "unexpected_body", None),
                ("1", "unexpected_body", None),
                ("{", "unexpected_body", None),
                ("rooms=1", "unexpected_body", None),
                (" ", "unexpected_body", None),
            ] {
                let (status, got, at) = send(method, path, body).await;
                let wanted = if pointer.is_some() { 422 } else { 400 };
                assert_eq!(
                    (status, got.as_str(), at.as_deref()),
                    (wanted, code, pointer),
                    "{method} {path} {body}"
                );
            }
            assert_eq!(send(method, path, "").await.0, 200);
            let empty = send(method, path, " {} ").await;
            assert_eq!(empty.0, if reads { 400 } else { 200 }, "{method} {path} {{}}");
        }
        assert_eq!(send("POST", "/v1/things", r#"{"rooms":1}"#).await.0, 200);
        // Another method has its own answer.
        assert_eq!(send("DELETE", "/v1/things/1?x=1", "1").await.0, 405);
        assert_eq!(send("GET", "/v1/nothing?x=1", "1").await.0, 404);
    }
}
