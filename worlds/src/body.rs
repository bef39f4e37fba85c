//! What messages say.

use contract::saga::StartSaga;
use contract::{Command, CommandEnvelope, Reply};

/// What a message says.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Start a saga.
    Start(StartSaga),
    /// A participant is asked.
    Command(CommandEnvelope<Command>),
    /// It answers.
    Reply(Reply),
}
