//! The database's log as the oracle keeps it: committed transactions in the order of their commits, one JSON
//! object a line.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::str::FromStr;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// A committed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Where its commit stands in the log.
    pub lsn: u64,
    /// When it was committed, in microseconds since 1970. Others see it from a little later on, when its
    /// record has reached the disk.
    pub at_us: i64,
    /// What it changed, in its own order.
    pub changes: Vec<Change>,
}

/// One change of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Schema and table.
    pub table: String,
    /// What happened.
    pub op: Op,
    /// The row after it; of a deleted row what its key is made of. None is null; columns that are kept
    /// out of line and were not touched are left out.
    pub row: BTreeMap<String, Option<String>>,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// It was made.
    Insert,
    /// It was changed.
    Update,
    /// It was removed.
    Delete,
}

impl Change {
    /// A column as a text; none when it is null or absent.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.row.get(column)?.as_deref()
    }

    /// A column that must be there.
    ///
    /// # Errors
    /// When it is null, absent or not of this type.
    pub fn get<T: FromStr>(&self, column: &str) -> anyhow::Result<T> {
        let text = self.text(column);
        text.and_then(|text| text.parse().ok())
            .with_context(|| format!("{}: {column} is {text:?}", self.table))
    }

    /// A column that is `t` or `true`.
    pub fn is(&self, column: &str) -> bool {
        matches!(self.text(column), Some("true" | "t"))
    }
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// When a line cannot be read.
pub fn read(lines: impl BufRead) -> anyhow::Result<Vec<Transaction>> {
    let parse = |line: std::io::Result<String>| Ok(serde_json::from_str(&line?)?);
    lines.lines().map(parse).collect()
}

/// Writes a transaction as one line.
///
/// # Errors
/// When the file cannot be written.
pub fn write(transaction: &Transaction, mut to: impl Write) -> anyhow::Result<()> {
    serde_json::to_writer(&mut to, transaction)?;
    Ok(to.write_all(b"\n")?)
}
