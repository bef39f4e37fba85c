//! The service's endpoints, one file each.

mod body;
mod cancel;
mod cancellation_quote;
mod create;
mod get;
mod history;
mod list;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// Every route.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::create_reservation, list::list_reservations))
        .routes(routes!(get::get_reservation))
        .routes(routes!(history::reservation_history))
        .routes(routes!(cancellation_quote::cancellation_quote))
        .routes(routes!(cancel::cancel_reservation))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn every_name_in_the_document_is_defined_in_it() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut names = Vec::new();
        collect(&document, &mut names);
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            let pointer = name.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{name}");
        }
        assert_eq!(document["paths"].as_object().unwrap().len(), 5);
    }

    fn collect(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                names.extend(fields.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                fields.values().for_each(|field| collect(field, names));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            _ => {}
        }
    }
}
