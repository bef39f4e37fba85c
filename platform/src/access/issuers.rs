//! Who else may say who somebody is: a file of settings, and the keys of each, fetched in the background. What was fetched
//! stays while an issuer is away.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::bearer::{Issuer, Issuers, Trusted, read};
use crate::{Parts, StartError};

/// The part of the process that says whether every issuer's keys are known.
const PART: &str = "issuers";
/// Between two looks at what an issuer publishes.
const EVERY: Duration = Duration::from_mins(5);
/// After a look in vain, and at most so often when tokens come with keys that are not known.
const AGAIN: Duration = Duration::from_secs(5);
/// One look takes no longer.
const ASK_MAX: Duration = Duration::from_secs(5);
/// A set of keys has no more bytes.
const BYTES_MOST: usize = 64 * 1024;

/// Who else may say who somebody is.
#[derive(clap::Args, Clone, Debug)]
pub struct IssuersConfig {
    /// File that lists issuers whose signed tokens are taken as bearers, as JSON; docs/operating.md has an example.
    #[arg(long, env = "BELLHOP_ISSUERS_FILE")]
    pub issuers_file: Option<PathBuf>,
}

impl IssuersConfig {
    /// The issuers, and keeps their keys known.
    ///
    /// # Errors
    /// A setting error that names the file and the remedy.
    pub fn follow(&self, parts: &Parts) -> Result<Issuers, StartError> {
        let Some(file) = &self.issuers_file else {
            return Ok(Issuers::default());
        };
        let wrong = |why: &str| {
            StartError::Setting(format!(
                "BELLHOP_ISSUERS_FILE: {}: {why}; docs/operating.md, \"Keys\", has an example",
                file.display()
            ))
        };
        let text = std::fs::read(file).map_err(|error| wrong(&error.to_string()))?;
        let listed: Vec<Trusted> =
            serde_json::from_slice(&text).map_err(|error| wrong(&error.to_string()))?;
        let issuers = listed.into_iter().map(|trusted| {
            place(&trusted.keys).map_err(|why| wrong(&format!("{}: {why}", trusted.name)))?;
            Issuer::new(trusted).map(Arc::new).map_err(|why| wrong(&why))
        });
        let issuers: Vec<_> = issuers.collect::<Result<_, _>>()?;
        let mut names: Vec<_> = issuers.iter().map(|issuer| &issuer.trusted.issuer).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != issuers.len() {
            return Err(wrong("an issuer stands twice"));
        }
        let issuers = Issuers(issuers.into());
        keep_known(parts, &issuers)?;
        Ok(issuers)
    }
}

/// Where a set of keys is.
enum At<'a> {
    File(&'a str),
    Url(&'a str),
}

fn place(text: &str) -> Result<At<'_>, &'static str> {
    match text.split_once("://") {
        None => Ok(At::File(text)),
        Some(("http", _)) => Ok(At::Url(text)),
        Some(_) => Err(
            "keys is a file, or a URL with http in a network that you trust: a proxy there speaks TLS with the issuer",
        ),
    }
}

fn keep_known(parts: &Parts, issuers: &Issuers) -> Result<(), StartError> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ASK_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| StartError::Setting(format!("The HTTP client cannot be made: {error}")))?;
    for issuer in issuers.0.iter() {
        let (issuer, client, tasks) = (Arc::clone(issuer), client.clone(), parts.tasks.clone());
        let (health, all) = (parts.health.clone(), issuers.clone());
        health.limps(PART, without_keys(&issuer));
        parts.tasks.spawn("issuers", async move {
            loop {
                let looked = Instant::now();
                let pause = match look(&issuer, &client).await {
                    Ok(()) => EVERY,
                    Err(error) => {
                        let name = &issuer.trusted.name;
                        tracing::warn!(
                            issuer = name,
                            error,
                            "the keys of an issuer cannot be read; those known stay"
                        );
                        metrics::counter!("bellhop_issuer_looks_failed_total", "issuer" => name.clone())
                            .increment(1);
                        AGAIN
                    }
                };
                match all.0.iter().find(|issuer| !issuer.has_keys()) {
                    Some(issuer) => health.limps(PART, without_keys(issuer)),
                    None => health.ready(PART),
                }
                tokio::select! {
                    () = tasks.stopping() => return,
                    () = tokio::time::sleep(pause) => {}
                    () = async {
                        issuer.wanted.notified().await;
                        tokio::time::sleep_until(looked + AGAIN).await;
                    } => {}
                }
            }
        });
    }
    Ok(())
}

fn without_keys(issuer: &Issuer) -> String {
    let Trusted { name, keys, .. } = &issuer.trusted;
    format!("no key of the issuer {name} is known, so nobody comes in by its tokens; is {keys} there?")
}

/// Reads what the issuer publishes.
async fn look(issuer: &Issuer, client: &reqwest::Client) -> Result<(), String> {
    let set = match place(&issuer.trusted.keys)? {
        At::File(file) => tokio::fs::read(file).await.map_err(|error| error.to_string())?,
        At::Url(url) => fetch(client, url).await?,
    };
    issuer.publishes(read(&set)?);
    Ok(())
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, String> {
    let told = |error: reqwest::Error| crate::chain(&error.without_url());
    let mut response = client.get(url).send().await.map_err(told)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("it answered {}", response.status()));
    }
    let mut set = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(told)? {
        set.extend_from_slice(&piece);
        if set.len() > BYTES_MOST {
            return Err(format!("it has more than {BYTES_MOST} bytes"));
        }
    }
    Ok(set)
}
