//! The server: our own accept loop on hyper, because axum's has no deadline for a request head, no cap
//! on connections and no end to a drain (measured: half a head held a connection for good).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clap::Args;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tracing::Instrument as _;

use super::cors::Origin;
use super::declared::PROBLEM;
use super::guard;
use super::meaning::Common;
use super::problem::Problem;
use super::stalled::Stalled;
use crate::envelope::Envelope;
use crate::tasks::{DRAIN_SECONDS, Tasks};

/// The largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Between two requests on a connection, and for the head of one, a client has this many seconds.
const HEAD_SECONDS: u64 = 5;
/// No request is worked on longer than this many seconds; the longest bounded wait is 30.
const REQUEST_SECONDS: u64 = 40;
/// The largest request head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Where the process listens.
#[derive(Args, Clone, Debug)]
pub struct HttpConfig {
    /// Address and port of the REST API, the dashboard and the metrics. Port 0 takes a free one.
    #[arg(long, env = "BELLHOP_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Connections at once; one more waits until another ends.
    #[arg(long, env = "BELLHOP_CONNECTIONS_MAX", default_value_t = 10_000)]
    pub connections_max: usize,

    /// Web pages that may call from a browser, by their origins, separated by commas; * lets in every page.
    #[arg(long, env = "BELLHOP_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,
}

/// What every request passes, outermost first: security headers, panic to 500, body limit, whole body,
/// the clock, deadline.
pub fn layers(routes: Router) -> Router {
    let set = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    routes
        .fallback(|| async { Problem::not_found("path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                Common::MethodNotAllowed,
                "The Allow header names the methods of this path.",
            )
        })
        .layer(axum::middleware::from_fn(deadline))
        .layer(axum::middleware::from_fn(timed))
        .layer(axum::middleware::from_fn(guard::whole_body))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(axum::middleware::map_response(plain_413_to_problem))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
}

/// Observes how long a request took, by its route as declared and the class of its status. (A path as it was asked
/// for would be another series for each thing.)
async fn timed(request: Request, next: axum::middleware::Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let method = method(&request);
    // What is logged meanwhile tells of which request it is.
    let span = tracing::error_span!("request", method, route, trace_id = tracing::field::Empty);
    if let Some(trace) = Envelope::of_request(request.headers()).trace {
        span.record("trace_id", trace.trace_id());
    }
    let begun = Instant::now();
    let response = next.run(request).instrument(span).await;
    let status = match response.status().as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    metrics::histogram!("bellhop_http_seconds", "route" => route, "method" => method, "status" => status)
        .record(begun.elapsed());
    response
}

/// The method of a request, of few values.
pub(super) fn method(request: &Request) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

async fn deadline(request: Request, next: axum::middleware::Next) -> Response {
    deadline_within(Duration::from_secs(REQUEST_SECONDS), request, next).await
}

async fn deadline_within(limit: Duration, request: Request, next: axum::middleware::Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(
            "The request took too long; ask for its outcome before repeating it.",
            5,
        )
        .into_response(),
    }
}

async fn plain_413_to_problem(response: Response) -> Response {
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM);
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && !is_problem {
        guard::too_large()
    } else {
        response
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(Common::Internal, "Something is wrong on our side.").into_response()
}

/// Serves `routes` on `listener` until the process stops, then drains for at most [`DRAIN_SECONDS`]: no further
/// connection is taken, and a connection ends with the request that is being answered on it.
pub async fn serve(listener: TcpListener, connections_max: usize, routes: Router, tasks: Tasks) {
    let drain = Duration::from_secs(DRAIN_SECONDS);
    serve_and_drain(listener, connections_max, routes, tasks, drain).await;
}

async fn serve_and_drain(
    listener: TcpListener,
    connections_max: usize,
    routes: Router,
    tasks: Tasks,
    drain: Duration,
) {
    let routes = routes.layer(axum::middleware::from_fn(guard::framing));
    let places = Arc::new(Semaphore::new(connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.stopping() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = graceful.watch(connection(stream, routes.clone()));
                tasks.spawn_work(async move {
                    // A connection that breaks is the client's business.
                    let _ = connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "a connection could not be accepted");
                if !tasks.pause(Duration::from_millis(100)).await {
                    break;
                }
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were cut after {} s", drain.as_secs());
    }
}

type Served = hyper::server::conn::http1::Connection<
    TokioIo<Stalled>,
    TowerToHyperService<tower::util::MapRequest<Router, fn(Request<hyper::body::Incoming>) -> Request>>,
>;

fn connection(stream: TcpStream, routes: Router) -> Served {
    let _ = stream.set_nodelay(true);
    let to_axum: fn(Request<hyper::body::Incoming>) -> Request = |request| request.map(axum::body::Body::new);
    let service = TowerToHyperService::new(tower::util::MapRequest::new(routes, to_axum));
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS))
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true)
        .serve_connection(TokioIo::new(Stalled::new(stream)), service)
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
