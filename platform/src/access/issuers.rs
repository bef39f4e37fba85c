//! Who else may say who somebody is: a file of settings, and the keys of each, fetched in the background. What was fetched
//! stays while an issuer is away.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::bearer::{Issuer, Issuers, Trusted, read};
use super::keys_at::{KeysAt, Published};
use crate::outward::{Outward, OutwardConfig};
use crate::{Parts, StartError};

/// The part of the process that says whether every issuer's keys are known.
const PART: &str = "issuers";
/// Between two looks at what an issuer publishes.
const EVERY: Duration = Duration::from_mins(5);
/// After a look in vain, and at most so often when tokens come with keys that are not known.
const AGAIN: Duration = Duration::from_secs(5);
/// A set of keys has no more bytes, nor a document that says where it is.
const BYTES_MOST: usize = 64 * 1024;

/// Who else may say who somebody is.
#[derive(clap::Args, Clone, Debug)]
pub struct IssuersConfig {
    /// File that lists issuers whose signed tokens are taken as bearers, as JSON; docs/operating.md has an example.
    #[arg(long, env = "BELLHOP_ISSUERS_FILE")]
    pub issuers_file: Option<PathBuf>,
    /// How they are asked for their keys.
    #[command(flatten)]
    pub outward: OutwardConfig,
}

impl IssuersConfig {
    /// The issuers, and keeps their keys known.
    ///
    /// # Errors
    /// A setting error that names the file and the remedy.
    pub fn follow(&self, parts: &Parts) -> Result<Issuers, StartError> {
        // Read also where nobody is asked, so that a wrong file is found when it is written.
        let outward = self.outward.outward()?;
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
        let issuers = listed
            .into_iter()
            .map(|trusted| Issuer::new(trusted).map(Arc::new).map_err(|why| wrong(&why)));
        let issuers: Vec<_> = issuers.collect::<Result<_, _>>()?;
        let mut names: Vec<_> = issuers.iter().map(|issuer| &issuer.trusted.issuer).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != issuers.len() {
            return Err(wrong("an issuer stands twice"));
        }
        let issuers = Issuers(issuers.into());
        for issuer in issuers.0.iter() {
            let keeper = Keeper {
                issuer: Arc::clone(issuer),
                all: issuers.clone(),
                outward: outward.clone(),
                parts: parts.clone(),
            };
            keeper.tell();
            parts.tasks.spawn("issuers", keeper.keep_known());
        }
        Ok(issuers)
    }
}

/// Keeps the keys of one issuer known.
struct Keeper {
    issuer: Arc<Issuer>,
    all: Issuers,
    outward: Outward,
    parts: Parts,
}

impl Keeper {
    async fn keep_known(self) {
        loop {
            let looked = Instant::now();
            let pause = match self.look().await {
                Ok(()) => {
                    self.found();
                    EVERY
                }
                Err(why) => {
                    self.missed(&why);
                    AGAIN
                }
            };
            self.tell();
            tokio::select! {
                () = self.parts.tasks.stopping() => return,
                () = tokio::time::sleep(pause) => {}
                () = async {
                    self.issuer.wanted.notified().await;
                    tokio::time::sleep_until(looked + AGAIN).await;
                } => {}
            }
        }
    }

    /// Reads what the issuer publishes.
    async fn look(&self) -> Result<(), String> {
        let set = match &self.issuer.keys_at {
            KeysAt::File(file) => tokio::fs::read(file).await.map_err(|error| error.to_string())?,
            KeysAt::Url(url) => self.outward.get(url, BYTES_MOST).await?.into(),
            KeysAt::Said(url) => {
                let document = self.outward.get(url, BYTES_MOST).await;
                let document = document.map_err(|why| format!("{url}: {why}"))?;
                let Trusted {
                    issuer, plain_http, ..
                } = &self.issuer.trusted;
                let keys = Published::read(&document)?.keys(issuer, url, *plain_http)?;
                let set = self.outward.get(&keys, BYTES_MOST).await;
                set.map_err(|why| format!("{keys}: {why}"))?.into()
            }
        };
        self.issuer.publishes(read(&set)?);
        Ok(())
    }

    fn found(&self) {
        if self.issuer.missed(None).is_some() {
            tracing::info!(issuer = self.name(), "the keys of an issuer can be read again");
        }
    }

    /// Each look in vain is counted, and told when it says something new.
    fn missed(&self, why: &str) {
        metrics::counter!("bellhop_issuer_looks_failed_total", "issuer" => self.name().to_owned())
            .increment(1);
        if self.issuer.missed(Some(why.to_owned())).as_deref() != Some(why) {
            tracing::warn!(
                issuer = self.name(),
                at = %self.issuer.keys_at,
                why,
                "the keys of an issuer cannot be read; those known stay"
            );
        }
    }

    /// Says of all issuers whether their keys are known, as they are now.
    fn tell(&self) {
        let troubles: Vec<_> = self.all.0.iter().filter_map(|issuer| issuer.trouble()).collect();
        if troubles.is_empty() {
            self.parts.health.ready(PART);
        } else {
            self.parts.health.limps(PART, troubles.join("; "));
        }
    }

    fn name(&self) -> &str {
        &self.issuer.trusted.name
    }
}
