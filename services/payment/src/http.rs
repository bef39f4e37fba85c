//! The service's routes, one file per endpoint.

mod get_payment;
mod webhook;

use std::sync::Arc;

use platform::access::{Class, Kind, Place, Row};
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
}

operations! { pub(crate) Arc<State>;
    GetPayment = get_payment::get_payment: Row::of(&[Kind::Staff, Kind::Viewer]).class(Class::Desk),
    // The provider's credential is the signature, which the handler checks first.
    TakeWebhook = webhook::webhook: Row::anyone().unidentified().class(Class::Money).found_by(Place::Body),
}
