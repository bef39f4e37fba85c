//! Bad input names its field.

use super::*;

#[sqlx::test(migrations = false)]
async fn bad_input_is_answered_with_its_field_and_changes_nothing(pool: PgPool) {
    let api = Api::new(&pool).await;
    let (from, to) = (api.day(1), api.day(2));
    let past = StayDate::from_days_since_1970(api.today.days_since_1970() - 2).unwrap();
    let cases = [
        (json!({"from": from, "to": to}), "nothing_to_set", ""),
        (
            json!({"from": from, "to": from, "total": 1}),
            "empty_range",
            "/to",
        ),
        (json!({"from": to, "to": from, "total": 1}), "empty_range", "/to"),
        (
            json!({"from": from, "to": api.day(402), "total": 1}),
            "range_too_long",
            "/to",
        ),
        (
            json!({"from": past, "to": to, "total": 1}),
            "night_in_past",
            "/from",
        ),
        (
            json!({"from": api.day(1_090), "to": api.day(1_100), "total": 1}),
            "too_far_ahead",
            "/to",
        ),
        (
            json!({"from": from, "to": to, "total": -1}),
            "invalid_field",
            "/total",
        ),
        (
            json!({"from": from, "to": to, "total": 10_001}),
            "invalid_field",
            "/total",
        ),
        (
            json!({"from": from, "to": to, "total": 5_000_000_000_u64}),
            "invalid_field",
            "/total",
        ),
        (
            json!({"from": from, "to": to, "total": 1.5}),
            "invalid_field",
            "/total",
        ),
        (
            json!({"from": from, "to": to, "total": "1"}),
            "invalid_field",
            "/total",
        ),
        (
            json!({"from": "2026-2-3", "to": to, "total": 1}),
            "invalid_field",
            "/from",
        ),
        (
            json!({"from": "2026-02-30", "to": to, "total": 1}),
            "invalid_field",
            "/from",
        ),
        (
            json!({"from": from, "to": "infinity", "total": 1}),
            "invalid_field",
            "/to",
        ),
        (
            json!({"from": from, "to": to, "total": 1, "extra": 1}),
            "invalid_field",
            "/extra",
        ),
        (
            json!({"from": from, "to": to, "total": 1, "force": true}),
            "reason_required",
            "/reason",
        ),
        (
            json!({"from": from, "to": to, "total": 1, "force": true, "reason": "a\u{0}b"}),
            "invalid_field",
            "/reason",
        ),
        (
            json!({"from": from, "to": to, "closed": true}),
            "total_required",
            "/total",
        ),
        (
            json!({"from": from, "to": to, "closed": 1}),
            "invalid_field",
            "/closed",
        ),
        (json!([1]), "invalid_field", ""),
    ];
    for (body, code, pointer) in cases {
        let (status, problem) = api.put(body.clone()).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert_eq!(problem["code"], code, "{body}: {problem}");
        assert!(
            pointer == "/extra" || problem["pointer"] == pointer,
            "{body}: {problem}"
        );
    }
    for (query, code, pointer) in [
        (format!("from={from}"), "invalid_field", "to"),
        (format!("from={from}&to={to}&limit=3"), "invalid_field", "limit"),
        (
            format!("from={from}&to={to}&room_type_id=x"),
            "invalid_field",
            "room_type_id",
        ),
        (
            format!("from={from}&from={from}&to={to}"),
            "invalid_field",
            "from",
        ),
        (format!("from={from}&to={from}"), "empty_range", "to"),
        (format!("from={to}&to={from}"), "empty_range", "to"),
        (format!("from={from}&to={}", api.day(402)), "range_too_long", "to"),
        ("from=2000-01-01&to=2199-12-31".to_owned(), "range_too_long", "to"),
    ] {
        let (status, problem) = api.get(&query).await;
        assert_eq!(
            (status, &problem["code"], &problem["pointer"]),
            (422, &json!(code), &json!(pointer)),
            "{query}"
        );
    }
    assert_eq!(api.get(&format!("from={from}&to={}", api.day(401))).await.0, 200);
    assert_eq!(
        api.send(
            Method::PUT,
            "/v1/hotels/1/room-types/2/inventory",
            "{}".to_owned()
        )
        .await
        .0,
        404
    );
    assert_eq!(
        api.send(Method::GET, "/v1/hotels/%00/inventory?from=x", String::new())
            .await
            .0,
        404
    );
    assert_eq!(books(&pool, api.hotel).await, (Vec::new(), Vec::new()));
}
