//! For tests: topics and a consumer group of one's own on a real Kafka, a schema of one's own in a real Postgres,
//! and a participant that does what each test says.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use futures::future::BoxFuture;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, PgPool};
use uuid::Uuid;

use crate::consumer::{Handled, Incoming, Participant};
use crate::db::{Broken, DatabaseConfig};
use crate::health::Health;
use crate::kafka::KafkaConfig;
use crate::outbox::{self, Outgoing, Schema};
use crate::parts::Parts;
use crate::repeat::RepeatConfig;
use crate::token::TokenConfig;
use crate::{Clock, Tasks};

/// The schema of the tests' participant.
pub(crate) const SHOP: Schema = Schema("shop");
/// The topic of all tests.
pub(crate) const ORDERS: &str = "orders";
/// How long something that will happen is waited for. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `met` answers something.
pub(crate) async fn until<T>(what: &str, mut met: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = met().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a future, but not for ever.
pub(crate) async fn soon<T>(what: &str, of: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(PATIENCE, of).await;
    answer.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

#[expect(clippy::disallowed_methods, reason = "names that no other test has")]
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// How an owner's outbox gets its days. The other owners' migrations are the same but for the schema's name.
pub(crate) const BY_DAY: [&str; 2] = [
    include_str!("../../migrations/inventory/202611300400_outbox_by_day.sql"),
    include_str!("../../migrations/inventory/202611300401_published_outbox_by_day.sql"),
];

/// Makes the participant's tables.
pub(crate) async fn open_shop(pool: &PgPool) {
    pool.execute(
        "create schema shop;
         create table shop.outbox (id uuid primary key, aggregatetype text not null, aggregateid text not null,
             type text not null, payload json not null, created_at timestamptz not null default now());
         create table shop.inbox (message_id uuid primary key, handled_at timestamptz not null default now());
         create table shop.handled (no bigint generated always as identity, name text not null);",
    )
    .await
    .unwrap();
    for step in BY_DAY {
        let step = step.replace("inventory.", "shop.");
        pool.execute(AssertSqlSafe(step)).await.unwrap();
    }
}

/// One column of a query, as text.
pub(crate) async fn texts(pool: &PgPool, sql: &str) -> Vec<String> {
    #[expect(clippy::disallowed_methods, reason = "tests look at tables of their own")]
    let rows = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_all(pool)
        .await;
    rows.unwrap()
}

/// The names that were handled, in order.
pub(crate) async fn handled(pool: &PgPool) -> Vec<String> {
    texts(pool, "select name from shop.handled order by no").await
}

/// Waits until exactly these were handled.
pub(crate) async fn until_handled(pool: &PgPool, names: &[&str]) {
    let mut last = Vec::new();
    let what = format!("{names:?} are handled");
    until(&what, async || {
        last = handled(pool).await;
        (last.len() >= names.len()).then_some(())
    })
    .await;
    assert_eq!(last, names);
}

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    kafka: KafkaConfig,
    #[command(flatten)]
    token: TokenConfig,
}

/// Topics under a namespace of their own, and who writes to them.
pub(crate) struct Broker {
    pub(crate) kafka: KafkaConfig,
    producer: BaseProducer,
}

impl Broker {
    /// With the topic [`ORDERS`] of so many partitions.
    pub(crate) async fn with(partitions: i32) -> Self {
        let namespace = format!("platform-{}.", new_id());
        // Where the brokers are is read from the environment, as a process does.
        let settings = Settings::parse_from(["test", "--topic-namespace", &namespace]);
        let kafka = settings.kafka;
        kafka
            .create_topics(&[(ORDERS.to_owned(), partitions, Vec::new())])
            .await
            .unwrap();
        let producer = kafka.client().create().unwrap();
        Self { kafka, producer }
    }

    /// The parts of a process. Two with one name are the same process, started again.
    pub(crate) fn parts(&self, node: &str) -> Parts {
        let settings = Settings::parse_from(["test"]);
        Parts {
            database: settings.database,
            kafka: KafkaConfig {
                node: node.to_owned(),
                ..self.kafka.clone()
            },
            token: settings.token,
            repeat: RepeatConfig::default(),
            clock: Clock::system(),
            tasks: Tasks::new(),
            health: Health::default(),
            tracer: crate::Tracer::default(),
        }
    }

    /// Sends a message named `name` and answers its id.
    pub(crate) fn order(&self, partition: i32, name: &str) -> Uuid {
        let id = new_id();
        self.order_as(partition, id, name);
        id
    }

    /// Sends a message under an id, as a relay that publishes it again.
    pub(crate) fn order_as(&self, partition: i32, id: Uuid, name: &str) {
        let body = serde_json::json!({ "name": name }).to_string();
        self.raw(partition, Some(&id.to_string()), &body);
        self.flush();
    }

    /// Sends anything, by [`Self::flush`].
    #[expect(clippy::disallowed_methods, reason = "tests stand for the relay")]
    pub(crate) fn raw(&self, partition: i32, id: Option<&str>, body: &str) {
        let topic = self.kafka.topic(ORDERS);
        let header = |key, value| Header { key, value };
        let headers = OwnedHeaders::new().insert(header("eventType", Some("Order")));
        let headers = id.map_or_else(
            || headers.clone(),
            |id| headers.clone().insert(header("id", Some(id))),
        );
        let record = BaseRecord::to(&topic)
            .partition(partition)
            .key("a key")
            .payload(body)
            .headers(headers);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// Waits until Kafka has what was sent.
    pub(crate) fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    /// The offset that the group of [`SHOP`] begins with after a restart; none before the first commit.
    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        let mut client = self.kafka.client();
        client.set("group.id", self.kafka.topic(SHOP.0));
        let looking: BaseConsumer = client.create().unwrap();
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition(&self.kafka.topic(ORDERS), partition);
        let found = looking.committed_offsets(partitions, PATIENCE).unwrap();
        match found.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// Waits until the group would begin at `offset`.
    pub(crate) async fn until_committed(&self, partition: i32, offset: i64) {
        let what = format!("offset {offset} of partition {partition} is committed");
        until(&what, async || {
            (self.committed(partition) == Some(offset)).then_some(())
        })
        .await;
    }
}

/// A message's body.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) name: String,
}

/// What becomes of a try to handle a message, after it has been written down in the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The database says something of the values.
    Final,
    /// The database says something that may pass.
    Transient,
    /// A statement takes too long.
    Timeout,
    /// Another process has taken over.
    Superseded,
    /// The work panics.
    Panic,
    /// Nothing happens until [`Clerk::let_go`].
    Held,
}

