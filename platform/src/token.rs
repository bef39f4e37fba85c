//! Signed tokens that another module of the platform verifies offline: JWT with HS256 (RFC 7519).
//! The algorithm, the audience and the expiry are fixed here and never taken from the token.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StartError;
use crate::ring::Ring;
use crate::secret::Secret;

crate::secret_setting! {
    /// Secret by which services ask each other, of at least 32 bytes, the same for every process of the platform. `scripts/up` makes one.
    pub TokenSecret = "BELLHOP_TOKEN_SECRET", None
}

/// The secret from which services' keys follow, with which they ask each other.
#[derive(clap::Args, Clone, Debug)]
pub struct TokenConfig {
    /// [`TokenSecret`].
    #[command(flatten)]
    pub token_secret: TokenSecret,
}

impl TokenConfig {
    /// The secret, if it has [`SECRET_BYTES_MIN`].
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub(crate) fn secret(&self) -> Result<&Secret, StartError> {
        if self.token_secret.reveal().len() < SECRET_BYTES_MIN {
            return Err(StartError::Setting(format!(
                "BELLHOP_TOKEN_SECRET: the secret must have at least {SECRET_BYTES_MIN} bytes; \
                 `openssl rand -hex 32` makes a good one"
            )));
        }
        Ok(&self.token_secret)
    }
}

/// The fewest bytes that a secret may have.
pub const SECRET_BYTES_MIN: usize = 32;

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this platform, or changed on the way.
    #[error("the token is not valid")]
    Invalid,
    /// Genuine, but its time is over.
    #[error("the token has expired")]
    Expired,
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
    /// By the ids of their secrets; the first signs.
    keys: Vec<(String, EncodingKey, DecodingKey)>,
    validation: Validation,
    audience: &'static str,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.audience)
    }
}

impl Tokens {
    /// Tokens for `audience`, by the secrets `kid:secret,kid:secret` that are the value of this variable: the first signs,
    /// all verify. An audience has secrets of its own.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy, also when there is no secret at all.
    pub fn read(variable: &str, secrets: &Secret, audience: &'static str) -> Result<Self, StartError> {
        let ring = Ring::read(variable, secrets)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        // Whether it has expired is decided by the caller's clock, not by the library's.
        validation.validate_exp = false;
        let keys = ring.all().map(|(kid, secret)| {
            let bytes = secret.reveal().as_bytes();
            let keys = (EncodingKey::from_secret(bytes), DecodingKey::from_secret(bytes));
            (kid.to_owned(), keys.0, keys.1)
        });
        Ok(Self {
            keys: keys.collect(),
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
        let (kid, key, _) = self.keys.first().ok_or(TokenError::Invalid)?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.clone());
        jsonwebtoken::encode(&header, &claims, key).map_err(|_| TokenError::Invalid)
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
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // A token of the former release names no secret: any may have signed it.
        let may_have = |kid: &str| header.kid.as_deref().is_none_or(|named| named == kid);
        let mut keys = self.keys.iter().filter(|(kid, ..)| may_have(kid));
        let decoded =
            keys.find_map(|(_, _, key)| jsonwebtoken::decode::<Claims<T>>(token, key, &self.validation).ok());
        let claims = decoded.ok_or(TokenError::Invalid)?.claims;
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

    const ONE: &str = "1:0123456789abcdef0123456789abcdef";
    const TWO: &str = "2:0123456789abcdef0123456789abcdeX";

    fn tokens(secrets: &str, audience: &'static str) -> Tokens {
        Tokens::read("BELLHOP_SOME_SECRET", &Secret::new(secrets), audience).unwrap()
    }

    fn now() -> DateTime<chrono::Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn only_the_genuine_unexpired_token_is_accepted() {
        let tokens = tokens(ONE, "test");
        let body = serde_json::json!({"total": "1.00"});
        let later = now() + TimeDelta::minutes(5);
        let token = tokens.sign(&body, later).unwrap();
        let read = |tokens: &Tokens, token: &str, now| tokens.verify::<serde_json::Value>(token, now);
        assert_eq!(read(&tokens, &token, now()), Ok(body));
        assert_eq!(read(&tokens, &token, later), Err(TokenError::Expired));
        assert!(read(&tokens, &token, later - TimeDelta::seconds(1)).is_ok());
        let elsewhere = super::tests::tokens(ONE, "other");
        assert_eq!(read(&elsewhere, &token, now()), Err(TokenError::Invalid));
        // A token that says it needs no signature.
        let payload = token.split('.').nth(1).unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(read(&tokens, &unsigned, now()), Err(TokenError::Invalid));
        assert_eq!(
            tokens.sign(&7, now()),
            Err(TokenError::Invalid),
            "claims are an object"
        );
    }

    #[test]
    fn a_token_names_its_secret_and_the_former_ones_go_on_to_verify() {
        let (old, both, new) = (
            tokens(ONE, "test"),
            tokens(&format!("{TWO},{ONE}"), "test"),
            tokens(TWO, "test"),
        );
        let signed = |tokens: &Tokens| {
            let body = serde_json::json!({"a": 1});
            tokens.sign(&body, now() + TimeDelta::minutes(1)).unwrap()
        };
        let reads = |tokens: &Tokens, token: &str| tokens.verify::<serde_json::Value>(token, now()).is_ok();
        let (of_old, of_both) = (signed(&old), signed(&both));
        assert_eq!(
            jsonwebtoken::decode_header(&of_both).unwrap().kid.as_deref(),
            Some("2")
        );
        assert!(reads(&both, &of_old) && reads(&both, &of_both) && reads(&new, &of_both));
        assert!(!reads(&new, &of_old) && !reads(&old, &of_both));
        // The same secret under another id is another.
        let renamed = tokens(&TWO.replace("2:", "3:"), "test");
        assert!(!reads(&renamed, &of_both));
        // The former release named none.
        let claims = serde_json::json!({"aud": "test", "exp": now().timestamp() + 60, "a": 1});
        let secret = EncodingKey::from_secret(ONE.trim_start_matches("1:").as_bytes());
        let former = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap();
        assert!(reads(&old, &former) && reads(&both, &former) && !reads(&new, &former));
    }

    #[test]
    fn a_secret_is_long_and_is_never_told() {
        let short = "0123456789abcdef0123456789abcde";
        let config = |secret: &str| TokenConfig {
            token_secret: secret.parse().unwrap(),
        };
        let said = config(short).secret().unwrap_err().to_string();
        assert!(
            said.contains("BELLHOP_TOKEN_SECRET") && said.contains("at least 32 bytes"),
            "{said}"
        );
        let said = Tokens::read("BELLHOP_SOME_SECRET", &Secret::new(format!("1:{short}")), "test");
        assert!(said.unwrap_err().to_string().contains("BELLHOP_SOME_SECRET"));
        assert_eq!(format!("{:?}", tokens(ONE, "test")), "Tokens(test)");
    }
}
