//! Who may do what. Each operation has a [`Row`] in the table that its service writes with `operations!`; [`guarded`]
//! finds it by method and matched path, and a route without one is not served. What was admitted reaches the handler
//! as [`Allowed`], which says who asks and what of all there is they see.
//!
//! Two belts: the rule of the row, and [`Sees`] in the `where` of every load.

mod actor;
mod allowed;
mod bearer;
mod believed;
mod follow;
mod gate;
mod guard;
mod identities;
mod issuers;
mod key;
mod keys_at;
mod link;
mod member;
mod operations;
mod row;
mod rows;
mod seal;
mod sees;
mod service;
mod session;
mod shown;
mod signed;
mod table;
mod tag;

pub use actor::{Actor, Kind, NoActor};
pub use allowed::{Allowed, Operation, TakesItsOwn, takes_its_own};
pub use bearer::Issuers;
pub use believed::Believed;
pub use follow::{AccessConfig, follow};
pub use gate::Gate;
pub use guard::{guarded, trial};
pub use identities::Identities;
pub use issuers::IssuersConfig;
pub use key::{ApiKey, PepperConfig, Peppers, SignInLink};
pub use link::{Link, LinkConfig, Links};
pub use member::{Member, MemberConfig, Members};
pub use row::{Class, Identity, Listener, Place, Row, Rule};
pub use rows::{AccessChanges, AccessTopics, GrantRow, KeyRow, PrincipalRow, SessionRow};
pub use sees::{Sees, What};
pub use service::{ServiceIdentity, ServiceTokens};
pub use session::{SESSION_LIVES, Session, SessionConfig, Sessions, require_safe_page};
pub use shown::Shown;
pub use signed::{AccessRow, AccessSigningKey, BelievedConfig, RowSigner, RowVerifier, Said, SigningConfig};
pub use table::Table;
pub use tag::{TAG_BYTES, Tags};
