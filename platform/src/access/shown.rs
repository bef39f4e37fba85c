//! What somebody is shown once: `<prefix><id>_<256-bit secret>_<CRC-32>`. The prefix says what it is, and the check sum tells
//! one that was cut off from one that is wrong, before anybody looks.

use std::fmt;

use uuid::Uuid;

use super::seal::{check_sum, hex};

/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// An id with its secret.
#[derive(Clone)]
pub struct Shown {
    prefix: &'static str,
    id: Uuid,
    secret: String,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.id)
    }
}

impl Shown {
    /// A new secret under this id.
    pub(super) fn make(prefix: &'static str, id: Uuid) -> Result<Self, getrandom::Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let secret = hex(&secret);
        Ok(Self { prefix, id, secret })
    }

    /// Reads what begins so; none when it is not written so.
    pub(super) fn read(prefix: &'static str, text: &str) -> Option<Self> {
        let (keyed, sum) = text.rsplit_once('_')?;
        let (id, secret) = keyed.strip_prefix(prefix)?.split_once('_')?;
        let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fits = id.len() == 32 && secret.len() == 2 * SECRET_BYTES && lower(id) && lower(secret);
        if !fits || sum != check_sum(keyed) {
            return None;
        }
        Some(Self {
            prefix,
            id: Uuid::try_parse(id).ok()?,
            secret: secret.to_owned(),
        })
    }

    /// What its row is found by.
    pub(super) const fn id(&self) -> Uuid {
        self.id
    }

    /// What is kept as a hash alone.
    pub(super) const fn secret(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    /// As it is shown.
    pub(super) fn reveal(&self) -> String {
        let keyed = format!("{}{}_{}", self.prefix, self.id.simple(), self.secret);
        let sum = check_sum(&keyed);
        format!("{keyed}_{sum}")
    }

    /// The same secret under another id.
    #[cfg(test)]
    pub(super) fn under(self, id: Uuid) -> Self {
        Self { id, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "bhk_";
    const ID: Uuid = Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d);

    #[test]
    fn what_was_shown_is_read_again_and_no_other_text_is() {
        let key = Shown::make(PREFIX, ID).unwrap();
        let text = key.reveal();
        assert_eq!(
            Shown::read(PREFIX, &text).map(|key| key.reveal()),
            Some(text.clone())
        );
        assert_eq!(text.len(), 4 + 32 + 1 + 64 + 1 + 8);
        assert!(!format!("{key:?}").contains(&key.secret));
        assert_ne!(
            Shown::make(PREFIX, ID).unwrap().reveal(),
            text,
            "two keys have two secrets"
        );
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong == text || Shown::read(PREFIX, &wrong).is_none(), "{at}");
            assert!(Shown::read(PREFIX, &text[..at]).is_none(), "cut at {at}");
        }
        for wrong in [
            "",
            "bhk_",
            "bhk___",
            &text.to_uppercase(),
            &format!("{text} "),
            &format!("{text}0"),
        ] {
            assert!(Shown::read(PREFIX, wrong).is_none(), "{wrong}");
        }
    }
}
