//! Which tables are captured, and the publication that captures them.

/// The publication's name unless the configuration says otherwise.
pub const PUBLICATION: &str = "bellhop";
/// The slot's name unless the configuration says otherwise.
pub const SLOT: &str = "bellhop";
/// What Debezium calls `topic.prefix`: the topic of a table's changes is `bellhop.<schema>.<table>`.
pub const PREFIX: &str = "bellhop";

/// Outboxes, whose rows are messages, then the tables whose changed rows are published. What was said before outboxes
/// had days comes first, since it was said first.
const TABLES: [&str; 21] = [
    "inventory.outbox_former",
    "reservation.outbox_former",
    "payment.outbox_former",
    "orchestrator.outbox_former",
    "inventory.outbox",
    "reservation.outbox",
    "payment.outbox",
    "orchestrator.outbox",
    "hotel.hotel",
    "hotel.room_type",
    "hotel.rate_plan",
    "hotel.price",
    "inventory.room_night",
    "access.principal",
    "access.granted",
    "access.api_key",
    "access.session",
    "access.trail_head",
    "inventory.trail_head",
    "orchestrator.trail_head",
    "relay.heartbeat",
];

/// What becomes an outbox with the next migration. It is published before, or what is then written into it by
/// somebody who knows nothing of that would never be published.
const COMING: [&str; 4] = [
    "inventory.outbox_by_day",
    "reservation.outbox_by_day",
    "payment.outbox_by_day",
    "orchestrator.outbox_by_day",
];

/// Every captured table as `schema.table`: what the publication holds and the relay's role may read.
pub fn captured_tables() -> &'static [&'static str] {
    &TABLES
}

/// The statement by which an administrator makes the publication, or gives an existing one today's tables, as far as
/// migrations have made them. It must exist before the slot: a slot cannot use a publication younger than what it
/// still has to read. A day of an outbox is published as its outbox. `name` must be one that [`is_name`] accepts.
pub fn publication_sql(name: &str) -> String {
    let tables: Vec<&str> = COMING.into_iter().chain(TABLES).collect();
    let tables = tables.join("', '");
    format!(
        "do $$ declare tables text; begin \
         select string_agg(name, ', ') into tables from unnest(array['{tables}']) name \
         where to_regclass(name) is not null; \
         if exists (select from pg_catalog.pg_publication where pubname = '{name}') then \
         alter publication {name} set (publish_via_partition_root = true); \
         execute 'alter publication {name} set table ' || tables; \
         else execute 'create publication {name} for table ' || tables || \
         ' with (publish = ''insert, update, delete'', publish_via_partition_root = true)'; \
         end if; end $$"
    )
}

/// Whether Postgres takes the text as the name of a slot, which also makes it safe unquoted in SQL.
pub fn is_name(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=63).contains(&text.len()) && text.bytes().all(sign) && !text.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_names() {
        for good in ["bellhop", "relay_2", "_x"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "2nd", "Bellhop", "a-b", "a b", "a'b", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn every_captured_row_has_its_topic() {
        let topics: Vec<String> = contract::topics::all(2)
            .into_iter()
            .map(|topic| topic.name)
            .collect();
        for table in captured_tables()
            .iter()
            .filter(|table| !table.ends_with(".outbox") && !table.ends_with(".outbox_former"))
        {
            assert!(topics.contains(&format!("{PREFIX}.{table}")), "{table}");
        }
    }
}
