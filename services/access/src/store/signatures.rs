//! Signing what is there: rows of a key that is to go, and those that an operator says are genuine.

use platform::access::{AccessRow, GrantRow, KeyRow, PrincipalRow, SessionRow};
use platform::trail::{self, Line};
use platform::{Broken, db};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Stamp;
use crate::SCHEMA;

/// Rows of a table that are signed in one transaction.
const BATCH: i64 = 500;
/// Whom the trail names for what is signed on an operator's word.
const SIGNED_BY: &str = "bellhop access sign";

/// Which rows are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that another key of the ring signed. One whose signature does not fit loses it.
    OfFormerKeys,
    /// All that the first key did not sign, as they are.
    NotSigned,
}

/// The rows of one transaction.
struct Signing<'a> {
    stamp: &'a Stamp,
    which: Which,
    first: String,
    /// The keys whose rows are looked at; none: any, and no key.
    of: Option<Vec<String>>,
}

/// Signs some of the rows of a table, which has these columns beside id, version and signature; answers them.
macro_rules! sign_rows {
    ($signing:ident, $db:ident, $row:ty, $table:tt, $id:tt, $columns:tt) => {{
        let rows = sqlx::query_as!(
            $row,
            "select "
                + $id
                + ", "
                + $columns
                + ", version, signature from access."
                + $table
                + " where coalesce(split_part(signature, '_', 1), '') <> $1 \
                    and ($2::text[] is null or split_part(signature, '_', 1) = any($2)) limit $3",
            $signing.first,
            $signing.of.as_deref(),
            BATCH,
        );
        let (ids, signatures) = $signing.signed(rows.fetch_all(&mut *$db).await?);
        let done = sqlx::query!(
            "update access."
                + $table
                + " r set version = $1, signature = new.signature \
                    from unnest($2::uuid[], $3::text[]) as new (id, signature) where r."
                + $id
                + " = new.id",
            $signing.stamp.version,
            &ids,
            &signatures as &[Option<String>],
        );
        written::<$row>(done.execute(&mut *$db).await?.rows_affected(), ids)?
    }};
}

/// Signs some of these rows of each table; answers their tables and ids.
pub(crate) async fn sign_some(
    db: &mut PgConnection,
    stamp: &Stamp,
    which: Which,
) -> Result<Vec<(&'static str, Uuid)>, Broken> {
    let mut kids = stamp.signer.kids();
    let first = kids.remove(0);
    let signing = Signing {
        stamp,
        which,
        first,
        of: (which == Which::OfFormerKeys).then_some(kids),
    };
    let mut done = sign_rows!(
        signing,
        db,
        PrincipalRow,
        "principal",
        "principal_id",
        "kind, ended_at"
    );
    done.extend(sign_rows!(
        signing,
        db,
        GrantRow,
        "granted",
        "grant_id",
        "principal_id, hotel_id, ended_at"
    ));
    done.extend(sign_rows!(
        signing,
        db,
        KeyRow,
        "api_key",
        "key_id",
        "principal_id, pepper_kid, hash, ends_at as \"ends_at?\", revoked_at"
    ));
    done.extend(sign_rows!(
        signing,
        db,
        SessionRow,
        "session",
        "session_id",
        "principal_id, ends_at, ended_at"
    ));
    if which == Which::NotSigned {
        for (table, id) in &done {
            let line = Line {
                actor: SIGNED_BY,
                action: "row_signed",
                subject: *id,
                body: json!({"table": table}),
            };
            trail::append(db, SCHEMA, &line).await?;
        }
    }
    Ok(done)
}

type Signed = (Vec<Uuid>, Vec<Option<String>>);

impl Signing<'_> {
    /// Their ids, and their signatures under the version that they are to have.
    fn signed<R: AccessRow>(&self, rows: Vec<R>) -> Signed {
        let former = self.stamp.signer.verifier();
        let signed = rows.into_iter().map(|row| {
            let good = self.which == Which::NotSigned || former.verify(&row);
            let row = row.at_version(self.stamp.version);
            (row.id(), good.then(|| self.stamp.signer.sign(&row)))
        });
        signed.unzip()
    }
}

fn written<R: AccessRow>(done: u64, ids: Vec<Uuid>) -> Result<Vec<(&'static str, Uuid)>, Broken> {
    db::all_written("signed rows", done, ids.len())?;
    Ok(ids.into_iter().map(|id| (R::TABLE, id)).collect())
}
