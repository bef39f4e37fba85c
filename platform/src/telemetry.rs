//! Logs as text or JSON on standard error, and metrics for Prometheus.

use clap::{Args, ValueEnum};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

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

    /// Form of the log on standard error.
    #[arg(long, env = "BELLHOP_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
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
    let _ = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Installs the process's metrics recorder and answers the handle that renders `/metrics`.
pub fn start_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // An error means that a recorder is installed already, as in a test process.
    let _ = metrics::set_global_recorder(recorder);
    handle
}
