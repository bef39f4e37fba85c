//! No bytes make the decoder panic; what it accepts is complete: every row has as many values as it says,
//! and writing it back gives the bytes again. The envelope of an accepted change is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relay::pgoutput::{Cell, Message, Old, Tuple, decode};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = decode(bytes) else { return };
    match message {
        Message::Insert { relation, new } => {
            let mut again = begin(b'I', relation);
            write(&mut again, b'N', new);
            assert_eq!(again, bytes);
        }
        Message::Update { relation, old, new } => {
            let mut again = begin(b'U', relation);
            if let Some(old) = old {
                write_old(&mut again, &old);
            }
            write(&mut again, b'N', new);
            assert_eq!(again, bytes);
        }
        Message::Delete { relation, old } => {
            let mut again = begin(b'D', relation);
            write_old(&mut again, &old);
            assert_eq!(again, bytes);
        }
        Message::Relation(relation) => {
            assert!(relation.columns.len() <= relay::pgoutput::COLUMNS_MAX);
            // A table's shape is used before anything else is known of it.
            let _ = relay::envelope::Table::new("bellhop", &relation, None);
            let _ = relay::outbox::Layout::of(&relation);
        }
        Message::Truncate { relations } => assert_eq!(bytes.len(), 6 + 4 * relations.len()),
        _ => {}
    }
});

fn begin(kind: u8, relation: u32) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend_from_slice(&relation.to_be_bytes());
    out
}

fn write_old(out: &mut Vec<u8>, old: &Old<'_>) {
    match old {
        Old::Key(tuple) => write(out, b'K', *tuple),
        Old::Full(tuple) => write(out, b'O', *tuple),
    }
}

fn write(out: &mut Vec<u8>, kind: u8, tuple: Tuple<'_>) {
    out.push(kind);
    out.extend_from_slice(&tuple.columns().to_be_bytes());
    for cell in tuple.cells() {
        match cell {
            Cell::Null => out.push(b'n'),
            Cell::Unchanged => out.push(b'u'),
            Cell::Text(text) => {
                out.push(b't');
                let length = u32::try_from(text.len()).expect("a message is short");
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}
