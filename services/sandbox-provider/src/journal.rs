//! The journal: one JSON object per line, written before an answer is given, read back at the start.
//!
//! A line is in the operating system's hands when `write` returns, which is what survives a process
//! that is killed. A last line that a crash has torn is cut off: it was never answered.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::model::Operation;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    bytes: u64,
}

impl Journal {
    /// Opens or creates the journal and hands every operation in it to `record`, in order.
    pub(crate) fn open(path: &Path, mut record: impl FnMut(Operation)) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another process writes to it"),
            TryLockError::Error(error) => error,
        })?;
        let bytes = replay(&file, &mut record)?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, bytes })
    }

    /// Adds an operation.
    pub(crate) fn append(&mut self, operation: &Operation) -> io::Result<()> {
        let mut line = serde_json::to_vec(operation)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // Half a line must not stand in front of the next one.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}

/// Reads the journal and answers where its last whole line ends.
fn replay(file: &File, record: &mut impl FnMut(Operation)) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut good, mut number) = (0, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(good);
        }
        number += 1;
        let operation = serde_json::from_slice(&line)
            .map_err(|error| io::Error::other(format!("line {number} is not an operation: {error}")))?;
        record(operation);
        good += read as u64;
    }
}
