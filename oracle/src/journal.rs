//! What a client asked and was told, as `bellhop replay --journal` writes it.

use std::io::BufRead;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request with its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body that was sent, if any.
    pub request: Option<Value>,
    /// The status of the answer.
    pub status: u16,
    /// Its body.
    pub answer: Value,
    /// Microseconds since 1970 before it was first sent.
    pub began_us: i64,
    /// Microseconds since 1970 when the answer was there.
    pub ended_us: i64,
}

impl Entry {
    /// A text in the answer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.answer.pointer(pointer)?.as_str()
    }

    /// Whether it is an answer to what was asked, and not a plea to come again.
    pub const fn is_answered(&self) -> bool {
        self.status < 500 && self.status != 429
    }

    /// The segments of the path.
    pub fn segments(&self) -> Vec<&str> {
        let path = self.path.split('?').next().unwrap_or_default();
        path.trim_matches('/').split('/').collect()
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// Reads a journal.
///
/// # Errors
/// When a line cannot be read.
pub fn read(lines: impl BufRead) -> anyhow::Result<Vec<Entry>> {
    let parse = |line: std::io::Result<String>| Ok(serde_json::from_str(&line?)?);
    lines.lines().map(parse).collect()
}
