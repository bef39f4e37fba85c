//! The oracle: was every answer that a client got right at some point while it waited?
//!
//! It knows two things that the platform did not write for it: the client's journal (what was asked and
//! answered, between which two moments) and the database's own log, transaction by transaction in the order
//! of their commits. The log is played again through the pure rules of the inventory service, which must
//! give every outcome and every changed row that was written. Then each answer is held against it: a state
//! that was told, a sold-out night, the rooms that a page showed must have been true between the two moments.

pub mod books;
pub mod decoding;
pub mod guests;
pub mod journal;
pub mod judge;
pub mod prices;
pub mod stream;
pub mod timeline;
pub mod verdict;
