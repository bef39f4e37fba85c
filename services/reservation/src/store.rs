//! Every statement on the schema `reservation`. Batches travel as arrays, so the number of statements never
//! depends on the size of a batch.

pub(crate) mod guests;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod quotes;
pub(crate) mod read;
mod row;
pub(crate) mod write;
