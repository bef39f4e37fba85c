//! Holds of one hot room night: everybody wants the same row.
//!
//! Both ways leave the same rows: a hold, a reply in the outbox, a message in the inbox, one counter. One
//! commits per hold, as most systems do; the other settles what queued while the last commit was flushed.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::ensure;
use contract::command::{HeldLine, HeldLines, InventoryCommand};
use contract::{CommandEnvelope, HoldId, HotelId, Outcome, RoomTypeId, SagaId, Stay, StayDate, topics};
use futures::future::join_all;
use hdrhistogram::Histogram;
use platform::db::unit_of_work;
use platform::grouped::{Grouped, Settle};
use platform::outbox::Outgoing;
use platform::{Broken, Tasks};
use sqlx::{AssertSqlSafe, Executor as _, PgPool};
use tests::Platform;

use crate::book::ms;
use crate::cpu::{Part, Processes};
use crate::machine::{self, hundredths, say};

/// Clients that each wait for their hold before the next.
const CLIENTS: usize = 64;
/// Connections of the one-by-one way: more make a hot row slower.
const CONNECTIONS: u32 = 16;
/// Rooms of the one night: never sold out.
const ROOMS: u32 = 100_000_000;
/// Commands that one group takes at most: a consumer's batch.
const GROUP_MAX: usize = 500;

type Command = CommandEnvelope<InventoryCommand>;

#[derive(Clone)]
struct Hot {
    pool: PgPool,
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    stay: Stay,
}

struct Run {
    per_second: u64,
    p99: u64,
}

pub(crate) async fn run(seconds: u64, pairs: usize) -> anyhow::Result<()> {
    say(format!(
        "conditions: {}, flush probe {} us",
        machine::conditions(),
        machine::flush_probe()?.as_micros()
    ));
    let platform = Platform::migrated();
    let hot = Hot::create(&platform).await?;
    let processes = Processes::of(&platform, &[Part::Postgres, Part::Generator])?;
    let tasks = Tasks::new();
    let grouped = Grouped::start(
        &tasks,
        "grouped holds",
        Group(hot.clone()),
        GROUP_MAX,
        CLIENTS * 2,
    );
    let (mut rates, mut tails) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        let one = measure(
            "one commit per hold",
            seconds,
            &processes,
            &hot,
            async |command| {
                hot.settle(vec![command])
                    .await
                    .map(|outcomes| outcomes.len() == 1)
            },
        )
        .await?;
        let many = measure("grouped", seconds, &processes, &hot, async |command| {
            Ok(grouped.ask(command).await.unwrap_or(false))
        })
        .await?;
        rates.push(many.per_second * 100 / one.per_second.max(1));
        tails.push(one.p99 * 100 / many.p99.max(1));
    }
    rates.sort_unstable();
    tails.sort_unstable();
    let median = |sorted: &[u64]| hundredths(sorted.get(sorted.len() / 2).copied().unwrap_or(0), 100);
    say(format!(
        "grouped holds per second: {} times as many (aim: 10)",
        median(&rates)
    ));
    say(format!(
        "p99: one {} th of one commit per hold's (aim: 8)",
        median(&tails)
    ));
    hot.check(&platform).await?;
    tasks.stop();
    Ok(())
}

async fn measure<F>(
    name: &str,
    seconds: u64,
    processes: &Processes,
    hot: &Hot,
    hold: impl Fn(Command) -> F,
) -> anyhow::Result<Run>
where
    F: Future<Output = Result<bool, Broken>>,
{
    let latency = std::cell::RefCell::new(Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?);
    let (cpu, began) = (processes.cpu()?, Instant::now());
    let until = began + Duration::from_secs(seconds);
    let clients = (0..CLIENTS).map(async |_| {
        while Instant::now() < until {
            let sent = Instant::now();
            let done = hold(hot.command()).await?;
            ensure!(done, "a hold was not taken");
            let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            latency.borrow_mut().saturating_record(micros);
        }
        Ok(())
    });
    for client in join_all(clients).await {
        client?;
    }
    let latency = latency.borrow();
    let (p50, p99) = (latency.value_at_quantile(0.5), latency.value_at_quantile(0.99));
    let millis = u64::try_from(began.elapsed().as_millis())?.max(1);
    let per_second = latency.len() * 1_000 / millis;
    let spent = processes.cpu()?.per_operation(&cpu, latency.len())?;
    say(format!(
        "  {name}: {per_second} holds/s, p50 {} p99 {}; CPU: {spent}",
        ms(p50),
        ms(p99)
    ));
    Ok(Run { per_second, p99 })
}

