//! Webhooks that the provider did not send, or sent twice, late, changed or too long.

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{Hotel, Platform};

use super::wire::{Sent, Table, Want};

const PATH: &str = "/v1/webhooks/sandbox";
const UNSIGNED: Want<'_> = Want {
    status: 401,
    code: "invalid_signature",
    pointer: None,
};

#[expect(
    clippy::disallowed_methods,
    reason = "webhooks carry the time of the machine that runs the test"
)]
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

fn signed(secret: &str, id: &str, at: i64, body: &str) -> Sent {
    let signature = Webhook::new(secret)
        .unwrap()
        .sign(id, at, body.as_bytes())
        .unwrap();
    labelled(id, &at.to_string(), &signature, body)
}

fn labelled(id: &str, at: &str, signature: &str, body: &str) -> Sent {
    Sent::post(PATH, body)
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature)
}

pub(super) async fn rows(table: &mut Table, platform: &Platform, hotel: &Hotel) {
    let known = platform
        .env
        .iter()
        .find(|(name, _)| name == "BELLHOP_WEBHOOK_SECRET");
    let secret = known.map(|(_, secret)| secret.as_str()).unwrap();
    let booked = hotel.book(platform, 44, 1, "pm_ok").await;
    let key = format!("{}.{}", hotel.hotel_id, booked.text("/payment_id"));
    let event = json!({"type": "operation.succeeded", "data": {"key": key}}).to_string();
    let reordered = json!({"data": {"key": key}, "type": "operation.succeeded"})
        .to_string()
        .replace(',', ", ");
    let genuine = |id: &str| signed(secret, id, now(), &event);

    table.served("a genuine webhook", &genuine("evt_1"), 200);
    table.served("a genuine webhook again", &genuine("evt_1"), 200);
    let rows = "select count(*)::text from payment.webhook where id = 'evt_1'";
    assert_eq!(
        platform.try_query(rows).await.unwrap_or_else(|| "1".to_owned()),
        "1",
        "a repeat is one webhook"
    );
    for body in [
        json!({"type": "refund.unknown", "data": {"key": key}}),
        json!({"type": "operation.succeeded"}),
        json!({"type": "operation.succeeded", "data": {"key": "../../x"}}),
        json!({"type": ""}),
    ] {
        table.served(
            "an event of no interest",
            &signed(secret, "evt_2", now(), &body.to_string()),
            202,
        );
    }
    let mut refused = vec![
        ("no headers", Sent::post(PATH, event.clone())),
        ("an old one", signed(secret, "evt_3", now() - 301, &event)),
        (
            "one from the future",
            signed(secret, "evt_3", now() + 400, &event),
        ),
        (
            "another secret",
            signed("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "evt_3", now(), &event),
        ),
        (
            "no id",
            Sent::post(PATH, event.clone())
                .header("webhook-timestamp", "1")
                .header("webhook-signature", "v1,x"),
        ),
    ];
    let at = now();
    let signature = Webhook::new(secret)
        .unwrap()
        .sign("evt_4", at, event.as_bytes())
        .unwrap();
    let at = at.to_string();
    refused.push((
        "the keys in another order",
        labelled("evt_4", &at, &signature, &reordered),
    ));
    refused.push(("another id", labelled("evt_5", &at, &signature, &event)));
    refused.push((
        "no version",
        labelled("evt_4", &at, signature.trim_start_matches("v1,"), &event),
    ));
    refused.push((
        "another version",
        labelled("evt_4", &at, &signature.replace("v1,", "v1a,"), &event),
    ));
    for timestamp in [
        "",
        "x",
        "1e9",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "99999999999999999999",
    ] {
        refused.push((
            "a timestamp that is none",
            labelled("evt_4", timestamp, &signature, &event),
        ));
    }
    for (what, sent) in &refused {
        table.refused(&format!("webhook: {what}"), sent, UNSIGNED);
    }
    table.served(
        "the signature among others",
        &labelled("evt_4", &at, &format!("v1,AAAA {signature}"), &event),
        200,
    );
    unusual(table, secret);
}

fn unusual(table: &mut Table, secret: &str) {
    let malformed = Want {
        status: 400,
        code: "malformed_json",
        pointer: None,
    };
    for body in ["nope", "{}", "[]", "null", "{\"type\":7}"] {
        table.refused(
            "a signed body that is no event",
            &signed(secret, "evt_6", now(), body),
            malformed,
        );
    }
    let long_id = Want {
        status: 400,
        code: "invalid_webhook_id",
        pointer: Some("webhook-id"),
    };
    table.refused(
        "an id of 301 letters",
        &signed(secret, &"i".repeat(301), now(), "{}"),
        long_id,
    );
    let large = Value::String("x".repeat(70_000)).to_string();
    let too_large = Want {
        status: 413,
        code: "body_too_large",
        pointer: None,
    };
    table.refused(
        "a webhook of 70,000 bytes",
        &signed(secret, "evt_7", now(), &large),
        too_large,
    );
    let binary = Sent::post(PATH, b"\xff\xfe\x00".to_vec())
        .header("webhook-id", "evt_8")
        .header("webhook-timestamp", &now().to_string())
        .header("webhook-signature", "v1,AAAA");
    table.refused("a body that is not text", &binary, UNSIGNED);
}
