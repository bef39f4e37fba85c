//! Tags: what stands for a text, such as a person's address, where the text itself has no place. The same text has the same
//! tag wherever it is made, and who has tags and no secret can neither read one nor try out whose it is.

use hmac::Mac as _;

use super::seal;
use crate::StartError;
use crate::ring::Ring;
use crate::secret::Secret;

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// Makes tags of one kind of text.
#[derive(Clone, Debug)]
pub struct Tags(Ring);

impl Tags {
    /// Reads `kid:secret,kid:secret`, the value of this variable. Tags are made under the first.
    ///
    /// # Errors
    /// A setting error that names the variable and the remedy, also when there is no secret at all.
    pub fn read(variable: &str, text: &Secret) -> Result<Self, StartError> {
        Ring::read(variable, text).map(Self)
    }

    /// The first bytes of the text's HMAC-SHA-256 (RFC 2104, truncated as its section 5 allows).
    pub fn of(&self, text: &str) -> [u8; TAG_BYTES] {
        let mut tag = [0; TAG_BYTES];
        if let Some((_, secret)) = self.0.first() {
            let whole = seal::mac(secret, [text.as_bytes()]).finalize().into_bytes();
            tag.copy_from_slice(&whole[..TAG_BYTES]);
        }
        tag
    }

    /// The HMAC-SHA-256 of these bytes, one after the other, under each secret, the first first: to compare with what was made
    /// under any of them. Bytes of another purpose than [`Self::of`]'s begin as no text of it does.
    pub fn whole(&self, said: [&[u8]; 2]) -> Vec<[u8; 32]> {
        let under = |(_, secret)| seal::mac(secret, said).finalize().into_bytes().into();
        self.0.all().map(under).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(secrets: &str) -> Tags {
        Tags::read("BELLHOP_SOME_SECRET", &Secret::new(secrets)).unwrap()
    }

    #[test]
    fn a_tag_is_the_beginning_of_an_hmac() {
        // By `printf ana@example.com | openssl dgst -sha256 -hmac 0123…`.
        let tag = tags("1:0123456789abcdef0123456789abcdef").of("ana@example.com");
        assert_eq!(seal::hex(&tag), "0e9166fe256f8cdc412827b7c18d7aea");
    }

    #[test]
    fn the_first_secret_makes_them_and_another_makes_others() {
        let (one, other) = ("p".repeat(32), "q".repeat(32));
        let made = |secrets: &str| tags(secrets).of("ana@example.com");
        assert_eq!(made(&format!("1:{one}")), made(&format!("2:{one},1:{other}")));
        assert_ne!(made(&format!("1:{one}")), made(&format!("1:{other}")));
        assert_ne!(
            made(&format!("1:{one}")),
            tags(&format!("1:{one}")).of("eve@example.com")
        );
    }
}
