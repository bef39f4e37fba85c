//! What tells a request from any other under its key. It is made of all that a guest wrote, so it is kept as an HMAC: whoever
//! reads it, and has no secret, cannot try addresses against it.

use platform::access::Tags;
use platform::{Secret, StartError};

/// Tells these HMACs from the ids of guests, which are made under the same secrets: no address is so long and begins so.
const PURPOSE: &[u8] = b"fingerprint of a request\0";

/// The fingerprint of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// The SHA-256 of the request, which processes of the former release compare.
    pub(crate) plain: [u8; 32],
    /// Its HMAC under each secret, the first first.
    keyed: Vec<[u8; 32]>,
}

/// A fingerprint as it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptFingerprint {
    pub(crate) plain: [u8; 32],
    /// None where the former release took the request.
    pub(crate) keyed: Option<[u8; 32]>,
}

impl Fingerprint {
    /// What is kept of it.
    pub(crate) fn keyed(&self) -> &[u8] {
        self.keyed.first().map_or(&[], |first| first.as_slice())
    }

    /// Whether this was kept of the same request.
    pub(crate) fn is(&self, kept: KeptFingerprint) -> bool {
        // One that was made under a secret that is not there any more says nothing.
        kept.keyed.is_some_and(|keyed| self.keyed.contains(&keyed)) || self.plain == kept.plain
    }
}

/// Makes fingerprints.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprints(Tags);

impl Fingerprints {
    /// Makes them under the secrets of this variable.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy.
    pub(crate) fn read(variable: &str, secrets: &Secret) -> Result<Self, StartError> {
        Tags::read(variable, secrets).map(Self)
    }

    /// The fingerprint of the request with this SHA-256.
    pub(crate) fn of(&self, plain: [u8; 32]) -> Fingerprint {
        Fingerprint {
            plain,
            keyed: self.0.whole([PURPOSE, &plain]),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The fingerprint of a request like no other number's.
    pub(crate) fn fingerprint(request: u8) -> Fingerprint {
        of(&format!("1:{}", "p".repeat(32)), request)
    }

    fn of(secrets: &str, request: u8) -> Fingerprint {
        let secrets = Secret::new(secrets);
        Fingerprints::read("BELLHOP_SOME_SECRET", &secrets)
            .unwrap()
            .of([request; 32])
    }

    #[test]
    fn a_request_is_known_under_each_secret_of_the_ring_and_another_under_none() {
        let [one, other] = ["p", "q"].map(|letter| letter.repeat(32));
        let kept = |by: &Fingerprint| KeptFingerprint {
            plain: [0; 32],
            keyed: by.keyed().try_into().ok(),
        };
        let made = kept(&of(&format!("1:{one}"), 7));
        for (secrets, request, is_known) in [
            (format!("1:{one}"), 7, true),
            (format!("2:{other},1:{one}"), 7, true),
            (format!("2:{other}"), 7, false),
            (format!("2:{other},1:{one}"), 8, false),
        ] {
            assert_eq!(of(&secrets, request).is(made), is_known, "{secrets} {request}");
        }
    }

    #[test]
    fn a_request_that_the_former_release_took_is_known_by_its_plain_fingerprint() {
        let secret = format!("1:{}", "p".repeat(32));
        let kept = KeptFingerprint {
            plain: [7; 32],
            keyed: None,
        };
        assert!(of(&secret, 7).is(kept));
        assert!(!of(&secret, 8).is(kept));
    }
}
