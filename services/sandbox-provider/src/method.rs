//! Payment method tokens that misbehave on purpose, so that every unpleasant thing that a provider can
//! do happens whenever a test wants it.

use crate::kind::Kind;

/// A payment method, known by its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method<'t>(&'t str);

/// What happens beside the operation itself, the first time its key is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// The answer comes late.
    Slow,
    /// The connection is closed instead of an answer.
    LostReply,
    /// 504, and `processing` for a while.
    UnknownThenOk,
    /// 500, although it is done.
    ServerError,
    /// The webhook comes twice and before the answer.
    WebhookTwiceFirst,
}

impl<'t> Method<'t> {
    /// The method with this token.
    pub(crate) const fn of(token: &'t str) -> Self {
        Self(token)
    }

    /// Whether an authorisation succeeds, or the reason why it is declined.
    pub(crate) fn authorize(self) -> Result<(), &'static str> {
        match self.0 {
            "pm_declined" | "pm_failed_lost_reply" => Err("card_declined"),
            "pm_expired" => Err("card_expired"),
            _ => Ok(()),
        }
    }

    /// Whether a capture succeeds, or the reason why it is declined.
    pub(crate) fn capture(self) -> Result<(), &'static str> {
        if self.0 == "pm_capture_declined" {
            Err("card_declined")
        } else {
            Ok(())
        }
    }

    /// What happens beside an operation of this kind.
    pub(crate) fn effect(self, kind: Kind) -> Effect {
        match self.0 {
            "pm_slow" => Effect::Slow,
            "pm_lost_reply" => Effect::LostReply,
            "pm_failed_lost_reply" if kind == Kind::Authorization => Effect::LostReply,
            "pm_unknown_then_ok" => Effect::UnknownThenOk,
            "pm_500_after_charge" => Effect::ServerError,
            "pm_webhook_twice_first" => Effect::WebhookTwiceFirst,
            _ => Effect::None,
        }
    }
}
