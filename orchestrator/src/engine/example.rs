//! For tests: what an example of a saga runs on, what its steps say and undo, and a run of it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::command::ReservationCommand;
use contract::{Command, HotelId, Outcome, Refusal, Reply, ReservationId, SagaId, VerbId};

use super::verb::{Spoken, Verb};
use super::{Input, Line, Moves, Pace, Run, Saga, Sent, State, advance, preview, saga, standing, undo};

pub(super) const PACE: Pace = Pace::new(Duration::from_mins(1));

/// A hotel, a reservation, and what conditions may look at.
#[derive(Clone)]
pub(super) struct Ids(HotelId, ReservationId, pub(super) u8);

pub(super) fn ids() -> Ids {
    Ids(HotelId::new(), ReservationId::new(), 0)
}

pub(super) fn act(ids: &Ids) -> Command {
    Command::Reservation(ReservationCommand::Confirm {
        hotel_id: ids.0,
        reservation_id: ids.1,
    })
}

pub(super) fn back(ids: &Ids) -> Command {
    Command::Reservation(ReservationCommand::MarkCancelled {
        hotel_id: ids.0,
        reservation_id: ids.1,
    })
}

/// A run of an example, its journal and its clock.
pub(super) struct Example {
    pub(super) saga: Saga<Ids>,
    pub(super) ids: Ids,
    pub(super) run: Run,
    pub(super) journal: Vec<Line>,
    pub(super) now: DateTime<Utc>,
}

fn declared() -> Saga<Ids> {
    saga("example", "An example.")
        .opened_by("open", "it is done", undo(back))
        .step("a", act, undo(back))
        .step("b", act, undo(back))
        .may_be_skipped("the hotel can do it")
        .pivot("c", act)
        .then("d", act)
        .may_be_skipped("the hotel can do it")
        .build()
}

impl Example {
    pub(super) fn of(saga: Saga<Ids>) -> Self {
        let mut example = Self {
            saga,
            ids: ids(),
            run: Run::new(),
            journal: Vec::new(),
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        };
        example.take(&Input::Start);
        example
    }

    /// A run that waits for this step, which is sent.
    pub(super) fn waiting_for(step: &str) -> Self {
        let mut example = Self::of(declared());
        while example.at() != (step, false) {
            example.done();
        }
        example
    }

    /// A run whose newest command was refused.
    pub(super) fn refused_at(step: &str) -> Self {
        let mut example = Self::waiting_for(step);
        example.hear(1, no());
        example
    }

    /// A run that is stuck because undoing this step was refused.
    pub(super) fn stuck_undoing_b() -> Self {
        let mut example = Self::refused_at("c");
        assert_eq!(example.at(), ("b", true));
        example.hear(1, no());
        assert_eq!(example.run.state, State::Stuck);
        example
    }

    pub(super) fn take(&mut self, input: &Input<'_>) -> Moves {
        let moves = advance(&self.saga, &self.ids, &mut self.run, input, self.now, PACE);
        self.journal.extend(moves.lines.iter().cloned());
        let mut read = standing(&self.saga, &self.ids, &self.journal, PACE);
        read.version = self.run.version;
        assert_eq!(read, self.run, "the journal says the same");
        moves
    }

    pub(super) fn at(&self) -> (&'static str, bool) {
        let at = self.run.at.expect("it is at something");
        (self.saga.steps[at.step].name, at.undo)
    }

    pub(super) fn hear(&mut self, round: u32, outcome: Outcome) -> Moves {
        let (step, undo) = self.at();
        self.now += TimeDelta::seconds(1);
        let reply = Reply {
            saga_id: SagaId::new(),
            step: step.to_owned(),
            undo,
            round,
            attempt: 1,
            outcome,
        };
        self.take(&Input::Reply(&reply))
    }

    pub(super) fn done(&mut self) -> Moves {
        self.hear(self.run.round, Outcome::Done)
    }

    pub(super) fn say(&mut self, verb: Verb) -> Moves {
        self.speak(&spoken(verb))
    }

    /// Goes back to this step.
    pub(super) fn back_to(&mut self, step: &str) -> Moves {
        self.say_of(Verb::BackTo, step)
    }

    /// Says a verb about this step.
    pub(super) fn say_of(&mut self, verb: Verb, step: &str) -> Moves {
        let step = Some(step.to_owned());
        self.speak(&Spoken { step, ..spoken(verb) })
    }

    /// Hears the answer to what was sent.
    pub(super) fn answer(&mut self, sent: &Sent, outcome: Outcome) -> Moves {
        let reply = sent.clone().envelope(SagaId::new()).reply(outcome);
        self.take(&Input::Reply(&reply))
    }

    fn speak(&mut self, spoken: &Spoken) -> Moves {
        let shown = preview(&self.saga, &self.ids, &self.run, spoken, self.now, PACE);
        let moves = self.take(&Input::Verb(spoken));
        match shown {
            Ok(shown) => assert_eq!((shown.moves, shown.after), (moves.clone(), self.run.clone())),
            Err(rule) => assert_eq!(moves.refused, Some(rule)),
        }
        moves
    }

    /// What is sent: step, undo, round and sending.
    pub(super) fn sent(moves: &Moves) -> Vec<(&'static str, bool, u32, u32)> {
        let sent = moves.commands.iter();
        sent.map(|sent| (sent.step, sent.undo, sent.round, sent.sending))
            .collect()
    }

    pub(super) fn pass(&mut self, seconds: i64) -> Moves {
        self.now += TimeDelta::seconds(seconds);
        self.take(&Input::Time)
    }
}

pub(super) fn spoken(verb: Verb) -> Spoken {
    Spoken {
        verb_id: VerbId::new(),
        verb,
        actor: "tester".to_owned(),
        reason: "Because the test says so.".to_owned(),
        step: verb.takes_step().then(|| "a".to_owned()),
        result: verb.takes_result().then(|| "It is done.".to_owned()),
        evidence: verb
            .takes_evidence()
            .then(|| "See the provider's page.".to_owned()),
        approved_by: None,
    }
}

pub(super) fn no() -> Outcome {
    Outcome::Refused(Refusal::stored("no".to_owned(), "No.".to_owned(), None))
}
