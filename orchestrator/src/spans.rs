//! The spans of a run's steps: each a part of the request that the run came of, from the first sending of its command to
//! its end.

use contract::{Outcome, SagaId};
use platform::Tracer;
use platform::envelope::Traceparent;
use platform::trace::{Kind, Span, Value};

use crate::engine::{Line, What};

/// The span of a step, or of its undo, in one round. Known when its command goes out, so that what the participant does
/// is a part of it, and again when it ends, whichever process that is.
pub(crate) fn of_step(
    trace: &Traceparent,
    saga_id: SagaId,
    step: &str,
    undo: bool,
    round: u32,
) -> Traceparent {
    let run = saga_id.uuid();
    trace.child(&[
        run.as_bytes(),
        step.as_bytes(),
        &[u8::from(undo)],
        &round.to_be_bytes(),
    ])
}

/// A step that has ended.
#[derive(Debug)]
pub(crate) struct EndedStep {
    pub(crate) saga_id: SagaId,
    /// The process's name.
    pub(crate) kind: &'static str,
    /// The step's name.
    pub(crate) step: &'static str,
    /// The request that the run came of.
    pub(crate) trace: Traceparent,
    /// What its journal says.
    pub(crate) line: Line,
}

impl EndedStep {
    /// Tells the collector of it, once it is written.
    pub(crate) fn record(&self, tracer: &Tracer) {
        let line = &self.line;
        let own = of_step(&self.trace, self.saga_id, self.step, line.undo, line.round);
        let what = if line.undo { "undo" } else { "step" };
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("bellhop.saga.id", self.saga_id.to_string().into()),
            ("bellhop.saga.type", self.kind.into()),
            ("bellhop.step.outcome", line.what.word().into()),
            ("bellhop.step.round", i64::from(line.round).into()),
            ("bellhop.step.sendings", i64::from(line.sendings).into()),
        ];
        if let Some(answer) = &line.answer
            && let Outcome::Refused(refusal) = &answer.outcome
        {
            attributes.push(("bellhop.refusal.code", refusal.word().to_owned().into()));
        }
        let failed = matches!(line.what, What::GivenUp | What::UndoRefused);
        tracer.record(Span {
            name: format!("{what} {}", self.step).into(),
            kind: Kind::Client,
            own: &own,
            parent: Some(&self.trace),
            began: line.sent_at.unwrap_or(line.at),
            ended: line.at,
            attributes,
            links: Vec::new(),
            failed: failed.then(|| line.what.word().into()),
        });
    }
}
