//! Toxiproxy between the parts, run as a process of its own and told over HTTP what to do to the connections.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::servers::setting;

/// Toxiproxy is given so long to start.
const START_TRIES: u32 = 200;
/// Between two tries.
const START_PAUSE: Duration = Duration::from_millis(25);

/// A running Toxiproxy; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Toxiproxy {
    process: Child,
    api: String,
    http: reqwest::Client,
}

/// What a fault does to the bytes, by Toxiproxy's own names.
#[derive(Debug, Clone)]
pub(crate) struct Toxic {
    pub(crate) kind: &'static str,
    /// `upstream`: what the client sends; `downstream`: what the server answers.
    pub(crate) stream: &'static str,
    /// The share of connections that it affects.
    pub(crate) share: f64,
    pub(crate) attributes: Value,
}

impl Toxiproxy {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let address = tests::fixed_address();
        let (host, port) = address.split_once(':').context("an address")?;
        let process = Command::new(setting("BELLHOP_TOXIPROXY")?)
            .args(["-host", host, "-port", port])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the program that BELLHOP_TOXIPROXY names")?;
        let toxiproxy = Self {
            process,
            api: format!("http://{address}"),
            http: reqwest::Client::new(),
        };
        for _ in 0..START_TRIES {
            if toxiproxy.ask(Method::GET, "/version", None).await.is_ok() {
                return Ok(toxiproxy);
            }
            tokio::time::sleep(START_PAUSE).await;
        }
        anyhow::bail!("Toxiproxy does not answer at {address}")
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
        let mut request = self.http.request(method, format!("{}{path}", self.api));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.timeout(Duration::from_secs(5)).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "Toxiproxy: {path}: {status} {text}");
        Ok(())
    }

    /// Puts a proxy at `listen`, in front of `upstream`.
    pub(crate) async fn proxy(&self, name: &str, listen: &str, upstream: &str) -> anyhow::Result<()> {
        let body = json!({"name": name, "listen": listen, "upstream": upstream, "enabled": true});
        self.ask(Method::POST, "/proxies", Some(body)).await
    }

    /// Refuses connections, and cuts those there are, or lets them be made again.
    pub(crate) async fn reachable(&self, name: &str, reachable: bool) -> anyhow::Result<()> {
        let body = json!({ "enabled": reachable });
        self.ask(Method::POST, &format!("/proxies/{name}"), Some(body))
            .await
    }

    /// Leads a proxy to another server; connections to the former one are cut.
    pub(crate) async fn lead(&self, name: &str, upstream: &str) -> anyhow::Result<()> {
        let body = json!({"upstream": upstream, "enabled": true});
        self.ask(Method::POST, &format!("/proxies/{name}"), Some(body))
            .await
    }

    /// Begins to do something to the connections of a proxy.
    pub(crate) async fn poison(&self, name: &str, toxic: &Toxic) -> anyhow::Result<()> {
        let body = json!({"type": toxic.kind, "stream": toxic.stream, "attributes": toxic.attributes,
            "toxicity": toxic.share});
        self.ask(Method::POST, &format!("/proxies/{name}/toxics"), Some(body))
            .await
    }

    /// Takes all toxics away and makes everything reachable.
    pub(crate) async fn heal(&self) -> anyhow::Result<()> {
        self.ask(Method::POST, "/reset", None).await
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
