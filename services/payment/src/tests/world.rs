//! A payment service with a database of its own and a real provider, both behind a real port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use contract::command::PaymentCommand;
use contract::{CommandEnvelope, HotelId, Money, Outcome, PaymentId, Reply, ReservationId, SagaId};
use platform::access::{Actor, trial};
use platform::consumer::{Incoming, Participant};
use platform::envelope::Traceparent;
use platform::{Broken, Clock, Envelope, Parts, Tasks, db, outbox};
use serde_json::Value;
use sqlx::{Executor as _, PgPool};
use tokio::net::TcpListener;

use crate::commands::Commands;
use crate::desk::Job;
use crate::provider::{Provider, Sandbox};
use crate::{Config, MIGRATOR, SCHEMA, assemble};

pub(super) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// The trace of every command.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// No test waits longer than this for something to become true.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct World {
    pub(super) pool: PgPool,
    pub(super) url: String,
    pub(super) client: reqwest::Client,
    commands: Arc<Commands<Sandbox>>,
    provider: axum::Router,
    ledger: PathBuf,
    pub(super) tasks: Tasks,
}

/// One payment as the saga sees it.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_field_names,
    reason = "an id is called the same wherever it is"
)]
pub(super) struct Booking {
    pub(super) saga_id: SagaId,
    pub(super) hotel_id: HotelId,
    pub(super) payment_id: PaymentId,
}

#[derive(Parser)]
struct Shared {
    #[command(flatten)]
    database: platform::db::DatabaseConfig,
    #[command(flatten)]
    kafka: platform::kafka::KafkaConfig,
    #[command(flatten)]
    token: platform::token::TokenConfig,
}

pub(super) fn parts(tasks: &Tasks) -> Parts {
    let shared = Shared::parse_from(["test"]);
    Parts {
        database: shared.database,
        kafka: shared.kafka,
        token: shared.token,
        repeat: platform::repeat::RepeatConfig::default(),
        clock: Clock::system(),
        tasks: tasks.clone(),
        health: platform::health::Health::default(),
        tracer: platform::Tracer::default(),
    }
}

pub(super) fn eur(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}

impl World {
    /// Everything up and running.
    pub(super) async fn new(pool: PgPool) -> Self {
        let (world, routes, listener) = Self::dark(pool).await;
        world.serve(listener, routes.merge(world.provider()));
        world
    }

    /// The service at work while its provider cannot be reached: nothing listens yet.
    pub(super) async fn dark(pool: PgPool) -> (Self, axum::Router, TcpListener) {
        migrate(&pool).await;
        let tasks = Tasks::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ledger = std::env::temp_dir().join(format!("bellhop-payment-{}.jsonl", SagaId::new()));
        let parts = parts(&tasks);
        let sandbox = sandbox_provider::Config {
            sandbox_ledger: ledger.clone(),
            sandbox_slow_ms: 700,
            sandbox_processing_ms: 300,
            sandbox_webhook_url: format!("{url}/v1/webhooks/sandbox"),
            sandbox_webhook_secret: SECRET.parse().unwrap(),
        };
        let provider = axum::Router::new().nest(
            "/sandbox-provider",
            sandbox_provider::start(&parts, &sandbox).unwrap(),
        );
        let config = Config {
            provider_url: format!("{url}/sandbox-provider"),
            provider_timeout_ms: 500,
            provider_calls_max: 16,
            payment_webhook_secret: SECRET.parse().unwrap(),
        };
        let (commands, routes) = assemble(&parts, &config, &pool, Sandbox::new(&config).unwrap()).unwrap();
        let routes = trial(routes, crate::operations(), Actor::ANYONE);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        (
            Self {
                pool,
                url,
                client,
                commands,
                provider,
                ledger,
                tasks,
            },
            routes,
            listener,
        )
    }

    pub(super) fn provider(&self) -> axum::Router {
        self.provider.clone()
    }

    /// How the provider stands, as people see it.
    pub(super) fn provider_seen(&self) -> platform::breaker::Seen {
        self.commands.desk.provider()
    }

