//! What a command tells the person who typed it: results on standard output, progress on standard error.

use std::io::Write as _;

/// Writes one line to standard output. A closed pipe (`| head`) is not an error.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
