//! What the tests share: a schema of their own, runners, and a consumer's transaction without Kafka.

use std::sync::Arc;
use std::time::Duration;

use contract::saga::{SagaData, StartSaga};
use contract::{Outcome, Refusal, Reply, SagaId};
use platform::consumer::{Incoming, Participant as _};
use platform::health::Health;
use platform::{Broken, Envelope, Tasks};
use sqlx::{Executor as _, PgPool};

use crate::engine::Pace;
use crate::message::Message;
use crate::now::Now;
use crate::ownership::Ownership;
use crate::recent::Recent;
use crate::rules::Rules;
use crate::runner::Runner;
use crate::sagas::samples;
use crate::shards::Shards;
use crate::store::{self, JournalRow};

/// The shard of all tests.
pub(crate) const SHARD: i32 = 2;
/// How many there are.
pub(crate) const SHARDS: i32 = 4;

/// How patient runs are in tests.
pub(crate) const PACE: Pace = Pace::new(Duration::from_mins(1));

/// Makes the schema, as `bellhop migrate` does.
pub(crate) async fn migrate(pool: &PgPool) {
    pool.execute("create schema orchestrator").await.unwrap();
    crate::MIGRATOR.run(pool).await.unwrap();
}

/// A runner that owns [`SHARD`], and takes no shard back.
pub(crate) async fn runner(pool: &PgPool, name: &str) -> Arc<Runner> {
    let runner = idle(pool, name, Duration::MAX);
    assigned(&runner, &[SHARD]).await;
    runner
}

/// A runner to which Kafka has given nothing yet, and which takes back what another has ended after so long.
pub(crate) fn idle(pool: &PgPool, name: &str, reclaim_after: Duration) -> Arc<Runner> {
    Arc::new(Runner {
        pool: pool.clone(),
        tasks: Tasks::new(),
        health: Health::default(),
        pace: PACE,
        deadline: Duration::from_mins(15),
        ownership: Arc::new(Ownership::new(name.to_owned(), reclaim_after)),
        recent: Recent::default(),
        now: Now::default(),
        rules: no_rules(),
        resends: Arc::default(),
        woken: Arc::default(),
        tracer: platform::Tracer::default(),
    })
}

/// What is held back where nothing was read yet.
pub(crate) fn no_rules() -> Arc<Rules> {
    Arc::new(Rules::over(Shards::fixed(SHARDS)))
}

/// Kafka gives these shards to a runner.
pub(crate) async fn assigned(runner: &Runner, shards: &[i32]) {
    runner.rebalanced(true, partitions(shards)).await;
}

/// Kafka takes these shards away from a runner.
pub(crate) async fn revoked(runner: &Runner, shards: &[i32]) {
    runner.rebalanced(false, partitions(shards)).await;
}

fn partitions(shards: &[i32]) -> Vec<(String, i32)> {
    let partition = |shard: &i32| ("orchestrator.messages".to_owned(), *shard);
    shards.iter().map(partition).collect()
}

/// What the consumer does with a batch.
pub(crate) async fn take(runner: &Arc<Runner>, messages: &[Message]) -> Result<(), Broken> {
    take_as(SHARD, runner, messages, &Envelope::default()).await
}

/// What the consumer does with a batch, each message of which came in this envelope.
pub(crate) async fn take_within(
    runner: &Arc<Runner>,
    messages: &[Message],
    envelope: &Envelope,
) -> Result<(), Broken> {
    take_as(SHARD, runner, messages, envelope).await
}

/// What the consumer does with a batch from this partition.
pub(crate) async fn take_from(shard: i32, runner: &Arc<Runner>, messages: &[Message]) -> Result<(), Broken> {
    take_as(shard, runner, messages, &Envelope::default()).await
}

async fn take_as(
    shard: i32,
    runner: &Arc<Runner>,
    messages: &[Message],
    envelope: &Envelope,
) -> Result<(), Broken> {
    let batch: Vec<_> = messages
        .iter()
        .map(|body| Incoming {
            message_id: SagaId::new().uuid(),
            topic: String::new(),
            partition: shard,
            body: body.clone(),
            envelope: envelope.clone(),
        })
        .collect();
    let (effects, _) = runner
        .transact(&runner.pool, crate::SCHEMA, Arc::new(batch))
        .await?;
    if let Some(effects) = effects {
        runner.committed(effects).await;
    }
    Ok(())
}

