//! How a test speaks to a platform over HTTP.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::keys::{Keys, bearer};
use crate::routes::Routes;

/// A request that waits for its outcome is answered within 30 s; without an answer for longer nobody is there.
const TIMEOUT: Duration = Duration::from_secs(45);

/// An answer over HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body's bytes.
    pub bytes: Vec<u8>,
    /// The body as JSON, null if it is not JSON.
    pub json: Value,
}

impl Answer {
    /// A string in the body, empty if it is not there.
    pub fn text(&self, pointer: &str) -> &str {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Speaks to one platform. Its requests fail only when nobody answers. What guests ask is asked without a key, and
/// everything else with an operator's, unless a request has an `authorization` of its own; an empty one is none.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    routes: Arc<Routes>,
    keys: Arc<Keys>,
    http: reqwest::Client,
}

impl Client {
    /// Speaks to the platform at this base URL.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            routes: Arc::default(),
            keys: Arc::default(),
            http: reqwest::Client::new(),
        }
    }

    /// As [`Self::new`], for a platform whose parts have addresses of their own.
    pub(crate) fn routed(url: &str, routes: Routes) -> Self {
        Self {
            routes: Arc::new(routes),
            ..Self::new(url)
        }
    }

    /// The same with these keys.
    pub(crate) fn with_keys(self, keys: &Arc<Keys>) -> Self {
        Self {
            keys: Arc::clone(keys),
            ..self
        }
    }

    /// The same, where what guests ask is asked with a partner's key, as by a booking site.
    #[must_use]
    pub fn by_partner(self) -> Self {
        let keys = Keys {
            by_partner: true,
            ..Keys::clone(&self.keys)
        };
        self.with_keys(&Arc::new(keys))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.routes.of(path).unwrap_or(&self.url))
    }

    /// GET.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn get(&self, path: &str) -> reqwest::Result<Answer> {
        self.json(Method::GET, path, &Value::Null, &[]).await
    }

    /// A request with headers and, unless it is null, a JSON body.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn json(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method.clone(), self.at(path));
        if !body.is_null() {
            request = request.json(body);
        }
        let without_key = ("authorization", "");
        for (name, value) in headers.iter().filter(|header| **header != without_key) {
            request = request.header(*name, *value);
        }
        if !headers.iter().any(|(name, _)| *name == "authorization")
            && let Some(key) = self.keys.of(method.as_str(), path)
        {
            request = request.header("authorization", bearer(key));
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.timeout(TIMEOUT).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            headers,
            bytes,
            json,
        })
    }
}
