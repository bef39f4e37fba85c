//! Postgres' own plugin `test_decoding` read into transactions. It is not the plugin that the relay reads, so
//! that a defect of the relay's decoder does not hide itself.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use chrono::DateTime;

use crate::stream::{Change, Op, Transaction};

/// What is left out of a row: a value that is kept elsewhere and was not changed.
const UNCHANGED: &str = "unchanged-toast-datum";

/// Puts lines of the plugin together to transactions.
#[derive(Debug, Default)]
pub struct Decoder {
    changes: Vec<Change>,
}

impl Decoder {
    /// Takes a line with its place in the log; answers a transaction with the line that ends it, if it
    /// changed anything that is `wanted`.
    ///
    /// # Errors
    /// When the line is not of the plugin's form.
    pub fn line(
        &mut self,
        lsn: u64,
        text: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Option<Transaction>> {
        if text.starts_with("BEGIN") {
            self.changes.clear();
        } else if let Some(rest) = text.strip_prefix("COMMIT ") {
            let changes = std::mem::take(&mut self.changes);
            if !changes.is_empty() {
                let at_us = committed_at(rest).with_context(|| text.to_owned())?;
                return Ok(Some(Transaction { lsn, at_us, changes }));
            }
        } else if let Some(rest) = text.strip_prefix("table ") {
            let (table, rest) = rest.split_once(": ").context("a table's name")?;
            let table = whole(table);
            if wanted(table) {
                let change = change(table, rest).with_context(|| text.to_owned())?;
                self.changes.extend(change);
            }
        } else {
            bail!("a line that is not understood: {text}");
        }
        Ok(None)
    }
}

/// The table that a part belongs to: the plugin names the day of an outbox in which a row is.
fn whole(table: &str) -> &str {
    const OUTBOX: &str = ".outbox";
    let part = table.find(".outbox_");
    part.map_or(table, |at| &table[..at + OUTBOX.len()])
}

/// `123 (at 2026-11-25 21:20:00.123456+00)`
fn committed_at(text: &str) -> anyhow::Result<i64> {
    let (_, at) = text.split_once("(at ").context("the time of the commit")?;
    let at = at.trim_end_matches(')');
    let at = DateTime::parse_from_str(at, "%Y-%m-%d %H:%M:%S%.f%#z")?;
    Ok(at.timestamp_micros())
}

fn change(table: &str, text: &str) -> anyhow::Result<Option<Change>> {
    let (op, columns) = text.split_once(": ").context("what happened")?;
    let op = match op {
        "INSERT" => Op::Insert,
        "UPDATE" => Op::Update,
        "DELETE" => Op::Delete,
        // What was kept long enough goes.
        "TRUNCATE" => return Ok(None),
        other => bail!("{other} is not understood"),
    };
    // A changed key comes with the old one before it.
    let columns = columns
        .split_once(" new-tuple: ")
        .filter(|_| columns.starts_with("old-key: "))
        .map_or(columns, |(_, new)| new);
    if columns == "(no-tuple-data)" {
        return Ok(None);
    }
    Ok(Some(Change {
        table: table.to_owned(),
        op,
        row: row(columns)?,
    }))
}

/// `name[type]:value`, again and again.
fn row(mut text: &str) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let mut row = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once('[').context("a column's name")?;
        let (_, rest) = rest.split_once("]:").context("a column's type")?;
        let (value, rest) = if let Some(quoted) = rest.strip_prefix('\'') {
            let (value, rest) = unquoted(quoted)?;
            (Some(Some(value)), rest)
        } else {
            let (value, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let known = value != UNCHANGED;
            (known.then(|| (value != "null").then(|| value.to_owned())), rest)
        };
        if let Some(value) = value {
            row.insert(name.trim_matches('"').to_owned(), value);
        }
        text = rest.strip_prefix(' ').unwrap_or(rest);
    }
    Ok(row)
}

/// Reads up to the closing quote; a quote inside is doubled.
fn unquoted(text: &str) -> anyhow::Result<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'').context("a closing quote")?;
        value.push_str(part);
        let Some(more) = after.strip_prefix('\'') else {
            return Ok((value, after));
        };
        value.push('\'');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &[&str]) -> Vec<Transaction> {
        let mut decoder = Decoder::default();
        let read = lines.iter().zip(1..).map(|(line, lsn)| {
            let wanted = |table: &str| table != "other.table";
            decoder.line(lsn, line, wanted).unwrap()
        });
        read.flatten().collect()
    }

    #[test]
    fn every_form_of_a_value_is_read() {
        let found = all(&[
            "BEGIN 7",
            "table a.b: INSERT: id[uuid]:'x' n[integer]:-5 t[character varying]:'it''s [a]: ''x''' z[date]:null b[boolean]:true",
            "table other.table: INSERT: id[uuid]:'y'",
            "table a.b: UPDATE: old-key: id[uuid]:'x' new-tuple: id[uuid]:'y' q[json]:unchanged-toast-datum n[integer]:6",
            "table a.b: DELETE: id[uuid]:'y'",
            "COMMIT 7 (at 2026-11-25 21:20:00.5+00)",
        ]);
        let [transaction] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((transaction.lsn, transaction.at_us), (6, 1_795_641_600_500_000));
        let [made, changed, removed] = transaction.changes.as_slice() else {
            panic!("{transaction:?}")
        };
        assert_eq!(made.text("t"), Some("it's [a]: 'x'"));
        assert_eq!(made.get::<i32>("n").unwrap(), -5);
        assert_eq!((made.text("z"), made.is("b")), (None, true));
        assert_eq!(
            (changed.op, changed.text("id"), changed.row.contains_key("q")),
            (Op::Update, Some("y"), false)
        );
        assert_eq!((removed.op, removed.text("id")), (Op::Delete, Some("y")));
    }

    #[test]
    fn a_day_of_an_outbox_is_its_outbox() {
        let found = all(&[
            "BEGIN 9",
            "table inventory.outbox_20261130: INSERT: id[uuid]:'x'",
            "table inventory.outbox_other: INSERT: id[uuid]:'y'",
            "table inventory.outbox_other: TRUNCATE: (no-flags)",
            "COMMIT 9 (at 2026-11-30 04:00:00+00)",
        ]);
        let tables = found[0].changes.iter().map(|change| change.table.as_str());
        assert_eq!(tables.collect::<Vec<_>>(), ["inventory.outbox"; 2]);
    }

    #[test]
    fn a_transaction_without_anything_wanted_is_left_out() {
        assert_eq!(
            all(&[
                "BEGIN 8",
                "table other.table: INSERT: id[uuid]:'y'",
                "COMMIT 8 (at 2026-11-25 21:20:00+00)"
            ]),
            []
        );
    }
}
