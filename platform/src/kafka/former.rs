//! Topics of a former release: read where they exist.
//!
//! A consumer that subscribes to a topic that is not there says so in the log at every start, and one that subscribes to a pattern
//! finds its other topics ten seconds late. So these are looked for.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;

use super::member::{Member, Membership};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// A look takes no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Which there may be, and which are read.
pub(super) struct Former {
    /// With the namespace.
    topics: Vec<String>,
    read: Vec<String>,
    looked: Option<Instant>,
}

impl Former {
    pub(super) fn new(topics: impl Iterator<Item = String>) -> Self {
        Self {
            topics: topics.collect(),
            read: Vec::new(),
            looked: None,
        }
    }

    /// Another consumer begins, which reads none of them yet.
    pub(super) fn forget(&mut self) {
        self.read.clear();
        self.looked = None;
    }

    /// When it is time, has the member read those that are there. Whoever reads others from now on joins its group anew.
    pub(super) fn look(&mut self, membership: &Membership, member: &Member) {
        let is_early = self.looked.is_some_and(|looked| looked.elapsed() < EVERY);
        if self.topics.is_empty() || is_early {
            return;
        }
        self.looked = Some(Instant::now());
        // While the brokers are away nothing is known of their topics.
        let Ok(listed) = member.consumer.fetch_metadata(None, PATIENCE) else {
            return;
        };
        let is_there = |topic: &&String| listed.topics().iter().any(|there| there.name() == topic.as_str());
        let found: Vec<String> = self.topics.iter().filter(is_there).cloned().collect();
        if found == self.read {
            return;
        }
        let all: Vec<&str> = membership
            .topics
            .iter()
            .chain(&found)
            .map(String::as_str)
            .collect();
        match member.consumer.subscribe(&all) {
            Ok(()) => {
                tracing::info!(topics = ?found, "reads what a former release says in these topics");
                self.read = found;
            }
            Err(error) => {
                let error = crate::chain(&error);
                tracing::warn!(error, "what a former release says is not read yet");
            }
        }
    }
}
