//! Each service's login role can touch its own schema and nothing else.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::Platform;

const OWNERS: [&str; 7] = [
    "access",
    "hotel",
    "inventory",
    "reservation",
    "payment",
    "relay",
    "orchestrator",
];

/// Whose outboxes have days, which their own functions make and drop.
const SPEAKERS: [&str; 4] = ["inventory", "reservation", "payment", "orchestrator"];

#[tokio::test(flavor = "multi_thread")]
async fn every_cross_schema_read_and_write_is_denied() {
    let platform = Platform::migrated();
    let setting = |name: &str| {
        platform
            .env
            .iter()
            .find(|(other, _)| other == name)
            .unwrap()
            .1
            .clone()
    };
    let (url, password) = (
        setting("BELLHOP_DATABASE_URL"),
        setting("BELLHOP_DATABASE_PASSWORD"),
    );
    let tables = tables(&platform).await;
    assert!(tables.len() > 20, "{tables:?}");
    let mut denied = 0;
    for role in OWNERS.iter().chain(&["audit"]) {
        let login = url.replace("postgres://", &format!("postgres://bellhop_{role}:{password}@"));
        let mut db = PgConnection::connect(&login).await.unwrap();
        for (schema, table) in &tables {
            if schema == role {
                assert_eq!(
                    attempt(&mut db, &format!("select 1 from {schema}.{table} limit 1")).await,
                    "ok"
                );
                continue;
            }
            let captures = relay_captures(role, schema, table);
            let read = attempt(&mut db, &format!("select 1 from {schema}.{table} limit 1")).await;
            let may_read = *role == "audit" || captures;
            assert_eq!(
                read,
                if may_read { "ok" } else { "42501" },
                "{role} reads {schema}.{table}"
            );
            for write in [
                format!("delete from {schema}.{table} where false"),
                format!("insert into {schema}.{table} default values"),
                format!("truncate {schema}.{table}"),
                format!("drop table {schema}.{table}"),
            ] {
                assert_eq!(attempt(&mut db, &write).await, "42501", "{role}: {write}");
                denied += 1;
            }
        }
        for schema in OWNERS.iter().filter(|schema| *schema != role).chain(&["public"]) {
            assert_eq!(
                attempt(&mut db, &format!("create table {schema}.mine (a int)")).await,
                "42501",
                "{role} in {schema}"
            );
        }
        for schema in SPEAKERS.iter().filter(|schema| *schema != role) {
            let drop = format!("select {schema}.drop_outbox_day()");
            assert_eq!(attempt(&mut db, &drop).await, "42501", "{role}: {drop}");
        }
    }
    assert!(denied > 100);
}

/// The relay may read what it publishes, to take a snapshot.
fn relay_captures(role: &str, schema: &str, table: &str) -> bool {
    let published = [
        ("access", "principal"),
        ("access", "granted"),
        ("access", "api_key"),
        ("hotel", "hotel"),
        ("hotel", "room_type"),
        ("hotel", "rate_plan"),
        ("hotel", "price"),
        ("inventory", "room_night"),
    ];
    role == "relay" && (["outbox", "outbox_former"].contains(&table) || published.contains(&(schema, table)))
}

async fn tables(platform: &Platform) -> Vec<(String, String)> {
    let sql = "select coalesce(string_agg(table_schema || '.' || table_name, ' '), '') from information_schema.tables \
               where table_schema in ('access', 'hotel', 'inventory', 'reservation', 'payment', 'relay', 'orchestrator')";
    let all = platform.query(sql).await.unwrap();
    all.split(' ')
        .filter_map(|name| name.split_once('.'))
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

/// `ok`, or the code of the database's refusal; nothing stays changed.
async fn attempt(db: &mut PgConnection, sql: &str) -> String {
    let mut transaction = db.begin().await.unwrap();
    let done = sqlx::Executor::execute(&mut *transaction, AssertSqlSafe(sql.to_owned())).await;
    transaction.rollback().await.unwrap();
    match done {
        Ok(_) => "ok".to_owned(),
        Err(error) => error
            .as_database_error()
            .and_then(|error| error.code().map(Into::into))
            .unwrap_or_default(),
    }
}
