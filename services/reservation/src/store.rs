//! Every statement on the schema `reservation`. Batches travel as arrays of rows, so the number of statements never
//! depends on the size of a batch; what one transaction writes is one statement.

pub(crate) mod asked;
mod batches;
pub(crate) mod charges;
pub(crate) mod codes;
pub(crate) mod guests;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod read;
mod row;
pub(crate) mod write;
