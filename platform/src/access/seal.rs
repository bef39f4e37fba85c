//! How keys, links and the keys of services are sealed and written: an HMAC, hexadecimal digits, a check sum.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// The HMAC-SHA-256 (RFC 2104) of these bytes, one after the other.
pub(super) fn mac<'b>(secret: &Secret, said: impl IntoIterator<Item = &'b [u8]>) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    said.into_iter().for_each(|bytes| mac.update(bytes));
    mac
}

/// Tells a text that was cut off or mistyped from one that is wrong, before anybody looks: its CRC-32 in eight digits.
pub(super) fn check_sum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

/// As lower-case digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A text takes whatever it is given.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of digits as [`hex`] writes them.
pub(super) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    bytes.collect()
}
