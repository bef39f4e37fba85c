//! Every verb at every moment of every way, with a crash after it of every kind: what is done is what was shown, and the
//! run ends as the verb says.

mod settle;

use contract::VerbId;

use super::kills::{KILLS, killed_at};
use super::world::{Money, Reservation, Rooms};
use super::{TOO_MANY, Trial};
use crate::engine::{Input, Preview, Rule, Spoken, State, Sureness, Verb};
use crate::sagas;

fn spoken(verb: Verb) -> Spoken {
    Spoken {
        verb_id: VerbId::new(),
        verb,
        actor: "trial".to_owned(),
        reason: "The trial says so.".to_owned(),
        step: None,
        result: None,
        evidence: None,
        approved_by: None,
    }
}

impl Trial {
    /// Says a verb, twice: the second time nothing comes of it. Answers what was shown before.
    fn say(&mut self, verb: Verb) -> Result<Preview, Rule> {
        self.speak(&spoken(verb))
    }

    fn speak(&mut self, spoken: &Spoken) -> Result<Preview, Rule> {
        let verb = spoken.verb;
        let pace = super::PACE.of(self.saga_id);
        let shown = sagas::preview(&self.data, &self.run, spoken, self.now, pace)?;
        let (lines, sent, before) = (self.lines.len(), self.sent.len(), self.clone());
        self.advance(&Input::Verb(spoken));
        // Killed before it was written, the same message leads to the same lines.
        let after = std::mem::replace(self, before);
        self.advance(&Input::Verb(spoken));
        assert_eq!((&self.lines, &self.sent), (&after.lines, &after.sent));
        assert_eq!(
            self.lines[lines..],
            shown.moves.lines,
            "{verb:?} wrote what was shown"
        );
        assert_eq!(
            self.sent[sent..],
            shown.moves.commands,
            "{verb:?} sent what was shown"
        );
        assert_eq!(self.run, shown.after);
        if !shown.moves.lines.is_empty() {
            assert_eq!(
                self.advance(&Input::Verb(spoken)),
                0,
                "said again, it is obeyed already"
            );
        }
        Ok(shown)
    }

    /// Everything that is on its way arrives; nothing more is sent, since the run is paused or has been abandoned.
    fn let_arrive(&mut self) {
        let sent = self.sent.len();
        while !self.replies.is_empty() || !self.commands.is_empty() {
            self.go_on();
        }
        self.now += chrono::TimeDelta::hours(1);
        assert_eq!(self.advance(&Input::Time), 0, "no time runs out");
        assert_eq!(self.sent.len(), sent, "nothing is sent");
    }

    /// What is on its way arrives after all that was sent since.
    fn what_was_sent_arrives_last(mut self) -> Self {
        let (undo, mut late): (Vec<_>, Vec<_>) = std::mem::take(&mut self.commands)
            .into_iter()
            .partition(|sent| sent.undo);
        self.commands = undo;
        let mut ended = self.finish();
        ended.commands.append(&mut late);
        ended.finish()
    }
}

/// Calls this with the run at each of its moments, and how it would end.
fn at_every_moment(mut look: impl FnMut(&Trial, State)) {
    for data in super::subjects() {
        for (mut trial, end) in Trial::ways(&data) {
            for _ in 0..TOO_MANY {
                look(&trial, end);
                if !trial.go_on() {
                    break;
                }
            }
        }
    }
}

/// The run goes on after a verb: as it is, with what was sent before arriving last, and with each kind of kill at its
/// next moments.
fn goes_on(trial: &Trial, mut judge: impl FnMut(&Trial)) {
    judge(&trial.clone().finish());
    for kill in KILLS {
        for moment in 0..3 {
            if let Some(ended) = killed_at(trial.clone(), &[(moment, kill)]) {
                judge(&ended);
            }
        }
    }
}

/// A kill that costs time may make a step be given up that would have been done.
fn ends(ended: &Trial, end: State) {
    let given_up = ended.lines.iter().any(super::is_given_up);
    ended.assert_end(if given_up { State::Compensated } else { end });
}

