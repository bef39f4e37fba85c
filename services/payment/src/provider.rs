//! Payment providers. One word per thing that can be asked; more providers come as more files here.

mod sandbox;

use std::future::Future;

use crate::model::{Answer, Call};

pub(crate) use sandbox::Sandbox;

/// What was heard of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// What it says of the call.
    pub(crate) answer: Answer,
    /// Why it seems to be away, where it does: it did not answer, or says that it cannot. One that answers what we do not
    /// understand is there.
    pub(crate) away: Option<String>,
}

impl Heard {
    /// It is there.
    pub(crate) const fn answered(answer: Answer) -> Self {
        Self { answer, away: None }
    }

    /// It is away, so what became of the call is not known.
    pub(crate) fn away(why: String) -> Self {
        Self {
            answer: Answer::Unknown(why.clone()),
            away: Some(why),
        }
    }
}

/// A payment provider. Both calls end within a deadline of their own and never fail: what is not a
/// definite answer is [`Answer::Unknown`].
pub(crate) trait Provider: Send + Sync + 'static {
    /// Makes a call under its key. A repeat with the same key is the same call.
    fn submit(&self, key: &str, call: &Call) -> impl Future<Output = Heard> + Send;

    /// Asks what became of the call with this key.
    fn ask(&self, key: &str) -> impl Future<Output = Heard> + Send;

    /// What it is called, for people and metrics.
    fn name(&self) -> &'static str;
}
