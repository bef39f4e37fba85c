//! Envelopes as a Debezium connector writes them, member by member.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::pgoutput::{self, Message};
use crate::wire;

const SOURCE: Source = Source {
    lsn: 22_235_640,
    last_commit_lsn: Some(22_235_000),
    xid: Some(771),
    commit_time_us: 1_700_000_000_123_456,
    snapshot: false,
};
const NOW_US: i64 = 1_700_000_000_200_001;

fn room_night(identity: u8) -> Relation {
    wire::table(
        "inventory",
        "room_night",
        identity,
        &[
            ("hotel_id", 2950, true),
            ("night", 1082, true),
            ("held", 23, identity == b'f'),
            ("note", 25, identity == b'f'),
        ],
    )
}

fn key() -> Vec<String> {
    vec!["hotel_id".to_owned(), "night".to_owned()]
}

fn publish(relation: &Relation, bytes: &[u8]) -> Vec<(Value, Value)> {
    let table = Table::new("bellhop", relation, Some(&key()));
    let change = match pgoutput::decode(bytes).unwrap() {
        Message::Insert { new, .. } => Change::Create(new),
        Message::Update { old, new, .. } => Change::Update(old, new),
        Message::Delete { old, .. } => Change::Delete(old),
        other => panic!("{other:?}"),
    };
    let mut published = Vec::new();
    let stream = Stream::new("bellhop", "hotels");
    table
        .records(
            &stream,
            &SOURCE,
            NOW_US,
            &change,
            &mut Record::default(),
            |record| {
                let parse = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
                published.push((parse(&record.key), parse(&record.value)));
                Ok::<(), ()>(())
            },
        )
        .unwrap();
    published
}

fn row<'a>(night: &'a str, held: &'a str, note: Cell<'a>) -> Vec<Cell<'a>> {
    vec![Cell::Text("h1"), Cell::Text(night), Cell::Text(held), note]
}

