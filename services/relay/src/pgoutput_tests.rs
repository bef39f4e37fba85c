//! The decoder reads what Postgres writes, and survives everything else.

use proptest::prelude::*;

use super::*;
use crate::wire;

fn cells(texts: &[Option<String>]) -> Vec<Cell<'_>> {
    texts
        .iter()
        .map(|text| text.as_deref().map_or(Cell::Null, Cell::Text))
        .collect()
}

#[test]
fn reads_the_frame_of_a_transaction() {
    let mut begin = vec![b'B'];
    begin.extend_from_slice(&500_u64.to_be_bytes());
    wire::time(&mut begin, 1_700_000_000_000_000);
    begin.extend_from_slice(&42_u32.to_be_bytes());
    assert_eq!(
        decode(&begin),
        Ok(Message::Begin {
            final_lsn: 500,
            commit_time_us: 1_700_000_000_000_000,
            xid: 42
        })
    );

    let mut commit = vec![b'C', 0];
    commit.extend_from_slice(&500_u64.to_be_bytes());
    commit.extend_from_slice(&548_u64.to_be_bytes());
    wire::time(&mut commit, 1_700_000_000_000_000);
    assert_eq!(
        decode(&commit),
        Ok(Message::Commit {
            lsn: 500,
            end_lsn: 548,
            commit_time_us: 1_700_000_000_000_000
        })
    );
}

#[test]
fn reads_the_rarer_messages() {
    let mut origin = vec![b'O'];
    origin.extend_from_slice(&9_u64.to_be_bytes());
    wire::name(&mut origin, "elsewhere");
    assert_eq!(
        decode(&origin),
        Ok(Message::Origin {
            lsn: 9,
            name: "elsewhere"
        })
    );

    let mut kind = vec![b'Y', 0, 0, 0, 77];
    wire::name(&mut kind, "hotel");
    wire::name(&mut kind, "stars");
    assert_eq!(
        decode(&kind),
        Ok(Message::Type {
            oid: 77,
            schema: "hotel",
            name: "stars"
        })
    );

    let truncate = [b'T', 0, 0, 0, 2, 1, 0, 0, 0, 5, 0, 0, 0, 6];
    assert_eq!(
        decode(&truncate),
        Ok(Message::Truncate {
            relations: vec![5, 6]
        })
    );

    for transactional in [false, true] {
        let mut said = vec![b'M', u8::from(transactional)];
        said.extend_from_slice(&11_u64.to_be_bytes());
        wire::name(&mut said, "note");
        said.extend_from_slice(&[0, 0, 0, 2, b'h', b'i']);
        assert_eq!(
            decode(&said),
            Ok(Message::Logical {
                transactional,
                lsn: 11,
                prefix: "note",
                content: b"hi"
            })
        );
    }
}

#[test]
fn says_what_is_wrong() {
    let problem = |bytes: &[u8]| decode(bytes).map(drop).unwrap_err().problem;
    assert_eq!(problem(b""), "the message ends early");
    assert_eq!(problem(b"Z"), "unknown kind of message");
    assert_eq!(problem(&[b'I', 0, 0, 0, 1, b'X']), "a new row was expected");
    assert_eq!(
        problem(&[b'I', 0, 0, 0, 1, b'N', 0, 1, b'b']),
        "the value is binary, which was not asked for"
    );
    assert_eq!(
        problem(&[b'I', 0, 0, 0, 1, b'N', 255, 255]),
        "more columns than a table can have"
    );
    assert_eq!(problem(&[b'I', 0, 0, 0, 1, b'N', 0, 0, 9]), "bytes are left over");
    for announced in [&[255, 255, 255, 255, 0][..], &[0, 0, 0, 2, 0, 0, 0, 0, 5]] {
        let truncate = [b"T", announced].concat();
        assert_eq!(problem(&truncate), "more tables are announced than follow");
    }
    assert_eq!(
        problem(&[b'I', 0, 0, 0, 1, b'N', 0, 1, b't', 0, 0, 0, 1, 0xff]),
        "the value is not UTF-8"
    );
}

#[test]
fn a_table_has_as_many_columns_as_postgres_allows_and_no_more() {
    let read = |columns| {
        let shape = wire::relation(&wire::table(
            "hotel",
            "wide",
            b'd',
            &vec![("c", 25, false); columns],
        ));
        let row = wire::change(b'I', 7, None, Some(&vec![Cell::Null; columns]));
        let problem = |bytes: &[u8]| decode(bytes).err().map(|error| error.problem);
        [problem(&shape), problem(&row)]
    };
    assert_eq!(read(COLUMNS_MAX), [None; 2]);
    assert_eq!(
        read(COLUMNS_MAX + 1),
        [Some("more columns than a table can have"); 2]
    );
}

prop_compose! {
    fn row()(texts in prop::collection::vec(prop::option::of(".{0,12}"), 0..6)) -> Vec<Option<String>> { texts }
}

proptest! {
    #[test]
    fn reads_back_every_change(oid in any::<u32>(), old in prop::option::of(row()), new in row(), full in any::<bool>()) {
        let (old_cells, new_cells) = (old.as_ref().map(|old| cells(old)), cells(&new));
        let kind = if full { b'O' } else { b'K' };
        let bytes = wire::change(b'U', oid, old_cells.as_deref().map(|cells| (kind, cells)), Some(&new_cells));
        let Message::Update { relation, old: read_old, new: read_new } = decode(&bytes).unwrap() else {
            panic!("not an update")
        };
        prop_assert_eq!(relation, oid);
        prop_assert_eq!(read_new.cells().collect::<Vec<_>>(), new_cells);
        prop_assert_eq!(read_old.as_ref().map(|old| old.tuple().cells().collect::<Vec<_>>()), old_cells);
        prop_assert!(read_old.is_none_or(|old| matches!(old, Old::Full(_)) == full));
    }

    #[test]
    fn reads_back_every_relation(
        schema in "[a-z]{1,8}", table in "[a-z]{1,8}",
        columns in prop::collection::vec(("[a-z_]{1,8}", any::<u32>(), any::<bool>()), 0..8),
    ) {
        let columns: Vec<_> = columns.iter().map(|(name, oid, key)| (name.as_str(), *oid, *key)).collect();
        let relation = wire::table(&schema, &table, b'd', &columns);
        let bytes = wire::relation(&relation);
        prop_assert_eq!(decode(&bytes), Ok(Message::Relation(relation)));
    }

    #[test]
    fn survives_garbage(kind in prop::sample::select(b"BCORYIUDTM".to_vec()), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![kind];
        bytes.extend(rest);
        let _ = decode(&bytes);
    }

    #[test]
    fn survives_damage(new in row(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = wire::change(b'I', 1, None, Some(&cells(&new)));
        let position = at.index(bytes.len());
        bytes[position] = byte;
        if let Ok(Message::Insert { new, .. }) = decode(&bytes) {
            prop_assert_eq!(new.cells().count(), usize::from(new.columns()));
        }
        let _ = decode(&bytes[..cut.index(bytes.len())]);
    }
}
