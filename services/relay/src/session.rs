//! One session: from "Postgres and Kafka can be reached" until one of them cannot, or the process stops.
//!
//! The slot itself is the lock: whoever streams from it is the relay, everybody else stands by. Confirmed
//! to Postgres is only what Kafka has acknowledged, so a session that ends anywhere loses nothing; the next
//! one begins at the confirmed position and repeats what was under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use pgwire_replication::{Lsn, ReplicationClient, ReplicationEvent};
use tokio::time::MissedTickBehavior;

use crate::context::Relay;
use crate::envelope::Source;
use crate::error::Parted;
use crate::memory::History;
use crate::opening::{self, Opened, STATUS_INTERVAL, refused};
use crate::pgoutput::{self, Message, POSTGRES_EPOCH_US};
use crate::publisher::Publisher;
use crate::router::Router;
use crate::snapshot::Snapshot;
use crate::status::State;
use crate::store::{self, Described};
use crate::tracker::{Position, Ticket};

/// Between two looks at what Kafka acknowledged, while it has not acknowledged everything.
const TICK: Duration = Duration::from_millis(50);
/// Between two looks at whether the other ends are still there, while there is nothing to do.
const IDLE_TICK: Duration = Duration::from_secs(1);
/// A connection that brings nothing for three heartbeats and this many seconds is dead.
const SILENT_SECONDS: u64 = 30;
/// Kafka acknowledges within milliseconds; after this many seconds without, the relay says so.
const STALLED_SECONDS: u64 = 5;
/// Opening takes no longer, or the other end is gone without a word.
const OPENING: Duration = Duration::from_mins(1);
/// How long a stop waits for Kafka's acknowledgements.
const FLUSH: Duration = Duration::from_secs(5);
/// How long an end waits for Postgres' connection.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two looks at a full producer.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// The shortest time from a round of many changes to the next. Long against a commit, short against a person.
const PACE: Duration = Duration::from_millis(10);
/// Events in one round at most.
const ROUND_MAX: usize = 4_096;
/// Changes from which on a round shows that more are coming.
const BUSY_FROM: u64 = 8;

/// Runs a session; answers why it ended.
pub(crate) async fn run(relay: &Relay) -> Parted {
    let opened = tokio::select! {
        () = relay.tasks.stopping() => return Parted::Stopping,
        opened = tokio::time::timeout(OPENING, Box::pin(opening::open(relay))) => opened,
    };
    let opened = opened.unwrap_or(Err(Parted::Silent(OPENING.as_secs())));
    let mut session = match opened.and_then(|opened| Session::new(relay, opened)) {
        Ok(session) => session,
        Err(ended) => return ended,
    };
    let ended = match Box::pin(session.work()).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    };
    session.close(matches!(ended, Parted::Stopping)).await;
    ended
}

/// Nothing: a session has no good end.
enum Never {}

struct Session<'a> {
    relay: &'a Relay,
    client: ReplicationClient,
    publisher: Arc<Publisher>,
    /// Taken while a snapshot uses it.
    router: Option<Router>,
    tables: Arc<Vec<Described>>,
    history: History,
    /// Where the stream begins.
    start: u64,
    snapshot_due: bool,
    open: Option<(Ticket, Source)>,
    last_commit_lsn: Option<u64>,
    seen: Progress,
    /// Changes so far.
    changes: u64,
}

/// What the ticks compare.
struct Progress {
    heard: bool,
    heard_at: Instant,
    confirmed: Position,
    moved_at: Instant,
    stalled: bool,
}

impl<'a> Session<'a> {
    fn new(relay: &'a Relay, opened: Opened) -> Result<Self, Parted> {
        let Opened {
            client,
            database,
            tables,
            history,
            start,
            snapshot_due,
        } = opened;
        let name = |table: &Described| format!("{}.{}", table.relation.schema, table.relation.name);
        let keys: HashMap<_, _> = tables
            .iter()
            .map(|table| (name(table), table.key.clone()))
            .collect();
        let now = Instant::now();
        Ok(Self {
            relay,
            client,
            publisher: Arc::new(Publisher::new(&relay.kafka, &relay.meters)?),
            router: Some(Router::new(&database, &relay.kafka, &relay.clock, keys)),
            tables: Arc::new(tables),
            history,
            start,
            snapshot_due,
            open: None,
            last_commit_lsn: None,
            changes: 0,
            seen: Progress {
                heard: false,
                heard_at: now,
                confirmed: Position {
                    lsn: start,
                    commit_time_us: 0,
                },
                moved_at: now,
                stalled: false,
            },
        })
    }

