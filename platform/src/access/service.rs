//! Tokens with which one service calls another: a minute long, for one operation, under a key of the service's own.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::Mac as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::actor::{Actor, Kind};
use super::seal::{self, hex};
use crate::clock::Clock;
use crate::secret::Secret;
use crate::token::TokenConfig;
use crate::{Parts, StartError};

/// How such a token begins.
pub(super) const PREFIX: &str = "bhs_";
/// How long one is good.
const SECONDS: i64 = 60;
/// The longest name of a service.
const NAME_BYTES_MAX: usize = 32;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
}

/// Makes and verifies the tokens of services.
#[derive(Clone, Debug)]
pub struct ServiceTokens(Secret);

impl ServiceTokens {
    /// By the secret that the processes of one platform share, from which each service's key follows.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub fn new(config: &TokenConfig) -> Result<Self, StartError> {
        Ok(Self(config.secret()?.clone()))
    }

    /// The value of the `Authorization` header with which `service` calls `operation`, as its row is named.
    pub fn authorization(&self, service: &str, operation: &str, now: DateTime<Utc>) -> String {
        let claims = Claims {
            iss: service.to_owned(),
            aud: operation.to_owned(),
            exp: (now + TimeDelta::seconds(SECONDS)).timestamp(),
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(service.to_owned());
        let key = EncodingKey::from_secret(self.key(service).as_bytes());
        // Claims of texts and a number can always be written.
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap_or_default();
        format!("Bearer {PREFIX}{token}")
    }

    /// The service that made this token for this operation, if it is good now.
    pub(super) fn verify(&self, token: &str, operation: &str, now: DateTime<Utc>) -> Option<Actor> {
        let service = jsonwebtoken::decode_header(token).ok()?.kid?;
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        if service.is_empty() || service.len() > NAME_BYTES_MAX || !service.bytes().all(fits) {
            return None;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[operation]);
        validation.set_issuer(&[&service]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        // By the caller's clock, as everywhere.
        validation.validate_exp = false;
        let key = DecodingKey::from_secret(self.key(&service).as_bytes());
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .ok()?
            .claims;
        // Nobody makes one for longer, so one that says so was made by nobody.
        let (now, end) = (now.timestamp(), now.timestamp() + 2 * SECONDS);
        (claims.exp > now && claims.exp <= end).then(|| Actor::new(Kind::Service, id(&service)))
    }

    fn key(&self, service: &str) -> String {
        let mac = seal::mac(&self.0, [b"service ".as_slice(), service.as_bytes()]);
        hex(&mac.finalize().into_bytes())
    }
}

/// A service that asks others.
#[derive(Clone, Debug)]
pub struct ServiceIdentity {
    tokens: ServiceTokens,
    service: &'static str,
    clock: Clock,
}

impl ServiceIdentity {
    /// The service of this name.
    pub const fn new(tokens: ServiceTokens, service: &'static str, clock: Clock) -> Self {
        Self {
            tokens,
            service,
            clock,
        }
    }

    /// The service of this name, as part of this process.
    ///
    /// # Errors
    /// As [`ServiceTokens::new`].
    pub fn of(parts: &Parts, service: &'static str) -> Result<Self, StartError> {
        let tokens = ServiceTokens::new(&parts.token)?;
        Ok(Self::new(tokens, service, parts.clock.clone()))
    }

    /// The value of the `Authorization` header with which it asks this operation now.
    pub fn authorization(&self, operation: &str) -> String {
        self.tokens
            .authorization(self.service, operation, self.clock.now())
    }

    /// What time it is for it.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// The id of a service follows from its name.
fn id(service: &str) -> Uuid {
    let digest = Sha256::digest(format!("bellhop service {service}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(secret: &str) -> Result<ServiceTokens, StartError> {
        let token_secret = secret.parse().unwrap();
        ServiceTokens::new(&TokenConfig { token_secret })
    }

    #[test]
    fn a_services_token_is_good_for_a_minute_and_one_operation() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ours = tokens("0123456789abcdef0123456789abcdef").unwrap();
        let header = ours.authorization("availability", "GetInventory", now);
        let token = header.strip_prefix("Bearer bhs_").unwrap();
        let actor = ours.verify(token, "GetInventory", now).unwrap();
        assert_eq!(actor.kind(), Kind::Service);
        assert_eq!(actor.id(), Some(id("availability")));
        assert_ne!(id("availability"), id("inventory"));
        let later = |seconds| now + TimeDelta::seconds(seconds);
        assert!(ours.verify(token, "GetInventory", later(59)).is_some());
        assert!(ours.verify(token, "GetInventory", later(60)).is_none());
        assert!(ours.verify(token, "GetInventory", later(-120)).is_none());
        assert!(ours.verify(token, "SetInventory", now).is_none());
        let others = tokens("0123456789abcdef0123456789abcdeX").unwrap();
        assert!(others.verify(token, "GetInventory", now).is_none());
        for wrong in ["", "x", "a.b.c", &token[..token.len() - 1]] {
            assert!(ours.verify(wrong, "GetInventory", now).is_none(), "{wrong}");
        }
    }

    #[test]
    fn one_service_does_not_sign_as_another() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ours = tokens("0123456789abcdef0123456789abcdef").unwrap();
        let claims = |iss: &str| Claims {
            iss: iss.to_owned(),
            aud: "GetInventory".to_owned(),
            exp: now.timestamp() + 60,
        };
        let signed = |kid: &str, iss: &str, by: &str| {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some(kid.to_owned());
            let key = EncodingKey::from_secret(ours.key(by).as_bytes());
            jsonwebtoken::encode(&header, &claims(iss), &key).unwrap()
        };
        let verified = |token: String| ours.verify(&token, "GetInventory", now).is_some();
        assert!(verified(signed("inventory", "inventory", "inventory")));
        assert!(!verified(signed("inventory", "inventory", "availability")));
        assert!(!verified(signed("availability", "inventory", "availability")));
        assert!(!verified(signed("Availability", "Availability", "Availability")));
        assert!(tokens("short").is_err());
    }
}
