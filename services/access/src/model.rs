//! What there is: principals and keys.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{HotelId, KeyId, PrincipalId, SessionId, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For how long a key is good unless its maker says otherwise: a year.
pub(crate) const KEY_LIVES: TimeDelta = TimeDelta::days(365);
/// No key is good for longer: two years.
pub(crate) const KEY_LIVES_MOST: TimeDelta = TimeDelta::days(730);
/// Keys of a principal that are live at once.
pub(crate) const KEYS_LIVE_MOST: u32 = 2;
/// A sign-in link is good for so long: ten minutes.
pub(crate) const LINK_LIVES: TimeDelta = TimeDelta::minutes(10);
/// For how many days sessions and sign-in links are kept that are over. The trail tells of them for good.
pub(crate) const KEPT_DAYS: i32 = 30;
/// Hotels that one principal is granted by name.
pub(crate) const HOTELS_MOST: usize = 1_000;

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A company that sells rooms.
    Partner,
    /// Who works at hotels.
    Staff,
    /// Who looks after the platform, and changes nothing.
    Viewer,
    /// Who runs the platform.
    Operator,
    /// Who decides about keys.
    Admin,
}

impl PrincipalKind {
    /// The word of its rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Staff => "staff",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The kind of this word.
    pub fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Partner,
            Self::Staff,
            Self::Viewer,
            Self::Operator,
            Self::Admin,
        ];
        all.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it works for hotels that it was granted, and not for the platform.
    pub const fn has_hotels(self) -> bool {
        matches!(self, Self::Partner | Self::Staff)
    }

    /// Whether it is a person, who signs in. A company's programs ask with keys.
    pub const fn signs_in(self) -> bool {
        !matches!(self, Self::Partner)
    }
}

/// A principal to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"kind": "partner", "name": "Sunny Trips", "hotels": ["01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d"]})))]
pub struct NewPrincipal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Who it is, for people.
    pub name: Text<200>,
    /// The hotels it works for; only of a partner or of staff.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub hotels: Vec<HotelId>,
    /// It works for all hotels, also those to come.
    #[serde(default)]
    pub all_hotels: bool,
}

/// A principal.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Principal)]
pub(crate) struct PrincipalBody {
    pub(crate) principal_id: PrincipalId,
    pub(crate) kind: PrincipalKind,
    /// Who it is, for people.
    #[schema(example = "Sunny Trips")]
    pub(crate) name: String,
    /// The hotels it was granted by name.
    pub(crate) hotels: Vec<HotelId>,
    /// Whether it was granted all hotels.
    pub(crate) all_hotels: bool,
    pub(crate) made_at: DateTime<Utc>,
    /// Since when it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_at: Option<DateTime<Utc>>,
    /// Its keys, the newest first, also those that are over.
    pub(crate) keys: Vec<KeyBody>,
    /// Its sessions that are good, unless nobody has asked for half an hour; the newest first.
    pub(crate) sessions: Vec<SessionBody>,
}

/// A session.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    pub(crate) session_id: SessionId,
    pub(crate) principal_id: PrincipalId,
    pub(crate) made_at: DateTime<Utc>,
    /// When it ends by itself.
    pub(crate) ends_at: DateTime<Utc>,
    /// Since when somebody has ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended_at: Option<DateTime<Utc>>,
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct KeyBody {
    pub(crate) key_id: KeyId,
    /// How it begins.
    #[schema(example = "bhk_01936f5e7d5c7c3a9a440d3f6a1b2c4d_…")]
    pub(crate) begins: String,
    pub(crate) made_at: DateTime<Utc>,
    /// When it ends by itself.
    pub(crate) ends_at: DateTime<Utc>,
    /// Since when it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revoked_at: Option<DateTime<Utc>>,
}
