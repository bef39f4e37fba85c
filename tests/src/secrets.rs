//! The secrets of the platforms of tests.

/// By which services ask each other.
pub const TOKEN_SECRET: &str = "a secret for tests of at least 32 bytes";
/// Under which quotes are signed: the same, as the former release signs quotes by that one.
pub(crate) const QUOTE_SECRET: &str = "1:a secret for tests of at least 32 bytes";

/// Every variable of a ring of secrets, with its value. The others are told elsewhere.
pub(crate) const SECRETS: [(&str, &str); 7] = [
    ("BELLHOP_TOKEN_SECRET", TOKEN_SECRET),
    ("BELLHOP_QUOTE_SECRET", QUOTE_SECRET),
    ("BELLHOP_KEY_PEPPER", "1:a pepper for tests of at least 32 bytes"),
    (
        "BELLHOP_ACCESS_SIGNING_KEY",
        "1:5ea1ab1e0f7e575a11d70be0f6e4acce5500000000000000000000000000c0de",
    ),
    (
        "BELLHOP_GUEST_SECRET",
        "1:a secret of guests' ids for tests of 32 bytes and more",
    ),
    (
        "BELLHOP_LINK_SECRET",
        "1:a secret of links for tests of at least 32 bytes",
    ),
    (
        "BELLHOP_SESSION_SECRET",
        "1:a secret of sessions for tests of at least 32 bytes",
    ),
];
