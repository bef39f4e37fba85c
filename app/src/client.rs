//! A client of the public REST API, as a careful booking site would write one: every request that is
//! not a read carries a key, so it can be sent again when an answer is lost, and 503, 429 and 409 with
//! `Retry-After` are waited out.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How often one request is sent at most.
const TRIES_MAX: u32 = 40;
/// The longest pause between two tries, in seconds.
const PAUSE_SECONDS_MAX: u64 = 5;
/// No answer takes longer, in seconds.
const ANSWER_SECONDS_MAX: u64 = 60;

platform::secret_setting! {
    /// API key to ask with; without one everything is asked as anybody would. `scripts/up` makes one.
    pub Key = "BELLHOP_KEY", None
}

/// Where the platform is.
#[derive(Args, Clone, Debug)]
pub struct ClientConfig {
    /// Base URL of the platform's REST API.
    #[arg(long, env = "BELLHOP_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// [`Key`].
    #[command(flatten)]
    pub key: Key,
}

/// An answer: its status and its JSON body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; null when there is none.
    pub body: Value,
}

impl Answer {
    /// The stable code of a problem, or the status when it is not one.
    pub fn code(&self) -> String {
        self.text("/code")
            .map_or_else(|| format!("http_{}", self.status.as_u16()), str::to_owned)
    }

    /// A string in the body.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer)?.as_str()
    }

    /// The body as a type, if the request was served.
    ///
    /// # Errors
    /// With the problem's code and detail otherwise.
    pub fn served<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        if !self.status.is_success() {
            let place = self.text("/pointer").unwrap_or_default();
            bail!(
                "{} {}: {} {place}",
                self.status.as_u16(),
                self.code(),
                self.text("/detail").unwrap_or("no detail")
            );
        }
        serde_json::from_value(self.body).context("the platform answered with another shape than expected")
    }
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    key: Key,
    http: reqwest::Client,
}

impl Client {
    /// A client of the platform at `config.url`.
    ///
    /// # Errors
    /// When the HTTP library cannot start.
    pub fn new(config: &ClientConfig) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
            .connect_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            base: config.url.trim_end_matches('/').to_owned(),
            key: config.key.clone(),
            http,
        })
    }

    /// Reads.
    ///
    /// # Errors
    /// When the platform cannot be reached for long.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None::<&()>, &[]).await
    }

    /// Reads and expects to be served.
    ///
    /// # Errors
    /// When the platform cannot be reached, or answers with a problem.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.get(path)
            .await?
            .served()
            .with_context(|| format!("GET {path}"))
    }

    /// Sends a body and expects to be served.
    ///
    /// # Errors
    /// When the platform cannot be reached, or answers with a problem.
    pub async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let context = format!("{method} {path}");
        self.send(method, path, Some(body), &[])
            .await?
            .served()
            .context(context)
    }

    /// Sends a request, again while an answer is lost or the platform asks to come back.
    ///
    /// # Errors
    /// When the platform cannot be reached for long.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + ?Sized)>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base);
        for tries in 1.. {
            let mut request = self.http.request(method.clone(), &url);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if !self.key.is_empty() {
                request = request.bearer_auth(self.key.reveal());
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            match once(request).await {
                Ok((answer, None)) => return Ok(answer),
                Ok((answer, Some(_))) if tries >= TRIES_MAX => return Ok(answer),
                Ok((_, Some(after))) => tokio::time::sleep(after).await,
                Err(error) if tries >= TRIES_MAX => {
                    return Err(error)
                        .with_context(|| format!("{url} does not answer; is the platform running?"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(u64::from(tries) * 100)).await,
            }
        }
        bail!("no request was sent")
    }
}

/// Sends once. Answers also after how long to come back, where the platform asks for it.
async fn once(request: reqwest::RequestBuilder) -> Result<(Answer, Option<Duration>), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status();
    let asked = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let body = response.bytes().await?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let seconds = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY => {
            Some(asked.unwrap_or(1))
        }
        StatusCode::CONFLICT => asked,
        _ => None,
    };
    let after = seconds.map(|seconds| Duration::from_secs(seconds.min(PAUSE_SECONDS_MAX)));
    Ok((Answer { status, body }, after))
}
