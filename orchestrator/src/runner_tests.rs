//! Tests of the runner on a real database.
