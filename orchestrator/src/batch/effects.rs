//! What a batch did: counted, and told to the collector of spans, once it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::SagaId;
use platform::Tracer;

use crate::kept::Kept;
use crate::resends::Resends;
use crate::spans;

/// What a batch did, counted once it is written.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(super) ended: Vec<EndedRun>,
    pub(super) ignored: BTreeMap<&'static str, u64>,
    pub(super) resent: u64,
    /// Commands that went out for the first time, by topic.
    pub(super) first: BTreeMap<&'static str, u32>,
    /// Those that were not sent again though it was time, by topic.
    pub(super) put_off: BTreeMap<&'static str, u64>,
    pub(super) given_up: u64,
    pub(super) held_back: u64,
    pub(super) unreadable: u64,
    pub(super) verbs: BTreeMap<(&'static str, &'static str), u64>,
    /// Steps that have ended and are traced.
    pub(super) steps: Vec<spans::EndedStep>,
    /// Runs that are open, as they were written.
    pub(crate) open: Vec<(SagaId, Kept)>,
}

#[derive(Debug)]
pub(super) struct EndedRun {
    pub(super) kind: &'static str,
    pub(super) state: &'static str,
    pub(super) after: Duration,
}

impl Effects {
    /// These runs were written. Those that are open are worth remembering.
    pub(crate) fn written(&mut self, runs: impl IntoIterator<Item = (SagaId, Kept)>) {
        for (saga_id, mut kept) in runs {
            if kept.run.state.is_terminal() {
                continue;
            }
            kept.row = Some(kept.changing());
            self.open.push((saga_id, kept));
        }
    }

    /// Counts what was written, and tells the collector of it.
    pub(crate) fn count(self, tracer: &Tracer, resends: &Resends) {
        for step in self.steps {
            step.record(tracer);
        }
        for ended in self.ended {
            metrics::counter!("bellhop_sagas_total", "type" => ended.kind, "state" => ended.state)
                .increment(1);
            metrics::histogram!("bellhop_saga_seconds", "type" => ended.kind, "state" => ended.state)
                .record(ended.after);
        }
        for (why, count) in self.ignored {
            metrics::counter!("bellhop_saga_messages_ignored_total", "why" => why).increment(count);
        }
        for ((verb, state), count) in self.verbs {
            metrics::counter!("bellhop_saga_verbs_total", "verb" => verb, "state" => state).increment(count);
        }
        for (topic, count) in self.first {
            resends.sent(topic, count);
        }
        for (topic, count) in self.put_off {
            metrics::counter!("bellhop_saga_resends_put_off_total", "topic" => topic).increment(count);
        }
        metrics::counter!("bellhop_saga_commands_resent_total").increment(self.resent);
        metrics::counter!("bellhop_saga_steps_given_up_total").increment(self.given_up);
        metrics::counter!("bellhop_saga_commands_held_back_total").increment(self.held_back);
        metrics::counter!("bellhop_sagas_unreadable_total").increment(self.unreadable);
    }
}
