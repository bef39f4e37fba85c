//! A guest books: paid, confirmed, seen in the cache; or refused, and nothing has happened.

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_goes_through_every_part_and_back_into_the_cache() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 10).await;
    until("the cache has the hotel", async || {
        (hotel.left(&platform, 0, 3).await == [11, 11, 11]).then_some(())
    })
    .await;

    let booked = hotel.book(&platform, 0, 2, "pm_ok").await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.json);
    assert_eq!(booked.text("/state"), "confirmed");
    assert_eq!(
        booked.json["total"],
        json!({"amount": "212.00", "currency": "EUR"})
    );

    let payment = platform
        .get(&format!("/v1/payments/{}", booked.text("/payment_id")))
        .await;
    assert_eq!(payment.text("/state"), "captured", "{}", payment.json);
    assert_eq!(
        payment.json["captured"],
        json!({"amount": "212.00", "currency": "EUR"})
    );

    things_of_the_hotel_name_it(&platform, &hotel, &booked.json).await;
    a_code_opens_the_booking_with_the_email_alone(&platform, &booked.json).await;
    let saga = until("the saga is completed", async || {
        let saga = platform
            .get(&format!("/v1/sagas/{}", booked.text("/saga_id")))
            .await;
        (saga.text("/state") == "completed").then_some(saga)
    })
    .await;
    assert_eq!(saga.text("/type"), "book-stay", "{}", saga.json);

    until("the cache shows one room less", async || {
        (hotel.left(&platform, 0, 3).await == [10, 10, 11]).then_some(())
    })
    .await;
    let path = format!(
        "/v1/hotels/{}/availability?check_in={}&check_out={}&adults=2&rooms=1",
        hotel.hotel_id,
        hotel.night(0),
        hotel.night(2)
    );
    let found = platform.get(&path).await;
    assert_eq!(found.text("/freshness/source"), "cache", "{}", found.json);
    assert_eq!(found.json["room_types"][0]["rooms_left"], 10);
    assert_eq!(
        found.json["room_types"][0]["rates"][0]["total_before_taxes"],
        json!({"amount": "200.00", "currency": "EUR"})
    );

    let history = platform
        .get(&format!(
            "/v1/reservations/{}/history",
            booked.text("/reservation_id")
        ))
        .await;
    let states: Vec<&str> = history.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["state"].as_str())
        .collect();
    assert_eq!(states, ["pending", "confirmed"], "{}", history.json);
}

/// Bytes 6 to 9 of every id are those of the hotel's, and no two things share one.
async fn things_of_the_hotel_name_it(platform: &Platform, hotel: &Hotel, booked: &Value) {
    let rows = "select string_agg(id, ' ') from (
        select unnest(array[room_type_id, rate_plan_id, quote_id, reservation_id, saga_id, hold_id, payment_id])::text id
          from reservation.reservation
        union all select hold_id::text from inventory.hold
        union all select payment_id::text from payment.payment
        union all select movement_id::text from payment.movement) ids";
    let ids = platform.query(rows).await.unwrap();
    let of_hotel = |id: &str| id.get(14..23) == hotel.hotel_id.get(14..23);
    assert!(
        ids.split(' ').count() == 10 && ids.split(' ').all(of_hotel),
        "{}: {ids}",
        hotel.hotel_id
    );
    let same = "select count(*)::text from reservation.reservation r
        join inventory.hold h using (hotel_id, hold_id) join payment.payment p using (hotel_id, payment_id)
        where r.hold_id <> r.reservation_id and r.payment_id <> r.reservation_id and p.reservation_id = r.reservation_id";
    assert_eq!(platform.query(same).await.as_deref(), Some("1"), "{booked}");
}

