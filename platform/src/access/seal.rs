//! How keys, links, members' tokens and the keys of services are sealed and written: an HMAC, hexadecimal digits, a check sum.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub(super) use crate::hex::{hex, unhex};
use crate::ring::Ring;
use crate::secret::Secret;

/// The HMAC-SHA-256 (RFC 2104) of these bytes, one after the other.
pub(super) fn mac<'b>(secret: &Secret, said: impl IntoIterator<Item = &'b [u8]>) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    said.into_iter().for_each(|bytes| mac.update(bytes));
    mac
}

/// What is said under the first secret of a ring: `<form><kid>_<said>_<HMAC-SHA-256>`.
pub(super) fn signed(ring: &Ring, form: &str, said: &str) -> String {
    let Some((kid, secret)) = ring.first() else {
        return String::new();
    };
    let under = format!("{form}{kid}_{said}");
    let seal = hex(&mac(secret, [under.as_bytes()]).finalize().into_bytes());
    format!("{under}_{seal}")
}

/// The same for people to copy: with `_<CRC-32>` behind it.
pub(super) fn sealed(ring: &Ring, form: &str, said: &str) -> String {
    let text = signed(ring, form, said);
    let sum = check_sum(&text);
    format!("{text}_{sum}")
}

/// The parts of what a [sealed] text says.
pub(super) fn unsealed<'t>(ring: &Ring, form: &str, text: &'t str) -> Option<std::str::Split<'t, char>> {
    let (text, sum) = text.rsplit_once('_')?;
    (sum == check_sum(text))
        .then(|| verified(ring, form, text))
        .flatten()
}

/// The parts of what a text of this form says, if it was [signed] by a secret of the ring; the comparison takes the same time
/// wherever the HMACs differ.
pub(super) fn verified<'t>(ring: &Ring, form: &str, text: &'t str) -> Option<std::str::Split<'t, char>> {
    let (under, seal) = text.rsplit_once('_')?;
    let mut parts = under.strip_prefix(form)?.split('_');
    let secret = ring.of(parts.next()?)?;
    mac(secret, [under.as_bytes()]).verify_slice(&unhex(seal)?).ok()?;
    Some(parts)
}

/// Tells a text that was cut off or mistyped from one that is wrong, before anybody looks: its CRC-32 in eight digits.
pub(super) fn check_sum(text: &str) -> String {
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}
