//! An operator who says verbs to runs, at any moment, by the rules that any operator has.

use contract::{SagaId, VerbId};
use orchestrator::engine::{Input, Spoken, Verb};
use orchestrator::sagas;
use uuid::Uuid;

use crate::deliver::body_of;
use crate::seen::Sight;
use crate::world::World;

impl World {
    /// The operator says something to one of the runs that have not ended; what the rules forbid comes to nothing.
    pub(crate) fn operate(&mut self) {
        let sagas = self.coordinator.sagas.iter();
        let open = sagas.filter(|(_, kept)| !kept.run.state.is_terminal());
        let open: Vec<SagaId> = open.map(|(id, _)| *id).collect();
        if open.is_empty() {
            return;
        }
        let saga_id = open[self.random.usize(0..open.len())];
        let verb = match self.random.u32(0..8) {
            0 | 1 => Verb::Cancel,
            2 | 3 => Verb::Retry,
            4 | 5 => Verb::BackTo,
            6 => Verb::Pause,
            _ => Verb::Resume,
        };
        self.say(saga_id, verb);
    }

    /// Whoever has paused runs lets them go on.
    pub(crate) fn resume_all(&mut self) {
        let sagas = self.coordinator.sagas.iter();
        let paused = sagas.filter(|(_, kept)| kept.run.paused.is_some());
        let paused: Vec<SagaId> = paused.map(|(id, _)| *id).collect();
        for saga_id in paused {
            self.say(saga_id, Verb::Resume);
        }
    }

    fn say(&mut self, saga_id: SagaId, verb: Verb) {
        let Some(step) = self.step_of(saga_id) else { return };
        let spoken = Spoken {
            verb_id: VerbId::from_uuid(Uuid::from_u128(self.random.u128(..))),
            verb,
            actor: "operator:1".to_owned(),
            reason: "The simulator says so.".to_owned(),
            step: (verb == Verb::BackTo).then(|| step.to_owned()),
            result: None,
            evidence: None,
            approved_by: None,
        };
        let lines = self.coordinator.lines_of(saga_id);
        let owner = self.coordinator.owner;
        let sent = self
            .coordinator
            .advance(owner, saga_id, &Input::Verb(&spoken), self.now);
        if self.coordinator.lines_of(saga_id) > lines {
            self.tell(|| {
                format!(
                    "the operator says {} to saga {}",
                    spoken.verb.word(),
                    saga_id.uuid().as_u128()
                )
            });
            if verb == Verb::Cancel {
                self.seen.note(Sight::CancelledByOperator);
            }
        }
        for command in sent {
            self.broker.commit(body_of(command));
        }
    }

    /// Any step of a saga.
    fn step_of(&mut self, saga_id: SagaId) -> Option<&'static str> {
        let steps = &sagas::outline(&self.coordinator.sagas.get(&saga_id)?.data).steps;
        Some(steps[self.random.usize(0..steps.len())].name)
    }
}
