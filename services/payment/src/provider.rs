//! Payment providers. One word per thing that can be asked; more providers come as more files here.

mod sandbox;

use std::future::Future;

use crate::model::Call;

pub(crate) use sandbox::Sandbox;

/// What a provider says, or does not say, about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is done.
    Succeeded {
        /// The provider's id of the authorisation that it made or is about.
        authorization_id: Option<String>,
    },
    /// It is not done and never will be under this key.
    Declined,
    /// The provider has it and does not know the outcome yet.
    Processing,
    /// The provider has never seen the key.
    NeverSeen,
    /// No answer, or none that can be trusted: it may be done or not.
    Unknown(String),
}

/// A payment provider. Both calls end within a deadline of their own and never fail: what is not a
/// definite answer is [`Answer::Unknown`].
pub(crate) trait Provider: Send + Sync + 'static {
    /// Makes a call under its key. A repeat with the same key is the same call.
    fn submit(&self, key: &str, call: &Call) -> impl Future<Output = Answer> + Send;

    /// Asks what became of the call with this key.
    fn ask(&self, key: &str) -> impl Future<Output = Answer> + Send;
}
