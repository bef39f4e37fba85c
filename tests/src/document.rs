//! The OpenAPI document against what the running platform answers.

use jsonschema::Validator;
use serde_json::Value;

/// Headers that programs go by: who sends one has said so.
const HEADERS: [&str; 4] = [
    "Location",
    "Retry-After",
    "Idempotent-Replayed",
    "Preference-Applied",
];

/// The document that a platform gives out.
#[derive(Debug)]
pub struct Document(Value);

impl Document {
    /// What `/openapi.json` answered.
    pub fn new(document: Value) -> Self {
        assert!(document["paths"].is_object(), "no document: {document}");
        Self(document)
    }

    /// What the document does not say of this answer; none where it knows no such operation. `header` is the
    /// value of a header of the answer.
    pub fn fault<'h>(
        &self,
        (method, target): (&str, &str),
        status: u16,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &Value,
    ) -> Option<String> {
        let operation = self.operation(method, target)?;
        let response = &operation["responses"][status.to_string()];
        if response.is_null() {
            return Some(format!("the document has no {status} ({})", body["code"]));
        }
        if let Some(name) = HEADERS
            .iter()
            .find(|name| header(name).is_some() && response["headers"].get(**name).is_none())
        {
            return Some(format!("the document has no header {name} with {status}"));
        }
        if method == "HEAD" || response["content"].is_null() {
            return None;
        }
        let kind = header("content-type").unwrap_or_default();
        let Some(content) = response["content"].get(kind) else {
            return Some(format!("the document has no {kind:?} with {status}"));
        };
        if status >= 400 {
            let listed = response["x-problem-codes"].as_array();
            if !listed.is_some_and(|codes| codes.contains(&body["code"])) {
                return Some(format!("the document has no code {} with {status}", body["code"]));
            }
        }
        let wrong = self.validator(&content["schema"]).validate(body).err()?;
        Some(format!("the document has another shape with {status}: {wrong}"))
    }

    fn operation(&self, method: &str, target: &str) -> Option<&Value> {
        let path = target.split('?').next()?;
        // Methods are told apart by case.
        let method = match method {
            "HEAD" => "get".to_owned(),
            other if other.bytes().all(|byte| byte.is_ascii_uppercase()) => other.to_lowercase(),
            _ => return None,
        };
        let paths = self.0["paths"].as_object()?;
        let (_, item) = paths.iter().find(|(template, _)| is_of(template, path))?;
        item.get(method)
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{schema}: {error}"))
    }
}

/// Whether the path is one of the template's.
fn is_of(template: &str, path: &str) -> bool {
    let (mut parts, mut asked) = (template.split('/'), path.split('/'));
    let alike = parts
        .by_ref()
        .zip(asked.by_ref())
        .all(|(part, asked)| (part.starts_with('{') && !asked.is_empty()) || part == asked);
    alike && template.split('/').count() == path.split('/').count()
}

#[test]
fn an_answer_that_the_document_does_not_have_is_found() {
    use serde_json::json;

    let problem = json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}});
    let refused = json!({"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/P"}}}, "x-problem-codes": ["a"]});
    let document = Document::new(json!({
        "paths": {"/v1/things/{id}": {"get": {"responses": {"204": {}, "404": refused}}}},
        "components": {"schemas": {"P": problem}},
    }));
    let fault = |target: &str, status, kind: &'static str, body| {
        let header = |name: &str| (name == "content-type").then_some(kind);
        document.fault(("GET", target), status, header, &body)
    };
    let kind = "application/problem+json";
    assert_eq!(fault("/v1/things/1?x", 404, kind, json!({"code": "a"})), None);
    assert_eq!(fault("/v1/things/1", 204, "", Value::Null), None);
    assert_eq!(fault("/v1/others", 500, kind, json!({})), None);
    for (status, kind, body, said) in [
        (400, kind, json!({"code": "a"}), "has no 400"),
        (404, "text/html", json!({"code": "a"}), "has no \"text/html\""),
        (404, kind, json!({"code": "b"}), "has no code \"b\""),
        (404, kind, json!([]), "has no code null"),
    ] {
        let found = fault("/v1/things/1", status, kind, body).unwrap();
        assert!(found.contains(said), "{found}");
    }
}
