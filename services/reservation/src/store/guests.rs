//! Guests, known by their e-mail address.

use contract::GuestId;
use platform::Broken;
use sqlx::PgPool;

use crate::model::Email;

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
