//! Whatever stands in a command's topic is read or refused; what is read is written and read again the same.

#![no_main]

use contract::CommandEnvelope;
use contract::command::{Command, InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::StartSaga;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    read::<CommandEnvelope<InventoryCommand>>(bytes);
    read::<CommandEnvelope<PaymentCommand>>(bytes);
    read::<CommandEnvelope<ReservationCommand>>(bytes);
    read::<StartSaga>(bytes);
    if let Ok(envelope) = serde_json::from_slice::<CommandEnvelope<Command>>(bytes) {
        assert!(!envelope.command.key(envelope.saga_id).is_empty());
        assert!(!envelope.command.topic().is_empty() && !envelope.command.name().is_empty());
    }
});

fn read<M: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<M>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&message).expect("a message is JSON");
    assert_eq!(
        serde_json::from_slice::<M>(&written).ok().as_ref(),
        Some(&message)
    );
}
