//! An operator who says verbs to runs, at any moment, by the rules that any operator has. What is said goes its way to whoever
//! owns the run, and may find that it has gone on.

use std::rc::Rc;

use contract::{SagaId, VerbId};
use orchestrator::engine::{Spoken, Verb, What};
use orchestrator::sagas;
use uuid::Uuid;

use crate::broker::{Body, Said};
use crate::coordinator::{PACE, Sent};
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
        let verb = match self.random.u32(0..12) {
            0 | 1 => Verb::Cancel,
            2 | 3 => Verb::Retry,
            4..=6 => Verb::BackTo,
            7 | 8 => Verb::Pause,
            9 => Verb::Resume,
            10 => Verb::Abandon,
            _ => Verb::Skip,
        };
        let step = (verb == Verb::BackTo).then(|| self.step_of(saga_id)).flatten();
        self.say(saga_id, verb, step);
    }

    /// Whoever has paused runs lets them go on, and what abandoned ones owe is settled, what the guest is told last. Answers
    /// whether there was anything to say.
    pub(crate) fn tidy_up(&mut self) -> bool {
        let mut said = false;
        let sagas: Vec<SagaId> = self.coordinator.sagas.keys().copied().collect();
        for saga_id in sagas {
            let kept = &self.coordinator.sagas[&saga_id];
            let is_paused = kept.run.paused.is_some();
            let owed = kept.debts.iter().filter(|(_, is_settled)| !is_settled);
            let is_guests = |step: &str| step.ends_with("-reservation") || step.ends_with("-cancelled");
            let owed = owed.map(|(step, _)| *step).min_by_key(|step| is_guests(step));
            if is_paused {
                said |= self.say(saga_id, Verb::Resume, None);
            } else if owed.is_some() {
                // A participant refuses what something else has done meanwhile, as a cancellation gives back rooms that were
                // to be booked; a person looks, and says so.
                let last = kept.lines.last().map(|line| line.said.what);
                let is_refused = last == Some(What::Refused);
                let verb = if is_refused {
                    Verb::SettledByHand
                } else {
                    Verb::Settle
                };
                said |= self.say(saga_id, verb, owed);
            }
        }
        said
    }

    /// Shows what a verb would come to, and says it. Half of them are heard at once, and come again. Answers whether anything
    /// was said.
    fn say(&mut self, saga_id: SagaId, verb: Verb, step: Option<&str>) -> bool {
        let spoken = Spoken {
            verb_id: VerbId::from_uuid(Uuid::from_u128(self.random.u128(..))),
            verb,
            actor: "operator:1".to_owned(),
            reason: "The simulator says so.".to_owned(),
            step: step.map(str::to_owned),
            result: None,
            evidence: None,
            approved_by: None,
        };
        let kept = &self.coordinator.sagas[&saga_id];
        let shown = sagas::preview(&kept.data, &kept.run, &spoken, self.now, PACE.of(saga_id));
        let Some(shown) = shown.ok().filter(|shown| !shown.moves.lines.is_empty()) else {
            return false;
        };
        let said = Said {
            saga_id,
            seen: (!verb.is_of_any_version()).then_some(kept.run.seq),
            commands: shown.moves.commands,
            owed: shown.moves.owed.iter().map(|owed| owed.step).collect(),
            spoken,
        };
        self.tell(|| format!("the operator says {} to saga {}", verb.word(), short(saga_id)));
        self.broker.commit(Body::Verb(said.clone()));
        if self.random.bool() {
            let heard = [Rc::new(Body::Verb(said))];
            for body in self.coordinate(self.coordinator.owner, &heard) {
                self.broker.commit(body);
            }
        }
        true
    }

    /// The owner of a run hears a verb.
    pub(crate) fn obey(&mut self, process: usize, said: &Said) -> Vec<Sent> {
        let (saga_id, verb) = (said.saga_id, said.spoken.verb);
        let lines = self.coordinator.lines_of(saga_id);
        let kept = self.coordinator.sagas.get(&saga_id);
        if kept.is_some_and(|kept| kept.run.has_obeyed(said.spoken.verb_id)) {
            self.seen.note(Sight::VerbAgain);
        }
        let Some(sent) = self.coordinator.obey(process, said, self.now) else {
            self.seen.note(Sight::VerbLostRace);
            self.tell(|| format!("saga {} has gone on: no {}", short(saga_id), verb.word()));
            return Vec::new();
        };
        if self.coordinator.lines_of(saga_id) == lines {
            return sent;
        }
        if verb == Verb::Cancel {
            self.seen.note(Sight::CancelledByOperator);
        }
        self.tell(|| format!("saga {} obeys: {}", short(saga_id), verb.word()));
        sent
    }

    /// Any step of a saga.
    fn step_of(&mut self, saga_id: SagaId) -> Option<&'static str> {
        let steps = &sagas::outline(&self.coordinator.sagas.get(&saga_id)?.data).steps;
        Some(steps[self.random.usize(0..steps.len())].name)
    }
}

fn short(saga_id: SagaId) -> u128 {
    saga_id.uuid().as_u128()
}
