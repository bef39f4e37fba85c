//! The span of a request: the root of what it leads to, or a part of its caller's trace.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};

use crate::envelope::{Envelope, TRACEPARENT, Traceparent};
use crate::trace::{Kind, Span, Tracer};

/// Traces the requests of these routes. What a handler reads as the caller's `traceparent` is the request's own span
/// from then on, so that all it leads to is a part of it.
pub fn traced(routes: Router, tracer: &Tracer) -> Router {
    if tracer.now().is_none() {
        return routes;
    }
    routes.layer(axum::middleware::from_fn_with_state(tracer.clone(), trace))
}

async fn trace(State(tracer): State<Tracer>, mut request: Request, next: Next) -> Response {
    let asked = Envelope::of_request(request.headers()).trace;
    let says = request.headers().contains_key(TRACEPARENT);
    // A parent that cannot be read, or that is not sampled, is an answer too: not this one.
    let own = match (&asked, says) {
        (None, true) => None,
        _ => tracer.begin(asked.as_ref()),
    };
    let (Some(own), Some(began)) = (own, tracer.now()) else {
        return next.run(request).await;
    };
    if let Ok(value) = HeaderValue::from_str(own.as_str()) {
        request.headers_mut().insert(TRACEPARENT, value);
    }
    let method = super::server::method(&request);
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(|route| route.as_str().to_owned());
    let response = next.run(request).await;
    record(&tracer, &own, asked.as_ref(), began, method, route, &response);
    response
}

fn record(
    tracer: &Tracer,
    own: &Traceparent,
    parent: Option<&Traceparent>,
    began: DateTime<Utc>,
    method: &'static str,
    route: Option<String>,
    response: &Response,
) {
    let status = response.status();
    let mut attributes = vec![("http.response.status_code", i64::from(status.as_u16()).into())];
    let name = match route {
        Some(route) => {
            let name = format!("{method} {route}");
            attributes.push(("http.route", route.into()));
            name
        }
        None => method.to_owned(),
    };
    attributes.push(("http.request.method", method.into()));
    tracer.record(Span {
        name: name.into(),
        kind: Kind::Server,
        own,
        parent,
        began,
        ended: tracer.now().unwrap_or(began),
        attributes,
        links: Vec::new(),
        failed: status
            .is_server_error()
            .then(|| status.as_str().to_owned().into()),
    });
}
