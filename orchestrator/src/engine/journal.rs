//! The journal of a run: what has happened to it, a line each. Lines are only ever added.

use chrono::{DateTime, Utc};
use contract::{Outcome, Refusal, Reply, RuleId};
use serde::{Deserialize, Serialize};

use super::decide::Entry;
use super::verb::Spoken;
use super::waiting::At;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaLineWhat)]
pub enum What {
    /// The run was asked for; its opening, if it has one, was done before.
    Opened,
    /// The participant did it.
    Done,
    /// The participant said no, and did nothing.
    Refused,
    /// No answer came in time, so nobody knows whether the participant did it.
    GivenUp,
    /// The participant undid it.
    Undone,
    /// The participant would not undo it.
    UndoRefused,
    /// No answer came yet, so the same command went out once more.
    SentAgain,
    /// A person said what to do with the run.
    Verb,
    /// A rule keeps the command from being sent, or sent again. No time runs out meanwhile.
    HeldBack,
    /// No rule keeps it any more, so it was sent.
    Released,
}

impl What {
    /// Every word.
    pub const ALL: [Self; 10] = [
        Self::Opened,
        Self::Done,
        Self::Refused,
        Self::GivenUp,
        Self::Undone,
        Self::UndoRefused,
        Self::SentAgain,
        Self::Verb,
        Self::HeldBack,
        Self::Released,
    ];

    /// The word in the database and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Undone => "undone",
            Self::UndoRefused => "undo_refused",
            Self::SentAgain => "sent_again",
            Self::Verb => "verb",
            Self::HeldBack => "held_back",
            Self::Released => "released",
        }
    }

    /// The meaning of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.word() == word)
    }

    /// What a participant's answer says.
    pub(super) const fn said_by(reply: &Reply) -> Self {
        match (&reply.outcome, reply.undo) {
            (Outcome::Done, false) => Self::Done,
            (Outcome::Done, true) => Self::Undone,
            (Outcome::Refused(_), false) => Self::Refused,
            (Outcome::Refused(_), true) => Self::UndoRefused,
        }
    }

    /// Whether the step, or its undo, is over with it.
    pub const fn ends_step(self) -> bool {
        !matches!(
            self,
            Self::Opened | Self::SentAgain | Self::Verb | Self::HeldBack | Self::Released
        )
    }
}

/// The rule that holds a command back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Which.
    pub rule_id: RuleId,
    /// When the rule lets it go, where that is known; it goes earlier when the rule is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// What a participant answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which sending it answers, from 1.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
}

impl Answer {
    /// What is kept of a reply.
    pub(super) fn of(reply: &Reply) -> Self {
        Self {
            attempt: reply.attempt,
            outcome: reply.outcome.clone(),
        }
    }
}

/// A line of a journal. Its place in the journal is its number, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What happened.
    pub what: What,
    /// To which step, by its place in the definition; of the opening, 0.
    pub step: usize,
    /// Whether it is the step's undo.
    pub undo: bool,
    /// In which round of the run, from 1.
    pub round: u32,
    /// How often the command had been sent; 0 where none is.
    pub sendings: u32,
    /// When the command was sent first; none where none is.
    pub sent_at: Option<DateTime<Utc>>,
    /// The participant's answer, where there was one.
    pub answer: Option<Answer>,
    /// What a person said, and who; of a line that says so and of no other.
    pub verb: Option<Spoken>,
    /// By which rule the command is held back; of a line that says so and of no other.
    pub held_back: Option<HeldBack>,
    /// When it was written.
    pub at: DateTime<Utc>,
}

impl Line {
    /// A line about the step in this round, of which nothing more is said.
    pub(super) const fn new(what: What, about: At, round: u32, at: DateTime<Utc>) -> Self {
        Self {
            what,
            step: about.step,
            undo: about.undo,
            round,
            sendings: 0,
            sent_at: None,
            answer: None,
            verb: None,
            held_back: None,
            at,
        }
    }

    /// How a step ended with it; none of a line with which none did, or of a refusal that does not say why.
    pub(super) fn entry(&self) -> Option<Entry> {
        let refusal = || match &self.answer.as_ref()?.outcome {
            Outcome::Refused(refusal) => Some(refusal.clone()),
            Outcome::Done => None,
        };
        match self.what {
            What::Opened | What::SentAgain | What::Verb | What::HeldBack | What::Released => None,
            What::Done => Some(Entry::Done(self.step)),
            What::Refused => Some(refused(self.step, refusal()?, self.sendings)),
            What::GivenUp => Some(Entry::GivenUp(self.step)),
            What::Undone => Some(Entry::Undone(self.step)),
            What::UndoRefused => Some(Entry::UndoRefused(self.step, refusal()?)),
        }
    }
}

/// The entry of a refusal that answers one of so many sendings.
fn refused(step: usize, refusal: Refusal, sendings: u32) -> Entry {
    if sendings > 1 {
        Entry::RefusedAmongSeveral(step, refusal)
    } else {
        Entry::Refused(step, refusal)
    }
}
