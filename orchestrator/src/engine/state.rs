//! The words for where a run stands.

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SagaState)]
pub enum State {
    /// Going forward.
    Running,
    /// Undoing what was done.
    Compensating,
    /// Everything was done.
    Completed,
    /// Everything was undone.
    Compensated,
    /// A person has to look.
    Stuck,
    /// A person has given it up; what is owed because of it are obligations.
    Abandoned,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Running,
        Self::Compensating,
        Self::Completed,
        Self::Compensated,
        Self::Stuck,
        Self::Abandoned,
    ];

    /// The word in the database and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Compensating => "compensating",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Stuck => "stuck",
            Self::Abandoned => "abandoned",
        }
    }

    /// The state of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the run has ended for good, which one that waits for a person has not.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Abandoned)
    }

    /// Whether nothing more happens by itself.
    pub const fn is_terminal(self) -> bool {
        self.is_over() || matches!(self, Self::Stuck)
    }
}
