//! Sends each message of the stream where it belongs: outbox rows to the topic they name, changed rows to
//! their table's topic.

use std::collections::HashMap;

use platform::Clock;
use platform::kafka::KafkaConfig;
use rdkafka::error::KafkaError;

use crate::captured::{self, PREFIX};
use crate::envelope::{Change, Record, Source, Stream, Table};
use crate::error::Parted;
use crate::outbox::{self, Layout};
use crate::pgoutput::{Cell, Message, Relation};
use crate::publisher::{Outbound, Publisher};
use crate::tracker::Ticket;

/// Where the rows of a table go.
pub(crate) enum Target {
    /// Each row is a message.
    Outbox(Layout),
    /// Each change is published.
    Rows(Table),
    /// Not captured.
    Ignored,
}

/// Finds the target of each table and writes its records.
pub(crate) struct Router {
    stream: Stream,
    clock: Clock,
    kafka: KafkaConfig,
    /// Primary keys by `schema.table`.
    keys: HashMap<String, Vec<String>>,
    targets: HashMap<u32, Target>,
    record: Record,
    topic: String,
}

impl Router {
    pub(crate) fn new(
        database: &str,
        kafka: &KafkaConfig,
        clock: &Clock,
        keys: HashMap<String, Vec<String>>,
    ) -> Self {
        Self {
            stream: Stream::new(PREFIX, database),
            clock: clock.clone(),
            kafka: kafka.clone(),
            keys,
            targets: HashMap::new(),
            record: Record::default(),
            topic: String::new(),
        }
    }

    /// Learns the shape of a table.
    pub(crate) fn relation(&mut self, relation: &Relation) -> Result<(), Parted> {
        let target = self.target(relation)?;
        self.targets.insert(relation.oid, target);
        Ok(())
    }

    /// Where the rows of this table go.
    pub(crate) fn target(&self, relation: &Relation) -> Result<Target, Parted> {
        let name = format!("{}.{}", relation.schema, relation.name);
        if !captured::captured_tables().contains(&name.as_str()) {
            return Ok(Target::Ignored);
        }
        if outbox::is_outbox(relation) {
            return Ok(Target::Outbox(Layout::of(relation)?));
        }
        let key = self.keys.get(&name).map(Vec::as_slice);
        Ok(Target::Rows(Table::new(&self.kafka.topic(PREFIX), relation, key)))
    }

    /// Publishes the change that a message tells of, if it tells of one.
    pub(crate) async fn publish(
        &mut self,
        publisher: &Publisher,
        ticket: Ticket,
        source: &Source,
        message: Message<'_>,
    ) -> Result<(), Parted> {
        let (relation, change) = match message {
            Message::Insert { relation, new } => (relation, Change::Create(new)),
            Message::Update { relation, old, new } => (relation, Change::Update(old, new)),
            Message::Delete { relation, old } => (relation, Change::Delete(old)),
            _ => return Ok(()),
        };
        let unknown = Parted::Inconsistent("a change came before its table's shape");
        match self.targets.get(&relation).ok_or(unknown)? {
            Target::Ignored => Ok(()),
            Target::Rows(table) => {
                let now_us = self.clock.now().timestamp_micros();
                let sent = table.records(
                    &self.stream,
                    source,
                    now_us,
                    &change,
                    &mut self.record,
                    |record| send_row(publisher, ticket, table, record),
                );
                Ok(sent?)
            }
            Target::Outbox(layout) => {
                // Housekeeping deletes rows of a former outbox; nothing ever updates one.
                let Change::Create(new) = change else {
                    return Ok(());
                };
                let layout = *layout;
                self.outbox_row(publisher, ticket, layout, new.cells()).await
            }
        }
    }

    /// Publishes a row of an outbox.
    pub(crate) async fn outbox_row<'a>(
        &mut self,
        publisher: &Publisher,
        ticket: Ticket,
        layout: Layout,
        cells: impl Iterator<Item = Cell<'a>>,
    ) -> Result<(), Parted> {
        let row = layout.read(cells)?;
        if !publisher.knows(row.topic).await? {
            return Ok(());
        }
        self.topic.clear();
        self.topic.push_str(&self.kafka.topic_namespace);
        self.topic.push_str(row.topic);
        row.write_key(&mut self.record.key);
        row.write_value(&mut self.record.value);
        let headers = row.headers();
        let outbound = Outbound {
            topic: &self.topic,
            key: &self.record.key,
            value: &self.record.value,
            headers: &headers,
        };
        Ok(publisher.send(ticket, &outbound)?)
    }

    /// Publishes a row that a snapshot read.
    pub(crate) fn snapshot_row<'a>(
        &mut self,
        publisher: &Publisher,
        ticket: Ticket,
        table: &Table,
        source: &Source,
        cells: impl Iterator<Item = Cell<'a>> + Clone,
    ) -> Result<(), Parted> {
        table.snapshot_record(
            &self.stream,
            source,
            source.commit_time_us,
            cells,
            &mut self.record,
        );
        Ok(send_row(publisher, ticket, table, &self.record)?)
    }
}

fn send_row(publisher: &Publisher, ticket: Ticket, table: &Table, record: &Record) -> Result<(), KafkaError> {
    publisher.send(
        ticket,
        &Outbound {
            topic: &table.topic,
            key: &record.key,
            value: &record.value,
            headers: &[],
        },
    )
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
