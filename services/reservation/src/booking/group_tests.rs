//! A repeat that comes while its first request is being committed is a repeat, whatever it looks at first; a group that
//! another process overtakes is tried again; and what a group of requests costs.

use std::sync::Arc;

use contract::quote::Quote;
use contract::{GuestId, ReservationId, SagaId};
use platform::cost::{Statements, rows_written};
use platform::http::Key;
use platform::{Envelope, Tasks};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};

use super::*;
use crate::booking::{Known, Order};
use crate::fixtures::{World, quote, until};
use crate::model::Terms;

const PLACES: u32 = 10;

/// A request of the one client that the tests have, under one key.
fn creation(quote: &Quote) -> Creation {
    let guest = serde_json::json!({"name": "Ana Sousa", "email": "ana@example.com"});
    Creation {
        key: Key {
            client: "development".to_owned(),
            route: "POST /v1/reservations".to_owned(),
            text: "key".to_owned(),
        },
        fingerprint: crate::fingerprint::tests::fingerprint(7),
        order: Order {
            quote: quote.clone(),
            terms: Terms::of(quote).unwrap(),
            guest: serde_json::from_value(guest).unwrap(),
            payment_method: serde_json::from_value("pm_ok".into()).unwrap(),
        },
        reservation_id: ReservationId::new(),
        saga_id: SagaId::new(),
        guest_id: GuestId::new(),
        envelope: Envelope::default(),
        waits: false,
    }
}

#[sqlx::test(migrations = false)]
async fn a_group_of_requests_is_two_statements_and_four_rows_for_each(pool: PgPool) {
    crate::fixtures::migrate(&pool).await;
    let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut db).await.unwrap();
    let group = (0..3).map(|number| {
        let mut creation = creation(&quote());
        creation.key.text = format!("key-{number}");
        let guest = serde_json::json!({"name": "Ana Sousa", "email": format!("ana{number}@example.com")});
        creation.order.guest = serde_json::from_value(guest).unwrap();
        creation
    });
    let group: Arc<[Creation]> = group.collect();
    let heard = Statements::heard();
    let booked = book(&mut db, group, PLACES, Some(0), BookingCode::draw).await;
    assert!(booked.is_ok_and(|booked| booked.created.len() == 3));
    let statements = heard.take();
    assert_eq!(statements.len(), 2, "{statements:#?}");
    // The booking with its key, its guest, a line of history, what starts its saga.
    let (rows, where_they_are) = rows_written(&mut db, crate::SCHEMA).await.unwrap();
    assert_eq!(rows, 3 * 4, "{where_they_are}");
}

async fn booked(db: &mut PgConnection, creation: Creation) -> Created {
    let group = Arc::from([creation]);
    let booked = book(db, group, PLACES, Some(0), BookingCode::draw).await;
    let Ok(Booked { mut created, .. }) = booked else {
        panic!("the group was not booked");
    };
    created.remove(0)
}

/// A first request that was booked and not committed, with a lock that lets nobody look whether a quote is used:
/// who comes now stands between the two looks until it is committed.
async fn first_under_way(pool: &PgPool, first: Creation) -> PgConnection {
    let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let lock = "begin; lock table reservation.reservation in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut db).await.unwrap();
    assert!(matches!(booked(&mut db, first).await, Created::Taken(_)));
    db
}

/// Commits what is under way when somebody waits for it.
async fn commit_when_waited_for(pool: &PgPool, mut under_way: PgConnection) {
    // Locks of a transaction name no database.
    let waiting = "select exists (select from pg_locks join pg_stat_activity using (pid) \
                   where not granted and datname = current_database())";
    let waits = async || sqlx::raw_sql(waiting).fetch_one(pool).await.unwrap().get(0);
    until("somebody waits for what is under way", waits).await;
    sqlx::raw_sql("commit").execute(&mut under_way).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_repeat_that_meets_the_commit_of_its_first_request_is_known_by_its_key(pool: PgPool) {
    crate::fixtures::migrate(&pool).await;
    let quote = quote();
    let (first, repeat) = (creation(&quote), creation(&quote));
    let id = first.reservation_id;
    let under_way = first_under_way(&pool, first).await;
    let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let told = Tasks::new().spawn_work(async move { booked(&mut db, repeat).await });
    commit_when_waited_for(&pool, under_way).await;
    let told = told.await.unwrap();
    assert!(
        matches!(told, Created::Known(Known::Open(known)) if known == id),
        "{told:?}"
    );
}

#[sqlx::test(migrations = false)]
async fn so_is_one_whose_quote_has_expired_meanwhile(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    let quote = quote();
    let body = world.body(&quote, "pm_ok");
    let under_way = first_under_way(&pool, creation(&quote)).await;
    world.clock.set(quote.expires_at);
    let asking = Arc::clone(&world);
    let told = Tasks::new().spawn_work(async move { asking.book("key", &body, 0).await });
    commit_when_waited_for(&pool, under_way).await;
    // Its body differs from that of the first request, as the test's fingerprint is made up: it is the key that
    // speaks, where the quote would say `quote_used`.
    let told = told.await.unwrap();
    assert_eq!(
        (told.status, told.code().as_str()),
        (422, "idempotency_key_reused"),
        "{told:?}"
    );
}

/// What another process has written of a request and not committed: its guest, or all of it under another key.
async fn another_writes(pool: &PgPool, other: Creation, guest_alone: bool) -> PgConnection {
    let mut db = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    sqlx::raw_sql("begin").execute(&mut db).await.unwrap();
    if guest_alone {
        let (id, email) = (GuestId::new(), other.order.guest.email);
        let guest = format!(
            "insert into reservation.guest (guest_id, email) values ('{id}', '{}')",
            email.as_str()
        );
        let written = sqlx::raw_sql(sqlx::AssertSqlSafe(guest)).execute(&mut db).await;
        assert_eq!(written.unwrap().rows_affected(), 1);
    } else {
        assert!(matches!(booked(&mut db, other).await, Created::Taken(_)));
    }
    db
}

#[sqlx::test(migrations = false)]
async fn a_group_that_is_overtaken_is_booked_all_the_same(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    // The guest's first stay is booked in two processes at once.
    let under_way = another_writes(&pool, creation(&quote()), true).await;
    let (asking, body) = (Arc::clone(&world), world.body(&quote(), "pm_ok"));
    let told = Tasks::new().spawn_work(async move { asking.book("mine", &body, 0).await });
    commit_when_waited_for(&pool, under_way).await;
    let told = told.await.unwrap();
    assert_eq!(told.status, 202, "{told:?}");
    assert_eq!(world.count("guest").await, 1);
}

#[sqlx::test(migrations = false)]
async fn a_group_whose_quote_another_uses_meanwhile_is_told_so(pool: PgPool) {
    let world = Arc::new(World::new(&pool).await);
    // So that nobody meets at the guest.
    world.booked().await;
    let quote = quote();
    let under_way = another_writes(&pool, creation(&quote), false).await;
    let (asking, body) = (Arc::clone(&world), world.body(&quote, "pm_ok"));
    let told = Tasks::new().spawn_work(async move { asking.book("mine", &body, 0).await });
    commit_when_waited_for(&pool, under_way).await;
    let told = told.await.unwrap();
    assert_eq!(
        (told.status, told.code().as_str()),
        (409, "quote_used"),
        "{told:?}"
    );
}
