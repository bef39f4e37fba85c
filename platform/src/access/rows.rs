//! The rows of the schema `access`, as they travel: in its change topics and in its answers. Columns that are not known
//! here are ignored, so that the tables may grow.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::signed::{AccessRow, Said};

/// The topics of the tables' changes, each of one partition and kept whole, and of the relay's heartbeat.
#[derive(Debug, Clone, Copy)]
pub struct AccessTopics {
    /// Of principals.
    pub principals: &'static str,
    /// Of what they were granted.
    pub grants: &'static str,
    /// Of keys.
    pub keys: &'static str,
    /// Of sessions.
    pub sessions: &'static str,
    /// Of the heartbeat.
    pub heartbeat: &'static str,
}

/// Somebody or something that may have keys. Never with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PrincipalRow {
    /// Its id.
    pub principal_id: Uuid,
    /// What it is.
    pub kind: String,
    /// Since when it is nobody any more.
    pub ended_at: Option<DateTime<Utc>>,
    /// Of two forms of a row, the one with the greater version counts.
    pub version: i64,
    /// By the access service, over all other columns that travel; a row without one is not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// A hotel that a principal works for, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantRow {
    /// Its id.
    pub grant_id: Uuid,
    /// To whom.
    pub principal_id: Uuid,
    /// Which hotel; all without one.
    pub hotel_id: Option<Uuid>,
    /// Since when it is withdrawn.
    pub ended_at: Option<DateTime<Utc>>,
    /// As that of a principal.
    pub version: i64,
    /// As that of a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// A key, as its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRow {
    /// Its id, which stands in the key.
    pub key_id: Uuid,
    /// Whose it is.
    pub principal_id: Uuid,
    /// Under which pepper the hash is.
    pub pepper_kid: String,
    /// HMAC-SHA-256 in hexadecimal.
    pub hash: String,
    /// When it ends by itself.
    pub ends_at: Option<DateTime<Utc>>,
    /// Since when it is revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// As that of a principal.
    pub version: i64,
    /// As that of a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// A session of somebody's pages. When it was used last stands in its cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionRow {
    /// Its id, which stands in the cookie.
    pub session_id: Uuid,
    /// Whose it is.
    pub principal_id: Uuid,
    /// When it ends by itself.
    pub ends_at: DateTime<Utc>,
    /// Since when it is ended, by whoever has it or an administrator.
    pub ended_at: Option<DateTime<Utc>>,
    /// As that of a principal.
    pub version: i64,
    /// As that of a principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What has changed after a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessChanges {
    /// The greatest version there is.
    pub version: i64,
    /// Principals.
    pub principals: Vec<PrincipalRow>,
    /// Grants.
    pub grants: Vec<GrantRow>,
    /// Keys.
    pub keys: Vec<KeyRow>,
    /// Sessions. A service of before has none.
    #[serde(default)]
    pub sessions: Vec<SessionRow>,
}

/// What the rows have in common, beside the columns that each says of itself.
macro_rules! access_row {
    ($row:ty, $table:literal, $id:ident, $say:expr) => {
        impl AccessRow for $row {
            const TABLE: &'static str = $table;

            fn id(&self) -> Uuid {
                self.$id
            }

            fn version(&self) -> i64 {
                self.version
            }

            fn at_version(self, version: i64) -> Self {
                Self { version, ..self }
            }

            fn signature(&self) -> Option<&str> {
                self.signature.as_deref()
            }

            fn say(&self, said: &mut Said) {
                let say: fn(&Self, &mut Said) = $say;
                say(self, said);
            }
        }
    };
}

access_row!(PrincipalRow, "principal", principal_id, |row, said| {
    said.text(&row.kind);
    said.at(row.ended_at);
});

access_row!(GrantRow, "granted", grant_id, |row, said| {
    said.id(Some(row.principal_id));
    said.id(row.hotel_id);
    said.at(row.ended_at);
});

access_row!(KeyRow, "api_key", key_id, |row, said| {
    said.id(Some(row.principal_id));
    said.text(&row.pepper_kid);
    said.text(&row.hash);
    said.at(row.ends_at);
    said.at(row.revoked_at);
});

access_row!(SessionRow, "session", session_id, |row, said| {
    said.id(Some(row.principal_id));
    said.at(Some(row.ends_at));
    said.at(row.ended_at);
});
