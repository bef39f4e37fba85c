//! Whatever a run owes that was abandoned at any moment is settled by commands: all that was promised is done then, or nothing
//! is left. What was on its way arrives before, or after everything else.

use super::*;

impl Trial {
    /// Says that what is owed because of this step is to be settled, and lets what is sent arrive.
    fn settle(&mut self, step: &str) -> Result<Preview, Rule> {
        let spoken = Spoken {
            step: Some(step.to_owned()),
            ..spoken(Verb::Settle)
        };
        let shown = self.speak(&spoken)?;
        assert_eq!((shown.moves.commands.len(), shown.end), (1, self.run.state));
        assert!(shown.settles.contains(&step), "{shown:?}");
        let sent = self.commands.pop().unwrap();
        self.commands.insert(0, sent);
        self.deliver(0);
        let answer = self.replies.len() - 1;
        assert_eq!(self.hear(answer), 1, "it is answered");
        Ok(shown)
    }

    /// Says that it was settled outside: the money of what was only to be captured, which no undo of the run's gives back.
    fn settle_by_hand(&mut self, step: &str) {
        assert_eq!(
            (step, self.data.has("authorize-payment")),
            ("capture-payment", false)
        );
        let spoken = Spoken {
            step: Some(step.to_owned()),
            ..spoken(Verb::SettledByHand)
        };
        let shown = self.speak(&spoken).unwrap();
        assert_eq!(shown.moves.commands, []);
        assert!(shown.settles.contains(&step), "{shown:?}");
    }
}

fn settled(mut trial: Trial, owed: &[&'static str], arrives_last: bool) -> Trial {
    (trial.world.gives_back, trial.silent) = (true, std::collections::BTreeSet::new());
    trial.world.refuses.clear();
    if !arrives_last {
        trial.let_arrive();
    }
    for step in owed {
        match trial.settle(step) {
            Ok(shown) => assert!(shown.settles.contains(step)),
            Err(Rule::SettledOnlyByHand) => trial.settle_by_hand(step),
            Err(rule) => assert_eq!(rule, Rule::NothingOwed, "it was settled together with another"),
        }
    }
    trial.let_arrive();
    trial
}

#[test]
fn whatever_an_abandoned_run_owes_is_settled_by_commands() {
    let (mut back, mut done) = (0, 0);
    at_every_moment(|trial, _| {
        for arrives_last in [false, true] {
            let mut trial = trial.clone();
            let Ok(shown) = trial.say(Verb::Abandon) else {
                return;
            };
            let owed: Vec<_> = shown.moves.owed.iter().map(|owed| owed.step).collect();
            let trial = settled(trial, &owed, arrives_last);
            for step in &owed {
                assert_eq!(trial.clone().settle(step), Err(Rule::NothingOwed), "{step}");
            }
            assert_eq!(trial.run.state, State::Abandoned);
            if trial.sent.iter().any(|sent| sent.round > 1 && sent.undo) {
                trial.world.assert_undone(&trial.data);
                back += 1;
            } else if !owed.is_empty() {
                trial.world.assert_done(&trial.data);
                done += 1;
            }
        }
    });
    assert!(back > 40 && done > 20, "{back} {done}");
}
