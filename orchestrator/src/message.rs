//! What the orchestrator hears: that a saga is asked for, or that a participant answered.

use contract::saga::{SagaData, StartSaga};
use contract::{Outcome, Reply, SagaId};
use serde::Deserialize;

/// A message of either topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub(crate) enum Message {
    /// A saga is asked for.
    Start(Box<StartSaga>),
    /// A participant answered.
    Reply(Reply),
}

impl Message {
    /// The saga it is about.
    pub(crate) fn saga_id(&self) -> SagaId {
        match self {
            Self::Start(start) => start.saga_id,
            Self::Reply(reply) => reply.saga_id,
        }
    }
}

/// Both shapes at once: the error of an untagged enum would not say which field is wrong.
#[derive(Deserialize)]
struct Wire {
    saga_id: SagaId,
    saga: Option<SagaData>,
    step: Option<String>,
    #[serde(default)]
    undo: bool,
    #[serde(default = "first_round")]
    round: u32,
    #[serde(default)]
    attempt: u32,
    outcome: Option<Outcome>,
}

/// The round of a reply that names none.
const fn first_round() -> u32 {
    1
}

impl TryFrom<Wire> for Message {
    type Error = &'static str;
    fn try_from(wire: Wire) -> Result<Self, &'static str> {
        let Wire {
            saga_id,
            saga,
            step,
            undo,
            round,
            attempt,
            outcome,
        } = wire;
        match (saga, step, outcome) {
            (Some(saga), None, None) => Ok(Self::Start(Box::new(StartSaga { saga_id, saga }))),
            (None, Some(step), Some(outcome)) => Ok(Self::Reply(Reply {
                saga_id,
                step,
                undo,
                round,
                attempt,
                outcome,
            })),
            _ => Err("neither a saga to start (`saga`) nor a reply (`step` and `outcome`)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::CommandEnvelope;

    use super::*;
    use crate::sagas::samples;

    #[test]
    fn both_shapes_are_read_as_they_are_written() {
        for saga in samples::all() {
            let start = StartSaga {
                saga_id: SagaId::new(),
                saga,
            };
            let json = serde_json::to_string(&start).unwrap();
            assert_eq!(
                serde_json::from_str::<Message>(&json).unwrap(),
                Message::Start(Box::new(start))
            );
        }
        let asked = CommandEnvelope {
            saga_id: SagaId::new(),
            step: "hold-rooms".to_owned(),
            undo: false,
            round: 3,
            attempt: 2,
            command: (),
        };
        for outcome in [
            Outcome::Done,
            Outcome::Refused(contract::Why::HoldReleased.into()),
        ] {
            let reply = asked.reply(outcome);
            let json = serde_json::to_string(&reply).unwrap();
            assert_eq!(
                serde_json::from_str::<Message>(&json).unwrap(),
                Message::Reply(reply)
            );
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let id = SagaId::new();
        let why = |json: &str| serde_json::from_str::<Message>(json).unwrap_err().to_string();
        assert!(why(&format!(r#"{{"saga_id":"{id}"}}"#)).starts_with("neither"));
        assert!(why(&format!(r#"{{"saga_id":"{id}","saga":{{"type":"fly"}}}}"#)).contains("fly"));
        assert!(why("{}").contains("saga_id"));
    }
}
