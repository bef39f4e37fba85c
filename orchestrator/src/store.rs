//! Every statement of the schema `orchestrator`. The number of statements for a batch does not depend
//! on its size.

mod epochs;
mod inspect;
mod retention;
mod sagas;
mod write;

pub(crate) use epochs::{begin_epochs, claim_alone, end_epochs, hold_current, hold_epochs, lock_epochs};
pub(crate) use inspect::{Filter, SagaRow, StepRow, list, one, steps};
pub(crate) use retention::{remove, removed_before, unended};
pub(crate) use sagas::{Kept, due, lock, wake_in};
pub(crate) use write::{NewLine, append, change, insert};
