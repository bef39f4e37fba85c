//! The table of keys that earlier releases claimed. Where one of them has ended a booking and kept no answer with it,
//! whoever tells the answer first keeps it there.

use platform::Broken;
use platform::http::{Key, Stored};
use sqlx::PgConnection;

/// Keeps the outcomes of keys that have none yet.
pub(crate) async fn keep(db: &mut PgConnection, answers: &[(&Key, &Stored)]) -> Result<(), Broken> {
    let text = |of: fn(&Key) -> &str| answers.iter().map(|(key, _)| of(key)).collect::<Vec<_>>();
    let status = |answer: &Stored| i16::try_from(answer.status).unwrap_or(i16::MAX);
    sqlx::query!(
        "update reservation.idempotency_key k set response_status = new.status, response_body = new.body, \
             response_location = new.location, response_content_type = new.content_type \
         from unnest($1::text[], $2::text[], $3::text[], $4::int2[], $5::bytea[], $6::text[], $7::text[]) \
         as new (client, route, key, status, body, location, content_type) \
         where (k.client, k.route, k.key) = (new.client, new.route, new.key) \
             and (k.response_status is null or k.response_status = 202)",
        &text(|key| &key.client) as &[&str],
        &text(|key| &key.route) as &[&str],
        &text(|key| &key.text) as &[&str],
        &answers
            .iter()
            .map(|(_, answer)| status(answer))
            .collect::<Vec<_>>(),
        &answers
            .iter()
            .map(|(_, answer)| answer.body.as_slice())
            .collect::<Vec<_>>() as &[&[u8]],
        &answers
            .iter()
            .map(|(_, answer)| answer.location.as_deref())
            .collect::<Vec<_>>() as &[Option<&str>],
        &answers
            .iter()
            .map(|(_, answer)| answer.content_type.as_str())
            .collect::<Vec<_>>() as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}
