//! Which rows of access a process believes: those that the access service signed. What it refuses changes nothing of what it
//! knows, and is told: to the log, as a metric, and to whoever looks how the process does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::rows::AccessChanges;
use super::signed::{AccessRow, RowVerifier};

/// What is believed, and what was refused. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Believed {
    verifier: RowVerifier,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The tables and versions of rows that were refused and of which nothing newer was believed.
    refused: HashMap<Uuid, (&'static str, i64)>,
    /// Whether everything was read once. Before that a row of long ago may be followed by itself with a signature.
    read_whole: bool,
}

impl Believed {
    /// By these keys.
    pub fn new(verifier: RowVerifier) -> Self {
        Self {
            verifier,
            state: Arc::default(),
        }
    }

    /// The row, if it is to be believed.
    pub(super) fn row<R: AccessRow>(&self, row: R) -> Option<R> {
        let (id, version) = (row.id(), row.version());
        let is_signed = self.verifier.verify(&row);
        let mut state = self.state();
        let known = state.refused.get(&id).copied();
        if is_signed {
            if known.is_some_and(|(_, refused)| refused <= version) {
                state.refused.remove(&id);
            }
            return Some(row);
        }
        // Once: while the topics are silent, the access service says the same again and again.
        if known.is_none_or(|(_, refused)| refused < version) {
            state.refused.insert(id, (R::TABLE, version));
            if state.read_whole {
                tell(id, (R::TABLE, version));
            }
        }
        None
    }

    /// Those of all changes that are to be believed.
    pub fn changes(&self, changes: AccessChanges) -> AccessChanges {
        AccessChanges {
            version: changes.version,
            principals: self.rows(changes.principals),
            grants: self.rows(changes.grants),
            keys: self.rows(changes.keys),
            sessions: self.rows(changes.sessions),
        }
    }

    fn rows<R: AccessRow>(&self, rows: Vec<R>) -> Vec<R> {
        rows.into_iter().filter_map(|row| self.row(row)).collect()
    }

    /// Everything was read once.
    pub(super) fn read_whole(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.read_whole, true) {
            state.refused.iter().for_each(|(id, what)| tell(*id, *what));
        }
    }

    /// What is wrong, for an operator.
    pub(super) fn trouble(&self) -> Option<String> {
        let state = self.state();
        let rows = state.refused.len();
        (state.read_whole && rows > 0).then(|| {
            format!(
                "rows of access are not signed by a key that is believed here ({rows}), and are as if they were not there: \
                 whoever wrote them is not the access service, or its key is not in BELLHOP_ACCESS_PUBLIC_KEY"
            )
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(id: Uuid, (table, version): (&'static str, i64)) {
    tracing::error!(
        table,
        %id,
        version,
        "a row of access is not signed by the access service, and is not believed"
    );
    metrics::counter!("bellhop_access_refused_rows_total", "table" => table).increment(1);
}

#[cfg(test)]
mod tests {
    use super::super::rows::PrincipalRow;
    use super::super::signed::{BelievedConfig, RowSigner, SigningConfig};
    use super::*;

    fn trial() -> (RowSigner, Believed) {
        let signing = SigningConfig {
            access_signing_key: format!("1:{}", "a".repeat(64)).parse().unwrap(),
        };
        let signer = signing.signer().unwrap();
        let access_public_key = String::new();
        let config = BelievedConfig {
            access_public_key,
            signing,
        };
        (signer, Believed::new(config.verifier().unwrap()))
    }

    fn row(version: i64, signer: Option<&RowSigner>) -> PrincipalRow {
        let mut row = PrincipalRow {
            principal_id: Uuid::from_u128(1),
            kind: "staff".to_owned(),
            ended_at: None,
            version,
            signature: None,
        };
        row.signature = signer.map(|signer| signer.sign(&row));
        row
    }

    #[test]
    fn what_is_not_signed_is_told_until_something_newer_is_believed() {
        let (signer, believed) = trial();
        believed.read_whole();
        assert!(believed.row(row(3, Some(&signer))).is_some() && believed.trouble().is_none());
        assert!(believed.row(row(5, None)).is_none());
        assert!(believed.trouble().is_some_and(|why| why.contains("(1)")));
        // Of before: what was refused is newer.
        assert!(believed.row(row(4, Some(&signer))).is_some() && believed.trouble().is_some());
        assert!(believed.row(row(5, Some(&signer))).is_some() && believed.trouble().is_none());
    }

    #[test]
    fn rows_of_before_there_were_signatures_are_no_trouble_once_they_are_signed() {
        let (signer, believed) = trial();
        assert!(believed.row(row(1, None)).is_none() && believed.row(row(2, Some(&signer))).is_some());
        believed.read_whole();
        assert!(believed.trouble().is_none());
    }

    #[test]
    fn of_many_changes_those_that_are_signed_are_taken() {
        let (signer, believed) = trial();
        let changes = AccessChanges {
            version: 9,
            principals: vec![row(8, None), row(9, Some(&signer))],
            ..AccessChanges::default()
        };
        let taken = believed.changes(changes);
        assert_eq!((taken.version, taken.principals.len()), (9, 1));
    }
}