async fn a_code_opens_the_booking_with_the_email_alone(platform: &Platform, booked: &Value) {
    let (code, email) = (
        booked["code"].as_str().unwrap(),
        booked["guest"]["email"].as_str().unwrap(),
    );
    let look_up = async |code: &str, email: &str| {
        let body = json!({"code": code, "email": email});
        platform.post("/v1/reservations/look-up", &body).await
    };
    let told = code.to_lowercase().replace('-', " ");
    let found = look_up(&told, &email.to_uppercase()).await;
    assert_eq!((found.status, &found.json), (StatusCode::OK, booked), "{told}");
    let another = look_up(code, "nobody@example.com").await;
    let nowhere = look_up("BH-7K3Q-9MXQ", email).await;
    assert_eq!(
        (another.status, &another.json),
        (StatusCode::NOT_FOUND, &nowhere.json)
    );
    let misread = look_up(&code.replace(|symbol| symbol != '-', "O"), email).await;
    assert_eq!(
        (misread.status.as_u16(), misread.text("/pointer")),
        (422, "/code"),
        "{}",
        misread.json
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_rooms_are_sold_once_and_the_night_is_named() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 10).await;
    let attempts = (0..40).map(|_| hotel.book(&platform, 5, 2, "pm_ok"));
    let answers = join_all(attempts).await;
    let confirmed = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .count();
    assert_eq!(confirmed, 11, "ten rooms and ten percent");
    for refused in answers
        .iter()
        .filter(|answer| answer.status != StatusCode::CREATED)
    {
        assert_eq!(
            (refused.status, refused.text("/code")),
            (StatusCode::CONFLICT, "sold_out"),
            "{}",
            refused.json
        );
        assert_eq!(refused.text("/night"), hotel.night(5).to_string());
    }
    assert_eq!(hotel.counts(&platform, 5).await, (0, 11));
    // Payment came after the hold, so nobody without a room was ever asked for money.
    let charged = platform
        .query("select count(distinct payment_id)::text from payment.movement")
        .await;
    assert_eq!(charged.as_deref(), Some("11"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_is_the_same_booking_also_after_a_restart() {
    let mut platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    let quote = hotel.quote(&platform, 0, 1, 1).await;
    let key = quote["quote_id"].as_str().unwrap().to_owned();
    let body = booking_body(&quote, "Grace Hopper", "pm_ok");
    let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=30")];
    let first = platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.json);
    assert!(!first.headers.contains_key("idempotent-replayed"));

    platform.kill();
    platform.run("all");
    platform.ready().await;
    let again = platform
        .send_json(Method::POST, "/v1/reservations", &body, &headers)
        .await;
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["location"], first.headers["location"]);

    let other = booking_body(&quote, "Someone Else", "pm_ok");
    let reused = platform
        .send_json(Method::POST, "/v1/reservations", &other, &headers)
        .await;
    assert_eq!(
        (reused.status.as_u16(), reused.text("/code")),
        (422, "idempotency_key_reused")
    );

    let missing = platform.post("/v1/reservations", &body).await;
    assert_eq!(
        (missing.status.as_u16(), missing.text("/code")),
        (400, "idempotency_key_missing")
    );
    let rows = platform
        .query("select count(*)::text from reservation.reservation")
        .await;
    assert_eq!(rows.as_deref(), Some("1"));
}

/// What a client sees who gives one key to two hotels: in this release that it belongs to another request, from the next
/// release on, which drops the index of before, two bookings, each with its own answer.
#[tokio::test(flavor = "multi_thread")]
async fn one_key_at_two_hotels_is_two_bookings_from_the_next_release_on() {
    let platform = Platform::start().await;
    let hotels = [
        Hotel::create(&platform, 2).await,
        Hotel::create(&platform, 2).await,
    ];
    let mut bodies = Vec::new();
    for hotel in &hotels {
        let quote = hotel.quote(&platform, 0, 2, 1).await;
        bodies.push(booking_body(&quote, "Grace Hopper", "pm_ok"));
    }
    let headers = [("idempotency-key", "order-17"), ("prefer", "wait=30")];
    let book = async |body: &Value| {
        platform
            .send_json(Method::POST, "/v1/reservations", body, &headers)
            .await
    };
    let first = book(&bodies[0]).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.json);
    let refused = book(&bodies[1]).await;
    assert_eq!(
        (refused.status.as_u16(), refused.text("/code")),
        (422, "idempotency_key_reused"),
        "{}",
        refused.json
    );
    let contract = "drop index reservation.key_names_one_booking";
    platform.query(contract).await;
    let second = book(&bodies[1]).await;
    assert_eq!(second.status, StatusCode::CREATED, "{}", second.json);
    for (answer, hotel, body) in [
        (&first, &hotels[0], &bodies[0]),
        (&second, &hotels[1], &bodies[1]),
    ] {
        assert_eq!(answer.text("/hotel_id"), hotel.hotel_id);
        let again = book(body).await;
        assert_eq!((again.status, &again.bytes), (answer.status, &answer.bytes));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(hotel.counts(&platform, 0).await, (0, 1));
    }
    until("the audit is content", async || {
        let audit = platform.command(&["audit", "--at-rest"]);
        audit.status.success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_and_its_memory_availability_still_answers() {
    let mut platform = Platform::migrated();
    platform.set("BELLHOP_REDIS_URL", "redis://127.0.0.1:1/");
    platform.run("all");
    until("the process listens", async || {
        reqwest::get(format!("{}/healthz", platform.url))
            .await
            .ok()
            .map(|_| ())
    })
    .await;
    let hotel = Hotel::create(&platform, 3).await;
    assert_eq!(hotel.left(&platform, 0, 2).await, [3, 3]);
    let booked = hotel.book(&platform, 0, 2, "pm_ok").await;
    assert_eq!(
        booked.status,
        StatusCode::CREATED,
        "a cache that is away costs nobody a room: {}",
        booked.json
    );
    assert_eq!(hotel.left(&platform, 0, 2).await, [2, 2]);
}
