//! The exporter, which says when the collector does not take spans: traces that are missing without a word would be taken
//! for requests that never were.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// An exporter whose outcomes are counted, and told when they change.
#[derive(Debug)]
pub(super) struct Told {
    exporter: Otlp,
    endpoint: String,
    failing: AtomicBool,
}

impl Told {
    pub(super) fn new(exporter: Otlp, endpoint: &str) -> Self {
        Self {
            exporter,
            endpoint: endpoint.to_owned(),
            failing: AtomicBool::new(false),
        }
    }

    fn tell(&self, count: u64, sent: &OTelSdkResult) {
        let outcome = if sent.is_ok() { "sent" } else { "lost" };
        metrics::counter!("bellhop_spans_total", "outcome" => outcome).increment(count);
        let was_failing = self.failing.swap(sent.is_err(), Ordering::SeqCst);
        match sent {
            Err(error) if !was_failing => {
                tracing::warn!(
                    endpoint = self.endpoint,
                    error = crate::chain(error),
                    "the collector does not take spans; they are lost"
                );
            }
            Ok(()) if was_failing => {
                tracing::info!(endpoint = self.endpoint, "the collector takes spans again");
            }
            _ => {}
        }
    }
}

impl SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = self.exporter.export(batch).await;
        self.tell(count, &sent);
        sent
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
