//! The oracle: was every answer that a client got right at some point while it waited?
//!
//! It knows two things that the platform did not write for it: the client's journal (what was asked and
//! answered, between which two moments) and the database's own log, transaction by transaction in the order
//! of their commits. The log is played again through the pure rules of the inventory service, which must
//! give every outcome and every changed row that was written. Then each answer is held against it: a state
//! that was told, a sold-out night, the rooms that a page showed must have been true between the two moments.
//!
//! Shared with production, because this is what is played again: the inventory service's model, and `rules`
//! below it, for the batches of its log. It shows that many hands at once, in batches, through SQL, came to
//! what the rules say one after the other; a wrong rule it repeats. Pages are judged in words of the oracle's
//! own (who fits, what is left of a night, which stay has a price), so that a rule that search, quote and hold
//! have wrong alike is seen here.

pub mod books;
pub mod decoding;
pub mod guests;
pub mod journal;
pub mod judge;
pub mod prices;
pub mod stream;
pub mod timeline;
pub mod verdict;
