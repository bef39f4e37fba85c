//! What a person can say to a run, and why it may not be obeyed. Plain values: they stand in the journal, in messages
//! and in the API.

use contract::VerbId;
use serde::{Deserialize, Serialize};

/// What a person can say to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaVerb)]
pub enum Verb {
    /// Send the command that is waited for once more, now; of a stuck run, ask anew for what was refused, in the next
    /// round.
    Retry,
    /// Send nothing and let no time run out. Replies are still written.
    Pause,
    /// Go on after a pause. What is waited for may take as much longer as the pause was long.
    Resume,
    /// Undo everything, as if a step had been refused. Only before the pivot.
    Cancel,
    /// Send nothing more, ever. What is owed because of it is kept as obligations.
    Abandon,
    /// Go on undoing: what no participant undoes was undone by hand, and the evidence says how.
    UndoneByHand,
    /// Undo what comes after a step that stands, and go forward from there in the next round. Only before the pivot.
    BackTo,
    /// Go on as if the step that is waited for were done: somebody did it outside the platform, with this result, and the
    /// evidence says how. Only a step that may be skipped, never the pivot.
    Skip,
    /// Send, for a run that is over, the command that settles what is owed because of a step: give it back, or do what was
    /// promised. The participant's answer closes the obligation.
    Settle,
    /// What is owed because of a step was settled outside the platform, and the evidence says how.
    SettledByHand,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 10] = [
        Self::Retry,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
        Self::Abandon,
        Self::UndoneByHand,
        Self::BackTo,
        Self::Skip,
        Self::Settle,
        Self::SettledByHand,
    ];

    /// The word in the database and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Abandon => "abandon",
            Self::UndoneByHand => "undone_by_hand",
            Self::BackTo => "back_to",
            Self::Skip => "skip",
            Self::Settle => "settle",
            Self::SettledByHand => "settled_by_hand",
        }
    }

    /// Whether it says that something was done outside the platform, and so how.
    pub const fn takes_evidence(self) -> bool {
        matches!(self, Self::UndoneByHand | Self::Skip | Self::SettledByHand)
    }

    /// Whether it says what came of a step.
    pub const fn takes_result(self) -> bool {
        matches!(self, Self::Skip)
    }

    /// Whether it names a step.
    pub const fn takes_step(self) -> bool {
        matches!(self, Self::BackTo | Self::Settle | Self::SettledByHand)
    }

    /// Whether a second person has to see the same preview first: nobody can take it back.
    pub const fn takes_two(self) -> bool {
        matches!(
            self,
            Self::Abandon
                | Self::UndoneByHand
                | Self::BackTo
                | Self::Skip
                | Self::Settle
                | Self::SettledByHand
        )
    }

    /// Whether it may be said whatever the run has come to meanwhile: nothing is lost by it.
    pub const fn is_of_any_version(self) -> bool {
        matches!(self, Self::Pause | Self::Resume)
    }
}

