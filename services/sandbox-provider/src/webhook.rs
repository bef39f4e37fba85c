//! Webhooks, signed as Standard Webhooks wants it: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature` over id, timestamp and body.

use std::time::Duration;

use platform::{Clock, StartError};
use serde::Serialize;
use standardwebhooks::Webhook;

use crate::config::Config;
use crate::http::OperationBody;

/// How long a receiver has to answer, in milliseconds.
const TIMEOUT_MS: u64 = 2_000;

/// Sends webhooks to the one address that is configured.
pub(crate) struct Sender {
    client: reqwest::Client,
    url: String,
    signer: Webhook,
    clock: Clock,
}

#[derive(Serialize)]
struct Body<'o> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: &'o OperationBody,
}

impl Sender {
    /// A sender with the configured address and secret.
    pub(crate) fn new(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let setting = |why: String| StartError::Setting(why);
        if config.sandbox_webhook_secret.reveal().is_empty() {
            return Err(setting(
                "BELLHOP_WEBHOOK_SECRET is empty; `openssl rand -base64 32` makes a good one".to_owned(),
            ));
        }
        let signer = Webhook::new(config.sandbox_webhook_secret.reveal())
            .map_err(|error| setting(format!("BELLHOP_WEBHOOK_SECRET is not base64: {error}")))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(TIMEOUT_MS))
            .build()
            .map_err(|error| setting(format!("the webhook client cannot be made: {error}")))?;
        Ok(Self {
            client,
            url: config.sandbox_webhook_url.clone(),
            signer,
            clock,
        })
    }

    /// Sends the news of an operation `times` times, under one id. What becomes of it does not matter to
    /// the operation.
    pub(crate) async fn send(&self, operation: &OperationBody, times: u32) {
        let now = self.clock.now();
        let body = Body {
            kind: operation.event(),
            timestamp: now.to_rfc3339(),
            data: operation,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let id = format!("msg_{}", operation.key);
        let Ok(signature) = self.signer.sign(&id, now.timestamp(), &body) else {
            return;
        };
        for _ in 0..times {
            let sent = self
                .client
                .post(&self.url)
                .header("content-type", "application/json")
                .header("webhook-id", &id)
                .header("webhook-timestamp", now.timestamp())
                .header("webhook-signature", &signature)
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(response) if response.status().is_success() => {}
                Ok(response) => tracing::warn!(status = %response.status(), "a webhook was not accepted"),
                Err(error) => tracing::warn!(error = platform::chain(&error), "a webhook did not arrive"),
            }
        }
    }
}