#[test]
fn retry_at_any_moment_leads_where_the_run_was_going_and_out_of_being_stuck() {
    let (mut sent_again, mut freed) = (0, 0);
    at_every_moment(|trial, end| {
        let mut trial = trial.clone();
        let was_stuck = trial.run.state == State::Stuck;
        let round = trial.run.round;
        match trial.say(Verb::Retry) {
            Err(rule) => assert_eq!((rule, trial.run.state.is_over()), (Rule::Ended, true)),
            Ok(_) if was_stuck => {
                assert_eq!(trial.run.round, round + 1);
                goes_on(&trial, |ended| {
                    assert_eq!(ended.run.state, State::Stuck, "it is refused again");
                });
                trial.world.refuses.clear();
                goes_on(&trial, |ended| ended.assert_end(State::Completed));
                freed += 1;
            }
            Ok(_) => {
                assert_eq!(trial.run.round, round);
                goes_on(&trial, |ended| ends(ended, end));
                sent_again += 1;
            }
        }
    });
    assert!(sent_again > 40 && freed > 3, "{sent_again} {freed}");
}

#[test]
fn a_pause_at_any_moment_changes_nothing_but_when() {
    let mut paused = 0;
    at_every_moment(|trial, end| {
        let mut trial = trial.clone();
        if let Err(rule) = trial.say(Verb::Pause) {
            let is_over = trial.run.state.is_over();
            let wanted = if is_over { Rule::Ended } else { Rule::PauseOfStuck };
            assert_eq!(rule, wanted);
            return;
        }
        // Resumed at once, and when everything has arrived.
        let mut at_once = trial.clone();
        at_once.say(Verb::Resume).unwrap();
        goes_on(&at_once, |ended| ends(ended, end));
        trial.let_arrive();
        if trial.say(Verb::Resume) != Err(Rule::ResumeOfStuck) {
            assert_eq!(trial.run.paused, None);
        }
        goes_on(&trial, |ended| ends(ended, end));
        paused += 1;
    });
    assert!(paused > 40, "{paused}");
}

#[test]
fn cancel_at_any_moment_leaves_nothing_or_is_forbidden() {
    let (mut cancelled, mut forbidden) = (0, 0);
    at_every_moment(|trial, _| {
        for pause_first in [false, true] {
            let mut trial = trial.clone();
            if pause_first && trial.say(Verb::Pause).is_ok() {
                trial.let_arrive();
            }
            let before = trial.run.clone();
            if let Err(rule) = trial.say(Verb::Cancel) {
                assert_ne!(rule, Rule::NothingToRetry);
                assert_eq!(trial.run, before);
                forbidden += 1;
                continue;
            }
            // What is being undone already stays paused, if it is.
            trial.say(Verb::Resume).unwrap();
            goes_on(&trial, |ended| ended.assert_end(State::Compensated));
            trial.what_was_sent_arrives_last().assert_end(State::Compensated);
            cancelled += 1;
        }
    });
    assert!(cancelled > 20 && forbidden > 20, "{cancelled} {forbidden}");
}

#[test]
fn back_to_any_step_at_any_moment_leads_where_the_run_goes_if_all_is_well_or_is_forbidden() {
    let (mut gone_back, mut forbidden) = (0, 0);
    at_every_moment(|trial, end| {
        let steps = &trial.data.outline().steps;
        for (step, pause_first) in steps.iter().flat_map(|step| [(step, false), (step, true)]) {
            let mut trial = trial.clone();
            if pause_first && trial.say(Verb::Pause).is_ok() {
                trial.let_arrive();
            }
            let (round, lines) = (trial.run.round, trial.lines.len());
            let back = Spoken {
                step: Some(step.name.to_owned()),
                ..spoken(Verb::BackTo)
            };
            if trial.speak(&back).is_err() {
                assert_eq!(trial.lines.len(), lines);
                forbidden += 1;
                continue;
            }
            // What was never answered is answered now; what is refused is refused again.
            trial.silent.clear();
            let wanted = if trial.world.refuses.is_empty() {
                State::Completed
            } else {
                end
            };
            let home = |ended: &Trial| {
                assert_eq!(ended.run.round, round + 1, "{:?}", ended.lines);
                let mut last = ended.lines.iter().filter(|line| line.round > round);
                let given_up = last.any(super::is_given_up);
                ended.assert_end(if given_up { State::Compensated } else { wanted });
            };
            goes_on(&trial, home);
            home(&trial.what_was_sent_arrives_last());
            gone_back += 1;
        }
    });
    assert!(gone_back > 20 && forbidden > 20, "{gone_back} {forbidden}");
}

