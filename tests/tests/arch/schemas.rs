//! A schema is its service's alone.

use std::collections::BTreeSet;

use super::{assert_none, files, read};

const SCHEMAS: [&str; 7] = [
    "access",
    "hotel",
    "inventory",
    "reservation",
    "payment",
    "relay",
    "orchestrator",
];

fn foreign_schemas(own: &str, sql: &str) -> Vec<&'static str> {
    let names_table = |line: &str, schema: &str| {
        line.match_indices(&format!("{schema}.")).any(|(at, found)| {
            let before = line[..at].chars().next_back();
            let after = line[at + found.len()..].chars().next();
            let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !part(before) && (part(after) || after == Some('"'))
        })
    };
    let lower = sql.to_lowercase();
    let mentioned = |schema: &str| lower.lines().any(|line| names_table(line, schema));
    SCHEMAS
        .iter()
        .copied()
        .filter(|schema| *schema != own && mentioned(schema))
        .collect()
}

#[test]
fn migrations_mention_their_own_schema_alone() {
    let mut found = Vec::new();
    let mut owners = BTreeSet::new();
    for name in files().iter().filter(|name| name.starts_with("migrations/")) {
        let own = name.split('/').nth(1).unwrap_or_default();
        if !SCHEMAS.contains(&own) {
            found.push(format!("{name}: {own} is no schema"));
        }
        owners.insert(own.to_owned());
        found.extend(
            foreign_schemas(own, &read(name))
                .into_iter()
                .map(|other| format!("{name} mentions {other}")),
        );
    }
    assert_eq!(
        owners.len(),
        SCHEMAS.len(),
        "every schema has its migrations: {owners:?}"
    );
    assert_none(
        &found,
        "a service owns its schema alone: get the other's data by a message and keep a copy",
    );
}

#[test]
fn another_schema_is_found_where_it_is() {
    let sql = "create table inventory.hold (hotel_id uuid); -- the hotel. And\n references hotel.hotel";
    assert_eq!(foreign_schemas("inventory", sql), ["hotel"]);
    assert_eq!(
        foreign_schemas(
            "hotel",
            "comment on table hotel.hotel is 'a payment.'; my_relay.x"
        ),
        [""; 0]
    );
}
