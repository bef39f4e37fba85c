//! A run with what its row says of it.

use chrono::{DateTime, Utc};
use contract::SagaId;
use contract::saga::SagaData;
use platform::access::Actor;
use platform::envelope::Traceparent;
use platform::{Broken, Envelope};
use uuid::Uuid;

use crate::engine::{Outline, Pace, Run, Sent, State};
use crate::{sagas, spans};

/// A run with what its row says of it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Whose shard it is.
    pub(crate) shard: i32,
    /// What it runs on.
    pub(crate) data: SagaData,
    /// Where it stands.
    pub(crate) run: Run,
    /// When the timer looks; none of a run that has ended.
    pub(crate) wake_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub(crate) created_at: DateTime<Utc>,
    /// Who asked for it; none where nobody is known.
    pub(crate) actor: Option<Actor>,
    /// The trace of the request that it came of.
    pub(crate) trace: Option<Traceparent>,
    /// What its row says of all that may change; none of a run that has no row yet.
    pub(crate) row: Option<Changing>,
}

/// What may change in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Changing {
    shard: i32,
    state: State,
    wake_at: Option<DateTime<Utc>>,
    is_paused: bool,
    held_by: Option<Uuid>,
}

impl Kept {
    /// What a row says of it that is as it is.
    pub(crate) fn changing(&self) -> Changing {
        Changing {
            shard: self.shard,
            state: self.run.state,
            wake_at: self.wake_at,
            is_paused: self.run.paused.is_some(),
            held_by: self.held_by(),
        }
    }

    /// The rule that holds its command back.
    pub(crate) fn held_by(&self) -> Option<Uuid> {
        self.run.held.map(|held| held.by.rule_id.uuid())
    }

    /// The definition that it was begun with.
    ///
    /// # Errors
    /// When this release does not have that version.
    pub(crate) fn outline(&self) -> Result<&'static Outline, Broken> {
        let version = self.run.version;
        version
            .and_then(|version| sagas::outline_of(&self.data, version))
            .ok_or_else(|| {
                let name = self.data.name();
                Broken::Inconsistent(format!("there is no version {version:?} of {name}"))
            })
    }

    /// What travels with the command that it has just sent.
    pub(crate) fn envelope(&self, saga_id: SagaId, sent: &Sent, pace: Pace) -> Envelope {
        let of_step = |trace| spans::of_step(trace, saga_id, sent.step, sent.undo, sent.round);
        Envelope {
            actor: self.actor.and_then(Actor::named),
            trace: self.trace.as_ref().map(of_step),
            deadline: self.gives_up_at(pace),
        }
    }

    /// When the command that it waits for is given up; none where nobody gives up.
    fn gives_up_at(&self, pace: Pace) -> Option<DateTime<Utc>> {
        let waiting = self.run.waiting?;
        let step = self.outline().ok()?.steps.get(waiting.step)?;
        waiting.gives_up_at(step.given_up_after_times, pace)
    }
}