    pub(super) fn serve(&self, listener: TcpListener, routes: axum::Router) {
        let server = platform::http::serve(listener, 100, platform::http::layers(routes), self.tasks.clone());
        self.tasks.spawn("server", server);
    }

    /// Records commands as the consumer does, without handing them to the desk: as if the process had died
    /// right after the commit.
    pub(super) async fn record(&self, batch: Vec<CommandEnvelope<PaymentCommand>>) -> Vec<Job> {
        record(&self.pool, &self.commands, batch).await
    }

    /// Handles commands as the consumer does.
    pub(super) async fn send(&self, batch: Vec<CommandEnvelope<PaymentCommand>>) {
        let after = self.record(batch).await;
        self.commands.committed(after).await;
    }

    /// Sends one command and waits for its outcome.
    pub(super) async fn outcome(&self, envelope: CommandEnvelope<PaymentCommand>) -> Outcome {
        self.send(vec![envelope.clone()]).await;
        self.replied(&envelope).await
    }

    /// Waits for the reply to a command.
    pub(super) async fn replied(&self, envelope: &CommandEnvelope<PaymentCommand>) -> Outcome {
        let wanted = envelope.reply(Outcome::Done);
        let mut found = None;
        self.until("a reply", async || {
            let replies = self.replies(envelope.saga_id).await;
            let same = |reply: &Reply| {
                (&reply.step, reply.undo, reply.round, reply.attempt)
                    == (&wanted.step, wanted.undo, wanted.round, wanted.attempt)
            };
            found = replies.into_iter().find(same);
            found.is_some()
        })
        .await;
        found.unwrap().outcome
    }

    /// The replies to a saga, each of which is in the trace of the command, whoever gave it and when.
    pub(super) async fn replies(&self, saga_id: SagaId) -> Vec<Reply> {
        #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
        let rows: Vec<(Value, Option<String>)> = sqlx::query_as(
            "select payload, traceparent from payment.outbox where aggregateid = $1 order by id",
        )
        .bind(saga_id.to_string())
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let reply = |(payload, trace): (Value, Option<String>)| {
            assert_eq!(trace.as_deref(), Some(TRACE), "{payload}");
            serde_json::from_value(payload).unwrap()
        };
        rows.into_iter().map(reply).collect()
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub(super) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let waiting = async {
            let mut look = tokio::time::interval(Duration::from_millis(10));
            while !holds().await {
                look.tick().await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, waiting).await.is_ok(),
            "{what} did not come"
        );
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What must hold whatever has happened: every movement names its two accounts, nobody is charged twice, and the
    /// provider's ledger says the same as ours.
    pub(super) async fn check_ledgers(&self) {
        let unnamed = "select count(*) from payment.movement where (debit, credit) is distinct from
             case when kind = 'capture' then ('provider_clearing'::payment.account, 'hotel_payable'::payment.account)
             else ('hotel_payable'::payment.account, 'provider_clearing'::payment.account) end";
        assert_eq!(self.count(unnamed).await, 0);
        let twice = "select count(*) from (select from payment.movement group by reservation_id
             having count(*) filter (where kind = 'capture') > 1 or sum(amount_minor) < 0) as twice";
        assert_eq!(self.count(twice).await, 0);
        let mut theirs = std::collections::BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let (_, page) = self
                .get(&format!("/sandbox-provider/v1/ledger?limit=200{cursor}"))
                .await;
            for item in page["items"].as_array().unwrap() {
                assert!(item["captures"].as_u64().unwrap() <= 1, "{item}");
                theirs.insert(
                    item["reference"].as_str().unwrap().to_owned(),
                    item["net"].clone(),
                );
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        for (reference, net) in theirs {
            let reservation: ReservationId = reference.parse().unwrap();
            #[expect(clippy::disallowed_methods, reason = "a test looks into the tables")]
            let ours: i64 = sqlx::query_scalar(
                "select coalesce(sum(amount_minor), 0)::bigint from payment.movement where reservation_id = $1",
            )
            .bind(reservation.uuid())
            .fetch_one(&self.pool)
            .await
            .unwrap();
            let ours = Money::from_minor(ours, "EUR".parse().unwrap()).unwrap();
            assert_eq!(net, serde_json::to_value(ours).unwrap(), "{reference}");
        }
    }

    /// Authorisations that the provider still holds open.
    pub(super) async fn open_at_provider(&self, booking: Booking) -> Option<u64> {
        let (_, page) = self.get("/sandbox-provider/v1/ledger?limit=200").await;
        let reference = booking.payment_id.to_string();
        let item = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["reference"] == reference.as_str());
        item.map(|item| item["open_authorizations"].as_u64().unwrap())
    }
}

