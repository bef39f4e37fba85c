//! A booking of several room types: all rooms or none, from the quote to the cancellation.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Hotel, Platform, until};

/// A second room type of a hotel, with so many rooms of 50.00 each, for one adult.
async fn single(platform: &Platform, hotel: &Hotel, rooms: u32) -> String {
    let of = format!("/v1/hotels/{}", hotel.hotel_id);
    let body = json!({"name": "Single", "beds": ["single"], "adults_max": 1, "children_max": 0});
    let made = platform.post(&format!("{of}/room-types"), &body).await;
    let room_type = made.text("/room_type_id").to_owned();
    let price = |_| json!({"amount": "50.00", "currency": "EUR"});
    let sold = (&room_type[..], &hotel.rate_plan_id[..]);
    hotel.sell(platform, sold, rooms, 10, price).await;
    room_type
}

/// Two adults in a double and one in a single, two nights.
fn wanted(hotel: &Hotel, single: &str) -> Value {
    json!({
        "hotel_id": hotel.hotel_id, "rate_plan_id": hotel.rate_plan_id,
        "check_in": hotel.night(0), "check_out": hotel.night(2),
        "lines": [
            {"room_type_id": hotel.room_type_id, "party": {"adults": 2}},
            {"room_type_id": single, "party": {"adults": 1}},
        ],
    })
}

async fn rooms(platform: &Platform) -> String {
    let sql = "select coalesce(string_agg(format('%s %s x%s %s', line_no, state, rooms, check_out - check_in), ', ' order by line_no), '')
        from inventory.hold where state in ('held', 'sold')";
    platform.query(sql).await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_room_types_are_quoted_held_paid_and_cancelled_together() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 1).await;
    let single = single(&platform, &hotel, 1).await;
    what_a_combination_lists_can_be_quoted(&platform, &hotel, &single).await;
    let quote = platform.post("/v1/quotes", &wanted(&hotel, &single)).await;
    assert_eq!(quote.status, StatusCode::CREATED, "{}", quote.json);
    let quote = quote.json;
    // Two nights of 100.00 and of 50.00, and 6 % VAT on all of it.
    assert_eq!(quote["total"], json!({"amount": "318.00", "currency": "EUR"}));
    assert_eq!(
        (&quote["rooms"], &quote["party"]),
        (&json!(2), &json!({"adults": 3, "children": 0}))
    );
    assert_eq!(quote["nights"][1]["price"]["amount"], "150.00");
    assert_eq!(quote["lines"][1]["nights"][0]["price"]["amount"], "50.00");
    assert!(quote.get("room_type_id").is_none(), "{quote}");

    let booked = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(
        (booked.status, booked.text("/state")),
        (StatusCode::CREATED, "confirmed"),
        "{}",
        booked.json
    );
    let types = [
        &booked.json["lines"][0]["room_type_id"],
        &booked.json["lines"][1]["room_type_id"],
    ];
    assert_eq!(types, [&json!(hotel.room_type_id), &json!(single)]);
    assert!(booked.json.get("room_type_id").is_none(), "{}", booked.json);
    assert_eq!(rooms(&platform).await, "1 sold x1 2, 2 sold x1 2");
    let payment = platform
        .get(&format!("/v1/payments/{}", booked.text("/payment_id")))
        .await;
    assert_eq!(payment.json["captured"]["amount"], "318.00", "{}", payment.json);

    assert_eq!(
        charges(&booked.json),
        "1 night 100.00, 1 night 100.00, 2 night 50.00, 2 night 50.00, - tax 18.00"
    );

    // The double would be there once more by nobody's count: there is one, and so the single is not taken either.
    let again = platform.post("/v1/quotes", &wanted(&hotel, &single)).await.json;
    let refused = hotel.book_quote(&platform, &again, "pm_ok").await;
    assert_eq!(
        (refused.status, refused.text("/code")),
        (StatusCode::CONFLICT, "sold_out"),
        "{}",
        refused.json
    );
    assert_eq!(rooms(&platform).await, "1 sold x1 2, 2 sold x1 2");
    at_rest(&platform).await;

    let path = format!("/v1/reservations/{}/cancellation", booked.text("/reservation_id"));
    let cancelled = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(cancelled.text("/state"), "cancelled", "{}", cancelled.json);
    assert_eq!(cancelled.json["refund"]["amount"], "318.00");
    // Free of charge until three days before: that is what counts from now on.
    assert_eq!(charges(&cancelled.json), "- cancellation 0.00");
    let reversed = cancelled.json["charges"].as_array().unwrap().iter();
    assert_eq!(
        reversed
            .filter(|charge| charge["reversed"] == json!(true))
            .count(),
        5
    );
    assert_eq!(rooms(&platform).await, "");
    at_rest(&platform).await;
}

