//! The simulator: the decisions of every service on a simulated broker, database, clock, cache and provider.
