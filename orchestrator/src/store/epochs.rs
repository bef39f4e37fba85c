//! Who owns a shard.

use platform::Broken;
use sqlx::PgConnection;

use crate::epochs::Epochs;

/// One claim at a time, so that no epoch begins between our looking and our ending.
pub(crate) async fn claim_alone(db: &mut PgConnection) -> Result<(), Broken> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('orchestrator.saga_epoch'))")
        .execute(db)
        .await?;
    Ok(())
}

/// Waits until nobody writes under the current epochs of these shards, and keeps it so.
pub(crate) async fn lock_epochs(db: &mut PgConnection, shards: &[i32]) -> Result<(), Broken> {
    sqlx::query!(
        "select shard from orchestrator.saga_epoch
         where shard = any($1) and ended_at is null order by shard for update",
        shards
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// Ends the current epochs of these shards. By the clock and not by the beginning of the transaction:
/// it may have waited for the last writer.
pub(crate) async fn end_epochs(db: &mut PgConnection, shards: &[i32]) -> Result<(), Broken> {
    sqlx::query!(
        "update orchestrator.saga_epoch set ended_at = clock_timestamp()
         where shard = any($1) and ended_at is null",
        shards
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Begins the next epoch of each of these shards. No two epochs have one number, whatever their shards: what a run was
/// written under tells its owner also when it has come to another shard.
pub(crate) async fn begin_epochs(
    db: &mut PgConnection,
    shards: &[i32],
    owner: &str,
) -> Result<Vec<(i32, i64)>, Broken> {
    let begun = sqlx::query!(
        r#"insert into orchestrator.saga_epoch (shard, epoch, owner, began_at)
           select wanted.shard, former.epoch + wanted.number, $2, clock_timestamp()
           from unnest($1::integer[]) with ordinality as wanted (shard, number),
                (select coalesce(max(epoch), 0) as epoch from orchestrator.saga_epoch) as former
           returning shard, epoch"#,
        shards,
        owner
    )
    .fetch_all(db)
    .await?;
    Ok(begun.into_iter().map(|row| (row.shard, row.epoch)).collect())
}

/// Those of our epochs that have not ended.
pub(crate) async fn current(db: &mut PgConnection, ours: &Epochs) -> Result<Epochs, Broken> {
    let (shards, epochs): (Vec<i32>, Vec<i64>) = ours.iter().unzip();
    let held = sqlx::query_scalar!(
        r#"select current.shard
           from orchestrator.saga_epoch current
           join unnest($1::integer[], $2::bigint[]) as ours(shard, epoch)
             on ours.shard = current.shard and ours.epoch = current.epoch
           where current.ended_at is null"#,
        &shards,
        &epochs
    )
    .fetch_all(db)
    .await?;
    let mut current = ours.clone();
    current.retain(|shard, _| held.contains(shard));
    Ok(current)
}
