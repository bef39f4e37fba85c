//! API keys, and the links by which people sign in: an id, by which the row is found, and a secret, kept as its HMAC under
//! a pepper.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::seal::{self, hex, unhex};
use super::shown::{Shown, What};
use crate::StartError;
use crate::ring::Ring;
use crate::secret::Secret;

/// How a key begins.
pub(super) const PREFIX: &str = OfAKey::PREFIX;

/// Of a key.
#[derive(Debug)]
pub enum OfAKey {}

impl What for OfAKey {
    const PREFIX: &'static str = "bhk_";
}

/// Of a sign-in link.
#[derive(Debug)]
pub enum OfALink {}

impl What for OfALink {
    const PREFIX: &'static str = "bho_";
}

/// A key, as its owner has it.
pub type ApiKey = Shown<OfAKey>;

/// What gives somebody a session, once: `bho_<id>_<256-bit secret>_<CRC-32>`, kept as a key is.
pub type SignInLink = Shown<OfALink>;

crate::secret_setting! {
    /// Peppers of API keys as `kid:secret`, separated by commas, each secret of at least 32 bytes: the first makes hashes, all verify.
    /// The same for every process of the platform. `scripts/up` makes one.
    pub KeyPepper = "BELLHOP_KEY_PEPPER", None
}

/// The peppers under which the hashes of keys are made.
#[derive(clap::Args, Clone, Debug)]
pub struct PepperConfig {
    /// [`KeyPepper`].
    #[command(flatten)]
    pub key_pepper: KeyPepper,
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
    pub fn hash<W>(&self, shown: &Shown<W>) -> (String, String) {
        let Some((kid, pepper)) = self.0.first() else {
            return (String::new(), String::new());
        };
        (kid.to_owned(), hex(&mac(pepper, shown).finalize().into_bytes()))
    }

    /// Whether the row's hash is that of the key or the link; in constant time.
    pub fn verify<W>(&self, shown: &Shown<W>, kid: &str, hash: &str) -> bool {
        let (Some(pepper), Some(hash)) = (self.0.of(kid), unhex(hash)) else {
            return false;
        };
        mac(pepper, shown).verify_slice(&hash).is_ok()
    }
}

fn mac<W>(pepper: &Secret, shown: &Shown<W>) -> Hmac<Sha256> {
    let id = shown.id();
    seal::mac(pepper, [id.as_bytes().as_slice(), shown.secret()])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

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
        let (kid, hash) = old.hash(&key);
        assert_eq!((kid.as_str(), hash.len()), ("1", 64));
        // After a rotation the former pepper still verifies, and the new one makes.
        let both = ring(&format!("{two},{one}")).unwrap();
        assert!(both.verify(&key, &kid, &hash) && both.hash(&key).0 == "2");
        let moved = key.clone().under(Uuid::from_u128(7));
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
