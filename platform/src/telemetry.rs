//! Logs as text or JSON on standard error, and metrics for Prometheus.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use tracing_subscriber::EnvFilter;

use crate::tasks::Tasks;

/// How the process logs.
#[derive(Args, Clone, Debug)]
pub struct TelemetryConfig {
    /// What is logged, in the syntax of tracing's `EnvFilter`.
    #[arg(
        long,
        env = "BELLHOP_LOG",
        default_value = "info,rdkafka=warn,librdkafka=warn"
    )]
    pub log: String,

    /// Form of the log on standard error: text for people, JSON for collectors. When it is not set, text on a terminal
    /// and JSON elsewhere.
    #[arg(long, env = "BELLHOP_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
}

/// Form of a log line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// Starts logging. Later calls in one process do nothing.
pub fn start_logging(config: &TelemetryConfig) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An error means that a subscriber is set already, as in a test process.
    let _ = match config.format(std::io::stderr().is_terminal()) {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

impl TelemetryConfig {
    fn format(&self, is_terminal: bool) -> LogFormat {
        let usual = if is_terminal {
            LogFormat::Text
        } else {
            LogFormat::Json
        };
        self.log_format.unwrap_or(usual)
    }
}

/// How often what was observed is added up while nobody asks for it.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);
/// Upper bounds of what is observed in a histogram that has none of its own, in seconds.
pub const SECONDS: &[f64] = &[
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0,
];

/// The metrics of a process: counters, gauges, and histograms with fixed buckets, which add up over processes and
/// over time. (A summary tells the quantiles of one process, and forgets them when it is quiet.)
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// In the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Adds up what was observed now and then, so that it takes no room while nobody asks.
    pub fn keep_up(&self, tasks: &Tasks) {
        let (handle, running) = (self.0.clone(), tasks.clone());
        tasks.spawn("metrics", async move {
            while running.pause(UPKEEP_EVERY).await {
                handle.run_upkeep();
            }
        });
    }
}

/// Installs the process's metrics recorder. `buckets` are the upper bounds of the histograms that do not observe
/// [`SECONDS`], each by its name.
///
/// # Errors
/// When a histogram has no bucket.
pub fn start_metrics(buckets: &[(&str, &[f64])]) -> Result<Metrics, BuildError> {
    let recorder = recorder(buckets)?;
    let metrics = Metrics(recorder.handle());
    // An error means that a recorder is installed already, as in a test process.
    let _ = metrics::set_global_recorder(recorder);
    Ok(metrics)
}

fn recorder(buckets: &[(&str, &[f64])]) -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new().set_buckets(SECONDS)?;
    for (name, bounds) in buckets {
        builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), bounds)?;
    }
    Ok(builder.build_recorder())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_text_for_who_sits_there_and_json_for_a_collector() {
        let format = |log_format, is_terminal| {
            let log = "info".to_owned();
            TelemetryConfig { log, log_format }.format(is_terminal)
        };
        assert_eq!(format(None, true), LogFormat::Text);
        assert_eq!(format(None, false), LogFormat::Json);
        for asked in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format(Some(asked), true), asked);
            assert_eq!(format(Some(asked), false), asked);
        }
    }

    #[test]
    fn a_duration_is_a_histogram_that_never_forgets() {
        let recorder = recorder(&[("batch", &[1.0, 10.0])]).unwrap();
        let metrics = Metrics(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            for seconds in [0.002, 0.002, 7.0, 1_000.0] {
                metrics::histogram!("wait_seconds", "of" => "x").record(seconds);
            }
            metrics::histogram!("batch").record(10);
        });
        // Also after it was asked for, and after it was added up.
        for _ in 0..3 {
            let said = metrics.render();
            for line in [
                r#"wait_seconds_bucket{of="x",le="0.001"} 0"#,
                r#"wait_seconds_bucket{of="x",le="0.0025"} 2"#,
                r#"wait_seconds_bucket{of="x",le="5"} 2"#,
                r#"wait_seconds_bucket{of="x",le="40"} 3"#,
                r#"wait_seconds_bucket{of="x",le="+Inf"} 4"#,
                r#"wait_seconds_count{of="x"} 4"#,
                r#"batch_bucket{le="1"} 0"#,
                r#"batch_bucket{le="10"} 1"#,
            ] {
                assert!(said.lines().any(|one| one == line), "{line}: {said}");
            }
            assert!(!said.contains("quantile"), "{said}");
            metrics.0.run_upkeep();
        }
    }
}
