//! Rules and decisions are pure.

use super::{IO_CRATES, assert_none, code, names, read, rust_files};

fn is_pure(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let model = parts.contains(&"src") && (parts.contains(&"model") || parts.last() == Some(&"model.rs"));
    let engine = name.starts_with("orchestrator/src/engine");
    model || engine || name.starts_with("rules/src/")
}

fn io_in(text: &str) -> Vec<&'static str> {
    let uses = |io: &&'static str| {
        text.lines().map(|line| code(line, "//")).any(|line| {
            names(line, io, "::")
                || names(line, &format!("use {io}"), ";")
                || names(line, &format!("use {io}"), " ")
        })
    };
    IO_CRATES.iter().copied().filter(|io| uses(io)).collect()
}

#[test]
fn rules_and_decisions_are_pure() {
    let mut seen = 0;
    let mut found = Vec::new();
    for name in rust_files().filter(|name| is_pure(name)) {
        seen += 1;
        found.extend(
            io_in(&read(&name))
                .into_iter()
                .map(|io| format!("{name} uses {io}")),
        );
    }
    assert!(
        seen > 0,
        "no model and no engine was found; has the layout changed?"
    );
    assert_none(
        &found,
        "give the rule its values as arguments, and do the IO in store.rs, http/ or commands/",
    );
}

#[test]
fn io_is_found_where_it_is() {
    assert_eq!(io_in("use sqlx::PgPool; // tokio::spawn"), ["sqlx"]);
    assert_eq!(io_in("fn f(now: tokio::time::Instant) {}"), ["tokio"]);
    assert_eq!(io_in("use axum;"), ["axum"]);
    assert_eq!(
        io_in("//! No sqlx::query here\nlet axum_like = my_redis::x();"),
        [""; 0]
    );
}
