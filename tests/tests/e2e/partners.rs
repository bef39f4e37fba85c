//! What a partner books is its own: asked for in its name, seen and cancelled by it, and by no other partner; also where all
//! of them sell rooms of the same hotel.

use reqwest::Method;
use serde_json::Value;
use tests::{Answer, Hotel, Platform, until};

use super::keys::{self, send};

/// A partner whose key is known everywhere: its id and the key.
async fn partner(platform: &Platform, hotels: &[&Hotel]) -> (String, String) {
    let (principal, _, key) = keys::partner(platform, hotels).await;
    until("the key is known", async || {
        let answer = send(platform, &key, Method::GET, "/v1/hotels", &Value::Null).await;
        (answer.status == 200).then_some(())
    })
    .await;
    (principal, key)
}

async fn booked(platform: &Platform, hotel: &Hotel, key: &str) -> Answer {
    let quote = hotel.quote(platform, 3, 2, 1).await;
    let booked = hotel.book_by(platform, &quote, "pm_ok", key).await;
    assert_eq!(booked.status, 201, "{}", booked.json);
    booked
}

/// The reservations of a hotel that whoever has the key sees.
async fn listed(platform: &Platform, hotel: &Hotel, key: &str) -> Vec<String> {
    let path = format!("/v1/reservations?hotel_id={}", hotel.hotel_id);
    let listed = send(platform, key, Method::GET, &path, &Value::Null).await;
    assert_eq!(listed.status, 200, "{}", listed.json);
    let items = listed.json["items"].as_array().unwrap().iter();
    items
        .map(|item| item["reservation_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_partner_books_is_asked_for_in_its_name_and_its_keys_are_its_own() {
    let platform = Platform::start().await;
    let (principal, key) = partner(&platform, &[]).await;
    let hotel = Hotel::create(&platform, 1).await;
    let quote = hotel.quote(&platform, 3, 2, 1).await;
    let made = hotel.book_by(&platform, &quote, "pm_ok", &key).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let actors = "select actor from reservation.outbox where type = 'StartSaga'";
    let said = platform.query(actors).await.unwrap();
    let actor = format!("partner:{principal}");
    assert_eq!(said, actor);
    let saga = platform
        .get(&format!("/v1/sagas/{}", made.text("/saga_id")))
        .await;
    assert_eq!(saga.text("/actor"), actor, "{}", saga.json);
    // Whom the run was asked by goes with each of its commands.
    let commands = "select string_agg(distinct coalesce(actor, 'nobody'), ',') from orchestrator.outbox";
    assert_eq!(platform.query(commands).await.unwrap(), actor);
    // The idempotency key is the partner's: somebody else's request under the same text is another.
    let other = hotel.book_by(&platform, &quote, "pm_ok", "").await;
    assert_eq!(
        (other.status.as_u16(), other.text("/code")),
        (409, "quote_used"),
        "{}",
        other.json
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_sees_and_cancels_its_own_bookings_alone() {
    let platform = Platform::start().await;
    let (hotel, elsewhere) = (
        Hotel::create(&platform, 5).await,
        Hotel::create(&platform, 5).await,
    );
    let (_, one) = partner(&platform, &[&hotel]).await;
    let (_, two) = partner(&platform, &[]).await;
    let ones = booked(&platform, &hotel, &one)
        .await
        .text("/reservation_id")
        .to_owned();
    let twos = booked(&platform, &hotel, &two)
        .await
        .text("/reservation_id")
        .to_owned();
    let guests = booked(&platform, &hotel, "")
        .await
        .text("/reservation_id")
        .to_owned();
    // Whoever has a key books anywhere, as anybody does, and sees what its grants say.
    let away = booked(&platform, &elsewhere, &one)
        .await
        .text("/reservation_id")
        .to_owned();

    assert_eq!(listed(&platform, &hotel, &one).await, [ones.as_str()]);
    assert_eq!(listed(&platform, &hotel, &two).await, [twos.as_str()]);
    assert_eq!(listed(&platform, &elsewhere, &two).await, [""; 0]);
    assert_eq!(
        listed(&platform, &hotel, &platform.keys.staff).await,
        [guests.as_str(), &twos, &ones],
        "the desk sees all"
    );
    for (key, id, wanted) in [
        (&one, &ones, 200),
        (&one, &twos, 404),
        (&one, &guests, 404),
        (&one, &away, 404),
        (&two, &twos, 200),
        (&two, &ones, 404),
        (&two, &away, 404),
    ] {
        for of in ["", "/history", "/cancellation-quote"] {
            let path = format!("/v1/reservations/{id}{of}");
            let answer = send(&platform, key, Method::GET, &path, &Value::Null).await;
            assert_eq!(answer.status, wanted, "{of}: {}", answer.json);
        }
    }
    for (key, may) in [(&two, false), (&one, true)] {
        for of in ["guest-links/revocation", "cancellation"] {
            let path = format!("/v1/reservations/{ones}/{of}");
            let answer = send(&platform, key, Method::POST, &path, &Value::Null).await;
            let (done, status) = (answer.status.is_success(), answer.status.as_u16());
            assert!(
                done == may && (may || status == 404),
                "{of}: {status} {}",
                answer.json
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_by_whom_they_were_asked() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 5).await;
    let (principal, key) = partner(&platform, &[&hotel]).await;
    let made = booked(&platform, &hotel, &key).await;
    booked(&platform, &hotel, "").await;
    let path = format!("/v1/reservations/{}/cancellation", made.text("/reservation_id"));
    let cancelled = send(&platform, &key, Method::POST, &path, &Value::Null).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.json);
    let sagas = |query: String| {
        let platform = &platform;
        async move {
            let listed = platform.get(&format!("/v1/sagas?{query}")).await;
            assert_eq!(listed.status, 200, "{}", listed.json);
            let items = listed.json["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| {
                    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
                    (text("type"), text("actor"))
                })
                .collect::<Vec<_>>()
        }
    };
    let actor = format!("partner:{principal}");
    let of = |kind: &str| (kind.to_owned(), actor.clone());
    let both = [of("cancel-stay"), of("book-stay")];
    until("the cancellation has a run", async || {
        (sagas(format!("actor={actor}")).await == both).then_some(())
    })
    .await;
    assert_eq!(sagas(format!("actor={actor}&type=book-stay")).await, both[1..]);
    let nobodys = "actor=partner:01936f5e-7d5c-7c3a-9a44-0d3f6a1b2c4d";
    assert!(sagas(nobodys.to_owned()).await.is_empty());
    assert_eq!(sagas("limit=50".to_owned()).await.len(), 3);
    let refused = platform.get("/v1/sagas?actor=Ada").await;
    assert_eq!(
        (refused.status.as_u16(), refused.text("/code")),
        (422, "invalid_field")
    );
}