    async fn work(&mut self) -> Result<Never, Parted> {
        if self.snapshot_due {
            self.snapshot().await?;
        }
        tracing::info!(
            slot = self.relay.config.slot_name,
            from = %Lsn(self.start),
            "streaming changes from Postgres to Kafka"
        );
        let relay = self.relay;
        relay.status.confirmed(self.seen.confirmed);
        relay.status.streaming();
        tokio::select! {
            ended = self.stream() => ended,
            never = beat(relay) => match never {},
        }
    }

    async fn snapshot(&mut self) -> Result<(), Parted> {
        let relay = self.relay;
        relay.status.not_working(
            State::Snapshotting,
            "What was there before the slot is being published.",
        );
        tracing::info!(slot = relay.config.slot_name, at = %Lsn(self.start), "snapshot begins");
        let router = self
            .router
            .take()
            .ok_or(Parted::Inconsistent("a snapshot is under way"))?;
        let source = Source {
            lsn: self.start,
            last_commit_lsn: None,
            xid: None,
            commit_time_us: relay.clock.now().timestamp_micros(),
            snapshot: true,
        };
        let snapshot = Snapshot {
            tables: Arc::clone(&self.tables),
            router,
            publisher: Arc::clone(&self.publisher),
            tasks: relay.tasks.clone(),
            source,
        };
        self.router = Some(snapshot.publish(&relay.pool).await?);
        store::snapshot_done(&relay.pool, &relay.config.slot_name).await?;
        self.seen.heard_at = Instant::now();
        self.seen.moved_at = Instant::now();
        tracing::info!("snapshot complete");
        Ok(())
    }

    async fn stream(&mut self) -> Result<Never, Parted> {
        let mut next = tokio::time::Instant::now();
        loop {
            // All can be dropped at any moment without losing anything: an event stays in its channel.
            tokio::select! {
                event = self.client.recv() => {
                    match event {
                        Ok(Some(event)) => self.round(event).await?,
                        Ok(None) => return Err(Parted::Inconsistent("Postgres ended it")),
                        Err(error) => return Err(refused(self.relay, error)),
                    }
                    next = next.min(tokio::time::Instant::now() + TICK);
                }
                () = tokio::time::sleep_until(next) => {
                    // Asked first: what is acknowledged after this is confirmed by a further look.
                    let idle = self.publisher.is_idle();
                    self.tick()?;
                    next = tokio::time::Instant::now() + if idle { IDLE_TICK } else { TICK };
                }
                () = self.relay.tasks.stopping() => return Err(Parted::Stopping),
            }
        }
    }

    /// Handles an event and all that are there already. After a round of many the next begins at the
    /// earliest [`PACE`] after it, so that what is committed meanwhile goes out together.
    async fn round(&mut self, first: ReplicationEvent) -> Result<(), Parted> {
        let began = tokio::time::Instant::now();
        let before = self.changes;
        let mut events = vec![first];
        while events.len() < ROUND_MAX
            && let Some(event) = self.client.recv().now_or_never()
        {
            match event {
                Ok(Some(event)) => events.push(event),
                Ok(None) => return Err(Parted::Inconsistent("Postgres ended it")),
                Err(error) => return Err(refused(self.relay, error)),
            }
        }
        let changes = |event: &ReplicationEvent| matches!(event, ReplicationEvent::XLogData { .. });
        if self.relay.is_followed() && events.iter().any(changes) {
            // Or a standby that takes over would not know what was published.
            store::reach_standby(&self.relay.pool).await?;
        }
        for event in events {
            self.handle(event).await?;
        }
        if self.changes - before >= BUSY_FROM {
            tokio::time::sleep_until(began + PACE).await;
        }
        Ok(())
    }

    async fn handle(&mut self, event: ReplicationEvent) -> Result<(), Parted> {
        self.seen.heard = true;
        match event {
            ReplicationEvent::XLogData { wal_start, data, .. } => self.change(wal_start.0, &data).await,
            ReplicationEvent::Begin {
                xid,
                commit_time_micros,
                ..
            } => {
                let source = Source {
                    lsn: 0,
                    last_commit_lsn: self.last_commit_lsn,
                    xid: Some(xid),
                    commit_time_us: commit_time_micros.saturating_add(POSTGRES_EPOCH_US),
                    snapshot: false,
                };
                self.open = Some((self.publisher.begin(), source));
                Ok(())
            }
            ReplicationEvent::Commit { lsn, end_lsn, .. } => {
                let without = Parted::Inconsistent("a commit came without its begin");
                let (ticket, source) = self.open.take().ok_or(without)?;
                let end = Position {
                    lsn: end_lsn.0,
                    commit_time_us: source.commit_time_us,
                };
                self.publisher.commit(ticket, end);
                self.last_commit_lsn = Some(lsn.0);
                Ok(())
            }
            ReplicationEvent::KeepAlive { wal_end, .. } => {
                if self.open.is_none() {
                    self.publisher.idle_at(wal_end.0);
                }
                Ok(())
            }
            ReplicationEvent::Message { .. } | ReplicationEvent::StoppedAt { .. } => Ok(()),
        }
    }