#[test]
fn skip_at_any_moment_goes_on_as_if_the_step_were_done_or_is_forbidden() {
    let (mut skipped, mut forbidden) = (0, 0);
    at_every_moment(|trial, end| {
        let mut trial = trial.clone();
        let (before, steps) = (trial.run.clone(), &trial.data.outline().steps);
        let Ok(shown) = trial.say(Verb::Skip) else {
            assert_eq!(trial.run, before);
            forbidden += 1;
            return;
        };
        let owed = &shown.moves.owed[0];
        let declared = steps.iter().find(|step| step.name == owed.step);
        assert!(declared.is_some_and(|step| step.may_be_skipped.is_some()));
        // Whoever says so has done it.
        assert_eq!(owed.step, "refund-payment");
        trial.world.money = Money::Refunded;
        let is_refused = trial.world.refuses.contains(owed.step);
        let wanted = if is_refused { State::Completed } else { end };
        goes_on(&trial, |ended| ended.assert_end(wanted));
        trial.what_was_sent_arrives_last().assert_end(wanted);
        skipped += 1;
    });
    assert!(skipped > 3 && forbidden > 40, "{skipped} {forbidden}");
}

#[test]
fn whatever_an_abandoned_run_leaves_is_owed() {
    let mut abandoned = 0;
    at_every_moment(|trial, _| {
        let mut trial = trial.clone();
        let data = trial.data.clone();
        let Ok(shown) = trial.say(Verb::Abandon) else {
            assert!(trial.run.state.is_over());
            return;
        };
        assert_eq!(trial.run.state, State::Abandoned);
        trial.let_arrive();
        let debts: Vec<_> = shown
            .moves
            .owed
            .iter()
            .map(|owed| sagas::Debt::of(&data, owed))
            .collect();
        let owes = |word: &str| debts.iter().any(|debt| debt.what.word() == word);
        let world = &trial.world;
        if matches!(world.rooms, Rooms::Held | Rooms::Sold) && !is_final(&trial) {
            assert!(owes("rooms"), "{world:?} {debts:?}");
        }
        let moves_money = data.has("capture-payment") || data.has("refund-payment");
        if moves_money && matches!(world.money, Money::Authorized | Money::Captured) && !is_final(&trial) {
            assert!(owes("money"), "{world:?} {debts:?}");
        }
        if matches!(world.reservation, Reservation::Pending | Reservation::Cancelling) {
            assert!(owes("guest"), "{world:?} {debts:?}");
        }
        let promised = shown.moves.owed.iter().any(|owed| owed.is == Sureness::NotDone);
        assert!(!promised || trial.run.log.len() > 1 || data.name() == "cancel-stay");
        abandoned += 1;
    });
    assert!(abandoned > 40, "{abandoned}");
}

/// Whether all that was promised has come true in the meantime, of which only nobody has heard.
fn is_final(trial: &Trial) -> bool {
    matches!(
        trial.world.reservation,
        Reservation::Confirmed | Reservation::Cancelled
    )
}

#[test]
fn what_is_shown_until_the_end_is_what_is_sent_if_all_goes_well() {
    let mut compared = 0;
    for data in super::subjects() {
        let mut trial = Trial::of(&data);
        loop {
            for verb in Verb::ALL {
                let mut said = trial.clone();
                let sent = said.sent.len();
                let Ok(shown) = said.say(verb) else { continue };
                if said.run.paused.is_some() {
                    said.let_arrive();
                } else {
                    said = said.finish();
                }
                let all = [shown.moves.commands, shown.later].concat();
                assert_eq!(said.sent[sent..], all, "{verb:?} of {:?}", trial.run);
                if said.run.paused.is_none() {
                    assert_eq!(said.run.state, shown.end, "{verb:?} of {:?}", trial.run);
                }
                compared += 1;
            }
            if !trial.go_on() {
                break;
            }
        }
    }
    assert!(compared > 40, "{compared}");
}
