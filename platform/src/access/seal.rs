//! How keys, links and the keys of services are sealed and written: an HMAC, hexadecimal digits, a check sum.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub(super) use crate::hex::{hex, unhex};
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
