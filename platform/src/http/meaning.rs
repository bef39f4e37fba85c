//! What any HTTP interface may answer, whatever it is about: one table, one status for each code. Words of the
//! business are their owner's; `Problem::refused` takes them as they are.

/// What a problem is, and so what may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The request cannot be read.
    Unreadable,
    /// The request can be read and is wrong.
    Invalid,
    /// What the request names is not there.
    Missing,
    /// What the request is about stands otherwise than it takes.
    Conflict,
    /// Not from this caller.
    Forbidden,
    /// Not now.
    Busy,
    /// The fault is ours.
    Ours,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::Unreadable,
        Self::Invalid,
        Self::Missing,
        Self::Conflict,
        Self::Forbidden,
        Self::Busy,
        Self::Ours,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Invalid => "invalid",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Busy => "busy",
            Self::Ours => "ours",
        }
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy)
    }

    /// What may help, for people.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unreadable | Self::Invalid => "The same request will never succeed; change it first.",
            Self::Missing => "The same request will succeed only when what it names is there.",
            Self::Conflict => "The same request will succeed only when what it is about stands otherwise.",
            Self::Forbidden => "The same request will not succeed for this caller.",
            Self::Busy => "The same request may succeed later.",
            Self::Ours => "Nobody but the operator can help.",
        }
    }
}

