//! API keys: `bhk_<id>_<256-bit secret>_<CRC-32>`. The id finds the row, the secret is kept as its HMAC under a pepper,
//! and the check sum tells a key that was cut off from one that is wrong, before anybody looks.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::ring::Ring;
use super::seal::{self, check_sum, hex, unhex};
use crate::StartError;
use crate::secret::Secret;

/// How a key begins, so that who finds one in a log knows what it is.
pub(super) const PREFIX: &str = "bhk_";
/// Bytes of a key's secret.
const SECRET_BYTES: usize = 32;

/// A key, as its owner has it.
#[derive(Clone)]
pub struct ApiKey {
    id: Uuid,
    secret: String,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl ApiKey {
    /// A new key under this id.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn make(id: Uuid) -> Result<Self, getrandom::Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            id,
            secret: hex(&secret),
        })
    }

    /// Reads one; none when it is not written as a key is.
    pub fn read(text: &str) -> Option<Self> {
        let (keyed, sum) = text.rsplit_once('_')?;
        let (id, secret) = keyed.strip_prefix(PREFIX)?.split_once('_')?;
        let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fits = id.len() == 32 && secret.len() == 2 * SECRET_BYTES && lower(id) && lower(secret);
        if !fits || sum != check_sum(keyed) {
            return None;
        }
        Some(Self {
            id: Uuid::try_parse(id).ok()?,
            secret: secret.to_owned(),
        })
    }

    /// What its row is found by.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// As its owner is shown it, once.
    pub fn reveal(&self) -> String {
        let keyed = format!("{PREFIX}{}_{}", self.id.simple(), self.secret);
        let sum = check_sum(&keyed);
        format!("{keyed}_{sum}")
    }

    /// What of it is told in lists.
    pub fn hint(id: Uuid) -> String {
        format!("{PREFIX}{}_…", id.simple())
    }
}

/// The peppers under which the hashes of keys are made.
#[derive(clap::Args, Clone, Debug)]
pub struct PepperConfig {
    /// Peppers of API keys as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first makes hashes, all verify.
    /// The same for every process of the platform. `scripts/up` makes one.
    #[arg(long, env = "BELLHOP_KEY_PEPPER", default_value = "", hide_env_values = true)]
    pub key_pepper: Secret,
}

impl PepperConfig {
    /// The ring of peppers.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub fn ring(&self) -> Result<Peppers, StartError> {
        Ring::read("BELLHOP_KEY_PEPPER", &self.key_pepper).map(Peppers)
    }
}

/// The peppers by their ids; the first makes hashes, all verify.
#[derive(Clone, Debug)]
pub struct Peppers(Ring);

impl Peppers {
    /// The hash of a key for its row: the pepper's id, and the HMAC-SHA-256 in hexadecimal.
    pub fn hash(&self, key: &ApiKey) -> (String, String) {
        let Some((kid, pepper)) = self.0.first() else {
            return (String::new(), String::new());
        };
        (kid.to_owned(), hex(&mac(pepper, key).finalize().into_bytes()))
    }

    /// Whether the row's hash is that of the key; in constant time.
    pub fn verify(&self, key: &ApiKey, kid: &str, hash: &str) -> bool {
        let (Some(pepper), Some(hash)) = (self.0.of(kid), unhex(hash)) else {
            return false;
        };
        mac(pepper, key).verify_slice(&hash).is_ok()
    }
}

fn mac(pepper: &Secret, key: &ApiKey) -> Hmac<Sha256> {
    seal::mac(pepper, [key.id.as_bytes().as_slice(), key.secret.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d);

    fn ring(text: &str) -> Result<Peppers, StartError> {
        let key_pepper = text.parse().unwrap();
        PepperConfig { key_pepper }.ring()
    }

    #[test]
    fn a_key_is_read_as_it_was_shown_and_no_other_text_is() {
        let key = ApiKey::make(ID).unwrap();
        let text = key.reveal();
        assert_eq!(ApiKey::read(&text).map(|key| key.reveal()), Some(text.clone()));
        assert_eq!(text.len(), 4 + 32 + 1 + 64 + 1 + 8);
        assert!(!format!("{key:?}").contains(&key.secret) && !ApiKey::hint(ID).contains(&key.secret));
        assert_ne!(
            ApiKey::make(ID).unwrap().reveal(),
            text,
            "two keys have two secrets"
        );
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong == text || ApiKey::read(&wrong).is_none(), "{at}");
            assert!(ApiKey::read(&text[..at]).is_none(), "cut at {at}");
        }
        for wrong in [
            "",
            "bhk_",
            "bhk___",
            &text.to_uppercase(),
            &format!("{text} "),
            &format!("{text}0"),
        ] {
            assert!(ApiKey::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_hash_is_a_keys_under_its_pepper_alone() {
        let (one, two) = (
            "1:".to_owned() + &"p".repeat(32),
            "2:".to_owned() + &"q".repeat(32),
        );
        let old = ring(&one).unwrap();
        let (key, other) = (ApiKey::make(ID).unwrap(), ApiKey::make(ID).unwrap());
        let (kid, hash) = old.hash(&key);
        assert_eq!((kid.as_str(), hash.len()), ("1", 64));
        // After a rotation the former pepper still verifies, and the new one makes.
        let both = ring(&format!("{two},{one}")).unwrap();
        assert!(both.verify(&key, &kid, &hash) && both.hash(&key).0 == "2");
        let moved = ApiKey::read(&key.reveal())
            .map(|key| ApiKey {
                id: Uuid::from_u128(7),
                ..key
            })
            .unwrap();
        for (key, kid, hash) in [
            (&other, "1", hash.as_str()),
            (&moved, "1", hash.as_str()),
            (&key, "2", hash.as_str()),
            (&key, "3", hash.as_str()),
            (&key, "1", ""),
            (&key, "1", &hash[2..]),
            (&key, "1", "zz"),
        ] {
            assert!(!both.verify(key, kid, hash), "{kid} {hash}");
        }
        assert!(!ring(&two).unwrap().verify(&key, &kid, &hash));
    }

    #[test]
    fn a_platform_does_not_start_without_a_pepper() {
        let said = ring("").unwrap_err().to_string();
        assert!(
            said.contains("BELLHOP_KEY_PEPPER") && said.contains("openssl"),
            "{said}"
        );
    }
}