/// What Kafka says of partitions: whether they came, and which.
pub(crate) type News = (bool, Vec<(String, i32)>);

/// A participant that writes down names, unless it is told otherwise.
#[derive(Default)]
pub(crate) struct Clerk {
    fates: Mutex<HashMap<String, VecDeque<Fate>>>,
    tries: Mutex<Vec<Vec<String>>>,
    after: Mutex<Vec<String>>,
    news: Mutex<Vec<News>>,
    go: AtomicBool,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clerk {
    /// What becomes of the next tries of a message; then it is handled.
    pub(crate) fn expect(&self, name: &str, fates: &[Fate]) {
        locked(&self.fates)
            .entry(name.to_owned())
            .or_default()
            .extend(fates);
    }

    /// Lets go of what is [`Fate::Held`].
    pub(crate) fn let_go(&self) {
        self.go.store(true, Ordering::SeqCst);
    }

    /// The names of each batch that was tried, in order.
    pub(crate) fn tries(&self) -> Vec<Vec<String>> {
        locked(&self.tries).clone()
    }

    /// How often a message was tried.
    pub(crate) fn tries_of(&self, name: &str) -> usize {
        let tries = self.tries();
        tries
            .iter()
            .filter(|batch| batch.iter().any(|one| one == name))
            .count()
    }

    /// The names whose commit was told.
    pub(crate) fn told(&self) -> Vec<String> {
        locked(&self.after).clone()
    }

    /// What Kafka has said.
    pub(crate) fn news(&self) -> Vec<News> {
        locked(&self.news).clone()
    }

    /// Whether it has partitions, as far as Kafka has said.
    pub(crate) fn is_assigned(&self) -> bool {
        let news = self.news();
        news.last()
            .is_some_and(|(come, partitions)| *come && !partitions.is_empty())
    }

    async fn meet(&self, db: &mut PgConnection, fate: Fate) -> Result<(), Broken> {
        match fate {
            Fate::Final => db.execute("select 1 / 0").await.map(drop)?,
            Fate::Transient => db.execute("select from not_there_yet").await.map(drop)?,
            Fate::Timeout => db
                .execute("set local statement_timeout = 1; select pg_sleep(1)")
                .await
                .map(drop)?,
            Fate::Superseded => return Err(Broken::Superseded("planted".to_owned())),
            Fate::Panic => panic!("planted"),
            Fate::Held => {
                while !self.go.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        Ok(())
    }

    async fn take(&self, db: &mut PgConnection, batch: &[Incoming<Order>]) -> Handled<Vec<String>> {
        let names: Vec<String> = batch.iter().map(|message| message.body.name.clone()).collect();
        locked(&self.tries).push(names.clone());
        let mut outgoing = Vec::new();
        for name in names.clone() {
            #[expect(clippy::disallowed_methods, reason = "tests write tables of their own")]
            sqlx::query("insert into shop.handled (name) values ($1)")
                .bind(name.clone())
                .execute(&mut *db)
                .await?;
            outgoing.push(Outgoing::new("receipts", name.clone(), "Receipt", &name)?);
            let fate = locked(&self.fates).get_mut(&name).and_then(VecDeque::pop_front);
            if let Some(fate) = fate {
                self.meet(db, fate).await?;
            }
        }
        // Last, as those do that put their messages into the inbox with what they write.
        let ids: Vec<Uuid> = batch.iter().map(|message| message.message_id).collect();
        let heard = outbox::hear(db, SHOP, &ids).await?;
        Ok((outgoing, heard, names))
    }
}

impl Participant for Clerk {
    type Message = Order;
    type After = Vec<String>;

    fn handle<'c>(
        &'c self,
        db: &'c mut PgConnection,
        batch: &'c [Incoming<Order>],
    ) -> BoxFuture<'c, Handled<Vec<String>>> {
        Box::pin(self.take(db, batch))
    }

    async fn committed(&self, after: Vec<String>) {
        locked(&self.after).extend(after);
    }

    async fn rebalanced(&self, assigned: bool, partitions: Vec<(String, i32)>) {
        locked(&self.news).push((assigned, partitions));
    }
}

/// A process that handles [`ORDERS`].
pub(crate) struct Process {
    pub(crate) parts: Parts,
    pub(crate) clerk: Arc<Clerk>,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(broker: &Broker, pool: &PgPool, node: &str, clerk: Arc<Clerk>) -> Self {
        let parts = broker.parts(node);
        let heard = [ORDERS];
        crate::consumer::start(&parts, SHOP, pool.clone(), &heard, Arc::clone(&clerk)).unwrap();
        Self { parts, clerk }
    }

    /// Stops it as a signal does, and answers whether all went well.
    pub(crate) async fn stop(self) -> bool {
        self.parts.tasks.stop();
        self.parts.tasks.drained().await
    }
}
