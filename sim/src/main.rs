//! `sim`: runs seeded schedules against the simulated platform.

fn main() {}
