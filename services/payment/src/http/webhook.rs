//! Webhooks of the sandbox provider. What one says is never believed: it only makes the operation that it
//! names be asked for now, so the truth always comes by one road, in whatever order webhooks arrive.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use platform::access::Allowed;
use platform::http::{Common, Problem};
use platform::problems;
use platform::{Broken, db};
use serde::Deserialize;

use crate::model::payment_of_key;
use crate::store::{operation, webhook as store};

/// The longest id of a webhook, in bytes.
const ID_BYTES_MAX: usize = 300;
/// The most digits of a timestamp; twelve reach into the year 33658.
const SECONDS_DIGITS_MAX: usize = 12;

/// What a webhook says, as far as it matters.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    key: Option<String>,
}

problems!(Problems: Common::InvalidSignature, Common::InvalidWebhookId);

/// Hear the sandbox provider
///
/// Signed by the rules of Standard Webhooks, within five minutes.
#[utoipa::path(
    post, path = "/v1/webhooks/sandbox", tag = "Payments",
    request_body(content = Object, description = "An event of the provider", content_type = "application/json"),
    params(
        ("webhook-id" = String, Header, description = "Names the event; a repeat changes nothing"),
        ("webhook-timestamp" = i64, Header, description = "Seconds since 1970"),
        ("webhook-signature" = String, Header, description = "`v1,` and the HMAC-SHA256 over id, timestamp and body"),
    ),
    responses(
        (status = 200, description = "Heard, now or before"),
        (status = 202, description = "Not an event that matters here"),
        Problems,
    )
)]
pub(super) async fn webhook(
    _: Allowed<super::TakeWebhook>,
    State(state): State<Arc<super::State>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let unsigned = || {
        let detail =
            "The webhook is not signed with our secret, or its timestamp is more than five minutes away.";
        Problem::new(Common::InvalidSignature, detail)
    };
    if !has_moment(&headers) {
        return Err(unsigned());
    }
    state.webhooks.verify(&body, &headers).map_err(|error| {
        tracing::warn!(error = platform::chain(&error), "a webhook was not accepted");
        unsigned()
    })?;
    let id = headers
        .get(standardwebhooks::HEADER_WEBHOOK_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    if !(1..=ID_BYTES_MAX).contains(&id.len()) {
        let detail = "A webhook-id has 1 to 300 characters.";
        return Err(Problem::new(Common::InvalidWebhookId, detail).at("webhook-id"));
    }
    let event: Event = serde_json::from_slice(&body).map_err(|_| {
        let detail = "The body is not an event with a type.";
        Problem::new(Common::MalformedJson, detail)
    })?;
    let key = event
        .data
        .and_then(|data| data.key)
        .filter(|_| event.kind.starts_with("operation."));
    let Some(payment) = key.as_deref().and_then(payment_of_key) else {
        return Ok(StatusCode::ACCEPTED);
    };
    let id = id.to_owned();
    let woken = db::unit_of_work::<_, Broken, _>(&state.pool, move |db| {
        Box::pin(async move {
            if !store::remember(db, &id).await? {
                return Ok(0);
            }
            operation::wake(db, &[payment]).await
        })
    })
    .await?;
    if woken > 0 {
        state.nudge.notify_one();
    }
    Ok(StatusCode::OK)
}

/// Whether the timestamp is a number of seconds: the library subtracts it from the present without a look, and
/// panics where that overflows.
fn has_moment(headers: &HeaderMap) -> bool {
    let timestamp = headers.get(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP);
    timestamp.is_some_and(|at| at.len() <= SECONDS_DIGITS_MAX && at.as_bytes().iter().all(u8::is_ascii_digit))
}
