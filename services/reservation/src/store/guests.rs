//! Guests, known by their e-mail address.

use std::collections::HashMap;

use contract::GuestId;
use platform::Broken;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::model::Email;

/// Those of the addresses that are known.
pub(crate) async fn known(
    db: &mut PgConnection,
    emails: &[Email],
) -> Result<HashMap<String, GuestId>, Broken> {
    let rows = sqlx::query!(
        "select email, guest_id from reservation.guest where email = any($1)",
        &emails.iter().map(Email::as_str).collect::<Vec<_>>() as &[&str]
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.email, GuestId::from_uuid(row.guest_id)))
        .collect())
}

/// Writes new guests. Answers how many of them were new to the database too: less than all when somebody
/// else has just written one of them.
pub(crate) async fn insert(db: &mut PgConnection, guests: &[(Email, GuestId)]) -> Result<usize, Broken> {
    if guests.is_empty() {
        return Ok(0);
    }
    let emails: Vec<&str> = guests.iter().map(|(email, _)| email.as_str()).collect();
    let ids: Vec<Uuid> = guests.iter().map(|(_, id)| id.uuid()).collect();
    let written = sqlx::query!(
        "insert into reservation.guest (guest_id, email) select * from unnest($1::uuid[], $2::text[]) \
         on conflict (email) do nothing",
        &ids,
        &emails as &[&str]
    )
    .execute(db)
    .await?
    .rows_affected();
    Ok(usize::try_from(written).unwrap_or(usize::MAX))
}

/// The guest with this address.
pub(crate) async fn by_email(pool: &PgPool, email: &Email) -> Result<Option<GuestId>, Broken> {
    let id = sqlx::query_scalar!(
        "select guest_id from reservation.guest where email = $1",
        email.as_str()
    )
    .fetch_optional(&mut *platform::db::lease(pool).await?)
    .await?;
    Ok(id.map(GuestId::from_uuid))
}
