//! Spans for an OpenTelemetry collector: where the time of a request went, over all processes that took part.
//!
//! A span is made once it has ended, of times that are known anyway, and its id follows from what it is about; so nothing
//! is carried through the code that a message does not carry already. Whoever asks under a parent knows its id before it
//! has ended. Off without an endpoint, and for a request that is not sampled nothing is made at all.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for HTTP and messaging.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use opentelemetry::trace::{Link, SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor,
};
use uuid::Uuid;

use crate::clock::Clock;
use crate::envelope::Traceparent;

mod exporter;

pub use opentelemetry::Value;
pub use opentelemetry::trace::SpanKind as Kind;

/// A collector that does not answer within this time has not taken the spans.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two exports.
const EXPORT_EVERY: Duration = Duration::from_secs(1);
/// Spans that wait for the next export at most; more are lost.
const WAITING_MAX: usize = 16_384;

/// Which requests are traced, and where their spans go.
#[derive(Args, Clone, Debug)]
pub struct TraceConfig {
    /// An OpenTelemetry collector that takes OTLP over HTTP, such as <http://127.0.0.1:4318>. Without one no span is
    /// made. The collector beside the process carries on over TLS.
    #[arg(long, env = "BELLHOP_OTLP_ENDPOINT", value_parser = endpoint)]
    pub otlp_endpoint: Option<String>,

    /// Of a thousand requests that do not say whether they are traced, so many are. One that brings a sampled
    /// `traceparent` always is, one that brings another never.
    #[arg(long, env = "BELLHOP_TRACED_PER_THOUSAND", default_value_t = 10, value_parser = clap::value_parser!(u16).range(..=1000))]
    pub traced_per_thousand: u16,
}

/// Reads the address of a collector.
fn endpoint(text: &str) -> Result<String, String> {
    let url: axum::http::Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    if url.scheme_str() != Some("http") || url.host().is_none() {
        return Err(format!(
            "{text} is not the address of a collector; give one that begins with http://, such as http://127.0.0.1:4318"
        ));
    }
    Ok(match url.path() {
        "" | "/" => format!("{}/v1/traces", text.trim_end_matches('/')),
        _ => text.to_owned(),
    })
}

/// Takes the spans of a process. Cheap to clone; the default takes none.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<Open>>);

/// No exporter can be made for the configured collector.
#[derive(Debug, thiserror::Error)]
#[error("BELLHOP_OTLP_ENDPOINT {endpoint} cannot be sent to; give a collector that takes OTLP over HTTP")]
pub struct Unusable {
    endpoint: String,
    #[source]
    error: ExporterBuildError,
}

#[derive(Debug)]
struct Open {
    spans: BatchSpanProcessor,
    scope: InstrumentationScope,
    per_thousand: u64,
    clock: Clock,
}

/// A span that has ended.
#[derive(Debug)]
pub struct Span<'a> {
    /// What was done, of few values: a route, a step, a topic; never an id.
    pub name: Cow<'static, str>,
    /// Which side of a call it is.
    pub kind: Kind,
    /// Its own trace and id.
    pub own: &'a Traceparent,
    /// What it is a part of, if anything.
    pub parent: Option<&'a Traceparent>,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// What was done together with it.
    pub links: Vec<&'a Traceparent>,
    /// Why it failed, if it did.
    pub failed: Option<Cow<'static, str>>,
}

