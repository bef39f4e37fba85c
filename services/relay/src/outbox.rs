//! A row inserted into an outbox → the record that Debezium's Outbox Event Router would publish.
//!
//! Promise: the topic is `aggregatetype`; the key is `aggregateid` as a JSON string, quotes included;
//! the value is the payload's JSON without its spaces (`table.expand.json.payload=true`); the headers
//! are `id`, `eventType` and what of the envelope is there (`table.fields.additional.placement`). Debezium writes a
//! header without a value for what is null; whoever reads takes both for nothing. Updates and deletions of outbox rows
//! are ignored by whoever calls this.

use platform::envelope::{ACTOR, DEADLINE_MS, TRACEPARENT};

use crate::pgoutput::{Cell, Relation};
use crate::values;

/// The name of every outbox table.
pub const TABLE: &str = "outbox";
/// The name of what was an outbox before outboxes had days. Its rows are messages that were said before.
pub const FORMER: &str = "outbox_former";
/// Header with the message's id, by which consumers recognise a repetition.
pub const ID_HEADER: &str = "id";
/// Header with the message's type.
pub const TYPE_HEADER: &str = "eventType";

/// Columns that every outbox has, in the order of [`Layout`].
const NEEDED: [&str; 5] = ["id", "aggregatetype", "aggregateid", "type", "payload"];
/// Columns that an outbox may have, each with the header of its name: what travels with a message beside its body.
pub const ENVELOPE: [&str; 3] = [ACTOR, TRACEPARENT, DEADLINE_MS];
/// Both.
const COLUMNS: usize = NEEDED.len() + ENVELOPE.len();

/// An outbox that cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// The table lacks a column.
    #[error("table {table} has no column {column}, which the event router needs")]
    Column {
        /// The table, with its schema.
        table: String,
        /// The missing column.
        column: &'static str,
    },
    /// A row lacks a value.
    #[error("an outbox row has no {column}")]
    Value {
        /// The column that is null.
        column: &'static str,
    },
}

/// Where an outbox table has its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout([Option<usize>; COLUMNS]);

/// The values of an outbox row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Names the message.
    pub id: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The key, not yet as JSON.
    pub key: &'a str,
    /// The type.
    pub kind: &'a str,
    /// The payload, JSON as Postgres prints it.
    pub payload: &'a str,
    /// What is there of [`ENVELOPE`].
    pub envelope: [Option<&'a str>; ENVELOPE.len()],
}

/// Whether the rows of a table are messages.
pub fn is_outbox(table: &Relation) -> bool {
    [TABLE, FORMER].contains(&table.name.as_str())
}

impl Layout {
    /// Finds the columns.
    ///
    /// # Errors
    /// When one is missing.
    pub fn of(relation: &Relation) -> Result<Self, OutboxError> {
        let mut at = [None; COLUMNS];
        for (position, name) in at.iter_mut().zip(NEEDED.into_iter().chain(ENVELOPE)) {
            *position = relation.columns.iter().position(|column| column.name == name);
            if position.is_none() && NEEDED.contains(&name) {
                return Err(OutboxError::Column {
                    table: format!("{}.{}", relation.schema, relation.name),
                    column: name,
                });
            }
        }
        Ok(Self(at))
    }

    /// Reads a row.
    ///
    /// # Errors
    /// When a needed value is null.
    pub fn read<'a>(&self, cells: impl Iterator<Item = Cell<'a>>) -> Result<Row<'a>, OutboxError> {
        let mut found = [None; COLUMNS];
        for (index, cell) in cells.enumerate() {
            if let (Some(slot), Cell::Text(text)) = (self.0.iter().position(|at| *at == Some(index)), cell)
                && let Some(value) = found.get_mut(slot)
            {
                *value = Some(text);
            }
        }
        let [id, topic, key, kind, payload, envelope @ ..] = found;
        let need = |value: Option<&'a str>, column| value.ok_or(OutboxError::Value { column });
        Ok(Row {
            id: need(id, "id")?,
            topic: need(topic, "aggregatetype")?,
            key: need(key, "aggregateid")?,
            kind: need(kind, "type")?,
            payload: need(payload, "payload")?,
            envelope,
        })
    }
}

