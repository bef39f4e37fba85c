//! Decodes the messages of Postgres' `pgoutput` plugin, protocol version 1, values in text form.
//!
//! Promise: no sequence of bytes makes it panic or allocate more than a small multiple of its own
//! length; what it cannot read is an error that says where and why. Nothing is copied: values are
//! slices of the message. Formats: PostgreSQL manual, "Logical Replication Message Formats".

use std::fmt;

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tuple<'a> {
    columns: u16,
    bytes: &'a [u8],
}

impl fmt::Debug for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.cells()).finish()
    }
}

impl<'a> Tuple<'a> {
    /// How many values it has.
    pub fn len(&self) -> usize {
        usize::from(self.columns)
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// Its values in the order of the table's columns.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> + use<'a> {
        let mut reader = Reader { all: self.bytes, at: 0 };
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
    if reader.at == message.len() { Ok(decoded) } else { Err(reader.error("bytes are left over")) }
}

struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn message(&mut self) -> Result<Message<'a>, DecodeError> {
        let message = match self.u8()? {
            b'B' => Message::Begin { final_lsn: self.u64()?, commit_time_us: self.time()?, xid: self.u32()? },
            b'C' => {
                let _unused_flags = self.u8()?;
                Message::Commit { lsn: self.u64()?, end_lsn: self.u64()?, commit_time_us: self.time()? }
            }
            b'O' => Message::Origin { lsn: self.u64()?, name: self.name()? },
            b'R' => Message::Relation(self.relation()?),
            b'Y' => Message::Type { oid: self.u32()?, schema: self.name()?, name: self.name()? },
            b'I' => {
                let relation = self.u32()?;
                self.expect(b'N', "a new row was expected")?;
                Message::Insert { relation, new: self.tuple()? }
            }
            b'U' => self.update()?,
            b'D' => {
                let relation = self.u32()?;
                let kind = self.u8()?;
                let old = self.old(kind)?.ok_or_else(|| self.error("an old row was expected"))?;
                Message::Delete { relation, old }
            }
            b'T' => self.truncate()?,
            b'M' => {
                let (flags, lsn, prefix, length) = (self.u8()?, self.u64()?, self.name()?, self.u32()?);
                let content = self.take(length as usize)?;
                Message::Logical { transactional: flags & 1 != 0, lsn, prefix, content }
            }
            _ => return Err(self.error("unknown kind of message")),
        };
        Ok(message)
    }

    fn relation(&mut self) -> Result<Relation, DecodeError> {
        let (oid, schema, name, identity) = (self.u32()?, self.name()?, self.name()?, self.u8()?);
        let count = usize::from(self.u16()?);
        if count > COLUMNS_MAX {
            return Err(self.error("more columns than a table can have"));
        }
        let mut columns = Vec::with_capacity(count.min(self.left() / 10));
        for _ in 0..count {
            let (flags, name, type_oid, _modifier) = (self.u8()?, self.name()?, self.u32()?, self.u32()?);
            columns.push(Column { identity: flags & 1 != 0, name: name.to_owned(), type_oid });
        }
        Ok(Relation { oid, schema: schema.to_owned(), name: name.to_owned(), identity, columns })
    }

    fn update(&mut self) -> Result<Message<'a>, DecodeError> {
        let relation = self.u32()?;
        let kind = self.u8()?;
        let old = self.old(kind)?;
        if old.is_some() {
            self.expect(b'N', "a new row was expected")?;
        } else if kind != b'N' {
            return Err(self.error("an old or a new row was expected"));
        }
        Ok(Message::Update { relation, old, new: self.tuple()? })
    }

    fn old(&mut self, kind: u8) -> Result<Option<Old<'a>>, DecodeError> {
        match kind {
            b'K' => Ok(Some(Old::Key(self.tuple()?))),
            b'O' => Ok(Some(Old::Full(self.tuple()?))),
            _ => Ok(None),
        }
    }

    fn truncate(&mut self) -> Result<Message<'a>, DecodeError> {
        let count = self.u32()? as usize;
        let _options = self.u8()?;
        if count > self.left() / 4 {
            return Err(self.error("more tables are announced than follow"));
        }
        let relations = (0..count).map(|_| self.u32()).collect::<Result<_, _>>()?;
        Ok(Message::Truncate { relations })
    }

    fn tuple(&mut self) -> Result<Tuple<'a>, DecodeError> {
        let columns = self.u16()?;
        if usize::from(columns) > COLUMNS_MAX {
            return Err(self.error("more columns than a table can have"));
        }
        let from = self.at;
        for _ in 0..columns {
            self.cell()?;
        }
        Ok(Tuple { columns, bytes: self.all.get(from..self.at).unwrap_or_default() })
    }

    fn cell(&mut self) -> Result<Cell<'a>, DecodeError> {
        match self.u8()? {
            b'n' => Ok(Cell::Null),
            b'u' => Ok(Cell::Unchanged),
            b't' => {
                let length = self.u32()? as usize;
                let bytes = self.take(length)?;
                std::str::from_utf8(bytes).map(Cell::Text).map_err(|_| self.error("the value is not UTF-8"))
            }
            b'b' => Err(self.error("the value is binary, which was not asked for")),
            _ => Err(self.error("unknown kind of value")),
        }
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), DecodeError> {
        if self.u8()? == byte { Ok(()) } else { Err(self.error(problem)) }
    }

    fn name(&mut self) -> Result<&'a str, DecodeError> {
        let rest = self.all.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == 0).ok_or_else(|| self.error("a name does not end"))?;
        let name = self.take(length)?;
        self.at += 1;
        std::str::from_utf8(name).map_err(|_| self.error("the name is not UTF-8"))
    }

    fn time(&mut self) -> Result<i64, DecodeError> {
        let since_2000 = i64::from_be_bytes(self.array()?);
        since_2000.checked_add(POSTGRES_EPOCH_US).ok_or_else(|| self.error("the time is out of range"))
    }

    fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.error("the message ends early"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(length).ok_or_else(|| self.error("a length is absurd"))?;
        let bytes = self.all.get(self.at..end).ok_or_else(|| self.error("the message ends early"))?;
        self.at = end;
        Ok(bytes)
    }

    const fn left(&self) -> usize {
        self.all.len().saturating_sub(self.at)
    }

    fn error(&self, problem: &'static str) -> DecodeError {
        DecodeError { tag: self.all.first().map(|byte| char::from(*byte)), at: self.at, problem }
    }
}

#[cfg(test)]
#[path = "pgoutput_tests.rs"]
mod tests;