impl Tracer {
    /// Begins to send to the configured collector, in a thread of its own; takes nothing without one.
    ///
    /// # Errors
    /// When the exporter cannot be made.
    pub fn start(config: &TraceConfig, node: &str, clock: &Clock) -> Result<Self, Unusable> {
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(Self::default());
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| Unusable {
                endpoint: endpoint.clone(),
                error,
            })?;
        let batches = BatchConfigBuilder::default()
            .with_scheduled_delay(EXPORT_EVERY)
            .with_max_queue_size(WAITING_MAX)
            .build();
        let mut spans = BatchSpanProcessor::builder(exporter::Told::new(exporter, endpoint))
            .with_batch_config(batches)
            .build();
        let of_process = [
            KeyValue::new("service.instance.id", node.to_owned()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let resource = Resource::builder()
            .with_service_name("bellhop")
            .with_attributes(of_process)
            .build();
        spans.set_resource(&resource);
        Ok(Self(Some(Arc::new(Open {
            spans,
            scope: InstrumentationScope::builder("bellhop").build(),
            per_thousand: config.traced_per_thousand.into(),
            clock: clock.clone(),
        }))))
    }

    /// What time it is, where spans are taken.
    pub fn now(&self) -> Option<DateTime<Utc>> {
        self.0.as_ref().map(|open| open.clock.now())
    }

    /// The span of a request, to be recorded once it is answered: a part of the trace that it brings, or the first of a
    /// new one if the lot says so. None where no span is to be made.
    pub fn begin(&self, brings: Option<&Traceparent>) -> Option<Traceparent> {
        let open = self.0.as_ref()?;
        if let Some(trace) = brings {
            return trace.is_sampled().then(|| trace.child(&[new_id().as_bytes()]));
        }
        let id = new_id();
        (id.as_u64_pair().1 % 1_000 < open.per_thousand).then(|| Traceparent::begun(id))
    }

    /// Takes a span. Never waits: what there is no room for is counted and lost.
    pub fn record(&self, span: Span<'_>) {
        let Some(open) = &self.0 else {
            return;
        };
        let attributes = span.attributes.into_iter();
        let mut links = SpanLinks::default();
        links.links = span.links.into_iter().map(link).collect();
        open.spans.on_end(SpanData {
            span_context: context(span.own),
            parent_span_id: span.parent.map_or(SpanId::INVALID, span_id),
            parent_span_is_remote: span.parent.is_some(),
            span_kind: span.kind,
            name: span.name,
            start_time: span.began.into(),
            end_time: span.ended.max(span.began).into(),
            attributes: attributes.map(|(key, value)| KeyValue::new(key, value)).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: span.failed.map_or(Status::Unset, Status::error),
            instrumentation_scope: open.scope.clone(),
        });
    }

    /// Sends what there is and takes nothing more. Blocks, at most as long as an export.
    pub fn close(&self) {
        if let Some(open) = &self.0
            && let Err(error) = open.spans.shutdown_with_timeout(EXPORT_TIMEOUT)
        {
            tracing::warn!(
                error = crate::chain(&error),
                "the last spans did not reach the collector"
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the id of a request's span is nobody's thing, and no other type makes one"
)]
fn new_id() -> Uuid {
    Uuid::now_v7()
}

fn span_id(of: &Traceparent) -> SpanId {
    SpanId::from_hex(of.span_id()).unwrap_or(SpanId::INVALID)
}

fn context(of: &Traceparent) -> SpanContext {
    let trace_id = TraceId::from_hex(of.trace_id()).unwrap_or(TraceId::INVALID);
    SpanContext::new(trace_id, span_id(of), TraceFlags::SAMPLED, true, TraceState::NONE)
}

fn link(to: &Traceparent) -> Link {
    Link::new(context(to), Vec::new(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn tracer(per_thousand: u16) -> Tracer {
        let config = TraceConfig {
            // Nobody listens there; what is recorded is lost.
            otlp_endpoint: Some("http://127.0.0.1:9/v1/traces".to_owned()),
            traced_per_thousand: per_thousand,
        };
        Tracer::start(&config, "one", &Clock::system()).unwrap()
    }

    #[test]
    fn a_request_that_says_whether_it_is_traced_is_believed() {
        let asked = Traceparent::read(ASKED).unwrap();
        let unsampled = Traceparent::read(&(ASKED[..54].to_owned() + "0")).unwrap();
        for per_thousand in [0, 1_000] {
            let tracer = tracer(per_thousand);
            let own = tracer.begin(Some(&asked)).unwrap();
            assert_eq!(own.trace_id(), asked.trace_id());
            assert_ne!(own.span_id(), asked.span_id());
            assert!(own.is_sampled());
            assert_ne!(
                tracer.begin(Some(&asked)).unwrap(),
                own,
                "two requests have two spans"
            );
            assert_eq!(tracer.begin(Some(&unsampled)), None);
        }
        assert_eq!(Tracer::default().begin(Some(&asked)), None);
    }

    #[test]
    fn of_the_others_so_many_are_traced_as_the_setting_says() {
        let traced = |per_thousand| {
            let tracer = tracer(per_thousand);
            (0..20_000).filter_map(|_| tracer.begin(None)).collect::<Vec<_>>()
        };
        assert_eq!(traced(0), []);
        assert_eq!(traced(1_000).len(), 20_000);
        let some = traced(100);
        assert!((1_600..2_400).contains(&some.len()), "{}", some.len());
        let ids: std::collections::HashSet<_> = some.iter().map(Traceparent::trace_id).collect();
        assert_eq!(ids.len(), some.len(), "each begins a trace of its own");
        for own in &some {
            assert_eq!(Traceparent::read(own.as_str()).as_ref(), Some(own));
        }
    }

    #[test]
    fn the_address_of_a_collector_is_checked_and_completed() {
        for (given, sent_to) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            (
                "http://collector/otlp/v1/traces",
                "http://collector/otlp/v1/traces",
            ),
        ] {
            assert_eq!(endpoint(given).as_deref(), Ok(sent_to));
        }
        for wrong in [
            "",
            "collector:4318",
            "https://collector:4318",
            "http://",
            "/v1/traces",
            "ftp://x",
        ] {
            let why = endpoint(wrong).unwrap_err();
            assert!(why.contains("http://") || why.contains("URL"), "{wrong}: {why}");
        }
    }
}
