//! The service's routes, one file per endpoint.

mod get_payment;
mod providers;
mod webhook;

use std::sync::Arc;

use platform::access::{Class, Kind, Place, Row};
use platform::breaker::Seen;
use platform::operations;
use sqlx::PgPool;
use standardwebhooks::Webhook;
use tokio::sync::Notify;

/// What the handlers need.
pub(crate) struct State {
    pub(crate) pool: PgPool,
    pub(crate) webhooks: Webhook,
    /// Tells the sweep that operations may have become due.
    pub(crate) nudge: Arc<Notify>,
    /// How the providers stand, as this process sees them.
    pub(crate) providers: Box<dyn Fn() -> Vec<Seen> + Send + Sync>,
}

operations! { pub(crate) Arc<State>;
    GetPayment = get_payment::get_payment: Row::of(&[Kind::Staff, Kind::Viewer]).class(Class::Desk),
    ListPaymentProviders = providers::list_payment_providers: Row::of(&[Kind::Viewer]).class(Class::Desk).found_by(Place::Root),
    // The provider's credential is the signature, which the handler checks first.
    TakeWebhook = webhook::webhook: Row::anyone().unidentified().class(Class::Money).found_by(Place::Body),
}
