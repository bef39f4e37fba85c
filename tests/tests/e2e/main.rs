//! The whole platform from outside: one executable, a module per promise.

mod audit;
mod booking;
mod cancellation;
mod commands;
mod crash;
mod payments;
mod replay;
mod roles;
mod surface;