/// A command as it comes from the queue.
pub(super) fn incoming(body: CommandEnvelope<PaymentCommand>) -> Incoming<CommandEnvelope<PaymentCommand>> {
    Incoming {
        message_id: SagaId::new().uuid(),
        topic: contract::topics::PAYMENT_COMMANDS.to_owned(),
        partition: 0,
        body,
        envelope: Envelope {
            trace: Traceparent::read(TRACE),
            ..Envelope::default()
        },
    }
}

/// What the consumer does up to the commit.
pub(super) async fn record<P: Provider>(
    pool: &PgPool,
    commands: &Arc<Commands<P>>,
    batch: Vec<CommandEnvelope<PaymentCommand>>,
) -> Vec<Job> {
    let batch: Vec<_> = batch.into_iter().map(incoming).collect();
    let commands = Arc::clone(commands);
    let recorded = db::unit_of_work::<_, Broken, _>(pool, move |db| {
        Box::pin(async move {
            let (outgoing, _, after) = commands.handle(db, &batch).await?;
            outbox::write(db, SCHEMA, &outgoing).await?;
            Ok(after)
        })
    });
    recorded.await.unwrap()
}

/// The schema in a database of the test's own.
pub(super) async fn migrate(pool: &PgPool) {
    pool.execute("create schema payment").await.unwrap();
    MIGRATOR.run(pool).await.unwrap();
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.stop();
        let _ = std::fs::remove_file(&self.ledger);
    }
}

impl Booking {
    pub(super) fn new() -> Self {
        Self {
            saga_id: SagaId::new(),
            hotel_id: HotelId::new(),
            payment_id: PaymentId::new(),
        }
    }

    /// The same payment in another saga, as when a stay is cancelled.
    pub(super) fn again(self) -> Self {
        Self {
            saga_id: SagaId::new(),
            ..self
        }
    }

    fn envelope(self, step: &str, undo: bool, command: PaymentCommand) -> CommandEnvelope<PaymentCommand> {
        CommandEnvelope {
            saga_id: self.saga_id,
            step: step.to_owned(),
            undo,
            round: 1,
            attempt: 1,
            command,
        }
    }

    pub(super) fn authorize(self, method: &str, amount: &str) -> CommandEnvelope<PaymentCommand> {
        let command = PaymentCommand::Authorize {
            hotel_id: self.hotel_id,
            payment_id: self.payment_id,
            reservation_id: ReservationId::from_uuid(self.payment_id.uuid()),
            amount: eur(amount),
            payment_method: method.to_owned(),
        };
        self.envelope("authorize-payment", false, command)
    }

    pub(super) fn capture(self) -> CommandEnvelope<PaymentCommand> {
        let command = PaymentCommand::Capture {
            hotel_id: self.hotel_id,
            payment_id: self.payment_id,
        };
        self.envelope("capture-payment", false, command)
    }

    pub(super) fn void(self) -> CommandEnvelope<PaymentCommand> {
        let command = PaymentCommand::Void {
            hotel_id: self.hotel_id,
            payment_id: self.payment_id,
        };
        self.envelope("authorize-payment", true, command)
    }

    pub(super) fn refund(self, amount: &str) -> CommandEnvelope<PaymentCommand> {
        let command = PaymentCommand::Refund {
            hotel_id: self.hotel_id,
            payment_id: self.payment_id,
            amount: eur(amount),
        };
        self.envelope("refund-payment", false, command)
    }
}
