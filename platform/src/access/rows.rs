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

impl AccessRow for PrincipalRow {
    const TABLE: &'static str = "principal";

    fn id(&self) -> Uuid {
        self.principal_id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    fn say(&self, said: &mut Said) {
        said.text(&self.kind);
        said.at(self.ended_at);
    }
}

impl AccessRow for GrantRow {
    const TABLE: &'static str = "granted";

    fn id(&self) -> Uuid {
        self.grant_id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    fn say(&self, said: &mut Said) {
        said.id(Some(self.principal_id));
        said.id(self.hotel_id);
        said.at(self.ended_at);
    }
}

impl AccessRow for KeyRow {
    const TABLE: &'static str = "api_key";

    fn id(&self) -> Uuid {
        self.key_id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    fn say(&self, said: &mut Said) {
        said.id(Some(self.principal_id));
        said.text(&self.pepper_kid);
        said.text(&self.hash);
        said.at(self.ends_at);
        said.at(self.revoked_at);
    }
}

impl AccessRow for SessionRow {
    const TABLE: &'static str = "session";

    fn id(&self) -> Uuid {
        self.session_id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    fn say(&self, said: &mut Said) {
        said.id(Some(self.principal_id));
        said.at(Some(self.ends_at));
        said.at(self.ended_at);
    }
}
