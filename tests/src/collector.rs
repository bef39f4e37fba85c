//! A collector of OpenTelemetry: takes spans by OTLP over HTTP and keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// A span as it arrived, its ids in hexadecimal digits.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its trace.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of what it is a part of, empty if of nothing.
    pub parent: String,
    /// What was done.
    pub name: String,
    /// Attributes that are texts or whole numbers.
    pub attributes: BTreeMap<String, String>,
    /// The ids of the spans that it is linked to.
    pub links: Vec<String>,
    /// When it began and ended, in nanoseconds since 1970.
    pub from_to: (u64, u64),
    /// Whether it failed.
    pub failed: bool,
}

/// Takes spans until it is dropped.
#[derive(Debug)]
pub struct Collector {
    /// Where it listens.
    pub url: String,
    spans: Arc<Mutex<Vec<Seen>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Collector {
    /// Listens on a free port.
    #[expect(clippy::disallowed_methods, reason = "is ended when it is dropped")]
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self { url, spans, serving }
    }

    /// What came so far.
    pub fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Seen>>>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    let new = scopes.flat_map(|scope| scope.spans).map(seen);
    spans.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
    StatusCode::OK
}

fn seen(span: Span) -> Seen {
    let attributes = span.attributes.into_iter().filter_map(|attribute| {
        let value = match attribute.value?.value? {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            _ => return None,
        };
        Some((attribute.key, value))
    });
    Seen {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        attributes: attributes.collect(),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        from_to: (span.start_time_unix_nano, span.end_time_unix_nano),
        failed: span.status.is_some_and(|status| status.code == 2),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