impl Hot {
    async fn create(platform: &Platform) -> anyhow::Result<Self> {
        platform
            .tamper("alter table inventory.room_night drop constraint room_night_total_check")
            .await;
        let url = platform
            .env
            .iter()
            .find(|(name, _)| name == "BELLHOP_ADMIN_DATABASE_URL");
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect(url.map_or("", |(_, url)| url))
            .await?;
        let night = StayDate::from_date(platform::Clock::system().now().date_naive())?.plus_days(30);
        let (hotel_id, room_type_id) = (HotelId::new(), RoomTypeId::new());
        let row = format!(
            "insert into inventory.room_night (hotel_id, room_type_id, night, total) \
             values ('{hotel_id}', '{room_type_id}', '{night}', {ROOMS})"
        );
        pool.execute(AssertSqlSafe(row)).await?;
        Ok(Self {
            pool,
            hotel_id,
            room_type_id,
            stay: Stay::new(night, night.plus_days(1))?,
        })
    }

    fn command(&self) -> Command {
        let command = InventoryCommand::Hold {
            hotel_id: self.hotel_id,
            hold_id: HoldId::new(),
            lines: HeldLines(vec![HeldLine {
                room_type_id: self.room_type_id,
                stay: self.stay,
                rooms: 1,
            }]),
            time_zone: Some("Europe/Lisbon".to_owned()),
        };
        CommandEnvelope {
            saga_id: SagaId::new(),
            step: "hold-rooms".to_owned(),
            undo: false,
            round: 1,
            attempt: 1,
            command,
        }
    }

    /// Settles commands in one transaction, as the consumer does: holds, replies, inbox.
    async fn settle(&self, commands: Vec<Command>) -> Result<Vec<bool>, Broken> {
        unit_of_work(&self.pool, move |db| {
            Box::pin(async move {
                let messages: Vec<uuid::Uuid> = commands.iter().map(|_| HoldId::new().uuid()).collect();
                let config = inventory::Config {
                    hold_ttl_seconds: 900,
                    hold_kept_days: 400,
                };
                let reply = |(command, outcome): (&Command, &Outcome)| {
                    let reply = command.reply(outcome.clone());
                    Outgoing::new(
                        topics::ORCHESTRATOR_MESSAGES,
                        reply.saga_id.to_string(),
                        reply.name(),
                        &reply,
                    )
                };
                let replies =
                    |outcomes: &[Outcome]| commands.iter().zip(outcomes).map(reply).collect::<Result<_, _>>();
                let queued: Vec<_> = commands.iter().cloned().map(inventory::Queued::from).collect();
                let settled = inventory::settle(db, &queued, &messages, &config, replies);
                let (outcomes, _) = settled.await?;
                Ok(outcomes.iter().map(|outcome| *outcome == Outcome::Done).collect())
            })
        })
        .await
    }

    /// Whether the counter is the sum of the holds, and each hold has its reply: else no figure counts.
    async fn check(&self, platform: &Platform) -> anyhow::Result<()> {
        let sum = "select (sum(held) = (select count(*) from inventory.hold) \
                   and sum(held) = (select count(*) from inventory.outbox) \
                   and sum(held) = (select count(*) from inventory.inbox))::text from inventory.room_night";
        ensure!(
            platform.query(sum).await.as_deref() == Some("true"),
            "the rows left behind differ: no figure counts"
        );
        say("counter = holds = replies = messages handled");
        Ok(())
    }
}

struct Group(Hot);

impl Settle for Group {
    type Request = Command;
    type Answer = bool;

    async fn settle(&mut self, group: Vec<Command>) -> Vec<bool> {
        let count = group.len();
        self.0.settle(group).await.unwrap_or_else(|_| vec![false; count])
    }
}
