//! What a guest wrote stands in the guest's columns and nowhere else, and a repeat is told the same all the same.

use axum::http::StatusCode;
use platform::http::Stored;
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};

use crate::fixtures::{Answer, World, confirm, pending, quote, replayed, same};
use crate::model::Reservation;
use crate::view::{self, GuestBody, ReservationBody};

const NAME: &str = r#"Ana "guest":null Sousa \ Ünal"#;
const EMAIL: &str = "ana.sousa@example.com";
const PHONE: &str = "+351 21 987 6543";

/// A booking whose guest has a name that looks like JSON, confirmed: what was asked, its row, and its first repeat.
async fn told(world: &World) -> (Value, Reservation, Answer) {
    let mut body = world.body(&quote(), "pm_ok");
    body["guest"] = json!({"name": NAME, "email": EMAIL, "phone": PHONE});
    let taken = world.book("key", &body, 0).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    let row = world.stored(taken.reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    let told = world.book("key", &body, 0).await;
    assert_eq!(told.status, 201, "{told:?}");
    (body, row, told)
}

async fn text(world: &World, sql: &str) -> String {
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
    row.fetch_one(&world.pool).await.unwrap().get(0)
}

#[sqlx::test(migrations = false)]
async fn nothing_that_is_kept_of_a_booking_has_what_its_guest_wrote(pool: PgPool) {
    let world = World::new(&pool).await;
    let (body, row, told) = told(&world).await;
    assert_eq!(told.json()["guest"]["name"], NAME);
    assert_eq!(told.json()["guest"]["phone"], PHONE);
    let handed = view::outcome(&world.stored(row.reservation_id).await);
    assert_eq!(
        told.without_link(),
        handed.body,
        "as whoever waited was handed it"
    );
    let kept = "select (to_jsonb(r) - 'guest_name' - 'guest_phone')::text || convert_from(told, 'UTF8') \
                from reservation.reservation r";
    let kept = text(&world, kept).await;
    assert!(kept.contains(r#""guest":null"#), "{kept}");
    for wrote in ["Ana", "sousa", "987"] {
        assert!(!kept.contains(wrote), "{wrote} in {kept}");
    }
    // Whoever has no secret cannot make it of what was asked.
    let keyed = "select encode(keyed_fingerprint, 'hex') from reservation.reservation";
    let plain = "select encode(fingerprint, 'hex') from reservation.reservation";
    let (keyed, plain) = (text(&world, keyed).await, text(&world, plain).await);
    assert_eq!((keyed.len(), plain.len()), (64, 64));
    assert_ne!(keyed, plain);
    // The next release will keep none that can be made.
    world
        .sql("update reservation.reservation set fingerprint = sha256('')".to_owned())
        .await;
    let again = World::again(&pool).book("key", &body, 0).await;
    assert!(same(&told, &again) && replayed(&again), "{again:?}");
    let mut other = body;
    other["guest"]["name"] = json!("Eve");
    let other = world.book("key", &other, 0).await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (422, "idempotency_key_reused")
    );
}

#[sqlx::test(migrations = false)]
async fn what_the_former_release_kept_whole_is_told_as_it_is(pool: PgPool) {
    let world = World::new(&pool).await;
    let (body, _, told) = told(&world).await;
    let whole = String::from_utf8(told.without_link()).unwrap();
    let former = format!(
        "update reservation.reservation set keyed_fingerprint = null, told = null, answer = convert_to('{whole}', 'UTF8')"
    );
    world.sql(former).await;
    let again = World::again(&pool).book("key", &body, 0).await;
    assert!(same(&told, &again) && replayed(&again), "{again:?}");
    let mut other = body;
    other["guest"]["phone"] = Value::Null;
    let other = world.book("key", &other, 0).await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (422, "idempotency_key_reused")
    );
}

proptest! {
    #[test]
    fn an_answer_without_its_guest_has_it_again_where_it_was(
        name in r#"[a-z",:{}\\]{0,8}(,"guest":null|,"guest":\{)?.{0,8}"#, phone in proptest::option::of("[0-9 +]{6,9}"),
    ) {
        let row = Reservation { guest_name: name.clone(), guest_phone: phone, ..pending() };
        let whole = Stored::json(StatusCode::CREATED, &ReservationBody::from(&row), None);
        let kept = view::without_guest(&whole, &row);
        let shown: Value = serde_json::from_slice(&kept).unwrap();
        prop_assert_eq!(&shown["guest"], &Value::Null);
        prop_assert!(shown["reservation_id"].is_string());
        prop_assert_eq!(GuestBody::from(&row).within(kept), whole.body);
    }
}
