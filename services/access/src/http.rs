//! The endpoints.

mod changes;
mod keys;
mod principals;

use platform::access::{Class, Kind, Listener, Peppers, Place, Row};
use platform::http::Problem;
use platform::operations;
use sqlx::PgPool;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) pool: PgPool,
    pub(crate) peppers: Peppers,
}

/// Who decides about keys. It must be known this second who they are.
const DECIDES: Row = Row::of(&[Kind::Admin]).class(Class::Money).cost(20).fresh();

operations! { pub(crate) App;
    CreatePrincipal = principals::create_principal: DECIDES.found_by(Place::Root),
    ListPrincipals = principals::list_principals: Row::of(&[Kind::Admin]).class(Class::Desk).cost(5).found_by(Place::Root),
    GetPrincipal = principals::get_principal: Row::of(&[Kind::Admin]).class(Class::Desk),
    SetGrantedHotels = principals::set_granted_hotels: DECIDES,
    CreateKey = keys::create_key: DECIDES,
    RotateKey = keys::rotate_key: DECIDES,
    RevokeKey = keys::revoke_key: DECIDES,
    ListAccessChanges = changes::list_access_changes:
        Row::of(&[Kind::Service]).class(Class::Money).on(Listener::Inner).found_by(Place::Root),
}

fn no_principal() -> Problem {
    Problem::not_found("principal").at("principal_id")
}

fn no_key() -> Problem {
    Problem::not_found("key").at("key_id")
}
