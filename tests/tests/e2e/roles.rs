//! Each service's login role can touch the rows of its own schema and nothing else, and no service owns a table.

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
    let tables = tables(&platform).await;
    assert!(tables.len() > 20, "{tables:?}");
    let mut denied = 0;
    for role in OWNERS.iter().chain(&["audit"]) {
        let mut db = logged_in(&platform, role).await;
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
        for schema in OWNERS.iter().chain(&["public"]) {
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

/// What a process of a service that somebody took over could do to its own tables, beyond their rows: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_service_changes_its_own_tables() {
    let platform = Platform::migrated();
    let owners = "select count(*)::text from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.oid = c.relowner \
                  where n.nspname = any(array['access', 'hotel', 'inventory', 'reservation', 'payment', 'relay', 'orchestrator']) \
                    and (r.rolcanlogin or r.rolname <> 'bellhop_' || n.nspname || '_owner')";
    assert_eq!(
        platform.query(owners).await.unwrap(),
        "0",
        "an owner that may log in"
    );
    let tables = tables(&platform).await;
    for schema in OWNERS {
        let mut db = logged_in(&platform, schema).await;
        let own = tables.iter().filter(|(owner, _)| owner == schema);
        for change in own.flat_map(|(_, table)| changes(schema, table)) {
            assert_eq!(attempt(&mut db, &change).await, "42501", "{change}");
        }
    }
    for schema in SPEAKERS {
        let mut db = logged_in(&platform, schema).await;
        let make = format!("select {schema}.make_outbox_day((now() at time zone 'UTC')::date + 9)");
        assert_eq!(attempt(&mut db, &make).await, "ok", "{make}");
    }
    let mut access = logged_in(&platform, "access").await;
    for forged in [
        "update access.trail set actor = 'nobody'",
        "delete from access.trail",
        "insert into access.trail_head (no, hash) values (99, repeat('a', 64))",
        "update access._sqlx_migrations set success = false",
    ] {
        assert_eq!(attempt(&mut access, forged).await, "42501", "{forged}");
    }
}

fn changes(schema: &str, table: &str) -> [String; 5] {
    [
        format!("truncate {schema}.{table}"),
        format!("drop table {schema}.{table}"),
        format!("alter table {schema}.{table} add column mine int"),
        format!("alter table {schema}.{table} disable trigger all"),
        format!("set local role {}", platform::db::owner_of(schema)),
    ]
}

/// As it was before, a login owned its schema; its tables are handed over while its processes run, and work on.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_a_login_owns_are_handed_over() {
    let platform = Platform::migrated();
    let as_before = "reassign owned by bellhop_inventory_owner to bellhop_inventory";
    sqlx::Executor::execute(&platform.database().await, as_before)
        .await
        .unwrap();
    let mut db = logged_in(&platform, "inventory").await;
    let alter = "alter table inventory.hold add column mine int";
    assert_eq!(attempt(&mut db, alter).await, "ok");

    let migrated = platform.command(&["migrate"]);
    assert!(
        migrated.status.success(),
        "{}",
        String::from_utf8_lossy(&migrated.stderr)
    );
    assert_eq!(attempt(&mut db, alter).await, "42501");
    let delete = "delete from inventory.hold where false";
    assert_eq!(attempt(&mut db, delete).await, "ok", "rows are its own still");
    let day = "select inventory.make_outbox_day((now() at time zone 'UTC')::date + 9)";
    assert_eq!(attempt(&mut db, day).await, "ok");
}

async fn logged_in(platform: &Platform, module: &str) -> PgConnection {
    let setting = |name: &str| {
        let set = platform.env.iter().find(|(other, _)| other == name);
        set.unwrap().1.clone()
    };
    let as_module = format!(
        "postgres://bellhop_{module}:{}@",
        setting("BELLHOP_DATABASE_PASSWORD")
    );
    let url = setting("BELLHOP_DATABASE_URL").replace("postgres://", &as_module);
    PgConnection::connect(&url).await.unwrap()
}

/// The relay may read what it publishes, to take a snapshot.
fn relay_captures(role: &str, schema: &str, table: &str) -> bool {
    let published = [
        ("access", "principal"),
        ("access", "granted"),
        ("access", "api_key"),
        ("access", "session"),
        ("hotel", "hotel"),
        ("hotel", "room_type"),
        ("hotel", "rate_plan"),
        ("hotel", "price"),
        ("inventory", "room_night"),
        ("access", "trail_head"),
        ("inventory", "trail_head"),
        ("orchestrator", "trail_head"),
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
