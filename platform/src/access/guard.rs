//! The guard in front of every route: no row, no service.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

use super::actor::Actor;
use super::allowed::Admitted;
use super::gate::{self, Admission, Gate};
use super::row::Row;
use super::sees::Sees;
use super::table::Table;
use crate::http::{Caller, Common, Problem};

/// The routes behind their rows: a route that has none is not served, whatever it is, and whom a row does not admit is
/// told so before anything of the request is read.
pub fn guarded(routes: Router, table: Table, gate: Gate) -> Router {
    behind(routes, table, Door::Gate(gate))
}

/// The routes as this actor alone meets them, who sees everything whatever the rules: for tests of handlers.
pub fn trial(routes: Router, table: Table, actor: Actor) -> Router {
    behind(routes, table, Door::Trial(actor))
}

/// By what is decided who asks.
enum Door {
    Gate(Gate),
    Trial(Actor),
}

impl Door {
    fn admit(&self, request: &Request, row: &Row) -> Result<Admission, Problem> {
        match self {
            Self::Gate(gate) => gate.admit(request, row),
            Self::Trial(actor) => Ok(Admission {
                actor: *actor,
                sees: Sees::everything(),
                member: None,
                session: None,
                renewed: None,
            }),
        }
    }
}

fn behind(routes: Router, table: Table, door: Door) -> Router {
    let known = Arc::new((table, door));
    routes.layer(from_fn(move |request: Request, next: Next| {
        let known = Arc::clone(&known);
        async move {
            let (table, door) = &*known;
            match row(table, &request) {
                Found::Row(row) => match door.admit(&request, row) {
                    Ok(who) => serve(request, next, row, who).await,
                    Err(problem) => gate::answer(problem),
                },
                // Nothing is routed there, and the answer says so.
                Found::NoRoute => next.run(request).await,
                Found::Refused(response) => response,
            }
        }
    }))
}

async fn serve(request: Request, next: Next, row: &'static Row, mut who: Admission) -> Response {
    let (by_session, renewed) = (who.session.is_some(), who.renewed.take());
    let mut response = next.run(admitted(request, row, who)).await;
    if by_session {
        gate::to_a_page(&mut response, renewed);
    }
    response
}

enum Found {
    Row(&'static Row),
    NoRoute,
    Refused(Response),
}

fn row(table: &Table, request: &Request) -> Found {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        return Found::NoRoute;
    };
    let path = path.as_str();
    let rows = table.at(path);
    let method = match request.method() {
        method if method == Method::HEAD => &Method::GET,
        method => method,
    };
    if let Some((_, row)) = rows.iter().find(|(of, _)| of == method) {
        return Found::Row(row);
    }
    if rows.is_empty() {
        tracing::error!(
            path,
            "a route has no row in the table of its operations, so it is not served"
        );
        return Found::Refused(Problem::not_found("path").into_response());
    }
    Found::Refused(not_allowed(rows))
}

/// The path takes other methods.
fn not_allowed(rows: &[(Method, &'static Row)]) -> Response {
    let mut methods: Vec<&str> = Vec::new();
    for (method, _) in rows {
        methods.push(method.as_str());
        if method == Method::GET {
            methods.push("HEAD");
        }
    }
    let detail = "The Allow header names the methods of this path.";
    let mut response = Problem::new(Common::MethodNotAllowed, detail).into_response();
    if let Ok(allow) = HeaderValue::from_str(&methods.join(",")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn admitted(mut request: Request, row: &'static Row, who: Admission) -> Request {
    let extensions = request.extensions_mut();
    extensions.insert(Caller::of(who.actor.named()));
    extensions.insert(Admitted {
        actor: who.actor,
        sees: who.sees,
        member: who.member,
        session: who.session,
        row,
    });
    request
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::super::allowed::{Allowed, Operation};
    use super::*;

    enum Read {}
    impl Operation for Read {
        const ROW: &'static Row = &Row::anyone().named("Read");
    }
    enum Other {}
    impl Operation for Other {
        const ROW: &'static Row = &Row::anyone().named("Other");
    }

    async fn answered(method: Method, path: &str) -> (u16, Option<String>) {
        let own = async |allowed: Allowed<Read>| allowed.actor.to_string();
        let others = async |allowed: Allowed<Other>| allowed.actor.to_string();
        let routes = Router::new()
            .route("/own/{id}", get(own).post(own))
            .route("/others", get(others))
            .route("/forgotten", get(async || "served"));
        let table = Table::default().pages(&["/own/{id}", "/others"], Read::ROW);
        let routes = crate::http::layers(trial(routes, table, Actor::ANYONE));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let response = routes.oneshot(request).await.unwrap();
        let allow = response.headers().get(header::ALLOW);
        let allow = allow.map(|allow| allow.to_str().unwrap().to_owned());
        (response.status().as_u16(), allow)
    }

    #[tokio::test]
    async fn a_route_without_a_row_is_not_served() {
        assert_eq!(answered(Method::GET, "/own/1").await, (200, None));
        assert_eq!(answered(Method::HEAD, "/own/1").await, (200, None));
        assert_eq!(answered(Method::GET, "/forgotten").await, (404, None));
        assert_eq!(answered(Method::GET, "/nowhere").await, (404, None));
    }

    #[tokio::test]
    async fn a_method_without_a_row_is_not_served() {
        let allow = Some("GET,HEAD".to_owned());
        assert_eq!(answered(Method::POST, "/own/1").await, (405, allow));
        // The router has its own word for what it does not route, and names what it does.
        assert_eq!(answered(Method::DELETE, "/own/1").await.0, 405);
    }

    #[tokio::test]
    async fn a_handler_behind_anothers_row_serves_nobody() {
        assert_eq!(answered(Method::GET, "/others").await, (500, None));
        let bare = Router::new().route("/own", get(async |_: Allowed<Read>| "served"));
        let request = Request::builder().uri("/own").body(Body::empty()).unwrap();
        assert_eq!(bare.oneshot(request).await.unwrap().status().as_u16(), 500);
    }
}
