//! `bellhop run`: starts targets, serves their routes, drains on the first signal.

use std::process::ExitCode;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Args;
use contract::topics;
use platform::access::{
    AccessTopics, Believed, Gate, Identities, ServiceIdentity, ServiceTokens, follow, guarded,
};
use platform::db::DatabaseConfig;
use platform::health::Health;
use platform::http::{self, HttpConfig};
use platform::kafka::KafkaConfig;
use platform::repeat::RepeatConfig;
use platform::telemetry::{self, Metrics, TelemetryConfig};
use platform::token::TokenConfig;
use platform::trace::TraceConfig;
use platform::{Clock, Parts, Tasks, Tracer};

use crate::modules::Modules;
use crate::targets::{self, Target};

/// Settings of `bellhop run`.
#[derive(Args, Debug)]
pub struct Run {
    /// What runs in this process; several are separated by commas.
    #[arg(
        long,
        env = "BELLHOP_TARGET",
        value_enum,
        value_delimiter = ',',
        default_value = "all"
    )]
    target: Vec<Target>,
    #[command(flatten)]
    http: HttpConfig,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    kafka: KafkaConfig,
    #[command(flatten)]
    token: TokenConfig,
    #[command(flatten)]
    repeat: RepeatConfig,
    #[command(flatten)]
    telemetry: TelemetryConfig,
    #[command(flatten)]
    trace: TraceConfig,
    #[command(flatten)]
    modules: Modules,
}

impl Run {
    /// Runs until a signal, or until a task dies.
    ///
    /// # Errors
    /// When a setting is not usable or the address cannot be listened on.
    pub async fn execute(self: Box<Self>) -> anyhow::Result<ExitCode> {
        telemetry::start_logging(&self.telemetry);
        let metrics = telemetry::start_metrics(&crate::metrics::BUCKETS)?;
        tracing::info!(settings = ?self, "bellhop {} starts", env!("CARGO_PKG_VERSION"));
        let listener = tokio::net::TcpListener::bind(self.http.listen)
            .await
            .with_context(|| {
                format!(
                    "cannot listen on {}; choose another with --listen",
                    self.http.listen
                )
            })?;
        let address = listener.local_addr()?;
        let clock = Clock::system();
        let tracer = Tracer::start(&self.trace, &self.kafka.node, &clock)?;
        let parts = Parts {
            database: self.database.clone(),
            kafka: self.kafka.clone(),
            token: self.token.clone(),
            repeat: self.repeat,
            clock,
            tasks: Tasks::new(),
            health: Health::default(),
            tracer: tracer.clone(),
        };
        metrics.keep_up(&parts.tasks);
        let interface =
            targets::start(&self.target, &parts, &self.modules)?.merge(crate::problems::interface());
        let routes = http::as_documented(interface, &crate::openapi::document())
            .merge(operations(&parts.health, metrics))
            .merge(crate::openapi::routes()?)
            .merge(crate::problems::pages());
        let gate = self.gate(&parts)?;
        let guarded = guarded(routes, crate::operations::table(), gate);
        let mut routes = http::traced(http::layers(guarded), &tracer);
        if let Some(cors) = http::cors(&self.http.cors_origins) {
            routes = routes.layer(cors);
        }
        stop_on_signal(&parts.tasks)?;
        tracing::info!(%address, targets = ?self.target, "listening on http://{address}");
        http::serve(listener, self.http.connections_max, routes, parts.tasks.clone()).await;
        let drained = parts.tasks.drained().await;
        tokio::task::spawn_blocking(move || tracer.close()).await?;
        tracing::info!("stopped");
        Ok(if drained {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// From which every process knows who is who.
const TOPICS: AccessTopics = AccessTopics {
    principals: topics::PRINCIPAL_CHANGES,
    grants: topics::GRANT_CHANGES,
    keys: topics::KEY_CHANGES,
    sessions: topics::SESSION_CHANGES,
    heartbeat: topics::HEARTBEAT,
};

impl Run {
    /// Who knows who asks; begins to follow who is who.
    fn gate(&self, parts: &Parts) -> anyhow::Result<Gate> {
        let gate = Gate {
            identities: Identities::default(),
            peppers: self.modules.peppers()?,
            links: self.modules.links()?,
            members: self.modules.member.members()?,
            sessions: self.modules.sessions()?,
            issuers: self.modules.issuers.follow(parts)?,
            services: ServiceTokens::new(&self.token)?,
            clock: parts.clock.clone(),
        };
        let asks_as = ServiceIdentity::of(parts, "follower")?;
        let believed = Believed::new(self.modules.believed.verifier()?);
        follow(
            parts,
            &self.modules.identities,
            TOPICS,
            (&gate.identities, believed),
            asks_as,
        )?;
        Ok(gate)
    }
}

/// `/healthz` (the process lives), `/readyz` (its parts work, each with its reason) and `/metrics`.
fn operations(health: &Health, metrics: Metrics) -> Router {
    let health = health.clone();
    let process = metrics_process::Collector::default();
    process.describe();
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || std::future::ready(ready(&health))))
        .route(
            "/metrics",
            get(move || {
                process.collect();
                std::future::ready(metrics.render())
            }),
        )
}

/// How `/readyz` begins to tell of a part that works worse than it should.
pub(crate) const LIMPS: &str = "ready, but ";

fn ready(health: &Health) -> (StatusCode, axum::Json<serde_json::Value>) {
    let (parts, limping) = (health.parts(), health.limping_parts());
    let status = if parts.values().all(Result::is_ok) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let say = |part: &String, state: &Result<(), String>| match (state, limping.get(part)) {
        (Err(why), _) => why.clone(),
        (Ok(()), Some(why)) => format!("{LIMPS}{why}"),
        (Ok(()), None) => "ready".to_owned(),
    };
    let body = parts
        .iter()
        .map(|(part, state)| (part.clone(), say(part, state).into()));
    (status, axum::Json(serde_json::Value::Object(body.collect())))
}

/// The first SIGTERM or Ctrl-C drains, the second ends at once.
fn stop_on_signal(tasks: &Tasks) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopping = tasks.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "waits for the second signal during the drain, so it is not drained"
    )]
    tokio::spawn(async move {
        for second in [false, true] {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            if second {
                std::process::exit(130);
            }
            tracing::info!("stopping; a second signal ends at once");
            stopping.stop();
        }
    });
    Ok(())
}
