//! The provider's own problems: it is another company's server, with words of its own.

use contract::refusal::Code;
use platform::http::Problem;

/// What the provider refuses beside what any interface does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Own {
    /// The key names another operation.
    KeyReused,
    /// It does not say, on purpose, what came of the operation.
    OutcomeUnknown,
    /// A token of somebody else's.
    UnknownPaymentMethod,
    /// Nothing to move.
    AmountZero,
}

impl Own {
    /// As it is answered.
    pub(super) fn problem(self) -> Problem {
        let (status, code, detail) = match self {
            Self::KeyReused => (
                422,
                "key_reused",
                "This Idempotency-Key belongs to an operation that was asked for with other words.",
            ),
            Self::OutcomeUnknown => (
                504,
                "outcome_unknown",
                "The outcome is not known yet; ask for it by its key.",
            ),
            Self::UnknownPaymentMethod => (
                422,
                Code::UnknownPaymentMethod.word(),
                "A payment method token of the sandbox begins with pm_, such as pm_ok.",
            ),
            Self::AmountZero => (422, "amount_zero", "The amount must be above zero."),
        };
        Problem::refused(status, code, detail, Vec::new())
    }
}
