//! Who may do what, of the whole platform: the tables of all services, and the pages and files beside them.

use platform::access::{Listener, Place, Row, Table};

use crate::targets::SANDBOX_PREFIX;

/// Pages and files that anybody may read; they hold nothing but themselves.
const PAGES: &Row = &Row::anyone().named("Pages").unidentified().found_by(Place::Root);
/// What those who look after a process ask it.
const OPS: &Row = &Row::anyone()
    .named("Ops")
    .on(Listener::Ops)
    .unidentified()
    .found_by(Place::Root);
/// Another company's server, which knows nobody of ours.
const SANDBOX: &Row = &Row::anyone()
    .named("Sandbox")
    .unidentified()
    .found_by(Place::Root);

/// The row of every route that a process may serve.
pub fn table() -> Table {
    let services = [
        access::operations(),
        hotel::operations(),
        inventory::operations(),
        reservation::operations(),
        payment::operations(),
        availability::operations(),
        orchestrator::operations(),
        relay::operations(),
        crate::problems::operations(),
    ];
    let table = services.into_iter().fold(Table::default(), Table::and);
    table
        .pages(&orchestrator::DASHBOARD, PAGES)
        .pages(&access::FILES, PAGES)
        .pages(
            &[
                "/dashboard",
                "/sign-in",
                "/openapi.json",
                "/swagger-ui",
                "/swagger-ui/",
                "/swagger-ui/{*rest}",
            ],
            PAGES,
        )
        .pages(&["/healthz", "/readyz", "/metrics"], OPS)
        .with_all_of(&sandbox_provider::openapi(), SANDBOX_PREFIX, SANDBOX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Each operation of the document, as method and path.
    fn documented() -> BTreeMap<(String, String), serde_json::Value> {
        let document = serde_json::to_value(crate::openapi::document()).unwrap();
        let paths = document["paths"].as_object().unwrap().clone();
        let operations = paths.into_iter().flat_map(|(path, item)| {
            let item = item.as_object().unwrap().clone().into_iter();
            item.map(move |(method, operation)| ((method.to_uppercase(), path.clone()), operation))
        });
        operations.collect()
    }

    #[test]
    fn every_operation_has_a_row_and_every_row_an_operation() {
        let table = table();
        let rows = table.rows().filter(|(path, ..)| path.starts_with("/v1/"));
        let rows: BTreeSet<_> = rows
            .map(|(path, method, _)| (method.to_string(), path.to_owned()))
            .collect();
        let operations: BTreeSet<_> = documented().into_keys().collect();
        assert_eq!(
            operations.difference(&rows).collect::<Vec<_>>(),
            Vec::<&(String, String)>::new()
        );
        assert_eq!(
            rows.difference(&operations).collect::<Vec<_>>(),
            Vec::<&(String, String)>::new()
        );
        assert!(rows.len() >= 29, "{}", rows.len());
    }

    #[test]
    fn an_operations_row_bears_a_name_of_its_own_and_says_what_the_document_says() {
        let documented = documented();
        let mut names = BTreeSet::new();
        for (path, method, row) in table().rows().filter(|(path, ..)| path.starts_with("/v1/")) {
            assert!(names.insert(row.name), "{} stands twice", row.name);
            let operation = &documented[&(method.to_string(), path.to_owned())];
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let waits = parameters.iter().any(|parameter| parameter["name"] == "Prefer");
            assert_eq!(row.waits, waits, "{}: Prefer", row.name);
            let by_path = parameters.iter().any(|parameter| parameter["in"] == "path");
            assert_eq!(row.place == Place::Path, by_path, "{}: place", row.name);
            assert!(
                row.cost > 0 && row.body <= platform::http::BODY_BYTES_MAX,
                "{}",
                row.name
            );
        }
    }
}
