//! Who may do what in the database, as statements: an owner and a login per module, what the login may, what others may.

use platform::db::owner_of;
use sqlx::postgres::PgConnection;

use super::owners;

/// The role that may read everything and change nothing.
const AUDIT_ROLE: &str = "bellhop_audit";
/// Whose schemas have a trail, which a function of the owner's writes.
const TRAILS: [&str; 3] = ["access", "inventory", "orchestrator"];

/// Makes a role, unless it is there.
pub(super) fn made(role: &str) -> String {
    format!(
        "do $$ begin create role {role} nologin; \
         exception when duplicate_object or unique_violation then null; end $$"
    )
}

/// An owner that cannot log in, its schema, and what the module's login may do with whatever the owner makes there:
/// rows, and no more. `default privileges`, so that no table is ever there without them.
pub(super) fn owner_and_schema(module: &str) -> Vec<String> {
    let owner = owner_of(module);
    let login = format!("bellhop_{module}");
    let by_default = format!("alter default privileges for role {owner} in schema {module} grant");
    vec![
        made(&owner),
        format!("create schema if not exists {module} authorization {owner}"),
        format!("revoke all on schema {module} from public"),
        format!("{by_default} select, insert, update, delete on tables to {login}"),
        format!("{by_default} usage, select on sequences to {login}"),
        format!("{by_default} execute on functions to {login}"),
        format!("grant usage on schema {module} to {login}"),
    ]
}

/// Whether the module's login owns its schema still, as it did in the former release.
pub(super) async fn owns_its_tables(admin: &mut PgConnection, module: &str) -> Result<bool, sqlx::Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "asks the catalogue as an administrator, which no checked query does"
    )]
    sqlx::query_scalar("select pg_get_userbyid(nspowner)::text = $2 from pg_namespace where nspname = $1")
        .bind(module)
        .bind(format!("bellhop_{module}"))
        .fetch_one(admin)
        .await
}

/// Hands what the login owns to the owner, and keeps for the login what it does with rows: in one transaction, as its
/// processes run.
pub(super) fn hand_over(module: &str) -> String {
    let owner = owner_of(module);
    let login = format!("bellhop_{module}");
    format!(
        "reassign owned by {login} to {owner};
         grant usage on schema {module} to {login};
         grant select, insert, update, delete on all tables in schema {module} to {login};
         grant usage, select on all sequences in schema {module} to {login};
         grant execute on all functions in schema {module} to {login};"
    )
}

/// What each role may do beyond its own rows, and which of them it may not change: the relay reads what it captures, the
/// audit reads all, nobody rewrites what migrations or the trail say.
pub(super) fn grants() -> Vec<String> {
    let mut grants = vec!["revoke all on schema public from public".to_owned()];
    for table in relay::captured_tables() {
        let schema = table.split('.').next().unwrap_or_default();
        grants.push(format!("grant usage on schema {schema} to bellhop_relay"));
        grants.push(format!("grant select on {table} to bellhop_relay"));
    }
    for (module, _) in owners() {
        grants.push(format!("grant usage on schema {module} to {AUDIT_ROLE}"));
        grants.push(format!(
            "grant select on all tables in schema {module} to {AUDIT_ROLE}"
        ));
        grants.push(format!(
            "revoke insert, update, delete on {module}._sqlx_migrations from bellhop_{module}"
        ));
    }
    for module in TRAILS {
        for table in ["trail", "trail_head"] {
            grants.push(format!(
                "revoke insert, update, delete on {module}.{table} from bellhop_{module}"
            ));
        }
    }
    // For one release: a process of the former one writes its lines itself.
    grants.push("grant insert on access.trail to bellhop_access".to_owned());
    grants
}
