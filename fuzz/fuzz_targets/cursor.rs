//! Whatever is sent as a cursor is read or refused with 400; what is read is the key that writes the same page.

#![no_main]

use contract::{Currency, ReservationId};
use libfuzzer_sys::fuzz_target;
use platform::http::Cursor;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    read::<ReservationId>(text);
    read::<(String, String)>(text);
    read::<(String, Currency)>(text);
    read::<(String, u32)>(text);
    // The bytes as what a cursor hides.
    let hidden: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    read::<ReservationId>(&hidden);
    read::<(String, String)>(&hidden);
});

fn read<K: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(cursor: &str) {
    match Cursor::read::<K>(cursor) {
        Ok(key) => {
            let again = Cursor::after(&key);
            assert_eq!(Cursor::read::<K>(&again).ok().as_ref(), Some(&key));
        }
        Err(problem) => assert_eq!(problem.status().as_u16(), 400),
    }
}