/// Lets so many seconds pass, by moving what is kept into the past.
pub(crate) async fn pass(pool: &PgPool, seconds: i32) {
    for moved in [
        "update orchestrator.run set wake_at = wake_at - make_interval(secs => $1)",
        "update orchestrator.journal set at = at - make_interval(secs => $1), sent_at = sent_at - make_interval(secs => $1)",
    ] {
        #[expect(clippy::disallowed_methods, reason = "tests move what is kept")]
        let moved = sqlx::query(moved).bind(f64::from(seconds));
        moved.execute(pool).await.unwrap();
    }
}

/// The journal of a run, in order.
pub(crate) async fn journal(pool: &PgPool, saga_id: SagaId) -> Vec<JournalRow> {
    let mut db = pool.acquire().await.unwrap();
    let mut journals = store::journals(&mut db, &[saga_id.uuid()]).await.unwrap();
    let journal = journals.remove(&saga_id.uuid()).unwrap_or_default();
    let numbers = journal.iter().map(|line| line.seq);
    assert!(
        numbers.eq(1..=i32::try_from(journal.len()).unwrap()),
        "no gap in the journal"
    );
    journal
}

/// The journal of a run in words.
pub(crate) async fn story(pool: &PgPool, saga_id: SagaId) -> Vec<String> {
    let line = |line: JournalRow| {
        let undo = if line.undo { "undo " } else { "" };
        format!("{undo}{} {} {}", line.step, line.what, line.sendings)
    };
    journal(pool, saga_id).await.into_iter().map(line).collect()
}

/// The state of a run, and its reason.
pub(crate) async fn state(pool: &PgPool, saga_id: SagaId) -> (String, Option<String>) {
    let mut db = pool.acquire().await.unwrap();
    let run = store::one(&mut db, saga_id.uuid()).await.unwrap().unwrap();
    (run.state, run.reason)
}

/// What was said, in order: topic, kind and body.
pub(crate) async fn said(pool: &PgPool) -> Vec<(String, String, serde_json::Value)> {
    let rows =
        sqlx::query!("select aggregatetype, type as kind, payload from orchestrator.outbox order by id");
    let rows = rows.fetch_all(pool).await.unwrap();
    rows.into_iter()
        .map(|row| (row.aggregatetype, row.kind, row.payload))
        .collect()
}

/// The commands that were said to a run's participants, in order.
pub(crate) async fn commands(pool: &PgPool, saga_id: SagaId) -> Vec<String> {
    let said = sqlx::query_scalar!(
        "select type from orchestrator.outbox where payload ->> 'saga_id' = $1 order by id",
        saga_id.to_string()
    );
    said.fetch_all(pool).await.unwrap()
}

pub(crate) fn booking() -> SagaData {
    samples::all()[0].clone()
}

pub(crate) fn cancellation() -> SagaData {
    samples::all()[1].clone()
}

pub(crate) fn start(saga_id: SagaId, saga: SagaData) -> Message {
    Message::Start(Box::new(StartSaga { saga_id, saga }))
}

pub(crate) fn done(saga_id: SagaId, step: &str) -> Message {
    reply(saga_id, step, false, Outcome::Done)
}

pub(crate) fn undone(saga_id: SagaId, step: &str) -> Message {
    reply(saga_id, step, true, Outcome::Done)
}

pub(crate) fn refused(saga_id: SagaId, step: &str, code: &str) -> Message {
    let refusal = Refusal::stored(code.to_owned(), "No.".to_owned(), None);
    reply(saga_id, step, false, Outcome::Refused(refusal))
}

/// The participant's answer to a command as a preview shows it.
pub(crate) fn answered(saga_id: SagaId, sent: &serde_json::Value, yes: bool) -> Message {
    let number = |name: &str| u32::try_from(sent[name].as_u64().unwrap()).unwrap();
    let refusal = Refusal::stored("told_to".to_owned(), "No.".to_owned(), None);
    Message::Reply(Reply {
        saga_id,
        step: sent["step"].as_str().unwrap().to_owned(),
        undo: sent["undo"] == true,
        round: number("round"),
        attempt: number("sending"),
        outcome: if yes {
            Outcome::Done
        } else {
            Outcome::Refused(refusal)
        },
    })
}

fn reply(saga_id: SagaId, step: &str, undo: bool, outcome: Outcome) -> Message {
    Message::Reply(Reply {
        saga_id,
        step: step.to_owned(),
        undo,
        round: 1,
        attempt: 1,
        outcome,
    })
}