/// What the table says of a code.
#[derive(Debug)]
pub struct Meaning {
    /// The stable word for programs.
    pub word: &'static str,
    /// What it is.
    pub class: Class,
    /// The status of HTTP.
    pub status: u16,
    /// What happened, for people.
    pub happened: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Makes the codes and what the table says of each.
macro_rules! codes {
    ($($name:ident = $word:literal, $class:ident $status:literal, $happened:literal, $remedy:literal;)+) => {
        /// Every code that is not of the business.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Common {
            $(#[doc = $happened] $name,)+
        }

        impl Common {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What the table says of it.
            pub const fn meaning(self) -> &'static Meaning {
                match self {
                    $(Self::$name => const { &Meaning {
                        word: $word,
                        class: Class::$class,
                        status: $status,
                        happened: $happened,
                        remedy: $remedy,
                    } },)+
                }
            }

            /// The stable word for programs.
            pub const fn word(self) -> &'static str {
                self.meaning().word
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", Unreadable 400,
        "The body is not JSON.",
        "Send one JSON value in UTF-8 and nothing after it.";
    MalformedBody = "malformed_body", Unreadable 400,
        "The body ended before it was complete.",
        "Send it again.";
    UnexpectedBody = "unexpected_body", Unreadable 400,
        "The operation takes no body, and one was sent.",
        "Send the request without a body. If it said what was wanted, another operation may take that: see /openapi.json.";
    InvalidHost = "invalid_host", Unreadable 400,
        "The request has no Host header that can be used.",
        "Send one Host header.";
    InvalidCursor = "invalid_cursor", Unreadable 400,
        "The cursor is not one that this list gave out.",
        "Send the next_cursor of the page before as it came, or begin without one.";
    IdempotencyKeyMissing = "idempotency_key_missing", Unreadable 400,
        "The request needs exactly one Idempotency-Key header.",
        "Send one of your own making; a repeat of the request takes the same one.";
    IdempotencyKeyInvalid = "idempotency_key_invalid", Unreadable 400,
        "The Idempotency-Key cannot be one.",
        "Send 1 to 255 visible ASCII characters without spaces.";
    InvalidWebhookId = "invalid_webhook_id", Unreadable 400,
        "The webhook has no usable id.",
        "Send a webhook-id header as Standard Webhooks has it.";
    InvalidSignature = "invalid_signature", Forbidden 401,
        "The webhook is not signed by whom it should be, or too old.",
        "Sign it with the shared secret, and send it at once.";
    CredentialMissing = "credential_missing", Forbidden 401,
        "The operation is not for everybody, and the request has no credential.",
        "Send Authorization: Bearer with an API key, or with the guest link of the booking where the operation takes one: POST /v1/reservations/look-up gives it. `bellhop access make` makes the first one, POST /v1/principals/{principal_id}/keys the others.";
    CredentialInvalid = "credential_invalid", Forbidden 401,
        "The credential is not one, or it has ended, was revoked, or is not good for this operation.",
        "Send the key or the guest link as it was shown, or another one. Without an Authorization header the request is one of anybody.";
    LinkEnded = "link_ended", Forbidden 401,
        "The guest link was good, and has ended.",
        "Ask for a new one: POST /v1/reservations/look-up gives it for the booking's code and the guest's e-mail.";
    SessionEnded = "session_ended", Forbidden 401,
        "The session was good, and has ended: by itself, because nobody asked for half an hour, or because somebody ended it.",
        "Sign in again by a link of an administrator's.";
    CsrfRefused = "csrf_refused", Forbidden 403,
        "What changes something by a session is taken from pages of this origin alone, with the session's token.",
        "Send X-CSRF-Token as `GET /v1/me` tells it, from a page of this origin; or ask with a key, and without the cookie.";
    InsecureOrigin = "insecure_origin", Forbidden 403,
        "Nobody signs in on a page that came over plain http from another machine.",
        "Open the page over https, or on the machine itself at http://127.0.0.1.";
    SignInRefused = "sign_in_refused", Forbidden 403,
        "The sign-in link is not one, was used before, or has ended.",
        "Ask an administrator for another: `bellhop access link`, or POST /v1/principals/{principal_id}/sign-in-links. It is good once, for ten minutes.";
    NotPermitted = "not_permitted", Forbidden 403,
        "The operation is not for this caller.",
        "Ask somebody whose key is for it; the detail says of which kind.";
    IdentitiesStale = "identities_stale", Busy 503,
        "This process does not know well enough who is who: neither the change topics nor the access service tell.",
        "Send the same again after Retry-After seconds.";
    NotFound = "not_found", Missing 404,
        "There is nothing here: no such path, or nothing with this id. `pointer` says which part of the path, the body or the query names it in vain.",
        "Look at the ids; they are UUIDs.";
    MethodNotAllowed = "method_not_allowed", Unreadable 405,
        "The path does not take this method.",
        "Use one that the Allow header names.";
    AgainstRule = "against_rule", Conflict 409,
        "A rule forbids what was asked where things stand; `rule` says which, and the detail says the rule.",
        "Do what the detail says, or look at how things stand and ask for what is allowed there.";
    PreconditionFailed = "precondition_failed", Conflict 412,
        "What was seen before the request is not how things stand now; `pointer` says which header told what was seen.",
        "Look again, then decide anew. Nothing was done.";
    PreconditionRequired = "precondition_required", Unreadable 428,
        "The request must say what was seen before it; `pointer` says by which header.",
        "Send the ETag of what was seen as If-Match, and the digest of the preview that was seen as Preview-Digest.";
    BodyTooSlow = "body_too_slow", Busy 408,
        "The body took too long to arrive.",
        "Send it again over a better connection.";
    BodyTooLarge = "body_too_large", Unreadable 413,
        "The body has more than 64 KiB.",
        "Send less at once.";
    UnsupportedMediaType = "unsupported_media_type", Unreadable 415,
        "The body is not said to be JSON in UTF-8, or is encoded.",
        "Send Content-Type: application/json, and no Content-Encoding.";
    InvalidField = "invalid_field", Invalid 422,
        "A field or parameter is missing, unknown, written twice, or has a value that it does not take; `pointer` says which.",
        "Do what the detail says. The document at /openapi.json has every field and parameter with its form.";
    CardDataRefused = "card_data_refused", Invalid 422,
        "The body, the query or the Idempotency-Key carries what looks like a card number. Nothing of it was kept.",
        "Send the payment provider's token as payment_method, and card data to the provider alone. Where a long number is none of a card, write it as what it is: a telephone number with + and its country, a key with a word in front of it.";
    IdempotencyKeyReused = "idempotency_key_reused", Invalid 422,
        "The Idempotency-Key belongs to another request.",
        "A new request takes a new key; a repeat has the same body.";
    Internal = "internal", Ours 500,
        "Something is wrong on our side.",
        "Tell the operator when it happened; the log has the cause.";
    Unavailable = "unavailable", Busy 503,
        "Something that the request needs is away or busy.",
        "Send the same again, with the same Idempotency-Key where there was one, after Retry-After seconds.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_means_one_thing_and_what_cannot_be_read_is_never_422() {
        let words: BTreeSet<_> = Common::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Common::ALL.len());
        for code in Common::ALL {
            let meaning = code.meaning();
            assert_eq!(
                meaning.status == 422,
                meaning.class == Class::Invalid,
                "{}",
                meaning.word
            );
            assert!(
                meaning.happened.ends_with('.') && meaning.remedy.ends_with('.'),
                "{}",
                meaning.word
            );
        }
    }
}
