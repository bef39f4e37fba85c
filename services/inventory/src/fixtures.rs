//! What the tests share: a database with this schema, a hotel's rooms, and commands.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::get;
use contract::command::{HeldLine, HeldLines, InventoryCommand};
use contract::{CommandEnvelope, HoldId, HotelId, Outcome, RoomTypeId, SagaId, Stay, StayDate};
use platform::Broken;
use platform::db::unit_of_work;
use platform::http::Problem;
use sqlx::{Executor as _, PgPool};

use crate::Config;

/// The hotel service as a peer that answers what its interface says, so that a test can add and remove at will.
#[derive(Clone)]
pub(crate) struct Hotels {
    /// Where it listens.
    pub(crate) url: String,
    offered: Arc<Mutex<BTreeSet<(String, String)>>>,
    asked: Arc<AtomicUsize>,
}

impl Hotels {
    /// Knows nothing yet.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hotels = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            offered: Arc::default(),
            asked: Arc::default(),
        };
        let routes = axum::Router::new()
            .route(
                "/v1/hotels/{hotel}",
                get(|State(hotels): State<Self>, Path(hotel): Path<String>| async move {
                    hotels.answer(&hotel, None)
                }),
            )
            .route(
                "/v1/hotels/{hotel}/room-types/{room_type}",
                get(
                    |State(hotels): State<Self>, Path((hotel, room_type)): Path<(String, String)>| async move {
                        hotels.answer(&hotel, Some(&room_type))
                    },
                ),
            )
            .with_state(hotels.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, routes).await });
        hotels
    }

    fn answer(&self, hotel: &str, room_type: Option<&str>) -> Result<(), Problem> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let offered = self.offered.lock().unwrap();
        if !offered.iter().any(|(known, _)| known == hotel) {
            // The hotel itself is named by no pointer.
            let problem = Problem::not_found("hotel");
            return Err(if room_type.is_some() {
                problem.at("hotel_id")
            } else {
                problem
            });
        }
        match room_type {
            Some(room_type) if !offered.contains(&(hotel.to_owned(), room_type.to_owned())) => {
                Err(Problem::not_found("room type in this hotel").at("room_type_id"))
            }
            _ => Ok(()),
        }
    }

    /// Adds a hotel's room type.
    pub(crate) fn add(&self, hotel: HotelId, room_type: RoomTypeId) {
        let mut offered = self.offered.lock().unwrap();
        offered.insert((hotel.to_string(), room_type.to_string()));
    }

    /// Removes it; the last one takes its hotel along.
    pub(crate) fn remove(&self, hotel: HotelId, room_type: RoomTypeId) {
        let mut offered = self.offered.lock().unwrap();
        offered.remove(&(hotel.to_string(), room_type.to_string()));
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

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
    let now = crate::store::now(&mut db).await.unwrap();
    StayDate::from_days_since_1970(now.date_naive().to_epoch_days() + ahead).unwrap()
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
        round: 1,
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
        lines: HeldLines(vec![HeldLine {
            room_type_id,
            stay,
            rooms,
        }]),
        time_zone: None,
    })
}

/// A hold of several lines.
pub(crate) fn hold_lines(
    hotel_id: HotelId,
    hold_id: HoldId,
    lines: &[(RoomTypeId, Stay, u16)],
) -> CommandEnvelope<InventoryCommand> {
    let line = |(room_type_id, stay, rooms): &(RoomTypeId, Stay, u16)| HeldLine {
        room_type_id: *room_type_id,
        stay: *stay,
        rooms: *rooms,
    };
    sent(InventoryCommand::Hold {
        hotel_id,
        hold_id,
        lines: HeldLines(lines.iter().map(line).collect()),
        time_zone: None,
    })
}

/// Books a hold.
pub(crate) fn book(hotel_id: HotelId, hold_id: HoldId) -> CommandEnvelope<InventoryCommand> {
    sent(InventoryCommand::Book { hotel_id, hold_id })
}

/// Releases a hold.
pub(crate) fn release(hotel_id: HotelId, hold_id: HoldId) -> CommandEnvelope<InventoryCommand> {
    release_from(hotel_id, hold_id, None)
}

/// Releases the nights of a hold from one on.
pub(crate) fn release_from(
    hotel_id: HotelId,
    hold_id: HoldId,
    from: Option<StayDate>,
) -> CommandEnvelope<InventoryCommand> {
    sent(InventoryCommand::Release {
        hotel_id,
        hold_id,
        from,
    })
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
    let commands: Vec<_> = commands.into_iter().map(crate::Queued::from).collect();
    unit_of_work(pool, move |db| {
        Box::pin(async move {
            let config = Config {
                hold_ttl_seconds: ttl,
                hold_kept_days: 400,
            };
            let (outcomes, _) = crate::settle(db, &commands, &[], &config, |_| Ok(Vec::new())).await?;
            Ok(outcomes)
        })
    })
    .await
}

/// `done`, or the code of the refusal.
pub(crate) fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused(refusal) => refusal.word(),
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
         from inventory.hold where hotel_id = $1 order by hold_id, line_no"#,
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
