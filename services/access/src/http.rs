//! The endpoints.

mod changes;
mod keys;
mod me;
mod principals;
mod sessions;

use contract::{PrincipalId, Why};
use platform::access::{Class, Kind, Listener, Peppers, Place, Row, RowSigner, Sessions};
use platform::http::Problem;
use platform::{Clock, operations};
use sqlx::{PgConnection, PgPool};

use crate::model::PrincipalBody;
use crate::store;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) pool: PgPool,
    pub(crate) peppers: Peppers,
    pub(crate) sessions: Sessions,
    pub(crate) signer: RowSigner,
    pub(crate) clock: Clock,
}

/// Who decides about keys. It must be known this second who they are.
const DECIDES: Row = Row::of(&[Kind::Admin]).class(Class::Money).cost(20).fresh();

/// Who is somebody.
const KNOWN: Row = Row::of(&[
    Kind::Guest,
    Kind::Member,
    Kind::Partner,
    Kind::Staff,
    Kind::Service,
    Kind::Viewer,
])
.class(Class::Desk)
.found_by(Place::Root);

operations! { pub(crate) App;
    CreatePrincipal = principals::create_principal: DECIDES.found_by(Place::Root),
    ListPrincipals = principals::list_principals: Row::of(&[Kind::Admin]).class(Class::Desk).cost(5).found_by(Place::Root),
    GetPrincipal = principals::get_principal: Row::of(&[Kind::Admin]).class(Class::Desk),
    SetGrantedHotels = principals::set_granted_hotels: DECIDES,
    CreateKey = keys::create_key: DECIDES,
    RotateKey = keys::rotate_key: DECIDES,
    RevokeKey = keys::revoke_key: DECIDES,
    RevokePrincipal = principals::revoke_principal: DECIDES,
    CreateSignInLink = sessions::create_sign_in_link: DECIDES,
    RevokeSession = sessions::revoke_session: DECIDES,
    CreateSession = sessions::create_session:
        Row::anyone().class(Class::Money).cost(20).found_by(Place::Token).unidentified(),
    DeleteSession = sessions::delete_session: Row::anyone().class(Class::Money).cost(20).found_by(Place::Root),
    GetMe = me::get_me: KNOWN,
    ListAccessChanges = changes::list_access_changes:
        Row::of(&[Kind::Service]).class(Class::Money).on(Listener::Inner).found_by(Place::Root),
}

fn no_principal() -> Problem {
    Problem::not_found("principal").at("principal_id")
}

/// A principal that may be given a credential.
async fn living(db: &mut PgConnection, principal_id: PrincipalId) -> Result<PrincipalBody, Problem> {
    let principal = store::principal(db, principal_id).await?;
    let principal = principal.ok_or_else(no_principal)?;
    if principal.revoked_at.is_some() {
        return Err(Why::PrincipalIsOver.tell(Problem::refused));
    }
    Ok(principal)
}

fn no_key() -> Problem {
    Problem::not_found("key").at("key_id")
}