impl<'a> Row<'a> {
    /// The record's headers.
    pub fn headers(&self) -> Vec<(&'static str, &'a str)> {
        let envelope = ENVELOPE.into_iter().zip(self.envelope);
        let envelope = envelope.filter_map(|(name, value)| Some((name, value?)));
        let mut headers = vec![(ID_HEADER, self.id), (TYPE_HEADER, self.kind)];
        headers.extend(envelope);
        headers
    }

    /// Writes the record's key.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        out.clear();
        values::string(out, self.key);
    }

    /// Writes the record's value.
    pub fn write_value(&self, out: &mut Vec<u8>) {
        out.clear();
        compact(out, self.payload.as_bytes());
    }
}

/// Copies JSON without the spaces that Postgres puts after `:` and `,`.
fn compact(out: &mut Vec<u8>, json: &[u8]) {
    out.reserve(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = *byte == b'"';
        }
        out.push(*byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::wire;

    fn relation() -> Relation {
        wire::table(
            "inventory",
            "outbox",
            b'd',
            &[
                ("id", 2950, true),
                ("created_at", 1184, false),
                ("aggregatetype", 25, false),
                ("aggregateid", 25, false),
                ("type", 25, false),
                ("payload", 3802, false),
            ],
        )
    }

    #[test]
    fn routes_as_the_event_router_does() {
        let layout = Layout::of(&relation()).unwrap();
        let cells = [
            "0195",
            "2026",
            "inventory.commands",
            "saga-1",
            "Hold",
            r#"{"rooms": 1, "note": "a: \"b, c\""}"#,
        ];
        let row = layout.read(cells.into_iter().map(Cell::Text)).unwrap();
        assert_eq!(
            (row.topic, row.id, row.kind),
            ("inventory.commands", "0195", "Hold")
        );
        let (mut key, mut value) = (Vec::new(), Vec::new());
        row.write_key(&mut key);
        row.write_value(&mut value);
        assert_eq!(key, br#""saga-1""#);
        assert_eq!(value, br#"{"rooms":1,"note":"a: \"b, c\""}"#);
    }

    #[test]
    fn a_header_is_written_for_what_there_is_of_the_envelope() {
        let cells = ["0195", "2026", "inventory.commands", "saga-1", "Hold", "{}"].map(Cell::Text);
        let names = |row: Row<'_>| {
            let headers = row.headers();
            headers
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        // A table of the former release.
        let row = Layout::of(&relation()).unwrap().read(cells.into_iter()).unwrap();
        assert_eq!(names(row), ["id=0195", "eventType=Hold"]);

        let mut all = relation();
        for name in ["deadline_ms", "actor", "traceparent"] {
            let mut column = all.columns[1].clone();
            column.name = name.to_owned();
            all.columns.push(column);
        }
        let layout = Layout::of(&all).unwrap();
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (more, wanted) in [
            ([Cell::Null; 3], vec![]),
            (
                [Cell::Null, Cell::Null, Cell::Text(trace)],
                vec![format!("traceparent={trace}")],
            ),
            (
                [Cell::Text("1796000000000"), Cell::Text("development"), Cell::Null],
                vec![
                    "actor=development".to_owned(),
                    "deadline_ms=1796000000000".to_owned(),
                ],
            ),
        ] {
            let row = layout.read(cells.into_iter().chain(more)).unwrap();
            assert_eq!(names(row)[2..], wanted);
        }
    }

    #[test]
    fn says_which_column_or_value_is_missing() {
        let mut lacking = relation();
        lacking.columns.retain(|column| column.name != "type");
        let message = Layout::of(&lacking).unwrap_err().to_string();
        assert_eq!(
            message,
            "table inventory.outbox has no column type, which the event router needs"
        );
        let nulls = Layout::of(&relation()).unwrap().read([Cell::Null; 6].into_iter());
        assert_eq!(nulls, Err(OutboxError::Value { column: "id" }));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z \"\\\\]{0,5}", inner, 0..4)
                    .prop_map(|map| Value::from(map.into_iter().collect::<serde_json::Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn compacting_changes_nothing_but_spaces(value in any_json()) {
            let mut out = Vec::new();
            compact(&mut out, serde_json::to_string_pretty(&value).unwrap().as_bytes());
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
