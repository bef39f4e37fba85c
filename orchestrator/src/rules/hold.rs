//! Where a rule comes between a run and its command.

use chrono::{DateTime, Utc};

use super::{About, Rules};
use crate::engine::{HeldBack, Input, Moves, Pace, Verb, What};
use crate::kept::Kept;
use crate::sagas;

/// Lets the engine decide what comes of an input, and keeps from being sent what a rule holds back. The journal says so
/// instead of saying that it was sent.
pub(crate) fn advance(
    rules: &Rules,
    kept: &mut Kept,
    input: &Input<'_>,
    now: DateTime<Utc>,
    pace: Pace,
) -> Moves {
    if rules.is_empty() || settles(input) {
        return sagas::advance(&kept.data, &mut kept.run, input, now, pace);
    }
    if let Some((by, sendings)) = paused(rules, kept, input, now) {
        return hold(kept, by, sendings, now, pace);
    }
    let before = kept.run.clone();
    let mut moves = sagas::advance(&kept.data, &mut kept.run, input, now, pace);
    let Some(sent) = moves.commands.first() else {
        return moves;
    };
    let about = about(kept, sent.step, sent.undo);
    let Some(by) = rules.hold(&about, before.held, now) else {
        return moves;
    };
    let sendings = sent.sending.saturating_sub(1);
    let is_sending = |what: What| matches!(what, What::SentAgain | What::Released);
    if moves.lines.iter().all(|line| is_sending(line.what)) {
        // Nothing happened but a sending, and that does not happen.
        kept.run = before;
        moves.lines.clear();
    }
    moves.commands.clear();
    moves.lines.extend(hold(kept, by, sendings, now, pace).lines);
    moves
}

/// Whether a person settles what a run owes. Whoever judges that has asked for a pause already, and no limit is about what
/// one person does.
fn settles(input: &Input<'_>) -> bool {
    matches!(input, Input::Verb(spoken) if spoken.verb == Verb::Settle)
}

/// The pause that is about what the timer finds overdue, and how often that was sent: it is neither sent again nor given
/// up.
fn paused(rules: &Rules, kept: &Kept, input: &Input<'_>, now: DateTime<Utc>) -> Option<(HeldBack, u32)> {
    let is_new = matches!(input, Input::Time) && kept.run.held.is_none();
    let waiting = kept.run.waiting.filter(|_| is_new)?;
    kept.run.due().filter(|due| *due <= now)?;
    let step = kept.outline().ok()?.steps.get(waiting.step)?.name;
    let by = rules.pause(&about(kept, step, waiting.undo))?;
    Some((by, waiting.sendings))
}

fn hold(kept: &mut Kept, by: HeldBack, sendings: u32, now: DateTime<Utc>, pace: Pace) -> Moves {
    let input = Input::HoldBack(by, sendings);
    sagas::advance(&kept.data, &mut kept.run, &input, now, pace)
}

/// A command of this run that does or undoes this step.
pub(crate) fn about<'k>(kept: &'k Kept, step: &'k str, undo: bool) -> About<'k> {
    About {
        saga: kept.data.name(),
        step,
        undo,
        hotel_id: kept.data.hotel_id(),
        shard: kept.shard,
    }
}
