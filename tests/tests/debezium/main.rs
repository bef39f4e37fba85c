//! Debezium's own Postgres connector in place of the relay, and beside it. Needs Java and Maven's central
//! repository for some 100 MB of jars, so `scripts/prove debezium` runs it and not the ordinary tests.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

mod beside;
mod connect;
mod in_place;
