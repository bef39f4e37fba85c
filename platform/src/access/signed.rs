//! Signatures of the rows of access. Whoever could write one record into a topic would be an administrator otherwise: a process
//! believes what the access service has signed, and nothing else. An Ed25519 signature (RFC 8032) over all columns that
//! travel; the process that makes them is the only one with a secret for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use uuid::Uuid;

use super::seal::{hex, unhex};
use crate::StartError;
use crate::ring::Ring;

const SEEDS: &str = "BELLHOP_ACCESS_SIGNING_KEY";
const PUBLIC: &str = "BELLHOP_ACCESS_PUBLIC_KEY";
/// What every signature is about, so that none is good for anything else.
const ABOUT: &[u8] = b"bellhop access row 1";

crate::secret_setting! {
    /// Keys by which the access service signs its rows, as `kid:seed`, separated by commas, each seed 64 hexadecimal digits: the
    /// first signs. For `bellhop access` and processes that run the access service, and for no other. `scripts/up` makes one.
    pub AccessSigningKey = "BELLHOP_ACCESS_SIGNING_KEY", None
}

/// By what the rows of access are signed.
#[derive(clap::Args, Clone, Debug)]
pub struct SigningConfig {
    /// [`AccessSigningKey`].
    #[command(flatten)]
    pub access_signing_key: AccessSigningKey,
}

/// By what the rows of access are believed.
#[derive(clap::Args, Clone, Debug)]
pub struct BelievedConfig {
    /// Public keys of the rows of access, as `bellhop access public-key` prints them. Those of the signing keys, where there are
    /// any, need not be among them.
    #[arg(long, env = PUBLIC, default_value = "")]
    pub access_public_key: String,
    /// The signing keys, of a process that has them.
    #[command(flatten)]
    pub signing: SigningConfig,
}

impl SigningConfig {
    /// What signs rows.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub fn signer(&self) -> Result<RowSigner, StartError> {
        let ring = Ring::read(SEEDS, &self.access_signing_key)?;
        let pairs = ring.all().map(|(kid, seed)| {
            let pair = unhex(seed.reveal()).and_then(|seed| Ed25519KeyPair::from_seed_unchecked(&seed).ok());
            let pair = pair.ok_or_else(|| {
                StartError::Setting(format!(
                    "{SEEDS}: the seed {kid} is not 64 hexadecimal digits; `echo 1:$(openssl rand -hex 32)` makes a good one"
                ))
            });
            Ok((kid.to_owned(), pair?))
        });
        Ok(RowSigner(pairs.collect::<Result<Vec<_>, StartError>>()?.into()))
    }
}

impl BelievedConfig {
    /// What verifies rows.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy, also when there is no key at all.
    pub fn verifier(&self) -> Result<RowVerifier, StartError> {
        let mut keys = HashMap::new();
        if !self.signing.access_signing_key.is_empty() {
            keys.extend(self.signing.signer()?.public());
        }
        let listed = self.access_public_key.split(',').map(str::trim);
        for text in listed.filter(|text| !text.is_empty()) {
            let read = text.split_once(':').and_then(|(kid, key)| {
                let key = unhex(key)?.try_into().ok()?;
                Some((kid.to_owned(), key))
            });
            keys.extend(Some(
                read.ok_or_else(|| Self::wrong("what it has is no public key"))?,
            ));
        }
        if keys.is_empty() {
            return Err(Self::wrong("there is none"));
        }
        Ok(RowVerifier(keys.into()))
    }

    fn wrong(why: &str) -> StartError {
        StartError::Setting(format!(
            "{PUBLIC}: {why}; it is what `bellhop access public-key` prints where {SEEDS} is set"
        ))
    }
}

/// Signs rows. Cheap to clone.
#[derive(Clone)]
pub struct RowSigner(Arc<[(String, Ed25519KeyPair)]>);

impl fmt::Debug for RowSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(kid, _)| kid)).finish()
    }
}

impl RowSigner {
    /// The signature of a row: the key's id, and 64 bytes in hexadecimal.
    pub fn sign(&self, row: &impl AccessRow) -> String {
        let Some((kid, pair)) = self.0.first() else {
            return String::new();
        };
        format!("{kid}_{}", hex(pair.sign(&said(row)).as_ref()))
    }

    /// The ids of its keys; the first is the one that signs.
    pub fn kids(&self) -> Vec<String> {
        self.0.iter().map(|(kid, _)| kid.clone()).collect()
    }

    /// What verifies the rows that its keys sign.
    pub fn verifier(&self) -> RowVerifier {
        RowVerifier(Arc::new(self.public().collect()))
    }

    /// The public keys, as every process has them.
    pub fn public_keys(&self) -> String {
        let keys: Vec<_> = self
            .public()
            .map(|(kid, key)| format!("{kid}:{}", hex(&key)))
            .collect();
        keys.join(",")
    }

    fn public(&self) -> impl Iterator<Item = (String, [u8; 32])> {
        let pairs = self.0.iter();
        pairs.filter_map(|(kid, pair)| Some((kid.clone(), pair.public_key().as_ref().try_into().ok()?)))
    }
}

/// Verifies rows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RowVerifier(Arc<HashMap<String, [u8; 32]>>);

impl RowVerifier {
    /// Whether the access service signed the row as it is.
    pub fn verify(&self, row: &impl AccessRow) -> bool {
        let signature = row.signature().and_then(|signature| {
            let (kid, signature) = signature.split_once('_')?;
            Some((self.0.get(kid)?, unhex(signature)?))
        });
        signature.is_some_and(|(key, signature)| {
            UnparsedPublicKey::new(&ED25519, key)
                .verify(&said(row), &signature)
                .is_ok()
        })
    }
}

/// A row that travels.
pub trait AccessRow: Sized {
    /// Which table it is of.
    const TABLE: &'static str;
    /// Its id.
    fn id(&self) -> Uuid;
    /// Of two forms of it, the one with the greater version counts.
    fn version(&self) -> i64;
    /// The same with another version.
    #[must_use]
    fn at_version(self, version: i64) -> Self;
    /// Its signature.
    fn signature(&self) -> Option<&str>;
    /// Says the columns beside id and version, always in the same order.
    fn say(&self, said: &mut Said);
}

/// What is signed, in a form that two different rows never share: each value with its length, and what is null as such.
#[derive(Debug)]
pub struct Said(Vec<u8>);

impl Said {
    fn value(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.0.push(0),
            Some(value) => {
                self.0.push(1);
                let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
                self.0.extend(length.to_be_bytes());
                self.0.extend(value);
            }
        }
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.value(Some(text.as_bytes()));
    }

    /// An id.
    pub fn id(&mut self, id: Option<Uuid>) {
        self.value(id.as_ref().map(|id| id.as_bytes().as_slice()));
    }

    /// A time, as exact as the database keeps it: microseconds.
    pub fn at(&mut self, at: Option<DateTime<Utc>>) {
        let at = at.map(|at| at.timestamp_micros().to_be_bytes());
        self.value(at.as_ref().map(<[u8; 8]>::as_slice));
    }
}

fn said<R: AccessRow>(row: &R) -> Vec<u8> {
    let mut said = Said(Vec::with_capacity(256));
    said.value(Some(ABOUT));
    said.text(R::TABLE);
    said.id(Some(row.id()));
    said.value(Some(&row.version().to_be_bytes()));
    row.say(&mut said);
    said.0
}

#[cfg(test)]
#[path = "signed_tests.rs"]
mod tests;
