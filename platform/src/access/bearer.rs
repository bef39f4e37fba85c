//! Bearers of other issuers: JWTs (RFC 7519) under a key that the issuer publishes (RFC 7517). What such a token is good for
//! stands in our settings: the algorithm is the key's and never the token's word, and who somebody is follows from one claim.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use uuid::Uuid;

use super::actor::{Actor, Kind};
use super::identities::Known;
use super::keys_at::KeysAt;

/// The longest time for which a token may be good, in seconds: nobody can revoke one.
const LIVES_MOST: i64 = 600;
/// By how many seconds an issuer's clock may be ahead of ours.
const AHEAD_MOST: i64 = 30;
/// Keys that are read of one issuer.
const KEYS_MOST: usize = 32;
/// Letters of a modulus of 2,048 bits; a shorter one is no key.
const RSA_LETTERS_MIN: usize = 342;
/// What stands in a claim of hotels for all of them.
const ALL: &str = "*";

/// Somebody else who says who somebody is, as the settings tell it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trusted {
    /// For logs and sentences.
    pub(super) name: String,
    /// What stands in `iss`.
    pub(super) issuer: String,
    /// What stands in `aud`: us.
    pub(super) audience: String,
    /// Where its keys are: a URL, or a file. Without it, where its own document says.
    #[serde(default)]
    pub(super) keys: Option<String>,
    /// Whether its keys may come without TLS.
    #[serde(default)]
    pub(super) plain_http: bool,
    /// The claim that says what somebody is there: a text, or several of which the first that we know counts.
    pub(super) kind_claim: String,
    /// What that makes them here.
    pub(super) kinds: BTreeMap<String, String>,
    /// The claim with the ids of the hotels for which somebody works; `*` are all. None without it.
    #[serde(default)]
    pub(super) hotels_claim: Option<String>,
}

/// An issuer with its keys, as far as they are known.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) trusted: Trusted,
    kinds: BTreeMap<String, Kind>,
    /// Where its keys are.
    pub(super) keys_at: KeysAt,
    keys: RwLock<HashMap<String, PublicKey>>,
    /// Why the last look for them was in vain.
    missed: Mutex<Option<String>>,
    /// Somebody came with a key that is not known.
    pub(super) wanted: Notify,
}

/// A key of an issuer's.
#[derive(Clone)]
pub(super) struct PublicKey {
    verifies: DecodingKey,
    algorithm: Algorithm,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm)
    }
}

#[derive(Deserialize)]
struct Says {
    iss: String,
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
    nbf: i64,
    sub: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Issuer {
    /// As the settings say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(trusted: Trusted) -> Result<Self, String> {
        let kind = |word: &String| {
            Kind::of(word)
                .filter(|kind| !matches!(kind, Kind::Anyone | Kind::Guest | Kind::Service))
                .ok_or_else(|| {
                    format!(
                        "{}: {word:?} is nothing that an issuer can make somebody",
                        trusted.name
                    )
                })
        };
        let kinds = trusted
            .kinds
            .iter()
            .map(|(there, here)| Ok((there.clone(), kind(here)?)));
        let kinds: BTreeMap<_, _> = kinds.collect::<Result<_, String>>()?;
        let texts = [
            &trusted.name,
            &trusted.issuer,
            &trusted.audience,
            &trusted.kind_claim,
        ];
        if kinds.is_empty() || texts.iter().any(|text| text.is_empty()) {
            return Err(format!(
                "{}: no text is empty, and kinds names one at least",
                trusted.name
            ));
        }
        let keys_at = KeysAt::of(&trusted.issuer, trusted.keys.as_deref(), trusted.plain_http)
            .map_err(|why| format!("{}: {why}", trusted.name))?;
        Ok(Self {
            trusted,
            kinds,
            keys_at,
            keys: RwLock::default(),
            missed: Mutex::default(),
            wanted: Notify::new(),
        })
    }

    /// Takes what the issuer publishes now. Keys that are not among them verify nothing any more.
    pub(super) fn publishes(&self, keys: HashMap<String, PublicKey>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Notes why the last look was in vain, none if it was not; answers what was noted before.
    pub(super) fn missed(&self, why: Option<String>) -> Option<String> {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut missed, why)
    }

    /// What is wrong with its keys, for an operator.
    pub(super) fn trouble(&self) -> Option<String> {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (name, at) = (&self.trusted.name, &self.keys_at);
        match (keys.is_empty(), missed) {
            (false, None) => None,
            (false, Some(why)) => Some(format!(
                "the keys of the issuer {name} cannot be read now, and those that are known count: {at}: {why}"
            )),
            (true, why) => {
                let why = why.unwrap_or_else(|| "it was not asked yet".to_owned());
                Some(format!(
                    "no key of the issuer {name} is known, so nobody comes in by its tokens: {at}: {why}"
                ))
            }
        }
    }

