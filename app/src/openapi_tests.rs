//! The document against what other people's tools can read, whatever its content.

use serde_json::Value;

use super::*;

fn json() -> Value {
    serde_json::to_value(document()).unwrap()
}

/// Each operation with its name.
fn operations_of(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap().iter();
            item.filter(|(method, _)| ["get", "put", "post", "delete", "patch"].contains(&method.as_str()))
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

/// Every object and list within a value.
fn walk<'a>(value: &'a Value, see: &mut impl FnMut(&'a Value)) {
    see(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Object(fields) => fields.values().for_each(|field| walk(field, see)),
        _ => {}
    }
}

#[test]
fn every_answer_says_what_it_is_and_every_refusal_its_codes() {
    let document = json();
    let mut codes = 0;
    for (name, operation) in operations_of(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{name} {status} has no description");
            if !status.starts_with(['4', '5']) {
                continue;
            }
            let body = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(body, "#/components/schemas/Problem", "{name} {status}");
            let listed = response["x-problem-codes"].as_array();
            let listed = listed.unwrap_or_else(|| panic!("{name} {status} names no code: {description}"));
            codes += listed.len();
            for word in listed {
                let declared = crate::problems::declared(word.as_str().unwrap());
                let (of, ..) = declared.unwrap_or_else(|| panic!("{name} {status}: {word} is no code"));
                assert_eq!(&of.to_string(), status, "{name}: {word}");
            }
            if status == "503" {
                assert!(
                    response["headers"].get("Retry-After").is_some(),
                    "{name} {status}"
                );
            }
        }
    }
    assert!(codes > 100, "{codes}");
}

#[test]
fn every_name_in_the_document_is_defined_in_it() {
    let document = json();
    let mut names = 0;
    walk(&document, &mut |value| {
        if let Some(name) = value.get("$ref").and_then(Value::as_str) {
            names += 1;
            let pointer = name.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{name}");
        }
    });
    assert!(names > 100, "{names}");
}

#[test]
fn the_codes_are_an_enum_and_a_problem_may_carry_another() {
    let document = json();
    let schemas = &document["components"]["schemas"];
    let codes = schemas["ProblemCode"]["enum"].as_array().unwrap();
    assert!(codes.contains(&"sold_out".into()) && codes.contains(&"invalid_field".into()));
    assert!(
        schemas["ProblemCode"]["description"]
            .as_str()
            .unwrap()
            .contains("newer")
    );
    let problem = &schemas["Problem"];
    assert!(problem["properties"]["code"].get("enum").is_none(), "{problem}");
    assert_eq!(problem["additionalProperties"], true);
    for member in ["night", "reservation_id", "most", "taken"] {
        let says = problem["properties"][member]["description"].as_str();
        assert!(says.is_some_and(|says| says.starts_with("Told by `")), "{member}");
    }
}

#[test]
fn the_shapes_are_ones_that_generators_read() {
    let document = json();
    walk(&document, &mut |value| {
        for text in ["[`", "`]", "crate::", "Self::"] {
            let said = value.as_str().unwrap_or_default();
            assert!(!said.contains(text), "a word of Rust's: {said}");
        }
        // One of words and objects is what an enum of Rust with data becomes; one of a type and null is fine.
        let several = value.get("oneOf").and_then(Value::as_array);
        let several = several.map_or(0, |of| of.iter().filter(|one| one["type"] != "null").count());
        assert!(several <= 1, "generators stumble over {value}");
    });
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let items = schema.pointer("/properties/items/items");
        assert!(
            items.is_none_or(|items| items.get("$ref").is_some()),
            "the items of {name} have no name"
        );
        assert!(!name.contains('_'), "{name}");
    }
    let penalty = &schemas["Penalty"];
    assert_eq!(penalty["type"], "object");
    assert_eq!(
        schemas["PenaltyKind"]["enum"],
        serde_json::json!(["first_night", "percent", "full"])
    );
    assert_eq!(document["info"]["license"]["identifier"], "MIT");
}

#[test]
fn what_programs_go_by_is_an_enum_or_a_header() {
    let document = json();
    let schemas = &document["components"]["schemas"];
    for name in [
        "ReservationState",
        "PaymentState",
        "MovementKind",
        "SagaState",
        "SagaLineWhat",
        "StepKind",
        "RelayState",
        "FreshnessSource",
        "PenaltyKind",
        "ProblemCode",
        "ProblemClass",
    ] {
        assert!(schemas[name]["enum"].is_array(), "{name}: {}", schemas[name]);
    }
    let booking = &document["paths"]["/v1/reservations"]["post"]["responses"];
    for status in ["201", "202"] {
        for header in ["Location", "Idempotent-Replayed"] {
            assert!(
                booking[status]["headers"].get(header).is_some(),
                "{status} {header}"
            );
        }
    }
    for (name, operation) in operations_of(&document) {
        let created = &operation["responses"]["201"];
        // A quote is nowhere to be found: it is what its token says.
        if !created.is_null() && name != "post /v1/quotes" {
            assert!(created["headers"].get("Location").is_some(), "{name}");
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        if parameters
            .iter()
            .any(|parameter| parameter["name"] == "Idempotency-Key")
        {
            assert!(created["headers"].get("Idempotent-Replayed").is_some(), "{name}");
        }
    }
}
