//! Killed between any two effects, once and twice: whatever is taken away, the saga ends as it would have ended.

use super::{TOO_MANY, Trial, steps_sent};
use crate::engine::{Input, State};

/// What a kill takes away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kill {
    /// The transaction is rolled back, and what led to it comes again.
    BeforeCommit,
    /// What led to it comes again though it was handled.
    AfterCommit,
    /// The command never arrives, so that only time helps.
    Command,
    /// The participant did it, and nobody heard.
    Reply,
}

pub(super) const KILLS: [Kill; 4] = [Kill::BeforeCommit, Kill::AfterCommit, Kill::Command, Kill::Reply];

impl Trial {
    /// The next effect, which the kill may strike. Answers whether it was one that it could strike; none when the
    /// saga has ended and nothing is on its way.
    fn effect(&mut self, kill: Kill, strikes: bool) -> Option<bool> {
        let ours = matches!(kill, Kill::BeforeCommit | Kill::AfterCommit);
        if !self.replies.is_empty() {
            let (before, reply) = (self.clone(), self.replies[0].clone());
            self.hear(0);
            if strikes && kill == Kill::BeforeCommit {
                let after = std::mem::replace(self, before).lines;
                self.hear(0);
                assert_eq!(self.lines, after, "the same message leads to the same lines");
            }
            if strikes && kill == Kill::AfterCommit {
                assert_eq!(self.advance(&Input::Reply(&reply)), 0);
                assert_eq!(self.advance(&Input::Start), 0);
            }
            return Some(ours);
        }
        if self.commands.is_empty() {
            if self.run.state.is_terminal() {
                return None;
            }
            let before = self.clone();
            self.wait();
            if strikes && kill == Kill::BeforeCommit {
                let after = std::mem::replace(self, before).lines;
                self.wait();
                assert_eq!(self.lines, after, "the same time leads to the same lines");
            }
            if strikes && kill == Kill::AfterCommit {
                assert_eq!(self.advance(&Input::Time), 0, "it is not due any more");
            }
            return Some(ours);
        }
        if strikes && kill == Kill::Command {
            self.commands.clear();
            return Some(true);
        }
        self.deliver(0);
        if strikes && kill == Kill::Reply {
            self.replies.clear();
        }
        Some(!ours)
    }
}

/// Ends the saga with kills at these moments, in rising order. None when the saga has fewer moments.
pub(super) fn killed_at(mut trial: Trial, kills: &[(usize, Kill)]) -> Option<Trial> {
    let mut moment = 0;
    let (mut open, mut steps) = (kills, 0);
    while let Some(((at, kill), later)) = open.split_first() {
        let strikes = moment == *at;
        if trial.effect(*kill, strikes)? {
            moment += 1;
            open = if strikes { later } else { open };
        }
        steps += 1;
        assert!(
            steps < TOO_MANY,
            "{} goes round in a circle: {:?}",
            trial.data.name(),
            trial.run
        );
    }
    Some(trial.finish())
}

/// A saga that is never answered at the step may be given up there although a kill would have let it go on;
/// a kill that costs time may make a step be given up that would have been done. Everything else ends as without.
fn assert_end(ended: &Trial, end: State) {
    let state = if ended.lines.iter().any(super::is_given_up) {
        State::Compensated
    } else {
        end
    };
    ended.assert_end(state);
}

#[test]
fn killed_between_any_two_effects() {
    for data in super::subjects() {
        let (mut tried, steps) = (0, steps_sent(&data).count());
        for (trial, end) in Trial::ways(&data) {
            for kill in KILLS {
                for moment in 0.. {
                    let Some(ended) = killed_at(trial.clone(), &[(moment, kill)]) else {
                        break;
                    };
                    assert_end(&ended, end);
                    tried += 1;
                }
            }
        }
        assert!(
            tried > 9 * steps,
            "{}: {tried} kills are too few to mean anything",
            data.name()
        );
    }
}

#[test]
fn killed_twice_between_any_two_effects() {
    for data in super::subjects() {
        let (mut tried, steps) = (0, steps_sent(&data).count());
        for (trial, end) in Trial::ways(&data) {
            for kill in KILLS {
                for first in 0.. {
                    if killed_at(trial.clone(), &[(first, kill)]).is_none() {
                        break;
                    }
                    for second in first + 1.. {
                        let kills = [(first, kill), (second, kill)];
                        let Some(ended) = killed_at(trial.clone(), &kills) else {
                            break;
                        };
                        assert_end(&ended, end);
                        tried += 1;
                    }
                }
            }
        }
        assert!(
            tried > 5 * steps * (steps - 1),
            "{}: {tried} pairs of kills are too few to mean anything",
            data.name()
        );
    }
}
