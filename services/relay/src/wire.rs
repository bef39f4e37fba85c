//! Writes `pgoutput` messages as Postgres would, for tests of what reads them.

use crate::pgoutput::{Cell, Column, POSTGRES_EPOCH_US, Relation};

pub(crate) fn name(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

pub(crate) fn time(out: &mut Vec<u8>, unix_us: i64) {
    out.extend_from_slice(&(unix_us - POSTGRES_EPOCH_US).to_be_bytes());
}

pub(crate) fn tuple(out: &mut Vec<u8>, cells: &[Cell<'_>]) {
    out.extend_from_slice(&u16::try_from(cells.len()).unwrap().to_be_bytes());
    for cell in cells {
        match cell {
            Cell::Null => out.push(b'n'),
            Cell::Unchanged => out.push(b'u'),
            Cell::Text(text) => {
                out.push(b't');
                out.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

pub(crate) fn relation(relation: &Relation) -> Vec<u8> {
    let mut out = vec![b'R'];
    out.extend_from_slice(&relation.oid.to_be_bytes());
    name(&mut out, &relation.schema);
    name(&mut out, &relation.name);
    out.push(relation.identity);
    out.extend_from_slice(&u16::try_from(relation.columns.len()).unwrap().to_be_bytes());
    for column in &relation.columns {
        out.push(u8::from(column.identity));
        name(&mut out, &column.name);
        out.extend_from_slice(&column.type_oid.to_be_bytes());
        out.extend_from_slice(&u32::MAX.to_be_bytes());
    }
    out
}

/// A change: `b"I"`, `b"U"` or `b"D"`, an old row with its kind, a new row.
pub(crate) fn change(
    kind: u8,
    oid: u32,
    old: Option<(u8, &[Cell<'_>])>,
    new: Option<&[Cell<'_>]>,
) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&oid.to_be_bytes());
    if let Some((old_kind, cells)) = old {
        out.push(old_kind);
        tuple(&mut out, cells);
    }
    if let Some(cells) = new {
        out.push(b'N');
        tuple(&mut out, cells);
    }
    out
}

/// A relation by its columns: (name, type's object id, whether in the replica identity).
pub(crate) fn table(schema: &str, table_name: &str, identity: u8, columns: &[(&str, u32, bool)]) -> Relation {
    Relation {
        oid: 7,
        schema: schema.to_owned(),
        name: table_name.to_owned(),
        identity,
        columns: columns
            .iter()
            .map(|(name, type_oid, key)| Column {
                identity: *key,
                name: (*name).to_owned(),
                type_oid: *type_oid,
            })
            .collect(),
    }
}