/// The charges that count.
fn charges(reservation: &Value) -> String {
    let all = reservation["charges"].as_array().unwrap().iter();
    let counting = all.filter(|charge| charge.get("reversed").is_none());
    let told = counting.map(|charge| {
        let line = charge["line"]
            .as_u64()
            .map_or_else(|| "-".to_owned(), |line| line.to_string());
        let (kind, amount) = (
            charge["kind"].as_str().unwrap(),
            charge["amount"]["amount"].as_str().unwrap(),
        );
        format!("{line} {kind} {amount}")
    });
    told.collect::<Vec<_>>().join(", ")
}

async fn what_a_combination_lists_can_be_quoted(platform: &Platform, hotel: &Hotel, single: &str) {
    let stay = format!("check_in={}&check_out={}", hotel.night(0), hotel.night(2));
    let of = format!("/v1/hotels/{}/combinations?{stay}", hotel.hotel_id);
    let found = until("the cache has both room types", async || {
        let found = platform.get(&format!("{of}&guests=1,2")).await;
        (found.json["combinations"] != json!([])).then_some(found)
    })
    .await;
    let cheapest = &found.json["combinations"][0];
    let types = [
        &cheapest["lines"][0]["room_type_id"],
        &cheapest["lines"][1]["room_type_id"],
    ];
    assert_eq!(
        types,
        [&json!(single), &json!(hotel.room_type_id)],
        "{}",
        found.json
    );
    assert_eq!(cheapest["total_before_taxes"]["amount"], "300.00");
    let line = |line: &Value| json!({"room_type_id": line["room_type_id"], "party": line["party"]});
    let mut body = wanted(hotel, single);
    body["lines"] = cheapest["lines"].as_array().unwrap().iter().map(line).collect();
    let quote = platform.post("/v1/quotes", &body).await;
    assert_eq!(
        quote.json["total_before_taxes"], cheapest["total_before_taxes"],
        "{}",
        quote.json
    );
    // Two couples want two doubles, and there is one.
    let none = platform.get(&format!("{of}&guests=2,2")).await;
    assert_eq!(none.json["combinations"], json!([]), "{}", none.json);
    let wrong = platform.get(&format!("{of}&guests=2,0")).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.text("/pointer")),
        (422, "guests"),
        "{}",
        wrong.json
    );
}

/// The one of the lines that is not there decides for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_booking_of_which_one_room_is_gone_takes_none() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5).await;
    let single = single(&platform, &hotel, 0).await;
    let quote = platform.post("/v1/quotes", &wanted(&hotel, &single)).await.json;
    let refused = hotel.book_quote(&platform, &quote, "pm_ok").await;
    assert_eq!(
        (refused.status, refused.text("/code")),
        (StatusCode::CONFLICT, "sold_out"),
        "{}",
        refused.json
    );
    assert_eq!(refused.json["night"], json!(hotel.night(0)));
    assert_eq!(
        (rooms(&platform).await, hotel.counts(&platform, 0).await),
        (String::new(), (0, 0))
    );
    at_rest(&platform).await;
}

async fn at_rest(platform: &Platform) {
    until("the audit is content", async || {
        platform
            .command(&["audit", "--at-rest"])
            .status
            .success()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_line_is_named_there() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5).await;
    let single = single(&platform, &hotel, 5).await;
    let good = wanted(&hotel, &single);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    let nobody = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    for (body, status, code, pointer) in [
        (
            with(&|body| body["lines"][1]["party"] = json!({"adults": 2})),
            422,
            "party_too_large",
            "/lines/1/party/adults",
        ),
        (
            with(&|body| body["lines"][0]["party"] = json!({"adults": 0})),
            422,
            "invalid_field",
            "/lines/0/party/adults",
        ),
        (
            with(&|body| body["lines"][1]["room_type_id"] = json!(nobody)),
            404,
            "not_found",
            "/lines/1/room_type_id",
        ),
        (
            with(&|body| body["rooms"] = json!(2)),
            422,
            "invalid_field",
            "/lines",
        ),
        (
            with(&|body| body["lines"] = json!([])),
            422,
            "invalid_field",
            "/room_type_id",
        ),
        (
            with(&|body| body["lines"] = json!(vec![body["lines"][0].clone(); 10])),
            422,
            "invalid_field",
            "/lines",
        ),
        (
            with(&|body| body["lines"][0]["price"] = json!("1.00")),
            422,
            "invalid_field",
            "/lines/0/price",
        ),
    ] {
        let answer = platform.post("/v1/quotes", &body).await;
        let said = (
            answer.status.as_u16(),
            answer.text("/code"),
            answer.text("/pointer"),
        );
        assert_eq!(said, (status, code, pointer), "{}", answer.json);
    }
    // Lines that are alike are what rooms for all of them together are short for.
    let alike = with(&|body| body["lines"] = json!(vec![body["lines"][0].clone(); 2]));
    let quote = platform.post("/v1/quotes", &alike).await.json;
    assert_eq!(quote["room_type_id"], json!(hotel.room_type_id), "{quote}");
    assert_eq!(quote["nights"][0]["price"]["amount"], "100.00");
    assert_eq!(quote["lines"].as_array().map(Vec::len), Some(2));
}
