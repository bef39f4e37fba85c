//! Whether a verb is obeyed: by the version that its speaker saw, by the preview that its speaker saw, and by the rules.
//! Who is asked over HTTP and who owns the run judge by this one function, the one to answer at once and the other to do it.

use chrono::{DateTime, Utc};
use contract::VerbId;
use platform::http::{Common, Problem};
use serde_json::json;

use crate::engine::{Pace, Rule, Sent, Verb};
use crate::kept::Kept;
use crate::message::Asked;
use crate::rules::{self, Rules};
use crate::sagas::{self, Shown};
use crate::store::EndedVerb;

/// What comes of a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is obeyed, though perhaps nothing changes.
    Applied,
    /// It is not.
    Refused(Refused),
}

/// Why a verb is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The run has gone on since.
    GoneOn {
        /// What its speaker saw.
        seen: u32,
        /// What it is now.
        version: u32,
    },
    /// It would come to something else than was shown.
    ShownOtherwise,
    /// A rule forbids it.
    Against(Rule),
}

impl Refused {
    /// The refusal as an answer.
    pub(crate) fn problem(self) -> Problem {
        match self {
            Self::GoneOn { seen, version } => {
                let detail = format!(
                    "The run has gone on: you saw version {seen}, and it is {version} now. Look at it and decide anew."
                );
                Problem::new(Common::PreconditionFailed, detail).at("If-Match")
            }
            Self::ShownOtherwise => {
                let detail =
                    "This would not come to what the preview with this digest shows. Preview it anew.";
                Problem::new(Common::PreconditionFailed, detail).at("Preview-Digest")
            }
            Self::Against(rule) => {
                Problem::new(Common::AgainstRule, rule.sentence()).with("rule", rule.word())
            }
        }
    }
}

impl Outcome {
    /// As it is kept.
    pub(crate) fn ended(&self, verb_id: VerbId, version: u32, changed: bool) -> EndedVerb {
        EndedVerb {
            verb_id,
            is_applied: *self == Self::Applied,
            outcome: match self {
                Self::Applied => applied(version, changed),
                Self::Refused(refused) => json!({"problem": refused.problem().body()}),
            },
        }
    }
}

/// The outcome of a verb that was obeyed.
pub(crate) fn applied(version: u32, changed: bool) -> serde_json::Value {
    json!({"version": version, "changed": changed})
}

/// Shows what a verb would come to.
///
/// # Errors
/// The rule that forbids it.
pub(crate) fn show(
    kept: &Kept,
    asked: &Asked,
    rules: &Rules,
    now: DateTime<Utc>,
    pace: Pace,
) -> Result<Shown, Rule> {
    let pace = pace.of(asked.saga_id);
    let preview = sagas::preview(&kept.data, &kept.run, &asked.spoken, now, pace)?;
    let is_held_back = |sent: &Sent| rules.pause(&rules::about(kept, sent.step, sent.undo)).is_some();
    if asked.spoken.verb == Verb::Settle && preview.moves.commands.iter().any(is_held_back) {
        return Err(Rule::SettledWhileHeldBack);
    }
    Ok(Shown::of(&kept.data, kept.run.seq, asked.spoken.verb, &preview))
}

/// Judges a verb.
pub(crate) fn judge(kept: &Kept, asked: &Asked, rules: &Rules, now: DateTime<Utc>, pace: Pace) -> Outcome {
    let version = kept.run.seq;
    if let Some(seen) = asked
        .expected
        .filter(|_| kept.run.has_gone_on_since(asked.expected))
    {
        return Outcome::Refused(Refused::GoneOn { seen, version });
    }
    match show(kept, asked, rules, now, pace) {
        Err(rule) => Outcome::Refused(Refused::Against(rule)),
        Ok(shown)
            if asked
                .digest
                .as_ref()
                .is_some_and(|digest| *digest != shown.digest()) =>
        {
            Outcome::Refused(Refused::ShownOtherwise)
        }
        Ok(_) => Outcome::Applied,
    }
}
