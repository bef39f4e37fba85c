//! What the tests share: a database with this schema, a hotel's rooms, and commands.

use contract::command::InventoryCommand;
use contract::{CommandEnvelope, HoldId, HotelId, Outcome, RoomTypeId, SagaId, Stay, StayDate};
use platform::Broken;
use platform::db::unit_of_work;
use sqlx::{Executor as _, PgPool};

use crate::Config;

/// The service's tables in a test's empty database.
pub(crate) async fn tables(pool: &PgPool) {
    pool.execute("create schema if not exists inventory")
        .await
        .unwrap();
    crate::MIGRATOR.run(pool).await.unwrap();
}

/// The date that many days from the database's today.
pub(crate) async fn day(pool: &PgPool, ahead: i32) -> StayDate {
    let mut db = pool.acquire().await.unwrap();
    let today = crate::store::today(&mut db).await.unwrap();
    StayDate::from_days_since_1970(today.days_since_1970() + ahead).unwrap()
}

/// A stay of `nights` nights from `check_in`.
pub(crate) fn stay(check_in: StayDate, nights: u32) -> Stay {
    Stay::new(check_in, check_in.plus_days(nights)).unwrap()
}

/// `nights` nights with `total` rooms each.
pub(crate) async fn offer(
    pool: &PgPool,
    hotel: HotelId,
    room_type: RoomTypeId,
    from: StayDate,
    nights: u32,
    total: i32,
) {
    let new: Vec<_> = (0..nights)
        .map(|offset| (from.plus_days(offset), total, false))
        .collect();
    let mut db = pool.acquire().await.unwrap();
    crate::store::insert_nights(&mut db, (hotel, room_type), &new)
        .await
        .unwrap();
}

/// A command on its way.
pub(crate) fn sent(command: InventoryCommand) -> CommandEnvelope<InventoryCommand> {
    let hotel_id = command.hotel_id();
    CommandEnvelope {
        saga_id: SagaId::from_uuid(hotel_id.uuid()),
        step: "a step".to_owned(),
        undo: false,
        attempt: 1,
        command,
    }
}

/// A hold of rooms.
pub(crate) fn hold(
    hotel_id: HotelId,
    room_type_id: RoomTypeId,
    hold_id: HoldId,
    stay: Stay,
    rooms: u16,
) -> CommandEnvelope<InventoryCommand> {
    sent(InventoryCommand::Hold {
        hotel_id,
        hold_id,
        room_type_id,
        stay,
        rooms,
    })
}

/// Books a hold.
pub(crate) fn book(hotel_id: HotelId, hold_id: HoldId) -> CommandEnvelope<InventoryCommand> {
    sent(InventoryCommand::Book { hotel_id, hold_id })
}

/// Releases a hold.
pub(crate) fn release(hotel_id: HotelId, hold_id: HoldId) -> CommandEnvelope<InventoryCommand> {
    sent(InventoryCommand::Release { hotel_id, hold_id })
}

/// Settles commands in one transaction, again as long as the failure may pass, as the consumer does.
pub(crate) async fn settled(
    pool: &PgPool,
    commands: Vec<CommandEnvelope<InventoryCommand>>,
    ttl: u32,
) -> Vec<Outcome> {
    loop {
        match try_settle(pool, commands.clone(), ttl).await {
            Ok(outcomes) => return outcomes,
            Err(Broken::Overtaken(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Settles commands in one transaction.
pub(crate) async fn try_settle(
    pool: &PgPool,
    commands: Vec<CommandEnvelope<InventoryCommand>>,
    ttl: u32,
) -> Result<Vec<Outcome>, Broken> {
    unit_of_work(pool, move |db| {
        Box::pin(async move {
            crate::settle(
                db,
                &commands,
                &Config {
                    hold_ttl_seconds: ttl,
                    hold_kept_days: 400,
                },
            )
            .await
        })
    })
    .await
}

/// `done`, or the code of the refusal.
pub(crate) fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused(refusal) => &refusal.code,
    }
}

/// Every night with its counters, and every hold with its state, without ids that differ between hotels.
pub(crate) async fn books(pool: &PgPool, hotel: HotelId) -> (Vec<String>, Vec<String>) {
    let nights = sqlx::query_scalar!(
        r#"select format('%s %s/%s/%s %s %s', night, held, sold, total, closed, forced) as "line!"
         from inventory.room_night where hotel_id = $1 order by room_type_id, night"#,
        hotel.uuid()
    );
    let holds = sqlx::query_scalar!(
        r#"select format('%s %s %s %s', check_in, check_out, rooms, state) as "line!"
         from inventory.hold where hotel_id = $1 order by hold_id"#,
        hotel.uuid()
    );
    (
        nights.fetch_all(pool).await.unwrap(),
        holds.fetch_all(pool).await.unwrap(),
    )
}

/// Panics unless every night keeps the cap and counts exactly the holds that take it.
pub(crate) async fn assert_books_balance(pool: &PgPool) {
    let wrong = sqlx::query_scalar!(
        r#"select format('%s: %s held, %s sold, %s rooms', night, held, sold, total) as "line!"
         from inventory.room_night
         where (not forced and (held + sold) * 10 > total * 11)
            or (held, sold) <> (
                select coalesce(sum(rooms) filter (where state = 'held'), 0),
                       coalesce(sum(rooms) filter (where state = 'sold'), 0)
                from inventory.hold
                where hold.hotel_id = room_night.hotel_id and hold.room_type_id = room_night.room_type_id
                  and state in ('held', 'sold') and night >= check_in and night < check_out)"#
    );
    let wrong = wrong.fetch_all(pool).await.unwrap();
    assert!(wrong.is_empty(), "{wrong:?}");
}
