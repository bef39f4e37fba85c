//! API keys, and the links by which people sign in: an id, by which the row is found, and a secret, kept as its HMAC under
//! a pepper.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::ring::Ring;
use super::seal::{self, hex, unhex};
use super::shown::Shown;
use crate::StartError;
use crate::secret::Secret;

/// How a key begins, so that who finds one in a log knows what it is.
pub(super) const PREFIX: &str = "bhk_";
/// How a sign-in link begins.
const LINK_PREFIX: &str = "bho_";

/// A key, as its owner has it.
#[derive(Clone, Debug)]
pub struct ApiKey(Shown);

impl ApiKey {
    /// A new key under this id.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn make(id: Uuid) -> Result<Self, getrandom::Error> {
        Shown::make(PREFIX, id).map(Self)
    }

    /// Reads one; none when it is not written as a key is.
    pub fn read(text: &str) -> Option<Self> {
        Shown::read(PREFIX, text).map(Self)
    }

    /// What its row is found by.
    pub const fn id(&self) -> Uuid {
        self.0.id()
    }

    /// What its hash is made of.
    pub const fn shown(&self) -> &Shown {
        &self.0
    }

    /// As its owner is shown it, once.
    pub fn reveal(&self) -> String {
        self.0.reveal()
    }

    /// What of it is told in lists.
    pub fn hint(id: Uuid) -> String {
        format!("{PREFIX}{}_…", id.simple())
    }
}

/// What gives somebody a session, once: `bho_<id>_<256-bit secret>_<CRC-32>`, kept as a key is.
#[derive(Clone, Debug)]
pub struct SignInLink(Shown);

impl SignInLink {
    /// A new link under this id.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn make(id: Uuid) -> Result<Self, getrandom::Error> {
        Shown::make(LINK_PREFIX, id).map(Self)
    }

    /// Reads one; none when it is not written as a link is.
    pub fn read(text: &str) -> Option<Self> {
        Shown::read(LINK_PREFIX, text).map(Self)
    }

    /// What its row is found by.
    pub const fn id(&self) -> Uuid {
        self.0.id()
    }

    /// What its hash is made of.
    pub const fn shown(&self) -> &Shown {
        &self.0
    }

    /// As whoever signs in by it is given it, once.
    pub fn reveal(&self) -> String {
        self.0.reveal()
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
    /// The hash of a key or a link for its row: the pepper's id, and the HMAC-SHA-256 in hexadecimal.
    pub fn hash(&self, shown: &Shown) -> (String, String) {
        let Some((kid, pepper)) = self.0.first() else {
            return (String::new(), String::new());
        };
        (kid.to_owned(), hex(&mac(pepper, shown).finalize().into_bytes()))
    }

    /// Whether the row's hash is that of the key or the link; in constant time.
    pub fn verify(&self, shown: &Shown, kid: &str, hash: &str) -> bool {
        let (Some(pepper), Some(hash)) = (self.0.of(kid), unhex(hash)) else {
            return false;
        };
        mac(pepper, shown).verify_slice(&hash).is_ok()
    }
}

fn mac(pepper: &Secret, shown: &Shown) -> Hmac<Sha256> {
    let id = shown.id();
    seal::mac(pepper, [id.as_bytes().as_slice(), shown.secret()])
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
    fn a_hash_is_a_keys_under_its_pepper_alone() {
        let (one, two) = (
            "1:".to_owned() + &"p".repeat(32),
            "2:".to_owned() + &"q".repeat(32),
        );
        let old = ring(&one).unwrap();
        let (key, other) = (ApiKey::make(ID).unwrap(), ApiKey::make(ID).unwrap());
        let (kid, hash) = old.hash(key.shown());
        assert_eq!((kid.as_str(), hash.len()), ("1", 64));
        // After a rotation the former pepper still verifies, and the new one makes.
        let both = ring(&format!("{two},{one}")).unwrap();
        assert!(both.verify(key.shown(), &kid, &hash) && both.hash(key.shown()).0 == "2");
        let moved = ApiKey(key.0.clone().under(Uuid::from_u128(7)));
        for (key, kid, hash) in [
            (&other, "1", hash.as_str()),
            (&moved, "1", hash.as_str()),
            (&key, "2", hash.as_str()),
            (&key, "3", hash.as_str()),
            (&key, "1", ""),
            (&key, "1", &hash[2..]),
            (&key, "1", "zz"),
        ] {
            assert!(!both.verify(key.shown(), kid, hash), "{kid} {hash}");
        }
        assert!(!ring(&two).unwrap().verify(key.shown(), &kid, &hash));
    }

    #[test]
    fn a_link_is_no_key_and_a_key_no_link() {
        let (key, link) = (ApiKey::make(ID).unwrap(), SignInLink::make(ID).unwrap());
        assert!(ApiKey::read(&key.reveal()).is_some() && SignInLink::read(&link.reveal()).is_some());
        assert!(ApiKey::read(&link.reveal()).is_none() && SignInLink::read(&key.reveal()).is_none());
        assert!(!ApiKey::hint(ID).contains(&key.reveal()[37..101]));
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
