//! What the codes mean that any HTTP interface may answer, whatever it is about.

/// What a refusal is, and so what may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong as it is.
    Invalid,
    /// What the request names is not there.
    Missing,
    /// The same request may succeed later.
    Busy,
    /// The fault is ours.
    Ours,
}

/// What a code means.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    /// The stable slug.
    pub code: &'static str,
    /// What it is.
    pub class: Class,
    /// The HTTP statuses with which it is answered.
    pub statuses: &'static [u16],
    /// What happened, for people.
    pub happened: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Every code that is not of the business.
pub const MEANINGS: &[Meaning] = &[
    Meaning {
        code: "invalid_field",
        class: Class::Invalid,
        statuses: &[422],
        happened: "A field of the body is missing, unknown, or has a value that it does not take; `pointer` says which.",
        remedy: "Do what the detail says. The document at /openapi.json has every field with its form.",
    },
    Meaning {
        code: "invalid_query",
        class: Class::Invalid,
        statuses: &[400],
        happened: "A parameter is missing, unknown, written twice, or has a value that it does not take; `pointer` says which.",
        remedy: "Do what the detail says. The document at /openapi.json has every parameter with its form.",
    },
    Meaning {
        code: "invalid_cursor",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The cursor is not one that this list gave out.",
        remedy: "Send the next_cursor of the page before as it came, or begin without one.",
    },
    Meaning {
        code: "malformed_json",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The body is not JSON.",
        remedy: "Send one JSON value in UTF-8 and nothing after it.",
    },
    Meaning {
        code: "malformed_body",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The body ended before it was complete.",
        remedy: "Send it again.",
    },
    Meaning {
        code: "unexpected_body",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The operation takes no body, and one was sent.",
        remedy: "Send the request without a body. If it said what was wanted, another operation may take that: see /openapi.json.",
    },
    Meaning {
        code: "body_too_slow",
        class: Class::Busy,
        statuses: &[408],
        happened: "The body took too long to arrive.",
        remedy: "Send it again over a better connection.",
    },
    Meaning {
        code: "body_too_large",
        class: Class::Invalid,
        statuses: &[413],
        happened: "The body has more than 64 KiB.",
        remedy: "Send less at once.",
    },
    Meaning {
        code: "unsupported_media_type",
        class: Class::Invalid,
        statuses: &[415],
        happened: "The body is not said to be JSON in UTF-8, or is encoded.",
        remedy: "Send Content-Type: application/json, and no Content-Encoding.",
    },
    Meaning {
        code: "invalid_host",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The request has no Host header that can be used.",
        remedy: "Send one Host header.",
    },
    Meaning {
        code: "method_not_allowed",
        class: Class::Invalid,
        statuses: &[405],
        happened: "The path does not take this method.",
        remedy: "Use one that the Allow header names.",
    },
    Meaning {
        code: "not_found",
        class: Class::Missing,
        statuses: &[404],
        happened: "There is nothing here: no such path, or nothing with this id. `pointer` says which part of the path, the body or the query names it in vain.",
        remedy: "Look at the ids; they are UUIDs.",
    },
    Meaning {
        code: "idempotency_key_missing",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The request needs exactly one Idempotency-Key header.",
        remedy: "Send one of your own making; a repeat of the request takes the same one.",
    },
    Meaning {
        code: "idempotency_key_invalid",
        class: Class::Invalid,
        statuses: &[400],
        happened: "The Idempotency-Key cannot be one.",
        remedy: "Send 1 to 255 visible ASCII characters without spaces.",
    },
    Meaning {
        code: "idempotency_key_reused",
        class: Class::Invalid,
        statuses: &[422],
        happened: "The Idempotency-Key belongs to another request.",
        remedy: "A new request takes a new key; a repeat has the same body.",
    },
    Meaning {
        code: "request_in_progress",
        class: Class::Busy,
        statuses: &[409],
        happened: "The first request with this Idempotency-Key is still being worked on.",
        remedy: "Send the same again after Retry-After seconds.",
    },
    Meaning {
        code: "unavailable",
        class: Class::Busy,
        statuses: &[503],
        happened: "Something that the request needs is away or busy.",
        remedy: "Send the same again, with the same Idempotency-Key where there was one, after Retry-After seconds.",
    },
    Meaning {
        code: "internal",
        class: Class::Ours,
        statuses: &[500],
        happened: "Something is wrong on our side.",
        remedy: "Tell the operator when it happened; the log has the cause.",
    },
];
