//! What is read from a request and what is refused, with the sentence that says why.

use axum::body::Body as Sent;
use axum::routing::get;
use tower::ServiceExt as _;

use super::*;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only reading is tested")]
struct Body {
    name: String,
    #[serde(default)]
    nested: Vec<Inner>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only reading is tested")]
struct Inner {
    count: u32,
}

fn problem(body: &str) -> (u16, String, Option<String>) {
    let problem = from_json::<Body>(body.as_bytes()).unwrap_err();
    (
        problem.body().status,
        problem.body().code.clone(),
        problem.body().pointer.clone(),
    )
}

#[test]
fn a_bad_field_is_named() {
    let (status, code, pointer) = problem(r#"{"name":"a","nested":[{"count":1},{"count":"1"}]}"#);
    assert_eq!(
        (status, code.as_str(), pointer.as_deref()),
        (422, "invalid_field", Some("/nested/1/count"))
    );
    for (body, pointer) in [
        (r#"{"name":"a","other":1}"#, "/other"),
        (r#"{"name":"a","name":"b"}"#, "/name"),
        (r#"{"nested":[]}"#, "/name"),
        (r#"{"name":"a","nested":[{"count":1},{}]}"#, "/nested/1/count"),
    ] {
        let (status, _, at) = problem(body);
        assert_eq!((status, at.as_deref()), (422, Some(pointer)), "{body}");
    }
}

#[test]
fn a_list_is_never_read_as_the_fields_of_an_object() {
    let (status, _, pointer) = problem(r#" ["a",[]]"#);
    assert_eq!((status, pointer.as_deref()), (422, Some("")));
    let (status, _, pointer) = problem(r#"{"name":"a","nested":[{"count":1},[2]]}"#);
    assert_eq!((status, pointer.as_deref()), (422, Some("/nested/1")));
}

#[tokio::test]
async fn a_body_is_json_in_utf8_as_it_is() {
    for (kind, encoding, is_taken) in [
        (Some("application/json"), None, true),
        (Some("Application/JSON"), None, true),
        (Some("application/json; charset=utf-8"), None, true),
        (Some("application/json;charset=\"UTF-8\""), None, true),
        (Some("application/json; profile=x"), None, true),
        (Some("application/json; charset=latin1"), None, false),
        (Some("text/plain; charset=utf-8"), None, false),
        (Some("application/json"), Some("gzip"), false),
        (None, None, false),
    ] {
        let mut request = axum::http::Request::post("/");
        for (name, value) in [(header::CONTENT_TYPE, kind), (header::CONTENT_ENCODING, encoding)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Sent::from(r#"{"name":"a"}"#)).unwrap();
        let read = StrictJson::<Body>::from_request(request, &()).await;
        let code = read.err().map(|problem| problem.body().code.clone());
        let wanted = (!is_taken).then_some("unsupported_media_type");
        assert_eq!(code.as_deref(), wanted, "{kind:?} {encoding:?}");
    }
}

#[tokio::test]
async fn a_body_carries_no_card_number_in_any_field() {
    let request = axum::http::Request::post("/").header(header::CONTENT_TYPE, "application/json");
    let request = request
        .body(Sent::from(r#"{"name":"4111 1111 1111 1111"}"#))
        .unwrap();
    let refused = StrictJson::<Body>::from_request(request, &()).await.unwrap_err();
    let refused = refused.body();
    assert_eq!(
        (refused.code.as_str(), refused.pointer.as_deref()),
        ("card_data_refused", Some("/name"))
    );
}

#[tokio::test]
async fn what_is_no_id_is_a_404_that_names_the_part_of_the_path() {
    let id = async |StrictPath(id): StrictPath<uuid::Uuid>| id.to_string();
    let routes = axum::Router::new().route("/things/{thing_id}", get(id));
    let ask = async |id: &str| {
        let request = Request::get(format!("/things/{id}")).body(Sent::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        (status, String::from_utf8(body.unwrap().to_vec()).unwrap())
    };
    let known = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    assert_eq!(ask(known).await, (200, known.to_owned()));
    for wrong in ["7", "%ff"] {
        let (status, body) = ask(wrong).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["pointer"]), (404, &"thing_id".into()), "{wrong}");
    }
}

#[test]
fn a_long_name_is_not_repeated() {
    let long = "k".repeat(60_000);
    let body = format!(r#"{{"name":"a","{long}":1}}"#);
    let problem = from_json::<Body>(body.as_bytes()).unwrap_err();
    assert_eq!(problem.body().pointer.as_deref(), Some(""));
    assert!(problem.body().detail.len() < 200);
    // A pointer is as long as any that a body of ours has, or is left out.
    for (length, is_named) in [(POINTER_BYTES_MAX - 1, true), (POINTER_BYTES_MAX, false)] {
        let name = "k".repeat(length);
        let problem = from_json::<Body>(format!(r#"{{"name":"a","{name}":1}}"#).as_bytes()).unwrap_err();
        let wanted = if is_named {
            format!("/{name}")
        } else {
            String::new()
        };
        assert_eq!(
            problem.body().pointer.as_deref(),
            Some(wanted.as_str()),
            "{length}"
        );
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only reading is tested")]
struct Query {
    count: u16,
    on: Option<bool>,
}

#[tokio::test]
async fn a_bad_parameter_is_answered_like_a_bad_field() {
    for (query, pointer, detail) in [
        (
            "count=x",
            "count",
            "This takes a whole number in digits, such as 2.",
        ),
        (
            "count=70000",
            "count",
            "The number is larger than any that is taken here.",
        ),
        ("count=1&on=maybe", "on", "This takes true or false."),
        ("", "count", "The parameter `count` is missing."),
        ("count=1&count=1", "count", "The parameter `count` stands twice."),
        (
            "count=1&%63ount=1",
            "count",
            "The parameter `count` stands twice.",
        ),
        (
            "count=1&a/b~=1",
            "a/b~",
            "There is no parameter `a/b~`; `count` and `on` are known here.",
        ),
    ] {
        let uri = format!("/?{query}");
        let (mut parts, ()) = axum::http::Request::get(uri).body(()).unwrap().into_parts();
        let read = StrictQuery::<Query>::from_request_parts(&mut parts, &()).await;
        let problem = read.unwrap_err();
        let problem = problem.body();
        assert_eq!(
            (
                problem.status,
                problem.code.as_str(),
                problem.pointer.as_deref(),
                problem.detail.as_str()
            ),
            (422, "invalid_field", Some(pointer), detail),
            "{query}"
        );
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only reading is tested")]
enum Word {
    One,
    Two(u8),
}

#[test]
fn what_is_not_one_of_the_words_is_invalid_and_not_malformed() {
    for body in [
        "7",
        "null",
        "[]",
        "{}",
        r#"{"two":1,"one":null}"#,
        r#""three""#,
        r#"{"two":"x"}"#,
    ] {
        let problem = from_json::<Word>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.body().status, 422, "{body}: {problem:?}");
    }
}

#[test]
fn a_body_that_cannot_be_read_is_told_why() {
    let (empty, too_large) = (
        "The body is empty; send JSON.",
        "The number is larger than any that is taken here.",
    );
    for (body, status, detail) in [
        ("", 400, empty),
        (" \n", 400, empty),
        (r#"{"name":"#, 400, "The body is not JSON: it ends too early."),
        (
            r#"{"name" 1}"#,
            400,
            "The body is not JSON: it cannot be read on from line 1, column 9.",
        ),
        (r#"{"name":"a"} x"#, 400, "The body goes on after the JSON value."),
        (r#"{"name":"a","nested":[{"count":1e400}]}"#, 422, too_large),
    ] {
        let problem = from_json::<Body>(body.as_bytes()).unwrap_err();
        let told = (problem.body().status, problem.body().detail.as_str());
        assert_eq!(told, (status, detail), "{body:?}");
    }
}

#[test]
fn what_is_not_json_is_malformed() {
    for body in [
        "",
        "{",
        "{\"name\":\"a\"} x",
        "\u{feff}{\"name\":\"a\"}",
        "{\"name\":\"\\ud800\"}",
    ] {
        assert_eq!(problem(body).0, 400, "{body:?}");
    }
}
