//! A guest cancels: nights and money come back by the policy, whenever the guest asks.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Hotel, Platform, booking_body, today_at, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_gives_back_nights_and_money() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 1).await;
    let booked = hotel.book(&platform, 0, 2, "pm_ok").await;
    let id = booked.text("/reservation_id");

    let quote = platform
        .get(&format!("/v1/reservations/{id}/cancellation-quote"))
        .await;
    assert_eq!(
        quote.json["refund"],
        json!({"amount": "212.00", "currency": "EUR"}),
        "{}",
        quote.json
    );
    assert_eq!(
        quote.json["penalty"],
        json!({"amount": "0.00", "currency": "EUR"})
    );

    let path = format!("/v1/reservations/{id}/cancellation");
    let cancelled = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(
        (cancelled.status, cancelled.text("/state")),
        (StatusCode::OK, "cancelled"),
        "{}",
        cancelled.json
    );
    assert_eq!(hotel.counts(&platform, 0).await, (0, 0));
    let payment = platform
        .get(&format!("/v1/payments/{}", cancelled.text("/payment_id")))
        .await;
    assert_eq!(
        payment.json["refunded"],
        json!({"amount": "212.00", "currency": "EUR"}),
        "{}",
        payment.json
    );

    // Asking again changes nothing.
    let again = platform
        .send_json(Method::POST, &path, &Value::Null, &[("prefer", "wait=30")])
        .await;
    assert_eq!(
        (again.status, again.text("/state")),
        (StatusCode::OK, "cancelled")
    );
    let refunds = platform
        .query("select count(*)::text from payment.movement where kind = 'refund'")
        .await;
    assert_eq!(refunds.as_deref(), Some("1"));

    let rebooked = hotel.book(&platform, 0, 2, "pm_ok").await;
    assert_eq!(
        rebooked.status,
        StatusCode::CREATED,
        "the room can be sold again: {}",
        rebooked.json
    );
}

/// A day cannot be waited for. The hotel lies where the day ends last on earth, and the stay begins there today; then
/// the reservation's hotel moves to where it ends first, 25 hours ahead.
#[tokio::test(flavor = "multi_thread")]
async fn who_cancels_during_the_stay_pays_for_the_nights_that_have_begun() {
    let platform = Platform::start().await;
    let hotel = Hotel {
        first: today_at(-11),
        ..Hotel::create(&platform, 1).await
    };
    platform
        .tamper("update hotel.hotel set time_zone = 'Pacific/Pago_Pago'")
        .await;
    hotel
        .set_inventory(
            &platform,
            &json!({"from": hotel.first, "to": hotel.night(5), "total": 1}),
        )
        .await;
    let nights: Vec<Value> = (0..4)
        .map(|at| json!({"night": hotel.night(at), "price": {"amount": "100.00", "currency": "EUR"}}))
        .collect();
    let prices =
        json!({"room_type_id": hotel.room_type_id, "rate_plan_id": hotel.rate_plan_id, "nights": nights});
    let path = format!("/v1/hotels/{}/prices", hotel.hotel_id);
    let put = platform.send_json(Method::PUT, &path, &prices, &[]).await;
    assert!(put.status.is_success(), "{}", put.json);
    let booked = hotel.book(&platform, 0, 4, "pm_ok").await;
    assert_eq!(booked.status, StatusCode::CREATED, "{}", booked.json);
    let id = booked.text("/reservation_id");
    platform
        .tamper("update reservation.reservation set time_zone = 'Pacific/Kiritimati'")
        .await;

    let quote = platform
        .get(&format!("/v1/reservations/{id}/cancellation-quote"))
        .await;
    let cancelled = platform
        .send_json(
            Method::POST,
            &format!("/v1/reservations/{id}/cancellation"),
            &Value::Null,
            &[("prefer", "wait=30")],
        )
        .await;
    assert_eq!(cancelled.text("/state"), "cancelled", "{}", cancelled.json);
    // One night is over there, or two when it is late. They are kept, and the first of the others by the policy.
    let over = (0..3).find(|at| cancelled.text("/kept_until") == hotel.night(*at).to_string());
    let over = over.filter(|over| *over > 0).expect("a night is over");
    let euros = |amount: u32| json!({"amount": format!("{amount}.00"), "currency": "EUR"});
    assert_eq!(
        cancelled.json["penalty"],
        euros(106 * (over + 1)),
        "{}",
        cancelled.json
    );
    assert_eq!(
        cancelled.json["refund"],
        euros(106 * (3 - over)),
        "{}",
        cancelled.json
    );
    assert_eq!(
        (&quote.json["penalty"], &quote.json["refund"]),
        (&cancelled.json["penalty"], &cancelled.json["refund"]),
        "{}",
        quote.json
    );
    for at in 0..4 {
        let begun = at < over;
        assert_eq!(
            hotel.counts(&platform, at).await,
            (0, i64::from(begun)),
            "night {at}"
        );
        let told = &quote.json["nights"][at as usize];
        assert_eq!(told["begun"], begun, "{told}");
        assert_eq!(told["amount"], euros(106), "{told}");
        let kept = if at <= over { 106 } else { 0 };
        assert_eq!(
            (&told["penalty"], &told["refund"]),
            (&euros(kept), &euros(106 - kept)),
            "{told}"
        );
    }
    let payment = platform
        .get(&format!("/v1/payments/{}", cancelled.text("/payment_id")))
        .await;
    assert_eq!(
        payment.json["refunded"], cancelled.json["refund"],
        "{}",
        payment.json
    );
    until("the audit is content", async || {
        let done = platform.command(&["audit", "--at-rest"]);
        (done.status.code() == Some(0)).then_some(())
    })
    .await;
    // What has begun is of the past: giving it back as well is found.
    platform
        .tamper("update inventory.room_night set sold = 0; update inventory.hold set state = 'released'")
        .await;
    let done = platform.command(&["audit", "--at-rest"]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("VIOLATED I-6 "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_during_the_booking_never_ends_both_confirmed_and_refunded() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 20).await;
    for _ in 0..5 {
        let quote = hotel.quote(&platform, 3, 1, 1).await;
        let key = quote["quote_id"].as_str().unwrap().to_owned();
        let body = booking_body(&quote, "Early Regret", "pm_slow");
        let asked = platform
            .send_json(
                Method::POST,
                "/v1/reservations",
                &body,
                &[("idempotency-key", &key)],
            )
            .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.json);
        let id = asked.text("/reservation_id").to_owned();
        let cancelled = platform
            .post(&format!("/v1/reservations/{id}/cancellation"), &Value::Null)
            .await;
        assert_eq!(cancelled.status, StatusCode::ACCEPTED, "{}", cancelled.json);
        until("the reservation is cancelled", async || {
            let now = platform.get(&format!("/v1/reservations/{id}")).await;
            matches!(now.text("/state"), "cancelled" | "rejected").then_some(())
        })
        .await;
        let net = platform
            .query(&format!(
                "select coalesce(sum(amount_minor), 0)::text from payment.movement where reservation_id = '{id}'"
            ))
            .await;
        assert_eq!(net.as_deref(), Some("0"));
    }
    assert_eq!(hotel.counts(&platform, 3).await, (0, 0));
}
