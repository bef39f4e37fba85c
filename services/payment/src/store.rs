//! Every SQL statement of this schema, by table.

pub(crate) mod ledger;
pub(crate) mod operation;
pub(crate) mod outcome;
pub(crate) mod payment;
pub(crate) mod webhook;
