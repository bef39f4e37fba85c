//! Who has a guest link has that reservation, and who has another, an old one or none has not. Through the real guard.

use axum::body::Body;
use axum::http::{Request, header};
use contract::Refusal;
use http_body_util::BodyExt as _;
use platform::access::{Gate, Identities, Issuers, PepperConfig, ServiceTokens, SessionConfig, guarded};
use platform::token::TokenConfig;
use sqlx::PgPool;
use tower::ServiceExt as _;

use super::*;
use crate::fixtures::{Answer, World, at, confirm, quote, reject, same};

/// What a guest meets.
struct Door(axum::Router);

impl Door {
    fn of(world: &World) -> Self {
        let key_pepper = format!("1:{}", "p".repeat(32)).parse().unwrap();
        let session_secret = format!("1:{}", "s".repeat(32)).parse().unwrap();
        let token_secret = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let gate = Gate {
            identities: Identities::default(),
            peppers: PepperConfig { key_pepper }.ring().unwrap(),
            links: world.app.links.clone(),
            sessions: SessionConfig { session_secret }.sessions().unwrap(),
            issuers: Issuers::default(),
            members: None,
            services: ServiceTokens::new(&TokenConfig { token_secret }).unwrap(),
            clock: world.clock.clone(),
        };
        Self(guarded(
            crate::routes(world.app.clone()),
            crate::operations(),
            gate,
        ))
    }

    async fn send(&self, method: &str, path: &str, link: Option<&str>, body: String) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(link) = link {
            request = request.header(header::AUTHORIZATION, format!("Bearer {link}"));
        }
        let response = self.0.clone().oneshot(request.body(Body::from(body)).unwrap());
        let (head, body) = response.await.unwrap().into_parts();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            bytes: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    /// What comes of asking, and its code if it was refused.
    async fn ask(&self, method: &str, path: &str, link: Option<&str>) -> (u16, String) {
        let answer = self.send(method, path, link, String::new()).await;
        (answer.status, answer.code())
    }

