//! A changed row → the records that Debezium's Postgres connector would publish for it.
//!
//! Promise: topic `<prefix>.<schema>.<table>`; the key is a JSON object of the primary key's columns;
//! the value is Debezium's envelope with `source.lsn` the position of the change itself. A change of
//! the key is two records, the old key's deletion and the new key's creation, as Debezium does.
//! Tombstones are off.

use crate::pgoutput::{Cell, Old, Relation, Tuple};
use crate::values;

/// What Debezium writes for a large value that the change did not touch and the log does not hold.
pub const UNAVAILABLE: &str = "__debezium_unavailable_value";

/// How a table's changes are published.
#[derive(Debug, Clone)]
pub struct Table {
    /// The topic of its changes.
    pub topic: String,
    columns: Vec<Column>,
    /// `"schema":"…","table":"…",`, which every envelope repeats.
    named: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Column {
    /// `"name":`
    label: Vec<u8>,
    type_oid: u32,
    key: bool,
}

/// What the whole stream has in common.
#[derive(Debug, Clone)]
pub struct Stream {
    /// `"version":…,"connector":…,"name":…,` of every `source`.
    head: Vec<u8>,
    /// `"db":…,` of every `source`.
    database: Vec<u8>,
}

impl Stream {
    /// `name` is Debezium's `topic.prefix`, `database` the captured database.
    pub fn new(name: &str, database: &str) -> Self {
        let mut head = Vec::new();
        for (label, text) in [
            ("version", env!("CARGO_PKG_VERSION")),
            ("connector", "postgresql"),
            ("name", name),
        ] {
            member(&mut head, label, text);
        }
        let mut db = Vec::new();
        member(&mut db, "db", database);
        Self { head, database: db }
    }
}

/// Where and when a change happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Position of the change in the write-ahead log, in bytes.
    pub lsn: u64,
    /// Position of the commit before this transaction, if one was seen.
    pub last_commit_lsn: Option<u64>,
    /// The transaction; none for a row read by a snapshot.
    pub xid: Option<u32>,
    /// When it was committed (or read), in microseconds since 1970.
    pub commit_time_us: i64,
    /// Whether the row was read by a snapshot.
    pub snapshot: bool,
}

