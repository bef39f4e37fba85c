//! Whatever is sent as a body is read or refused with 400 or 422 and a pointer into that very body.

#![no_main]

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use contract::penalty::WrittenPenalty;
use contract::quote::Party;
use contract::{HotelId, Money, StayDate, Text};
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use platform::http::StrictJson;
use serde::Deserialize;

/// A bit of every kind of field that request bodies have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only reading is tried")]
struct Sent {
    hotel_id: HotelId,
    name: Text<20>,
    check_in: StayDate,
    rooms: u16,
    party: Party,
    #[serde(default)]
    penalty: Option<WrittenPenalty>,
    #[serde(default)]
    prices: Vec<Money>,
}

fuzz_target!(|bytes: &[u8]| {
    let request = Request::post("/").header("content-type", "application/json");
    let request = request.body(Body::from(bytes.to_vec())).expect("a request");
    let Err(problem) = block_on(StrictJson::<Sent>::from_request(request, &())) else {
        let value: serde_json::Value = serde_json::from_slice(bytes).expect("what is read is JSON");
        assert!(only_objects(&value), "a list was read as an object: {value}");
        return;
    };
    let problem = problem.body();
    assert!(matches!(problem.status, 400 | 422), "{problem:?}");
    assert!(!problem.code.is_empty() && !problem.detail.is_empty());
});

/// Only `prices` is a list.
fn only_objects(value: &serde_json::Value) -> bool {
    let object = |pointer: &str| value.pointer(pointer).is_none_or(|inner| !inner.is_array());
    let prices = value.get("prices").and_then(serde_json::Value::as_array);
    value.is_object()
        && object("/party")
        && object("/penalty")
        && prices.is_none_or(|prices| prices.iter().all(serde_json::Value::is_object))
}
