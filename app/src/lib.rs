//! The commands of the executable. No business rule lives here: `run` wires the services together,
//! the other commands use the public HTTP interface or look on from outside.

pub mod access_command;
pub mod audit;
pub mod client;
pub mod doctor;
pub mod members_command;
mod metrics;
pub mod migrate;
pub mod modules;
pub mod openapi;
pub mod operations;
mod patience;
pub mod problems;
pub mod replay;
pub mod run;
pub mod say;
pub mod seed;
pub mod targets;
pub mod trail;
pub mod warm;
