//! What the targets share.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whatever can be read as a message is written and read again the same.
pub fn reads_again<M: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<M>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&message).expect("a message is JSON");
    assert_eq!(
        serde_json::from_slice::<M>(&written).ok().as_ref(),
        Some(&message)
    );
}
