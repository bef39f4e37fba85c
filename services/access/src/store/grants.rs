//! For which hotels somebody works.

use chrono::{DateTime, Utc};
use contract::{GrantId, HotelId, PrincipalId};
use platform::access::GrantRow;
use platform::{Broken, db};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Stamp;

/// Withdraws what is not wanted and grants what is not there.
pub(crate) async fn set_hotels(
    db: &mut PgConnection,
    principal: PrincipalId,
    hotels: &[HotelId],
    all: bool,
    stamp: &Stamp,
) -> Result<(), Broken> {
    let mut wanted: Vec<Option<Uuid>> = hotels.iter().map(|hotel| Some(hotel.uuid())).collect();
    wanted.extend(all.then_some(None));
    wanted.sort_unstable();
    wanted.dedup();
    let live = sqlx::query!(
        "select grant_id, hotel_id from access.granted where principal_id = $1 and ended_at is null",
        principal.uuid(),
    );
    let live = live.fetch_all(&mut *db).await?;
    let now = super::now(db).await?;
    let row = |grant_id, hotel_id, ended_at| GrantRow {
        grant_id,
        principal_id: principal.uuid(),
        hotel_id,
        ended_at,
        version: stamp.version,
        signature: None,
    };
    let over = live.iter().filter(|grant| !wanted.contains(&grant.hotel_id));
    let over = over.map(|grant| row(grant.grant_id, grant.hotel_id, Some(now)));
    let over: Vec<_> = over.collect();
    wanted.retain(|hotel| live.iter().all(|grant| grant.hotel_id != *hotel));
    let new = wanted
        .into_iter()
        .map(|hotel| row(GrantId::new().uuid(), hotel, None));
    let new: Vec<_> = new.collect();
    withdraw(db, &over, now, stamp).await?;
    grant(db, principal, &new, stamp).await
}

async fn withdraw(
    db: &mut PgConnection,
    over: &[GrantRow],
    now: DateTime<Utc>,
    stamp: &Stamp,
) -> Result<(), Broken> {
    let (ids, signatures) = signed(over, stamp);
    let ended = sqlx::query!(
        "update access.granted g set ended_at = $1, version = $2, signature = new.signature
         from unnest($3::uuid[], $4::text[]) as new (grant_id, signature) where g.grant_id = new.grant_id",
        now,
        stamp.version,
        &ids,
        &signatures,
    );
    let ended = ended.execute(db).await?.rows_affected();
    db::all_written("withdrawn grants", ended, over.len())
}

async fn grant(
    db: &mut PgConnection,
    principal: PrincipalId,
    new: &[GrantRow],
    stamp: &Stamp,
) -> Result<(), Broken> {
    let (ids, signatures) = signed(new, stamp);
    let hotels: Vec<Option<Uuid>> = new.iter().map(|grant| grant.hotel_id).collect();
    let granted = sqlx::query!(
        "insert into access.granted (grant_id, principal_id, hotel_id, version, signature)
         select grant_id, $1, hotel_id, $2, signature
         from unnest($3::uuid[], $4::uuid[], $5::text[]) as g (grant_id, hotel_id, signature)",
        principal.uuid(),
        stamp.version,
        &ids,
        &hotels as &[Option<Uuid>],
        &signatures,
    );
    let granted = granted.execute(db).await?.rows_affected();
    db::all_written("grants", granted, new.len())
}

fn signed(rows: &[GrantRow], stamp: &Stamp) -> (Vec<Uuid>, Vec<String>) {
    let signed = rows.iter().map(|row| (row.grant_id, stamp.signer.sign(row)));
    signed.unzip()
}