    fn key(&self, kid: &str) -> Option<PublicKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(kid).cloned()
    }

    /// Whom the token names, if it is good now; else why not, for whoever sent it.
    fn verify(&self, token: &str, kid: &str, now: DateTime<Utc>) -> Result<Known, String> {
        let name = &self.trusted.name;
        let Some(key) = self.key(kid) else {
            self.wanted.notify_one();
            return Err(format!(
                "The token is signed by a key that {name} does not publish, as far as is known here; send it again in some seconds if the key is new."
            ));
        };
        let mut validation = Validation::new(key.algorithm);
        validation.set_audience(&[&self.trusted.audience]);
        validation.set_issuer(&[&self.trusted.issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // By the process's clock, as everywhere.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifies, &validation);
        let claims = claims
            .map_err(|error| format!("The token of {name} is not good: {}.", why(&error)))?
            .claims;
        let now = now.timestamp();
        if claims.exp <= now {
            return Err(format!("The token of {name} has expired; get another."));
        }
        if claims.nbf > now + AHEAD_MOST {
            return Err(format!(
                "The token of {name} is not good yet; look at the clocks."
            ));
        }
        if claims.exp - claims.nbf > LIVES_MOST {
            return Err(format!(
                "The token of {name} is good for longer than {LIVES_MOST} s from nbf to exp; nobody could revoke it."
            ));
        }
        let is_a = self.kind(&claims).ok_or_else(|| {
            let claim = &self.trusted.kind_claim;
            format!("The token of {name} says nothing in {claim:?} that makes somebody anybody here.")
        })?;
        let actor = Actor::new(is_a, id(&self.trusted.issuer, &claims.sub));
        Ok((actor, self.hotels(&claims)))
    }

    fn kind(&self, claims: &Claims) -> Option<Kind> {
        let said = claims.more.get(&self.trusted.kind_claim)?;
        let one = |word: &Value| self.kinds.get(word.as_str()?).copied();
        match said {
            Value::Array(words) => words.iter().find_map(one),
            word => one(word),
        }
    }

    fn hotels(&self, claims: &Claims) -> Option<Arc<[Uuid]>> {
        let claim = self.trusted.hotels_claim.as_ref();
        let said = claim.and_then(|claim| claims.more.get(claim));
        let texts: Vec<&str> = match said {
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => vec![text],
            _ => Vec::new(),
        };
        if texts.contains(&ALL) {
            return None;
        }
        Some(
            texts
                .into_iter()
                .filter_map(|text| Uuid::try_parse(text).ok())
                .collect(),
        )
    }
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Issuers(pub(super) Arc<[Arc<Issuer>]>);

impl Issuers {
    /// Whom the token names, if somebody we trust made it and it is good now; else why not, for whoever sent it.
    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Known, String> {
        let unreadable = || "The bearer is neither a key nor a token that can be read.".to_owned();
        let kid = jsonwebtoken::decode_header(token).map_err(|_| unreadable())?.kid;
        // Not believed: it only says whose keys to try.
        let says: Says = insecure_decode_claims(token).map_err(|_| unreadable())?;
        let issuer = self.0.iter().find(|issuer| issuer.trusted.issuer == says.iss);
        let issuer =
            issuer.ok_or_else(|| "The token is of an issuer that is not trusted here.".to_owned())?;
        let kid = kid.ok_or_else(|| "The token does not say by kid which key signed it.".to_owned())?;
        issuer.verify(token, &kid, now)
    }
}

/// Whether a bearer is written as a token is.
pub(super) fn is_token(bearer: &str) -> bool {
    bearer.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// The keys of a published set that can be used, by their ids.
///
/// # Errors
/// When it is none, or has none.
pub(super) fn read(set: &[u8]) -> Result<HashMap<String, PublicKey>, String> {
    let set: JwkSet = serde_json::from_slice(set).map_err(|error| format!("no set of keys: {error}"))?;
    let keys = set.keys.iter().take(KEYS_MOST);
    let keys: HashMap<_, _> = keys.filter_map(usable).collect();
    if keys.is_empty() {
        return Err("the set has no key that signs and has an id".to_owned());
    }
    Ok(keys)
}

fn usable(key: &Jwk) -> Option<(String, PublicKey)> {
    let kid = key.common.key_id.clone()?;
    if !matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = algorithm(key)?;
    let verifies = DecodingKey::from_jwk(key).ok()?;
    Some((kid, PublicKey { verifies, algorithm }))
}

/// The one algorithm of a key. A secret that both sides know is none: it would be published.
fn algorithm(key: &Jwk) -> Option<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let said = key.common.key_algorithm.map(Algorithm::try_from);
    let said = said.transpose().ok()?;
    let (first, others): (Algorithm, &[Algorithm]) = match &key.algorithm {
        AlgorithmParameters::RSA(of) if of.n.len() >= RSA_LETTERS_MIN => {
            (RS256, &[RS256, RS384, RS512, PS256, PS384, PS512])
        }
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P256 => (ES256, &[ES256]),
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P384 => (ES384, &[ES384]),
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => (EdDSA, &[EdDSA]),
        _ => return None,
    };
    let algorithm = said.unwrap_or(first);
    others.contains(&algorithm).then_some(algorithm)
}

/// What is wrong with a token, without anything of it.
fn why(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidSignature => "its signature is not by the key that it names",
        ErrorKind::InvalidAlgorithm => "it names another algorithm than its key has",
        ErrorKind::InvalidAudience => "it is for somebody else (aud)",
        ErrorKind::InvalidIssuer => "it is of somebody else (iss)",
        ErrorKind::MissingRequiredClaim(_) => "it has to have iss, aud, exp, nbf and sub",
        _ => "it has to have iss, aud, exp, nbf and sub, each of its kind",
    }
}

/// The id of somebody follows from who says so and how they are called there.
fn id(issuer: &str, subject: &str) -> Uuid {
    let mut digest = Sha256::new();
    for part in ["bellhop bearer", issuer, subject] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
#[path = "bearer_tests.rs"]
mod tests;
