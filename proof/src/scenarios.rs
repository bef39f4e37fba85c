//! Each fault of the list that can be staged here: start under load, break, heal, hold against the journal.

pub(crate) mod messages;
pub(crate) mod network;
pub(crate) mod overload;
pub(crate) mod primary;
pub(crate) mod processes;
pub(crate) mod stores;
