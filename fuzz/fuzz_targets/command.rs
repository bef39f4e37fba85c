//! Whatever stands in a command's topic is read or refused; what is read is written and read again the same.

#![no_main]

use contract::CommandEnvelope;
use contract::command::{Command, InventoryCommand, PaymentCommand, ReservationCommand};
use contract::saga::StartSaga;
use fuzz::reads_again;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    reads_again::<CommandEnvelope<InventoryCommand>>(bytes);
    reads_again::<CommandEnvelope<PaymentCommand>>(bytes);
    reads_again::<CommandEnvelope<ReservationCommand>>(bytes);
    reads_again::<StartSaga>(bytes);
    if let Ok(envelope) = serde_json::from_slice::<CommandEnvelope<Command>>(bytes) {
        assert!(!envelope.command.key(envelope.saga_id).is_empty());
        assert!(!envelope.command.topic().is_empty() && !envelope.command.name().is_empty());
    }
});
