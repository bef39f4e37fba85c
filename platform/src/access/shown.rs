//! What somebody is shown once: `<prefix><id>_<256-bit secret>_<CRC-32>`. The prefix says what it is, and the check sum tells
//! one that was cut off from one that is wrong, before anybody looks.

use std::fmt;
use std::marker::PhantomData;

use uuid::Uuid;

use super::seal::{check_sum, hex};

/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// What is shown.
pub trait What {
    /// How it begins, so that who finds one in a log knows what it is.
    const PREFIX: &'static str;
}

/// An id with its secret.
pub struct Shown<W> {
    id: Uuid,
    secret: String,
    what: PhantomData<W>,
}

impl<W> Clone for Shown<W> {
    fn clone(&self) -> Self {
        Self::of(self.id, self.secret.clone())
    }
}

impl<W: What> fmt::Debug for Shown<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", W::PREFIX, self.id)
    }
}

impl<W> Shown<W> {
    const fn of(id: Uuid, secret: String) -> Self {
        Self {
            id,
            secret,
            what: PhantomData,
        }
    }

    /// What its row is found by.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What is kept as a hash alone.
    pub(super) const fn secret(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

impl<W: What> Shown<W> {
    /// A new secret under this id.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn make(id: Uuid) -> Result<Self, getrandom::Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self::of(id, hex(&secret)))
    }

    /// Reads one; none when it is not written so.
    pub fn read(text: &str) -> Option<Self> {
        let (keyed, sum) = text.rsplit_once('_')?;
        let (id, secret) = keyed.strip_prefix(W::PREFIX)?.split_once('_')?;
        let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fits = id.len() == 32 && secret.len() == 2 * SECRET_BYTES && lower(id) && lower(secret);
        if !fits || sum != check_sum(keyed) {
            return None;
        }
        Some(Self::of(Uuid::try_parse(id).ok()?, secret.to_owned()))
    }

    /// As it is shown, once.
    pub fn reveal(&self) -> String {
        let keyed = format!("{}{}_{}", W::PREFIX, self.id.simple(), self.secret);
        let sum = check_sum(&keyed);
        format!("{keyed}_{sum}")
    }

    /// What of it is told in lists.
    pub fn hint(id: Uuid) -> String {
        format!("{}{}_…", W::PREFIX, id.simple())
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

    enum Door {}
    impl What for Door {
        const PREFIX: &str = "bhk_";
    }
    type DoorKey = Shown<Door>;

    const ID: Uuid = Uuid::from_u128(0x0193_6f5e_7d5c_7c3a_9a44_0d3f_6a1b_2c4d);

    #[test]
    fn what_was_shown_is_read_again_and_no_other_text_is() {
        let key = DoorKey::make(ID).unwrap();
        let text = key.reveal();
        assert_eq!(DoorKey::read(&text).map(|key| key.reveal()), Some(text.clone()));
        assert_eq!(text.len(), 4 + 32 + 1 + 64 + 1 + 8);
        assert!(!format!("{key:?}").contains(&key.secret));
        assert_ne!(
            DoorKey::make(ID).unwrap().reveal(),
            text,
            "two keys have two secrets"
        );
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong == text || DoorKey::read(&wrong).is_none(), "{at}");
            assert!(DoorKey::read(&text[..at]).is_none(), "cut at {at}");
        }
        for wrong in [
            "",
            "bhk_",
            "bhk___",
            &text.to_uppercase(),
            &format!("{text} "),
            &format!("{text}0"),
        ] {
            assert!(DoorKey::read(wrong).is_none(), "{wrong}");
        }
    }
}
