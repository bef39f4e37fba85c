//! The sandbox provider, over HTTP.
//!
//! Only an answer that names our key and a state that we know is believed. Everything else (a timeout, a
//! reset, a status that says nothing about the operation, a body that is no answer) is unknown.

use std::time::Duration;

use contract::Money;
use platform::StartError;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::{Heard, Provider};
use crate::config::Config;
use crate::model::{Answer, Call};

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long an idle connection is kept, in milliseconds; below what servers usually allow, so that a
/// request rarely meets a connection that is being closed.
const IDLE_MS: u64 = 2_500;

/// The sandbox provider.
#[derive(Debug)]
pub(crate) struct Sandbox {
    client: Client,
    url: String,
}

/// An amount to reserve.
#[derive(Serialize)]
struct Authorize<'c> {
    amount: Money,
    payment_method: &'c str,
    reference: String,
}

/// An amount to take or give back; none for a void.
#[derive(Serialize)]
struct Amount {
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
}

/// How the sandbox describes an operation; what else it says is ignored.
#[derive(Deserialize)]
struct Operation {
    key: String,
    state: State,
    authorization_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Processing,
    Succeeded,
    Declined,
}

/// How the sandbox describes what is wrong.
#[derive(Deserialize)]
struct Problem {
    code: String,
}

impl Sandbox {
    /// A client of the configured provider.
    ///
    /// # Errors
    /// When a setting is not usable.
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let wrong = |why: String| StartError::Setting(format!("BELLHOP_PROVIDER_URL: {why}"));
        let url = reqwest::Url::parse(&config.provider_url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://".to_owned()));
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(config.provider_timeout_ms.max(1)))
            .pool_idle_timeout(Duration::from_millis(IDLE_MS))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            client,
            url: config.provider_url.trim_end_matches('/').to_owned(),
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/v1/{path}", self.url))
    }

    /// Sends a request and reads its answer whole.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), String> {
        let mut response = request.send().await.map_err(|error| in_short(&error))?;
        let status = response.status();
        let body = read(&mut response).await?;
        Ok((status, body))
    }
}

impl Provider for Sandbox {
    async fn submit(&self, key: &str, call: &Call) -> Heard {
        let post = |path: &str| self.request(Method::POST, path).header("idempotency-key", key);
        let request = match call {
            Call::Authorize {
                amount,
                payment_method,
                reference,
            } => post("authorizations").json(&Authorize {
                amount: *amount,
                payment_method,
                reference: reference.to_string(),
            }),
            Call::Capture {
                authorization_id,
                amount,
            } => post(&format!("authorizations/{authorization_id}/capture")).json(&Amount {
                amount: Some(*amount),
            }),
            Call::Void { authorization_id } => {
                post(&format!("authorizations/{authorization_id}/void")).json(&Amount { amount: None })
            }
            Call::Refund {
                authorization_id,
                amount,
                ..
            } => post(&format!("authorizations/{authorization_id}/refunds")).json(&Amount {
                amount: Some(*amount),
            }),
        };
        match self.send(request).await {
            Err(why) => Heard::away(why),
            Ok((status, body)) if status.is_success() => read_operation(key, &body),
            Ok((StatusCode::UNPROCESSABLE_ENTITY, body)) if code(&body) == "unknown_payment_method" => {
                Heard::answered(Answer::Declined)
            }
            Ok((status, body)) => unknown(status, &body),
        }
    }

    async fn ask(&self, key: &str) -> Heard {
        match self
            .send(self.request(Method::GET, &format!("operations/{key}")))
            .await
        {
            Err(why) => Heard::away(why),
            Ok((status, body)) if status.is_success() => read_operation(key, &body),
            Ok((StatusCode::NOT_FOUND, body)) if code(&body) == "not_found" => {
                Heard::answered(Answer::NeverSeen)
            }
            Ok((status, body)) => unknown(status, &body),
        }
    }

    fn name(&self) -> &'static str {
        "sandbox"
    }
}

/// A status that says nothing of the operation: that the provider cannot, or something about our request, which only people
/// understand.
fn unknown(status: StatusCode, body: &[u8]) -> Heard {
    let why = format!("the provider answered {status} {}", code(body));
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Heard::away(why)
    } else {
        Heard::answered(Answer::Unknown(why))
    }
}

fn read_operation(key: &str, body: &[u8]) -> Heard {
    let Ok(operation) = serde_json::from_slice::<Operation>(body) else {
        // Whoever answered so is not the provider: a proxy before it, perhaps.
        return Heard::away("the provider's answer cannot be read".to_owned());
    };
    Heard::answered(what_it_says(key, operation))
}

fn what_it_says(key: &str, operation: Operation) -> Answer {
    if operation.key != key {
        return Answer::Unknown("the provider answered about another operation".to_owned());
    }
    match operation.state {
        State::Processing => Answer::Processing,
        State::Succeeded if !is_id(&operation.authorization_id) => {
            Answer::Unknown("the provider's id of the authorisation cannot be used".to_owned())
        }
        State::Succeeded => Answer::Succeeded {
            authorization_id: Some(operation.authorization_id),
        },
        State::Declined => Answer::Declined,
    }
}

/// Whether an id from outside can stand in a path.
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=100).contains(&id.len()) && id.bytes().all(plain)
}

/// The code of a problem; it comes from outside, so it is kept short.
fn code(body: &[u8]) -> String {
    let problem = serde_json::from_slice::<Problem>(body);
    problem
        .map(|problem| {
            problem
                .code
                .chars()
                .filter(|c| !c.is_control())
                .take(60)
                .collect()
        })
        .unwrap_or_default()
}

async fn read(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| in_short(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err("the provider's answer is too long".to_owned());
        }
    }
    Ok(body)
}

/// What kind of failure it was, without the address, which may hold a secret.
fn in_short(error: &reqwest::Error) -> String {
    let kind = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "the provider cannot be reached",
        _ => "the connection broke before the answer",
    };
    kind.to_owned()
}
