//! What is asked of the hotel service, how long it is believed, and what comes of no answer.

use contract::{HotelId, RoomTypeId};

use super::*;
use crate::fixtures::Hotels;

fn said(answer: Result<(), Problem>) -> (u16, Option<String>) {
    answer.map_or_else(
        |problem| (problem.body().status, problem.body().pointer.clone()),
        |()| (200, None),
    )
}

fn lacks(pointer: &str) -> (u16, Option<String>) {
    (404, Some(pointer.to_owned()))
}

#[tokio::test]
async fn what_was_added_a_moment_ago_exists_and_what_was_not_is_named() {
    let hotels = Hotels::start().await;
    let catalogue = Catalogue::new(&hotels.url, Clock::system()).unwrap();
    let (hotel, room_type) = (HotelId::new(), RoomTypeId::new());
    let of = |hotel, room_type| catalogue.room_type((hotel, room_type));
    assert_eq!(said(of(hotel, room_type).await), lacks("hotel_id"));
    assert_eq!(said(catalogue.offers(hotel, None).await), lacks("hotel_id"));
    hotels.add(hotel, RoomTypeId::new());
    assert_eq!(said(of(hotel, room_type).await), lacks("room_type_id"));
    assert_eq!(said(catalogue.offers(hotel, None).await), (200, None));
    assert_eq!(
        said(catalogue.offers(hotel, Some(room_type)).await),
        lacks("room_type_id")
    );
    hotels.add(hotel, room_type);
    assert_eq!(said(of(hotel, room_type).await), (200, None));
    hotels.add(HotelId::new(), room_type);
    assert_eq!(said(of(HotelId::new(), room_type).await), lacks("hotel_id"));
}

#[tokio::test]
async fn yes_is_believed_for_a_minute_and_no_never() {
    let hotels = Hotels::start().await;
    let start = "2026-11-29T23:59:30Z".parse::<DateTime<Utc>>().unwrap();
    let clock = Clock::fixed(start);
    let catalogue = Catalogue::new(&hotels.url, clock.clone()).unwrap();
    let key = (HotelId::new(), RoomTypeId::new());
    hotels.add(key.0, key.1);
    for _ in 0..3 {
        assert_eq!(said(catalogue.room_type(key).await), (200, None));
    }
    assert_eq!(hotels.asked(), 1);
    hotels.remove(key.0, key.1);
    clock.set(start + TimeDelta::milliseconds(59_999));
    assert_eq!(said(catalogue.room_type(key).await), (200, None));
    clock.set(start + TimeDelta::seconds(60));
    for _ in 0..3 {
        assert_eq!(said(catalogue.room_type(key).await), lacks("hotel_id"));
    }
    assert_eq!(hotels.asked(), 4);
}

#[tokio::test]
async fn the_memory_is_bounded_and_forgets_the_old_first() {
    let hotels = Hotels::start().await;
    let start = "2026-11-29T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let clock = Clock::fixed(start);
    let catalogue = Catalogue::new(&hotels.url, clock.clone()).unwrap();
    let hotel = HotelId::new();
    catalogue
        .known()
        .extend((0..KNOWN_MAX).map(|_| ((hotel, RoomTypeId::new()), start)));
    let key = (hotel, RoomTypeId::new());
    hotels.add(key.0, key.1);
    for asked in 1..=2 {
        assert_eq!(said(catalogue.room_type(key).await), (200, None));
        assert_eq!((hotels.asked(), catalogue.known().len()), (asked, KNOWN_MAX));
    }
    clock.set(start + TimeDelta::seconds(60));
    for _ in 0..2 {
        assert_eq!(said(catalogue.room_type(key).await), (200, None));
        assert_eq!((hotels.asked(), catalogue.known().len()), (3, 1));
    }
}

#[tokio::test]
async fn no_answer_and_an_answer_of_somebody_else_are_no_no() {
    let key = (HotelId::new(), RoomTypeId::new());
    let nobody = Catalogue::new("http://127.0.0.1:1", Clock::system()).unwrap();
    let hotels = Hotels::start().await;
    let elsewhere = Catalogue::new(&format!("{}/elsewhere/", hotels.url), Clock::system()).unwrap();
    for catalogue in [nobody, elsewhere] {
        for answer in [
            catalogue.room_type(key).await,
            catalogue.offers(key.0, None).await,
        ] {
            let problem = answer.unwrap_err();
            let body = problem.body();
            assert_eq!(
                (
                    body.status,
                    body.code.as_str(),
                    body.retryable,
                    body.retry_after_seconds
                ),
                (503, "unavailable", true, Some(1))
            );
        }
    }
}