    async fn look_up(&self, code: &str) -> Answer {
        let body = serde_json::json!({"code": code, "email": "ana@example.com"}).to_string();
        let answer = self.send("POST", "/v1/reservations/look-up", None, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }
}

/// Every operation that is about one reservation; the last withdraws its links.
fn operations_of(id: ReservationId) -> [(&'static str, String); 5] {
    let itself = crate::view::location(id);
    [
        ("GET", itself.clone()),
        ("GET", format!("{itself}/history")),
        ("GET", format!("{itself}/cancellation-quote")),
        ("POST", format!("{itself}/cancellation")),
        ("POST", format!("{itself}/guest-links/revocation")),
    ]
}

fn token(answer: &Answer) -> String {
    let link = answer.json()["guest_link"].clone();
    link["token"].as_str().unwrap_or_default().to_owned()
}

/// A confirmed booking and the answer that its guest got.
async fn booked(world: &World) -> Answer {
    let quote = quote();
    let (key, body) = (quote.quote_id.to_string(), world.body(&quote, "pm_ok"));
    let taken = world.book(&key, &body, 0).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    let row = world.stored(taken.reservation_id()).await;
    world.command(vec![confirm(&row)]).await.unwrap();
    let answer = world.book(&key, &body, 0).await;
    assert_eq!((answer.status, token(&answer)), (201, token(&taken)));
    assert!(same(&answer, &world.book(&key, &body, 0).await), "the same bytes");
    answer
}

#[sqlx::test(migrations = false)]
async fn a_guest_has_their_own_reservation_by_its_link_and_no_other(pool: PgPool) {
    let world = World::new(&pool).await;
    let door = Door::of(&world);
    let (own, others) = (booked(&world).await, booked(&world).await);
    let link = token(&own);
    for (method, path) in operations_of(own.reservation_id()) {
        let nobody = door.ask(method, &path, None).await;
        assert_eq!(nobody, (401, "credential_missing".to_owned()), "{path}");
        let another = door.ask(method, &path, Some(&token(&others))).await;
        assert_eq!(another, (404, "not_found".to_owned()), "{path}");
        let owner = door.ask(method, &path, Some(&link)).await;
        assert!([200, 202].contains(&owner.0), "{path}: {owner:?}");
    }
    for (method, path) in operations_of(ReservationId::new()) {
        let absent = door.ask(method, &path, Some(&token(&others))).await;
        assert_eq!(absent, (404, "not_found".to_owned()), "{path}");
    }
    let list = format!("/v1/reservations?hotel_id={}", contract::HotelId::new());
    let listed = door.ask("GET", &list, Some(&token(&others))).await;
    assert_eq!(listed, (403, "not_permitted".to_owned()));
    // What another's link cannot open is untouched by it.
    let theirs = world.stored(others.reservation_id()).await;
    assert_eq!(theirs.state, crate::model::State::Confirmed);
}

#[sqlx::test(migrations = false)]
async fn withdrawn_links_open_nothing_and_the_guest_gets_a_new_one_by_code_and_email(pool: PgPool) {
    let world = World::new(&pool).await;
    let door = Door::of(&world);
    let first = booked(&world).await;
    let code = first.json()["code"].as_str().unwrap().to_owned();
    let second = token(&door.look_up(&code).await);
    assert_eq!(second, token(&first), "of the same number, so the same");
    let itself = crate::view::location(first.reservation_id());
    let revoked = door
        .ask("POST", &format!("{itself}/guest-links/revocation"), Some(&second))
        .await;
    assert_eq!(revoked.0, 200);
    let gone = (404, "not_found".to_owned());
    for (method, path) in operations_of(first.reservation_id()) {
        assert_eq!(door.ask(method, &path, Some(&second)).await, gone, "{path}");
    }
    let third = token(&door.look_up(&code).await);
    assert_ne!(third, second);
    assert_eq!(door.ask("GET", &itself, Some(&third)).await.0, 200);
    // A repeat of the booking tells what was told first, which opens nothing any more.
    let again = world.answer_of(&world.stored(first.reservation_id()).await).await;
    assert!(same(&again, &first));
}

#[sqlx::test(migrations = false)]
async fn a_link_ends_thirty_days_after_the_check_out_and_a_later_look_up_gives_one_for_a_day(pool: PgPool) {
    let world = World::at(&pool, crate::fixtures::NOW).await;
    let door = Door::of(&world);
    let own = booked(&world).await;
    let (link, itself) = (token(&own), crate::view::location(own.reservation_id()));
    assert_eq!(own.json()["guest_link"]["ends_at"], "2127-04-12T00:00:00Z");
    world.set_clock("2127-04-11T23:59:59Z").await;
    assert_eq!(door.ask("GET", &itself, Some(&link)).await.0, 200);
    world.set_clock("2127-04-12T00:00:00Z").await;
    let ended = door.send("GET", &itself, Some(&link), String::new()).await;
    assert_eq!((ended.status, ended.code().as_str()), (401, "link_ended"));
    let detail = ended.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("POST /v1/reservations/look-up"), "{detail}");
    let new = door.look_up(own.json()["code"].as_str().unwrap()).await;
    assert_eq!(new.json()["guest_link"]["ends_at"], "2127-04-13T00:00:00Z");
    assert_eq!(door.ask("GET", &itself, Some(&token(&new))).await.0, 200);
}

#[sqlx::test(migrations = false)]
async fn a_link_is_in_no_kept_answer_and_in_no_refusal(pool: PgPool) {
    let world = World::new(&pool).await;
    let own = booked(&world).await;
    assert!(token(&own).starts_with("bhl_1_"));
    assert_eq!(world.count("reservation where told is not null").await, 1);
    let kept = "reservation where convert_from(told, 'UTF8') like '%bhl_%' \
                or convert_from(told, 'UTF8') like '%guest_link\"%'";
    assert_eq!(world.count(kept).await, 0);
    let quote = quote();
    let (key, body) = (quote.quote_id.to_string(), world.body(&quote, "pm_ok"));
    let row = world
        .stored(world.book(&key, &body, 0).await.reservation_id())
        .await;
    let refusal = Refusal::from(contract::Why::PaymentDeclined);
    world.command(vec![reject(&row, refusal)]).await.unwrap();
    let refused = world.book(&key, &body, 0).await;
    assert_eq!((refused.status, token(&refused).as_str()), (402, ""));
}

#[test]
fn what_is_no_reservation_is_given_as_it_is() {
    let link_secret = format!("1:{}", "l".repeat(32)).parse().unwrap();
    let links = platform::access::LinkConfig { link_secret }.links().unwrap();
    let id = "01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    let stored = |status, body: &str| Stored::kept(status, body.as_bytes().to_vec(), None);
    let whole = format!(r#"{{"reservation_id":"{id}","check_out":"2027-03-13"}}"#);
    for (status, body) in [(409, whole.as_str()), (201, "{}"), (201, "[]"), (201, "")] {
        let given = given(&links, stored(status, body));
        assert_eq!(given, stored(status, body));
    }
    let told = given(&links, stored(201, &whole));
    let told: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(told["check_out"], "2027-03-13");
    assert_eq!(
        told["guest_link"]["ends_at"],
        serde_json::to_value(at("2027-04-12T00:00:00Z")).unwrap()
    );
}
