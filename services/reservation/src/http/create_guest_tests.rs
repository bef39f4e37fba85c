//! A guest's id follows from the address, in every process and database; who is known keeps the id there is.

use contract::GuestId;
use serde_json::json;
use sqlx::PgPool;

use crate::fixtures::{World, quote};

const KNOWN: &str = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";

/// The id of the guest who books with this address.
async fn guest_of(world: &World, email: &str) -> GuestId {
    let quote = quote();
    let mut body = world.body(&quote, "pm_ok");
    body["guest"]["email"] = json!(email);
    let answer = world.book(&quote.quote_id.to_string(), &body, 0).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    world.stored(answer.reservation_id()).await.guest_id
}

#[sqlx::test(migrations = false)]
async fn an_address_has_one_id_however_it_is_written_and_whichever_process_meets_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let other = World::again(&pool);
    let ana = guest_of(&world, "Ana@Example.com").await;
    assert_eq!(guest_of(&other, "ana@example.COM").await, ana);
    let address = serde_json::from_value(json!("ana@example.com")).unwrap();
    assert_eq!(
        other.app.guest_ids.of(&address),
        ana,
        "not only because it was found"
    );
    assert_ne!(guest_of(&world, "eve@example.com").await, ana);
    assert_eq!(ana.uuid().get_version_num(), 8);
}

#[sqlx::test(migrations = false)]
async fn a_guest_of_before_keeps_the_id(pool: PgPool) {
    let world = World::new(&pool).await;
    let before =
        format!("insert into reservation.guest (guest_id, email) values ('{KNOWN}', 'ana@example.com')");
    world.sql(before).await;
    assert_eq!(guest_of(&world, "Ana@Example.com").await.to_string(), KNOWN);
}
