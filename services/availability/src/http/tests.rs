//! Tests of the endpoints.
