//! What comes late: replies that were heard before, at every later moment; commands that were carried out before,
//! after the end, in order and backwards.

use super::{TOO_MANY, Trial};
use crate::engine::Input;

impl Trial {
    /// Ends the saga; after each message all replies so far come once more, and nothing comes of them.
    fn finish_with_echoes(mut self) -> Self {
        for _ in 0..TOO_MANY {
            if !self.go_on() {
                return self;
            }
            for reply in self.heard.clone() {
                assert_eq!(self.advance(&Input::Reply(&reply)), 0, "{reply:?} came late");
            }
        }
        panic!("{} goes round in a circle: {:?}", self.data.name(), self.run);
    }
}

#[test]
fn every_reply_again_at_every_later_moment() {
    for data in super::subjects() {
        for (trial, end) in Trial::ways(&data) {
            let lines = trial.clone().finish().lines;
            let trial = trial.finish_with_echoes();
            trial.assert_end(end);
            assert_eq!(trial.lines, lines, "no line more than without");
        }
    }
}

#[test]
fn every_command_again_after_the_end() {
    for data in super::subjects() {
        for (trial, end) in Trial::ways(&data) {
            for backwards in [false, true] {
                let mut trial = trial.clone().finish();
                trial.commands = trial.sent.clone();
                if backwards {
                    trial.commands.reverse();
                }
                let trial = trial.finish();
                trial.assert_end(end);
            }
        }
    }
}

/// A step is given up; its reply arrives at the n-th later moment.
#[test]
fn the_reply_of_a_step_that_was_given_up_changes_nothing() {
    for data in super::subjects() {
        for (trial, end) in Trial::ways(&data) {
            let Some(silent) = trial.silent.first().copied() else {
                continue;
            };
            let mut trial = trial;
            let mut late = Vec::new();
            for _ in 0..TOO_MANY {
                if !trial.replies.is_empty() {
                    trial.hear(0);
                } else if !trial.commands.is_empty() {
                    let sent = trial.commands[0].clone();
                    trial.deliver(0);
                    if sent.step == silent && !sent.undo {
                        late.push(trial.world.obey(trial.saga_id, &sent));
                    }
                } else if trial.run.state.is_terminal() {
                    break;
                } else {
                    trial.wait();
                }
                if trial.lines.iter().any(super::is_given_up) {
                    for reply in &late {
                        assert_eq!(trial.advance(&Input::Reply(reply)), 0, "{reply:?} came late");
                    }
                }
            }
            assert!(!late.is_empty(), "{silent} was never answered late");
            trial.assert_end(end);
        }
    }
}
