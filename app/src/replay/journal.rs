//! The journal: every request with its answer, between the moment before it was first sent and the moment
//! at which its answer was there. One JSON object a line; what the proofs compare with the database's log.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use platform::Clock;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use crate::client::{Answer, Client};

/// A client that writes down what it asks and is told.
#[derive(Clone, Debug)]
pub(crate) struct Scribe {
    client: Client,
    journal: Option<Arc<Mutex<BufWriter<File>>>>,
    clock: Clock,
}

/// One line of the journal.
#[derive(Serialize)]
struct Entry<'e> {
    method: &'e str,
    path: &'e str,
    request: Option<&'e Value>,
    status: u16,
    answer: &'e Value,
    /// Microseconds since 1970, before the first try and after the last.
    began_us: i64,
    ended_us: i64,
}

impl Scribe {
    /// A client that keeps no journal unless a file is given.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn new(client: Client, journal: Option<&Path>) -> anyhow::Result<Self> {
        let journal = journal.map(|path| {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            anyhow::Ok(Arc::new(Mutex::new(BufWriter::new(file))))
        });
        Ok(Self {
            client,
            journal: journal.transpose()?,
            clock: Clock::system(),
        })
    }

    /// As [`Client::send`], written down.
    ///
    /// # Errors
    /// When the platform cannot be reached for long, or the journal cannot be written.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let began = self.clock.now();
        let answer = self.client.send(method.clone(), path, body, headers).await?;
        self.write(&method, path, body, &answer, began)?;
        Ok(answer)
    }

    fn write(
        &self,
        method: &Method,
        path: &str,
        request: Option<&Value>,
        answer: &Answer,
        began: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let entry = Entry {
            method: method.as_str(),
            path,
            request,
            status: answer.status.as_u16(),
            answer: &answer.body,
            began_us: began.timestamp_micros(),
            ended_us: self.clock.now().timestamp_micros(),
        };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let mut file = journal.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).context("cannot write the journal")
    }

    /// Everything that was written down is in the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let mut file = journal.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().context("cannot write the journal")
    }
}
