//! Signed tokens that another module of the platform verifies offline: JWT with HS256 (RFC 7519).
//! The algorithm, the audience and the expiry are fixed here and never taken from the token.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The secret with which the modules of one platform sign tokens for each other.
#[derive(clap::Args, Clone, Debug)]
pub struct TokenConfig {
    /// Secret of at least 32 bytes, the same for every process of the platform. `scripts/up` makes one.
    #[arg(
        long,
        env = "BELLHOP_TOKEN_SECRET",
        default_value = "",
        hide_env_values = true
    )]
    pub token_secret: Secret,
}

impl TokenConfig {
    /// Tokens for `audience`.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub fn tokens(&self, audience: &'static str) -> Result<Tokens, crate::StartError> {
        Tokens::new(self.token_secret.reveal(), audience).map_err(unusable)
    }

    /// The secret, if it has [`SECRET_BYTES_MIN`].
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub(crate) fn secret(&self) -> Result<&Secret, crate::StartError> {
        is_strong(self.token_secret.reveal()).map_err(unusable)?;
        Ok(&self.token_secret)
    }
}

/// The fewest bytes that a secret may have.
pub const SECRET_BYTES_MIN: usize = 32;

fn unusable(error: TokenError) -> crate::StartError {
    crate::StartError::Setting(format!(
        "BELLHOP_TOKEN_SECRET: {error}; `openssl rand -hex 32` makes a good one"
    ))
}

const fn is_strong(secret: &str) -> Result<(), TokenError> {
    if secret.len() < SECRET_BYTES_MIN {
        return Err(TokenError::WeakSecret);
    }
    Ok(())
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this platform, or changed on the way.
    #[error("the token is not valid")]
    Invalid,
    /// Genuine, but its time is over.
    #[error("the token has expired")]
    Expired,
    /// The secret is shorter than [`SECRET_BYTES_MIN`].
    #[error("the secret must have at least {SECRET_BYTES_MIN} bytes")]
    WeakSecret,
}

#[derive(Serialize, Deserialize)]
struct Claims<T> {
    aud: String,
    exp: i64,
    #[serde(flatten)]
    body: T,
}

/// Signs and verifies tokens for one audience.
#[derive(Clone)]
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    audience: &'static str,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.audience)
    }
}

impl Tokens {
    /// Tokens for `audience`, signed with `secret`.
    ///
    /// # Errors
    /// [`TokenError::WeakSecret`].
    pub fn new(secret: &str, audience: &'static str) -> Result<Self, TokenError> {
        is_strong(secret)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        // Whether it has expired is decided by the caller's clock, not by the library's.
        validation.validate_exp = false;
        let (signing, verifying) = (
            EncodingKey::from_secret(secret.as_bytes()),
            DecodingKey::from_secret(secret.as_bytes()),
        );
        Ok(Self {
            signing,
            verifying,
            validation,
            audience,
        })
    }

    /// A token with `body` as further claims.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the body is not a JSON object.
    pub fn sign<T: Serialize>(
        &self,
        body: &T,
        expires_at: chrono::DateTime<chrono::Utc>,
    ) -> Result<String, TokenError> {
        let claims = Claims {
            aud: self.audience.to_owned(),
            exp: expires_at.timestamp(),
            body,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(|_| TokenError::Invalid)
    }

    /// The body of a genuine token that has not expired.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] or [`TokenError::Expired`].
    pub fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<T, TokenError> {
        let (body, in_time) = self.verify_at_any_time(token, now)?;
        if in_time {
            Ok(body)
        } else {
            Err(TokenError::Expired)
        }
    }

    /// The body of a genuine token, and whether it has not expired.
    ///
    /// # Errors
    /// [`TokenError::Invalid`].
    pub fn verify_at_any_time<T: DeserializeOwned>(
        &self,
        token: &str,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(T, bool), TokenError> {
        let decoded = jsonwebtoken::decode::<Claims<T>>(token, &self.verifying, &self.validation);
        let claims = decoded.map_err(|_| TokenError::Invalid)?.claims;
        Ok((claims.body, claims.exp > now.timestamp()))
    }

    /// What a token says, genuine or not: to be looked for, never to be believed.
    pub fn says<T: DeserializeOwned>(token: &str) -> Option<T> {
        jsonwebtoken::dangerous::insecure_decode_claims(token).ok()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn only_the_genuine_unexpired_token_is_accepted() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let tokens = Tokens::new("0123456789abcdef0123456789abcdef", "test").unwrap();
        let body = serde_json::json!({"total": "1.00"});
        let token = tokens.sign(&body, now + TimeDelta::minutes(5)).unwrap();
        assert_eq!(tokens.verify::<serde_json::Value>(&token, now), Ok(body));
        let later = now + TimeDelta::minutes(5);
        assert_eq!(
            tokens.verify::<serde_json::Value>(&token, later),
            Err(TokenError::Expired)
        );
        let others = Tokens::new("0123456789abcdef0123456789abcdeX", "test").unwrap();
        assert_eq!(
            others.verify::<serde_json::Value>(&token, now),
            Err(TokenError::Invalid)
        );
        let elsewhere = Tokens::new("0123456789abcdef0123456789abcdef", "other").unwrap();
        assert_eq!(
            elsewhere.verify::<serde_json::Value>(&token, now),
            Err(TokenError::Invalid)
        );
        let almost = later - TimeDelta::seconds(1);
        assert!(tokens.verify::<serde_json::Value>(&token, almost).is_ok());
        // A token that says it needs no signature.
        let payload = token.split('.').nth(1).unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(
            tokens.verify::<serde_json::Value>(&unsigned, now),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn a_secret_is_long_and_is_never_told() {
        let short = "0123456789abcdef0123456789abcde";
        assert_eq!(Tokens::new(short, "test").err(), Some(TokenError::WeakSecret));
        let config = |secret: &str| TokenConfig {
            token_secret: secret.parse().unwrap(),
        };
        let said = config(short).tokens("test").unwrap_err().to_string();
        assert!(
            said.contains("BELLHOP_TOKEN_SECRET") && said.contains("at least 32 bytes"),
            "{said}"
        );
        let long = format!("{short}f");
        let tokens = config(&long).tokens("test").unwrap();
        assert_eq!(format!("{tokens:?}"), "Tokens(test)");
        let other = Tokens::new(&long, "test").unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let token = other
            .sign(&serde_json::json!({"a": 1}), now + TimeDelta::minutes(1))
            .unwrap();
        assert!(
            tokens.verify::<serde_json::Value>(&token, now).is_ok(),
            "another process, the same secret"
        );
        assert_eq!(
            tokens.sign(&7, now),
            Err(TokenError::Invalid),
            "claims are an object"
        );
    }
}
