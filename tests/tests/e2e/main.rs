//! The whole platform from outside: one executable, a module per promise.

#![expect(clippy::unwrap_used, reason = "every function here is part of a test")]

mod audit;
mod booking;
mod breaker;
mod cache;
mod cancellation;
mod commands;
mod crash;
mod envelope;
mod faults;
mod former;
mod hostile;
mod ids;
mod issuers;
mod keys;
mod lines;
mod links;
mod matrix;
mod members;
mod offers;
mod partners;
mod payments;
mod places;
mod races;
mod refusals;
mod replay;
mod retention;
mod revocations;
mod roles;
mod rules;
mod sessions;
mod signed;
mod spans;
mod stays;
mod surface;
mod trail;
mod unasked;
mod verbs;
mod verbs_killed;
