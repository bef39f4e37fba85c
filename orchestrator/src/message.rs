//! What the orchestrator hears: that a saga is asked for, that a participant answered, or that a person says what to do
//! with a run.

use contract::saga::{SagaData, StartSaga};
use contract::{Outcome, Reply, SagaId};
use serde::{Deserialize, Serialize};

use crate::engine::Spoken;

/// A message of either topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub(crate) enum Message {
    /// A saga is asked for.
    Start(Box<StartSaga>),
    /// A participant answered.
    Reply(Reply),
    /// A person says what to do with a run.
    Verb(Box<Asked>),
}

/// What a person says to a run, on its way to whoever owns the run's shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// To which run.
    pub(crate) saga_id: SagaId,
    /// The version that the person saw; none where any will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expected: Option<u32>,
    /// Of the preview that the person saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// What is said, by whom and why.
    pub(crate) spoken: Spoken,
}

impl Message {
    /// The saga it is about.
    pub(crate) fn saga_id(&self) -> SagaId {
        match self {
            Self::Start(start) => start.saga_id,
            Self::Reply(reply) => reply.saga_id,
            Self::Verb(asked) => asked.saga_id,
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
    expected: Option<u32>,
    digest: Option<String>,
    spoken: Option<Spoken>,
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
            expected,
            digest,
            spoken,
        } = wire;
        match (saga, step, outcome, spoken) {
            (None, None, None, Some(spoken)) => Ok(Self::Verb(Box::new(Asked {
                saga_id,
                expected,
                digest,
                spoken,
            }))),
            (Some(saga), None, None, None) => Ok(Self::Start(Box::new(StartSaga { saga_id, saga }))),
            (None, Some(step), Some(outcome), None) => Ok(Self::Reply(Reply {
                saga_id,
                step,
                undo,
                round,
                attempt,
                outcome,
            })),
            _ => Err(
                "neither a saga to start (`saga`), nor a reply (`step` and `outcome`), nor a verb (`spoken`)",
            ),
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
    fn a_verb_is_read_as_it_is_written() {
        for expected in [None, Some(7)] {
            let asked = Asked {
                saga_id: SagaId::new(),
                expected,
                digest: expected.map(|_| "ab".repeat(32)),
                spoken: Spoken {
                    verb_id: contract::VerbId::new(),
                    verb: crate::engine::Verb::Retry,
                    actor: "development".to_owned(),
                    reason: "The provider is back.".to_owned(),
                    step: None,
                    result: None,
                    evidence: None,
                    approved_by: expected.map(|_| "another".to_owned()),
                },
            };
            let json = serde_json::to_string(&asked).unwrap();
            let read = serde_json::from_str::<Message>(&json).unwrap();
            assert_eq!(read, Message::Verb(Box::new(asked)));
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