/// A verb as somebody said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    /// Names it: said twice, it counts once.
    pub verb_id: VerbId,
    /// What was said.
    pub verb: Verb,
    /// Who said it: an id, never a name.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The step to which the run goes back, or because of which something is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What came of the step that was done by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What shows that it was done by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The second person, who saw the same preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// Why a verb is not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An ended run takes no verb.
    Ended,
    /// Nothing is sent in a paused run.
    RetryWhilePaused,
    /// A rule holds back what would be sent.
    RetryWhileHeldBack,
    /// There is nothing to hold back in a stuck run.
    PauseOfStuck,
    /// A stuck run is not paused.
    ResumeOfStuck,
    /// Money may move.
    CancelDuringPivot,
    /// Nothing is undone after the pivot.
    CancelAfterPivot,
    /// A stuck run is not cancelled.
    CancelOfStuck,
    /// The saga cannot be undone.
    CancelOfOpenedForGood,
    /// What stopped the run was no refusal.
    NothingToRetry,
    /// This release does not have the version of the saga that the run was begun with.
    VersionGone,
    /// Only what is being undone can be undone by hand.
    ByHandOfNoUndo,
    /// The undo may still be answered.
    ByHandTooEarly,
    /// Money may move.
    BackDuringPivot,
    /// Nothing is undone after the pivot.
    BackAfterPivot,
    /// A stuck run goes nowhere by itself.
    BackOfStuck,
    /// The saga cannot be undone.
    BackOfOpenedForGood,
    /// The step is not done, or is being undone.
    BackToWhatDoesNotStand,
    /// A step after it is undone only by undoing it or one before it.
    BackWouldLeaveBehind,
    /// What is owed is settled once nothing else happens.
    SettledBeforeEnd,
    /// Nothing is owed because of the step, or not any more.
    NothingOwed,
    /// No command settles it.
    SettledOnlyByHand,
    /// A rule lets go no command of that kind.
    SettledWhileHeldBack,
    /// The step has to be done.
    SkipOfUnmarked,
    /// The pivot decides.
    SkipOfPivot,
    /// What is undone outside has its own verb.
    SkipOfUndo,
    /// Two people are two.
    ApprovedByTheSame,
    /// It waits for nobody.
    NothingToApprove,
    /// It was asked for too long ago.
    ApprovedTooLate,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 29] = [
        Self::Ended,
        Self::RetryWhilePaused,
        Self::RetryWhileHeldBack,
        Self::PauseOfStuck,
        Self::ResumeOfStuck,
        Self::CancelDuringPivot,
        Self::CancelAfterPivot,
        Self::CancelOfStuck,
        Self::CancelOfOpenedForGood,
        Self::NothingToRetry,
        Self::VersionGone,
        Self::ByHandOfNoUndo,
        Self::ByHandTooEarly,
        Self::BackDuringPivot,
        Self::BackAfterPivot,
        Self::BackOfStuck,
        Self::BackOfOpenedForGood,
        Self::BackToWhatDoesNotStand,
        Self::BackWouldLeaveBehind,
        Self::SettledBeforeEnd,
        Self::NothingOwed,
        Self::SettledOnlyByHand,
        Self::SettledWhileHeldBack,
        Self::SkipOfUnmarked,
        Self::SkipOfPivot,
        Self::SkipOfUndo,
        Self::ApprovedByTheSame,
        Self::NothingToApprove,
        Self::ApprovedTooLate,
    ];

    /// The rule for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::RetryWhilePaused => "retry_while_paused",
            Self::RetryWhileHeldBack => "retry_while_held_back",
            Self::PauseOfStuck => "pause_of_stuck",
            Self::ResumeOfStuck => "resume_of_stuck",
            Self::CancelDuringPivot => "cancel_during_pivot",
            Self::CancelAfterPivot => "cancel_after_pivot",
            Self::CancelOfStuck => "cancel_of_stuck",
            Self::CancelOfOpenedForGood => "cancel_of_opened_for_good",
            Self::NothingToRetry => "nothing_to_retry",
            Self::VersionGone => "version_gone",
            Self::ByHandOfNoUndo => "by_hand_of_no_undo",
            Self::ByHandTooEarly => "by_hand_too_early",
            Self::BackDuringPivot => "back_during_pivot",
            Self::BackAfterPivot => "back_after_pivot",
            Self::BackOfStuck => "back_of_stuck",
            Self::BackOfOpenedForGood => "back_of_opened_for_good",
            Self::BackToWhatDoesNotStand => "back_to_what_does_not_stand",
            Self::BackWouldLeaveBehind => "back_would_leave_behind",
            Self::SettledBeforeEnd => "settled_before_end",
            Self::NothingOwed => "nothing_owed",
            Self::SettledOnlyByHand => "settled_only_by_hand",
            Self::SettledWhileHeldBack => "settled_while_held_back",
            Self::SkipOfUnmarked => "skip_of_unmarked",
            Self::SkipOfPivot => "skip_of_pivot",
            Self::SkipOfUndo => "skip_of_undo",
            Self::ApprovedByTheSame => "approved_by_the_same",
            Self::NothingToApprove => "nothing_to_approve",
            Self::ApprovedTooLate => "approved_too_late",
        }
    }

    /// The rule as a sentence, with what can be done instead.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Ended => "The run has ended, and an ended run takes no verb.",
            Self::RetryWhilePaused => "A paused run sends nothing: resume it first.",
            Self::RetryWhileHeldBack => {
                "A rule holds this run's command back: lift the rule, and the command goes out."
            }
            Self::PauseOfStuck => {
                "A stuck run sends nothing and no time runs out in it, so there is nothing to pause."
            }
            Self::ResumeOfStuck => "A stuck run is not paused: retry what was refused, or abandon the run.",
            Self::CancelDuringPivot => {
                "The pivot is on its way, so money may move, and nobody can call that back: wait for its answer."
            }
            Self::CancelAfterPivot => "The pivot is done, and nothing is undone after it.",
            Self::CancelOfStuck => {
                "A stuck run is not cancelled: retry what was refused, or abandon the run."
            }
            Self::CancelOfOpenedForGood => {
                "What opened this saga is never taken back, so it can only go forward."
            }
            Self::NothingToRetry => "No refusal stopped this run, so there is nothing to ask for anew.",
            Self::VersionGone => {
                "The run was begun with a version of its saga that this release does not have: ask a release that has it."
            }
            Self::ByHandOfNoUndo => "Only an undo is done by hand, and this run waits for none.",
            Self::ByHandTooEarly => {
                "The undo may still be answered: it can be said to be done by hand from its third sending on."
            }
            Self::BackDuringPivot => {
                "The pivot is on its way, so money may move: wait for its answer before the run goes back."
            }
            Self::BackAfterPivot => "The pivot is done, and a run does not go back behind it.",
            Self::BackOfStuck => {
                "A stuck run goes nowhere: retry what was refused, say what was undone by hand, or abandon the run."
            }
            Self::BackOfOpenedForGood => {
                "What opened this saga is never taken back, so there is nothing to go back to."
            }
            Self::BackToWhatDoesNotStand => {
                "A run goes back to a step of its own that is done and not being undone: choose one that stands."
            }
            Self::BackWouldLeaveBehind => {
                "A step after that one is undone only together with it or with an earlier one: go back further."
            }
            Self::SettledBeforeEnd => {
                "The run still goes on: what is owed is settled once it has ended, or was abandoned."
            }
            Self::NothingOwed => {
                "Nothing is owed because of that step, or not any more: see the run's obligations."
            }
            Self::SettledOnlyByHand => {
                "No command settles this: say what was done outside the platform, with evidence."
            }
            Self::SettledWhileHeldBack => {
                "A pause is about the command that would settle this: lift the rule, and then settle it."
            }
            Self::SkipOfUnmarked => {
                "This step may not be skipped, nobody but its participant can do it: wait for it, retry it, or abandon the run."
            }
            Self::SkipOfPivot => {
                "The pivot decides and is never skipped: wait for its answer, or send it again."
            }
            Self::SkipOfUndo => {
                "An undo is not skipped: once it was done outside, say that it was undone by hand."
            }
            Self::ApprovedByTheSame => "Whoever says a verb does not approve it: a second person has to.",
            Self::NothingToApprove => "This verb waits for nobody's approval.",
            Self::ApprovedTooLate => "A verb is approved within 24 hours, or said anew.",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_rule_has_a_word_and_a_sentence_of_its_own() {
        let words: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.word()).collect();
        let sentences: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.sentence()).collect();
        assert_eq!((words.len(), sentences.len()), (Rule::ALL.len(), Rule::ALL.len()));
        assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
    }

    #[test]
    fn a_verb_is_written_as_its_word() {
        for verb in Verb::ALL {
            let word = format!("\"{}\"", verb.word());
            assert_eq!(serde_json::to_string(&verb).unwrap(), word);
            assert_eq!(serde_json::from_str::<Verb>(&word).unwrap(), verb);
        }
    }
}
