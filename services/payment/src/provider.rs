//! Payment providers. One word per thing that can be asked; more providers come as more files here.

mod sandbox;

use std::future::Future;

use crate::model::{Answer, Call};

pub(crate) use sandbox::Sandbox;

/// A payment provider. Both calls end within a deadline of their own and never fail: what is not a
/// definite answer is [`Answer::Unknown`].
pub(crate) trait Provider: Send + Sync + 'static {
    /// Makes a call under its key. A repeat with the same key is the same call.
    fn submit(&self, key: &str, call: &Call) -> impl Future<Output = Answer> + Send;

    /// Asks what became of the call with this key.
    fn ask(&self, key: &str) -> impl Future<Output = Answer> + Send;
}
