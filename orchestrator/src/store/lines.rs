//! Lines of journals, as they are read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::Outcome;
use platform::Broken;
use sqlx::PgConnection;
use uuid::Uuid;

use super::runs::read;
use crate::engine::{Answer, Line, Outline, What};

/// A line of a journal.
#[derive(Debug)]
pub(crate) struct JournalRow {
    pub(crate) saga_id: Uuid,
    pub(crate) seq: i32,
    pub(crate) what: String,
    pub(crate) step: String,
    pub(crate) place: String,
    pub(crate) undo: bool,
    pub(crate) round: i32,
    pub(crate) sendings: i32,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) message_id: Option<Uuid>,
    /// As text, so that one that this code cannot read costs no other.
    pub(crate) body: Option<String>,
    pub(crate) epoch: i64,
    pub(crate) at: DateTime<Utc>,
}

impl JournalRow {
    /// The line, for the engine.
    ///
    /// # Errors
    /// When this code cannot read it.
    pub(crate) fn line(&self, outline: &Outline) -> Result<Line, Broken> {
        let step = outline.steps.iter().position(|known| known.name == self.step);
        let step = step.ok_or_else(|| {
            let (name, step) = (outline.name, &self.step);
            Broken::Inconsistent(format!("{name} has no step {step}"))
        })?;
        let said = self.body.as_deref();
        let (mut answer, mut verb, mut held_back) = (None, None, None);
        match (What::of(&self.what), said) {
            (Some(What::Verb), Some(body)) => verb = Some(read(self.saga_id, body)?),
            (Some(What::HeldBack), Some(body)) => held_back = Some(read(self.saga_id, body)?),
            (_, Some(body)) => answer = Some(read::<Answer>(self.saga_id, body)?),
            (_, None) => {}
        }
        let refused = matches!(
            answer.as_ref().map(|answer| &answer.outcome),
            Some(Outcome::Refused(_))
        );
        let what = What::of(&self.what)
            .filter(|what| refused == matches!(what, What::Refused | What::UndoRefused))
            .filter(|what| verb.is_some() == (*what == What::Verb))
            .filter(|what| held_back.is_some() == (*what == What::HeldBack))
            .ok_or_else(|| {
                let (saga_id, seq) = (self.saga_id, self.seq);
                Broken::Inconsistent(format!("line {seq} of saga {saga_id} cannot be read"))
            })?;
        Ok(Line {
            what,
            step,
            undo: self.undo,
            round: self.round.unsigned_abs(),
            sendings: self.sendings.unsigned_abs(),
            sent_at: self.sent_at,
            answer,
            verb,
            held_back,
            at: self.at,
        })
    }
}

/// The journals of these runs, in order.
pub(crate) async fn journals(
    db: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<JournalRow>>, Broken> {
    let rows = sqlx::query_as!(
        JournalRow,
        r#"select saga_id, seq, what::text as "what!", step, place::text as "place!", undo, round, sendings, sent_at,
                  message_id, body::text as body, epoch, at
           from orchestrator.journal where saga_id = any($1) order by saga_id, seq"#,
        ids
    )
    .fetch_all(db)
    .await?;
    let mut journals: HashMap<Uuid, Vec<JournalRow>> = HashMap::new();
    for row in rows {
        journals.entry(row.saga_id).or_default().push(row);
    }
    Ok(journals)
}
