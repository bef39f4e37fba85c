//! What a verb would come to, before it is said: the run's own function, called on a copy.

use chrono::{DateTime, Utc};
use contract::{Outcome, Reply, SagaId};

use super::dsl::Saga;
use super::run::{Input, Moves, Sent, advance};
use super::settle;
use super::standing::Run;
use super::state::State;
use super::verb::{Rule, Spoken};
use super::waiting::Pace;

/// What a verb would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What it writes and sends at once.
    pub moves: Moves,
    /// Where the run stands then.
    pub after: Run,
    /// What is sent from then on until the end, if each command is done.
    pub later: Vec<Sent>,
    /// How the run ends then; where it stays, if nothing more is sent.
    pub end: State,
    /// The steps because of which nothing is owed any more then.
    pub settles: Vec<&'static str>,
}

/// Previews a verb.
///
/// # Errors
/// The rule that forbids it.
pub fn preview<D>(
    saga: &Saga<D>,
    data: &D,
    run: &Run,
    spoken: &Spoken,
    now: DateTime<Utc>,
    pace: Pace,
) -> Result<Preview, Rule> {
    let mut after = run.clone();
    let moves = advance(saga, data, &mut after, &Input::Verb(spoken), now, pace);
    if let Some(rule) = moves.refused {
        return Err(rule);
    }
    let line = moves.lines.first();
    let settles = line.map_or_else(Vec::new, |line| settle::settles(saga, data, run, line));
    let mut last = after.clone();
    let mut later = Vec::new();
    // Each step is done once and undone once at most.
    for _ in 0..=2 * saga.steps.len() {
        let Some(waiting) = last.waiting else { break };
        let reply = Reply {
            saga_id: SagaId::from_uuid(uuid::Uuid::nil()),
            step: saga.steps[waiting.step].name.to_owned(),
            undo: waiting.undo,
            round: last.round,
            attempt: waiting.sendings,
            outcome: Outcome::Done,
        };
        let moves = advance(saga, data, &mut last, &Input::Reply(&reply), now, pace);
        later.extend(moves.commands);
    }
    Ok(Preview {
        moves,
        after,
        later,
        end: last.state,
        settles,
    })
}
