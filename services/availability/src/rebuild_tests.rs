//! Tests of the rebuild.