/// What happened to a row.
#[derive(Debug, Clone)]
pub enum Change<'a> {
    /// It was inserted.
    Create(Tuple<'a>),
    /// It was updated.
    Update(Option<Old<'a>>, Tuple<'a>),
    /// It was deleted.
    Delete(Old<'a>),
}

/// The bytes of one record.
#[derive(Debug, Default)]
pub struct Record {
    /// JSON object of the primary key; empty when the table has none.
    pub key: Vec<u8>,
    /// JSON envelope.
    pub value: Vec<u8>,
}

impl Table {
    /// The topics of `prefix` (with its namespace in front) for a table. `key` names the columns of its
    /// primary key; without it the replica identity serves.
    pub fn new(prefix: &str, relation: &Relation, key: Option<&[String]>) -> Self {
        let columns = relation.columns.iter().map(|column| {
            let mut label = Vec::new();
            values::string(&mut label, &column.name);
            label.push(b':');
            let key = key.map_or(column.identity, |names| names.contains(&column.name));
            Column {
                label,
                type_oid: column.type_oid,
                key,
            }
        });
        let mut named = Vec::new();
        member(&mut named, "schema", &relation.schema);
        member(&mut named, "table", &relation.name);
        let topic = format!("{prefix}.{}.{}", relation.schema, relation.name);
        Self {
            topic,
            columns: columns.collect(),
            named,
        }
    }

    /// Hands each record of a change to `publish`, with buffers that are used again for the next.
    ///
    /// # Errors
    /// What `publish` answers.
    pub fn records<E>(
        &self,
        stream: &Stream,
        source: &Source,
        now_us: i64,
        change: &Change<'_>,
        record: &mut Record,
        mut publish: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut one = |op: u8,
                       key: Tuple<'_>,
                       before: Option<Tuple<'_>>,
                       after: Option<(Tuple<'_>, Option<&Old<'_>>)>| {
            self.write_key(&mut record.key, key.cells());
            let before = before.map(|tuple| (tuple.cells(), None));
            let after = after.map(|(tuple, old)| (tuple.cells(), full(old)));
            self.write_value(&mut record.value, stream, source, now_us, op, before, after);
            publish(record)
        };
        match change {
            Change::Create(new) => one(b'c', *new, None, Some((*new, None))),
            Change::Delete(old) => one(b'd', old.tuple(), Some(old.tuple()), None),
            Change::Update(Some(old), new) if self.key_differs(old.tuple(), *new) => {
                one(b'd', old.tuple(), Some(old.tuple()), None)?;
                one(b'c', *new, None, Some((*new, Some(old))))
            }
            Change::Update(old, new) => {
                let before = old.as_ref().map(Old::tuple);
                one(b'u', *new, before, Some((*new, old.as_ref())))
            }
        }
    }

    /// Writes the record of a row that a snapshot read, its values as text in the order of the columns.
    pub fn snapshot_record<'a>(
        &self,
        stream: &Stream,
        source: &Source,
        now_us: i64,
        row: impl Iterator<Item = Cell<'a>> + Clone,
        record: &mut Record,
    ) {
        self.write_key(&mut record.key, row.clone());
        let before: Option<(std::iter::Empty<Cell<'_>>, _)> = None;
        self.write_value(
            &mut record.value,
            stream,
            source,
            now_us,
            b'r',
            before,
            Some((row, None)),
        );
    }

    fn key_differs(&self, old: Tuple<'_>, new: Tuple<'_>) -> bool {
        let pairs = old.cells().zip(new.cells()).zip(&self.columns);
        pairs
            .filter(|(_, column)| column.key)
            .any(|((old, new), _)| new != Cell::Unchanged && old != new)
    }

    fn write_key<'a>(&self, out: &mut Vec<u8>, cells: impl Iterator<Item = Cell<'a>>) {
        out.clear();
        for (column, cell) in self.columns.iter().zip(cells).filter(|(column, _)| column.key) {
            out.push(if out.is_empty() { b'{' } else { b',' });
            out.extend_from_slice(&column.label);
            column.write(out, cell, None);
        }
        if !out.is_empty() {
            out.push(b'}');
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the members of the envelope, written in one place"
    )]
    fn write_value<'a, 'b>(
        &self,
        out: &mut Vec<u8>,
        stream: &Stream,
        source: &Source,
        now_us: i64,
        op: u8,
        before: Option<(impl Iterator<Item = Cell<'a>>, Option<Tuple<'a>>)>,
        after: Option<(impl Iterator<Item = Cell<'b>>, Option<Tuple<'b>>)>,
    ) {
        out.clear();
        out.extend_from_slice(b"{\"before\":");
        self.write_row(out, before);
        out.extend_from_slice(b",\"after\":");
        self.write_row(out, after);
        out.extend_from_slice(b",\"source\":{");
        self.write_source(out, stream, source);
        out.extend_from_slice(b"},\"transaction\":null,\"op\":\"");
        out.push(op);
        out.extend_from_slice(b"\",");
        write_times(out, now_us);
        out.push(b'}');
    }

    fn write_row<'a>(
        &self,
        out: &mut Vec<u8>,
        row: Option<(impl Iterator<Item = Cell<'a>>, Option<Tuple<'a>>)>,
    ) {
        let Some((cells, old)) = row else {
            out.extend_from_slice(b"null");
            return;
        };
        let mut old_cells = old.as_ref().map(Tuple::cells);
        out.push(b'{');
        for (position, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&column.label);
            column.write(out, cell, old_cells.as_mut().and_then(Iterator::next));
        }
        out.push(b'}');
    }

    fn write_source(&self, out: &mut Vec<u8>, stream: &Stream, source: &Source) {
        out.extend_from_slice(&stream.head);
        label_number(out, b"\"ts_ms\":", source.commit_time_us.div_euclid(1_000));
        let snapshot: &[u8] = if source.snapshot {
            b",\"snapshot\":\"true\","
        } else {
            b",\"snapshot\":\"false\","
        };
        out.extend_from_slice(snapshot);
        out.extend_from_slice(&stream.database);
        out.extend_from_slice(b"\"sequence\":\"[");
        match source.last_commit_lsn {
            None => out.extend_from_slice(b"null"),
            Some(lsn) => {
                label_number(out, b"\\\"", lsn);
                out.extend_from_slice(b"\\\"");
            }
        }
        label_number(out, b",\\\"", source.lsn);
        out.extend_from_slice(b"\\\"]\",");
        label_number(out, b"\"ts_us\":", source.commit_time_us);
        label_number(out, b",\"ts_ns\":", i128::from(source.commit_time_us) * 1_000);
        out.push(b',');
        out.extend_from_slice(&self.named);
        match source.xid {
            None => out.extend_from_slice(b"\"txId\":null"),
            Some(xid) => label_number(out, b"\"txId\":", xid),
        }
        label_number(out, b",\"lsn\":", source.lsn);
        out.extend_from_slice(b",\"xmin\":null,\"origin\":null,\"origin_lsn\":null");
    }
}

impl Column {
    fn write(&self, out: &mut Vec<u8>, cell: Cell<'_>, old: Option<Cell<'_>>) {
        match (cell, old) {
            (Cell::Text(text), _) | (Cell::Unchanged, Some(Cell::Text(text))) => {
                values::write(out, self.type_oid, text);
            }
            (Cell::Null, _) | (Cell::Unchanged, Some(Cell::Null)) => out.extend_from_slice(b"null"),
            (Cell::Unchanged, _) => values::string(out, UNAVAILABLE),
        }
    }
}

/// The old row, if all of it is known.
fn full<'a>(old: Option<&Old<'a>>) -> Option<Tuple<'a>> {
    match old {
        Some(Old::Full(tuple)) => Some(*tuple),
        Some(Old::Key(_)) | None => None,
    }
}

fn write_times(out: &mut Vec<u8>, us: i64) {
    label_number(out, b"\"ts_ms\":", us.div_euclid(1_000));
    label_number(out, b",\"ts_us\":", us);
    label_number(out, b",\"ts_ns\":", i128::from(us) * 1_000);
}

fn label_number(out: &mut Vec<u8>, label: &[u8], value: impl Into<i128>) {
    out.extend_from_slice(label);
    values::decimal(out, value);
}

/// `"label":"text",`
fn member(out: &mut Vec<u8>, label: &str, text: &str) {
    values::string(out, label);
    out.push(b':');
    values::string(out, text);
    out.push(b',');
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
