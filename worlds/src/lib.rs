//! Every order of events in the smallest world that is still interesting: two guests want the last room of one
//! night, one of them cancels, messages come in any order and again, a reply of the provider is lost, a process
//! is killed.
//!
//! The decisions are those that run in production, on the simulator's tables ([`services`]). `stateright` visits
//! every state that can be reached and checks it ([`check`]). Every action lowers a number that cannot fall for
//! ever (the model's fuel), so each path ends, and "every saga ends" is the same as "whatever halts has ended".

mod body;
pub mod check;
pub mod facts;
mod fuel;
pub mod model;
mod money;
pub mod services;
pub mod shelf;
pub mod state;

use std::time::{Duration, Instant};

use orchestrator::sagas::book_stay;
use sim::provider::Card;
use stateright::{Checker, HasDiscoveries, Model as _};

pub use model::World;
pub use services::Setup;
pub use state::Left;

impl Setup {
    /// Production's saga, two good cards, and this that may go wrong.
    pub fn usual(left: Left) -> Self {
        Self {
            definition: book_stay::definition(),
            cards: [Card::Good; 2],
            left,
            inbox_forgets: false,
            two_types: false,
            is_planted: false,
            bug: None,
        }
    }

    /// Visits a world for each combination of the definition's conditions.
    fn each(self, visit: impl Fn(Self) -> Found) -> Found {
        let Self {
            definition,
            cards,
            left,
            inbox_forgets,
            two_types,
            is_planted,
            bug,
        } = self;
        let definitions = definition.combinations().into_iter();
        let found = definitions.map(|definition| {
            visit(Self {
                definition,
                cards,
                left,
                inbox_forgets,
                two_types,
                is_planted,
                bug,
            })
        });
        found
            .reduce(Found::and)
            .unwrap_or_else(|| unreachable!("there is one"))
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// Different states visited.
    pub states: usize,
    /// Steps taken between them.
    pub transitions: usize,
    /// The longest path.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// What was violated, with the steps that lead there, in words.
    pub violations: Vec<(&'static str, Vec<String>)>,
    /// What never came up.
    pub unseen: Vec<&'static str>,
}

impl Found {
    /// What both searches found.
    fn and(mut self, other: Self) -> Self {
        self.states += other.states;
        self.transitions += other.transitions;
        self.depth = self.depth.max(other.depth);
        self.took = self.took.max(other.took);
        self.violations.extend(other.violations);
        self.unseen.retain(|unseen| other.unseen.contains(unseen));
        self
    }
}

/// Visits every state of a world, deep first: what waits to be visited stays small. Of a definition with conditions it visits
/// a world for each combination of them.
pub fn search(setup: Setup, threads: usize) -> Found {
    let begun = Instant::now();
    setup.each(|setup| {
        let checker = World::new(setup)
            .checker()
            .threads(threads)
            .finish_when(HasDiscoveries::AnyFailures);
        report(&checker.spawn_dfs().join(), begun)
    })
}

/// Visits the states of a world in rising distance, so that a violation is found with the fewest steps.
pub fn shortest(setup: Setup) -> Found {
    let begun = Instant::now();
    setup.each(|setup| {
        let checker = World::new(setup)
            .checker()
            .finish_when(HasDiscoveries::AnyFailures);
        report(&checker.spawn_bfs().join(), begun)
    })
}

fn report(checker: &impl Checker<World>, begun: Instant) -> Found {
    let (mut violations, mut unseen) = (Vec::new(), Vec::new());
    let found = checker.discoveries();
    for property in checker.model().properties() {
        match (
            property.expectation.discovery_is_failure(),
            found.get(property.name),
        ) {
            (true, Some(path)) => {
                let actions = path.clone().into_actions();
                let steps = actions.into_iter().map(|action| checker.model().told(action));
                violations.push((property.name, steps.collect::<Vec<_>>()));
            }
            (false, None) => unseen.push(property.name),
            _ => {}
        }
    }
    violations.sort_by_key(|(_, steps)| steps.len());
    Found {
        states: checker.unique_state_count(),
        transitions: checker.state_count(),
        depth: checker.max_depth(),
        took: begun.elapsed(),
        violations,
        unseen,
    }
}
