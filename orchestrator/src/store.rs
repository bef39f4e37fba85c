//! Every statement of the schema `orchestrator`. The number of statements for a batch does not depend
//! on its size.

mod epochs;
mod inspect;
mod sagas;

pub(crate) use epochs::{begin_epochs, claim_alone, end_epochs, hold_epochs, lock_epochs};
pub(crate) use inspect::{Filter, SagaRow, StepRow, list, one, steps};
pub(crate) use sagas::{Kept, NewLine, append, change, due, insert, lock, logs, wake_in};
