//! What was admitted, as the handler gets it.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::actor::Actor;
use super::member::Member;
use super::row::Row;
use super::sees::Sees;
use super::session::Session;
use crate::http::{Common, Problem};

/// An operation with its row; `operations!` makes the types.
pub trait Operation {
    /// What is said of it.
    const ROW: &'static Row;
}

/// That the caller may do this operation: who asks, and what they see. The first argument of every handler.
#[derive(Debug)]
pub struct Allowed<R> {
    /// Who asks.
    pub actor: Actor,
    /// What of all there is they see.
    pub sees: Sees,
    /// What is said of them, where they are a member.
    pub member: Option<Member>,
    /// The session by which they ask, if they ask by one.
    pub session: Option<Session>,
    operation: PhantomData<R>,
}

/// What the guard lets in, on its way to the handler.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    pub(super) actor: Actor,
    pub(super) sees: Sees,
    pub(super) member: Option<Member>,
    pub(super) session: Option<Session>,
    pub(super) row: &'static Row,
}

impl<R: Operation, S: Sync> FromRequestParts<S> for Allowed<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let admitted = parts.extensions.get::<Admitted>();
        // A handler behind another's row, or behind no guard, serves nobody.
        let Some(admitted) = admitted.filter(|admitted| admitted.row.name == R::ROW.name) else {
            tracing::error!(
                operation = R::ROW.name,
                "a request reached a handler by another's row"
            );
            return Err(Problem::new(Common::Internal, "Something is wrong on our side."));
        };
        Ok(Self {
            actor: admitted.actor,
            sees: admitted.sees.clone(),
            member: admitted.member.clone(),
            session: admitted.session,
            operation: PhantomData,
        })
    }
}

/// A handler whose first argument is the [`Allowed`] of `R`.
pub trait TakesItsOwn<R, Arguments> {}

/// Compiles only for a handler that takes the [`Allowed`] of its own operation.
pub const fn takes_its_own<R, F: TakesItsOwn<R, Arguments>, Arguments>(_: &F) {}

macro_rules! takes {
    ($($argument:ident),*) => {
        impl<R, F, Answer, $($argument),*> TakesItsOwn<R, ($($argument,)*)> for F
        where
            F: Fn(Allowed<R>, $($argument),*) -> Answer,
        {
        }
    };
}
takes!();
takes!(A);
takes!(A, B);
takes!(A, B, C);
takes!(A, B, C, D);
takes!(A, B, C, D, E);
takes!(A, B, C, D, E, G);