    async fn change(&mut self, lsn: u64, data: &[u8]) -> Result<(), Parted> {
        while !self.publisher.has_room() {
            self.tick()?;
            tokio::time::sleep(FULL_PAUSE).await;
        }
        let router = self
            .router
            .as_mut()
            .ok_or(Parted::Inconsistent("a snapshot is under way"))?;
        match pgoutput::decode(data)? {
            Message::Relation(relation) => router.relation(&relation),
            message @ (Message::Insert { .. } | Message::Update { .. } | Message::Delete { .. }) => {
                self.relay.meters.changes.increment(1);
                self.changes += 1;
                let outside = Parted::Inconsistent("a change came outside a transaction");
                let (ticket, source) = self.open.as_ref().ok_or(outside)?;
                let source = Source { lsn, ..*source };
                router.publish(&self.publisher, *ticket, &source, message).await
            }
            _ => Ok(()),
        }
    }

    /// Confirms what was acknowledged; notices failures, silence and the stop signal.
    fn tick(&mut self) -> Result<(), Parted> {
        if self.relay.tasks.is_stopping() {
            return Err(Parted::Stopping);
        }
        self.publisher.check()?;
        let now = Instant::now();
        let status = &self.relay.status;
        let confirmed = self.publisher.confirmed();
        if confirmed.lsn > self.seen.confirmed.lsn {
            self.client.update_applied_lsn(Lsn(confirmed.lsn));
            self.seen.confirmed = confirmed;
            self.seen.moved_at = now;
            status.confirmed(confirmed);
            self.relay.memory.keep(self.history, confirmed.lsn);
        } else if self.publisher.is_idle() {
            self.seen.moved_at = now;
        }
        let stalled = now.duration_since(self.seen.moved_at).as_secs() >= STALLED_SECONDS;
        if stalled != self.seen.stalled {
            self.seen.stalled = stalled;
            if stalled {
                let reason = format!("Kafka has acknowledged nothing for {STALLED_SECONDS} s.");
                tracing::warn!("{reason}");
                status.stalled(&reason);
            } else {
                status.streaming();
            }
        }
        if std::mem::take(&mut self.seen.heard) || !self.publisher.has_room() {
            self.seen.heard_at = now;
        }
        let silent = now.duration_since(self.seen.heard_at).as_secs();
        let silent_max = SILENT_SECONDS + 3 * self.relay.config.heartbeat_seconds;
        if silent >= silent_max {
            Err(Parted::Silent(silent))
        } else {
            Ok(())
        }
    }

    /// Ends the session: on a stop everything under way is acknowledged and confirmed first.
    async fn close(mut self, stopping: bool) {
        let flush = stopping.then_some(FLUSH);
        // Elsewhere only while a snapshot that was given up still winds down; it then drops the publisher.
        if let Some(publisher) = Arc::into_inner(self.publisher) {
            let confirmed = publisher.close(flush).await;
            if stopping {
                self.relay.status.confirmed(confirmed);
                self.client.update_applied_lsn(Lsn(confirmed.lsn));
                let told = self.client.metrics();
                let deadline = Instant::now() + 2 * STATUS_INTERVAL;
                while self.client.is_running()
                    && told.last_applied_lsn().0 < confirmed.lsn
                    && Instant::now() < deadline
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        // What is still in the channel is thrown away; it was not confirmed and comes again.
        let farewell = tokio::time::timeout(FAREWELL, self.client.shutdown()).await;
        if farewell.is_err() {
            self.client.abort();
        }
    }
}

/// Writes a heartbeat at the configured interval and looks how far behind the relay is.
async fn beat(relay: &Relay) -> Never {
    let mut beats = tokio::time::interval(Duration::from_secs(relay.config.heartbeat_seconds));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        match platform::db::patiently(store::beat(&relay.pool)).await {
            Ok(beat) => {
                relay.status.wal_end(beat.wal_end);
                relay.set_followed(beat.followed);
            }
            Err(error) => tracing::debug!(error = platform::chain(&error), "no heartbeat"),
        }
        relay.meters.show(&relay.status.seen());
    }
}