#[test]
fn an_update_has_debeziums_members_in_debeziums_order() {
    let relation = room_night(b'd');
    let table = Table::new("t1.bellhop", &relation, None);
    assert_eq!(table.topic, "t1.bellhop.inventory.room_night");
    let bytes = wire::change(b'U', 7, None, Some(&row("2026-12-24", "3", Cell::Null)));
    let Message::Update { new, .. } = pgoutput::decode(&bytes).unwrap() else {
        panic!()
    };
    let mut written = Vec::new();
    let stream = Stream::new("bellhop", "hotels");
    let mut record = Record::default();
    let change = Change::Update(None, new);
    table
        .records(&stream, &SOURCE, NOW_US, &change, &mut record, |record| {
            written.push((
                String::from_utf8(record.key.clone()).unwrap(),
                String::from_utf8(record.value.clone()).unwrap(),
            ));
            Ok::<(), ()>(())
        })
        .unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        concat!(
            r#"{{"before":null,"after":{{"hotel_id":"h1","night":20811,"held":3,"note":null}},"#,
            r#""source":{{"version":"{}","connector":"postgresql","name":"bellhop","ts_ms":1700000000123,"#,
            r#""snapshot":"false","db":"hotels","sequence":"[\"22235000\",\"22235640\"]","ts_us":1700000000123456,"#,
            r#""ts_ns":1700000000123456000,"schema":"inventory","table":"room_night","txId":771,"lsn":22235640,"#,
            r#""xmin":null,"origin":null,"origin_lsn":null}},"transaction":null,"op":"u","#,
            r#""ts_ms":1700000000200,"ts_us":1700000000200001,"ts_ns":1700000000200001000}}"#
        ),
        version
    );
    assert_eq!(
        written,
        vec![(r#"{"hotel_id":"h1","night":20811}"#.to_owned(), expected)]
    );
}

#[test]
fn a_deletion_carries_what_is_known_of_the_row() {
    let old = [Cell::Text("h1"), Cell::Text("2026-12-24"), Cell::Null, Cell::Null];
    let published = publish(
        &room_night(b'd'),
        &wire::change(b'D', 7, Some((b'K', &old)), None),
    );
    let [(key, value)] = published.as_slice() else {
        panic!()
    };
    assert_eq!(key, &json!({"hotel_id": "h1", "night": 20811}));
    assert_eq!(value["op"], "d");
    assert_eq!(value["after"], Value::Null);
    assert_eq!(
        value["before"],
        json!({"hotel_id": "h1", "night": 20811, "held": null, "note": null})
    );
}

#[test]
fn a_changed_key_is_a_deletion_and_a_creation() {
    let old = [Cell::Text("h1"), Cell::Text("2026-12-24"), Cell::Null, Cell::Null];
    let new = row("2026-12-25", "3", Cell::Unchanged);
    let published = publish(
        &room_night(b'd'),
        &wire::change(b'U', 7, Some((b'K', &old)), Some(&new)),
    );
    let [(old_key, deleted), (new_key, created)] = published.as_slice() else {
        panic!()
    };
    assert_eq!((&old_key["night"], &deleted["op"]), (&json!(20811), &json!("d")));
    assert_eq!((&new_key["night"], &created["op"]), (&json!(20812), &json!("c")));
    assert_eq!(created["before"], Value::Null);
    assert_eq!(created["after"]["note"], UNAVAILABLE);
}

#[test]
fn an_untouched_large_value_comes_from_the_old_row_when_that_is_known() {
    let (old, new) = (
        row("2026-12-24", "3", Cell::Text("long")),
        row("2026-12-24", "4", Cell::Unchanged),
    );
    let published = publish(
        &room_night(b'f'),
        &wire::change(b'U', 7, Some((b'O', &old)), Some(&new)),
    );
    let [(_, value)] = published.as_slice() else {
        panic!()
    };
    assert_eq!(value["op"], "u");
    assert_eq!(
        value["before"],
        json!({"hotel_id": "h1", "night": 20811, "held": 3, "note": "long"})
    );
    assert_eq!(
        value["after"],
        json!({"hotel_id": "h1", "night": 20811, "held": 4, "note": "long"})
    );

    let published = publish(&room_night(b'd'), &wire::change(b'U', 7, None, Some(&new)));
    assert_eq!(published[0].1["after"]["note"], UNAVAILABLE);
}

#[test]
fn a_table_without_a_key_has_records_without_a_key() {
    let relation = wire::table("hotel", "note", b'd', &[("text", 25, false)]);
    let mut record = Record::default();
    let cells = [Cell::Text("x")];
    let source = Source {
        xid: None,
        last_commit_lsn: None,
        snapshot: true,
        ..SOURCE
    };
    Table::new("bellhop", &relation, None).snapshot_record(
        &Stream::new("bellhop", "hotels"),
        &source,
        NOW_US,
        cells.into_iter(),
        &mut record,
    );
    assert!(record.key.is_empty());
    let value: Value = serde_json::from_slice(&record.value).unwrap();
    assert_eq!(value["op"], "r");
    assert_eq!(value["source"]["snapshot"], "true");
    assert_eq!(value["source"]["txId"], Value::Null);
    assert_eq!(value["source"]["sequence"], r#"[null,"22235640"]"#);
}

proptest! {
    #[test]
    fn whatever_the_row_holds_the_record_is_json(
        types in prop::collection::vec(prop::sample::select(vec![16_u32, 20, 23, 25, 1082, 1184, 1700, 1009, 3802]), 1..5),
        texts in prop::collection::vec(prop::option::of(".{0,20}"), 5),
        name in ".{0,10}",
    ) {
        let columns: Vec<_> = types.iter().map(|type_oid| (name.as_str(), *type_oid, true)).collect();
        let relation = wire::table(&name, &name, b'd', &columns);
        let cells: Vec<_> = texts.iter().take(types.len()).map(|text| text.as_deref().map_or(Cell::Null, Cell::Text)).collect();
        let mut record = Record::default();
        Table::new("p", &relation, None).snapshot_record(&Stream::new(&name, &name), &SOURCE, 0, cells.into_iter(), &mut record);
        prop_assert!(serde_json::from_slice::<Value>(&record.key).is_ok());
        prop_assert!(serde_json::from_slice::<Value>(&record.value).is_ok());
    }
}
