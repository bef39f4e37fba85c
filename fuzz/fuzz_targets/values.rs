//! Whatever text Postgres gives for a value of whatever type, what is written of it is one JSON value.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &str)| {
    let (oid, text) = input;
    let mut out = Vec::new();
    relay::values::write(&mut out, u32::from(oid), text);
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&out) {
        panic!(
            "type {oid}, {text:?}: {error} in {}",
            String::from_utf8_lossy(&out)
        );
    }
});
