//! The relay.

pub mod envelope;
pub mod outbox;
pub mod pgoutput;
pub mod tracker;
pub mod values;
#[cfg(test)]
mod wire;
