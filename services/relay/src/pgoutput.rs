//! Decodes the messages of Postgres' `pgoutput` plugin, protocol version 1, values in text form.
//!
//! Promise: no sequence of bytes makes it panic or allocate more than a small multiple of its own
//! length; what it cannot read is an error that says where and why. Nothing is copied: values are
//! slices of the message. Formats: Postgres' manual, "Logical Replication Message Formats".

use reader::Reader;

mod reader;

/// Microseconds between 1970-01-01 and 2000-01-01, where Postgres' timestamps begin.
pub const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;
/// Most columns that a Postgres table can have (`MaxTupleAttributeNumber`).
pub const COLUMNS_MAX: usize = 1_664;

/// Why a message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pgoutput message {tag:?} at byte {at}: {problem}")]
pub struct DecodeError {
    /// First byte of the message as a character, if there was one.
    pub tag: Option<char>,
    /// Offset in the message, in bytes.
    pub at: usize,
    /// What was wrong there.
    pub problem: &'static str,
}

/// One message of the stream. LSNs are byte positions in the write-ahead log; times are microseconds
/// since 1970.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// A transaction begins; all its changes follow before the next one's.
    Begin {
        /// Where its commit record stands.
        final_lsn: u64,
        /// When it was committed.
        commit_time_us: i64,
        /// Its transaction id.
        xid: u32,
    },
    /// The transaction is complete.
    Commit {
        /// Where the commit record stands.
        lsn: u64,
        /// The first byte after it: what is confirmed once everything is delivered.
        end_lsn: u64,
        /// When it was committed.
        commit_time_us: i64,
    },
    /// The transaction came from another server.
    Origin {
        /// Where it was committed there.
        lsn: u64,
        /// The origin's name.
        name: &'a str,
    },
    /// The shape of a table, sent before its first change and after every change of shape.
    Relation(Relation),
    /// A user-defined type.
    Type {
        /// Its object id.
        oid: u32,
        /// Its schema.
        schema: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// A row was inserted.
    Insert {
        /// Object id of the table.
        relation: u32,
        /// The row.
        new: Tuple<'a>,
    },
    /// A row was updated.
    Update {
        /// Object id of the table.
        relation: u32,
        /// The old row or its key, where the replica identity gives one.
        old: Option<Old<'a>>,
        /// The row now.
        new: Tuple<'a>,
    },
    /// A row was deleted.
    Delete {
        /// Object id of the table.
        relation: u32,
        /// The old row or its key.
        old: Old<'a>,
    },
    /// Tables were emptied.
    Truncate {
        /// Object ids of the tables.
        relations: Vec<u32>,
    },
    /// Something said with `pg_logical_emit_message`.
    Logical {
        /// Whether it belongs to the transaction around it.
        transactional: bool,
        /// Where it stands.
        lsn: u64,
        /// What kind it is.
        prefix: &'a str,
        /// What was said.
        content: &'a [u8],
    },
}

/// What is known of a row before its change.
#[derive(Debug, Clone, PartialEq)]
pub enum Old<'a> {
    /// Only the columns of the replica identity; the others are null. On an update it is sent only
    /// when one of them changed.
    Key(Tuple<'a>),
    /// The whole row (`replica identity full`).
    Full(Tuple<'a>),
}

impl<'a> Old<'a> {
    /// Its columns.
    pub const fn tuple(&self) -> Tuple<'a> {
        match self {
            Self::Key(tuple) | Self::Full(tuple) => *tuple,
        }
    }
}

/// The shape of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its object id, by which changes name it.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its replica identity: `d` primary key, `f` whole row, `i` an index, `n` nothing.
    pub identity: u8,
    /// Its columns in the order of every tuple.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Whether it belongs to the replica identity.
    pub identity: bool,
    /// Its name.
    pub name: String,
    /// Object id of its type.
    pub type_oid: u32,
}

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// SQL null.
    Null,
    /// A large value that the change did not touch and that is therefore not in the log.
    Unchanged,
    /// The value as its type's output function writes it.
    Text(&'a str),
}

/// The values of a row: checked bytes, read again by [`Tuple::cells`] without allocating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple<'a> {
    columns: u16,
    bytes: &'a [u8],
}

impl<'a> Tuple<'a> {
    /// How many values it has, at most [`COLUMNS_MAX`].
    pub const fn columns(&self) -> u16 {
        self.columns
    }

    /// Its values in the order of the table's columns.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let mut reader = Reader {
            all: self.bytes,
            at: 0,
        };
        // The bytes were checked when the tuple was read, so this never ends early.
        (0..self.columns).map_while(move |_| reader.cell().ok())
    }
}

/// Reads one message.
///
/// # Errors
/// When the bytes are not a complete message of protocol version 1 with values in text form.
pub fn decode(message: &[u8]) -> Result<Message<'_>, DecodeError> {
    let mut reader = Reader { all: message, at: 0 };
    let decoded = reader.message()?;
    if reader.at == message.len() {
        Ok(decoded)
    } else {
        Err(reader.error("bytes are left over"))
    }
}

#[cfg(test)]
#[path = "pgoutput_tests.rs"]
mod tests;
