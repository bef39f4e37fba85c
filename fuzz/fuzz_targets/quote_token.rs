//! Nothing but the platform's own token is accepted, and no claims that it could have signed make reading
//! panic. What is read as a quote can be signed and read again, and is the same.

#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use contract::quote::{AUDIENCE, Quote};
use libfuzzer_sys::fuzz_target;
use platform::Secret;
use platform::token::Tokens;

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let secret = Secret::new("1:a secret for fuzzing of at least 32 bytes");
    Tokens::read("BELLHOP_QUOTE_SECRET", &secret, AUDIENCE).expect("long enough")
});
/// The only token that was ever given out: its exact text is the one text that may be accepted.
static GIVEN_OUT: LazyLock<String> = LazyLock::new(|| {
    TOKENS
        .sign(&serde_json::json!({"quote": 1}), later())
        .expect("an object")
});

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn later() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_900, 0).expect("a time")
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if TOKENS.verify::<serde_json::Value>(text, now()).is_ok() {
        assert_eq!(text, *GIVEN_OUT, "a token that was not given out was accepted");
    }
    changed_in_one_place(bytes);
    let Ok(claims) = serde_json::from_slice::<serde_json::Map<_, _>>(bytes) else {
        return;
    };
    let Ok(token) = TOKENS.sign(&claims, later()) else {
        return;
    };
    let Ok(quote) = TOKENS.verify::<Quote>(&token, now()) else {
        return;
    };
    let again = TOKENS.sign(&quote, later()).expect("a quote can be signed");
    assert_eq!(TOKENS.verify::<Quote>(&again, now()).as_ref(), Ok(&quote));
});

/// The genuine token with one byte replaced, as the input says.
fn changed_in_one_place(bytes: &[u8]) {
    let [at, byte, ..] = bytes else { return };
    let mut token = GIVEN_OUT.clone().into_bytes();
    let at = usize::from(*at) % token.len();
    if token[at] == *byte {
        return;
    }
    token[at] = *byte;
    if let Ok(token) = String::from_utf8(token) {
        assert!(
            TOKENS.verify::<serde_json::Value>(&token, now()).is_err(),
            "{token}"
        );
    }
}
