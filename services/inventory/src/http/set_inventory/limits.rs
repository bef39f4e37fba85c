//! Limits, what is left, and nights that are closed, opened and lowered, over HTTP.

use contract::HoldId;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::tests::Api;
use super::*;
use crate::fixtures::*;

#[sqlx::test(migrations = false)]
async fn what_is_just_allowed_is_taken_and_one_more_is_not(pool: PgPool) {
    let api = Api::new(&pool).await;
    let yesterday = StayDate::from_days_since_1970(api.today.days_since_1970() - 1).unwrap();
    for (from, to, total) in [
        (yesterday, api.today, 0),
        (api.day(1), api.day(2), 10_000),
        (api.day(3), api.day(403), 1),
        (api.day(1_097), api.day(1_098), 1),
    ] {
        let answer = api.put(json!({"from": from, "to": to, "total": total})).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
    }
    for (from, to, total, code, pointer) in [
        (api.day(1), api.day(2), 10_001, "invalid_field", "/total"),
        (api.day(3), api.day(404), 1, "range_too_long", "/to"),
        (api.day(1_097), api.day(1_099), 1, "too_far_ahead", "/to"),
    ] {
        let (status, problem) = api.put(json!({"from": from, "to": to, "total": total})).await;
        assert_eq!(
            (status, &problem["code"], &problem["pointer"]),
            (422, &json!(code), &json!(pointer))
        );
    }
}

#[sqlx::test(migrations = false)]
async fn what_is_left_is_a_tenth_more_rounded_down_and_the_list_is_in_order(pool: PgPool) {
    let api = Api::new(&pool).await;
    let mut types = [RoomTypeId::new(), RoomTypeId::new()];
    types.sort();
    // The later first, so that the order is not that of setting.
    for room_type in [types[1], types[0]] {
        for (ahead, total) in [(9, 20), (8, 19), (7, 10), (6, 9), (5, 0)] {
            offer(&pool, api.hotel, room_type, api.day(ahead), 1, total).await;
        }
    }
    let rows = async |query: String| -> Vec<Value> {
        let (status, shown) = api.get(&query).await;
        assert_eq!(status, 200, "{shown}");
        shown["items"].as_array().unwrap().clone()
    };
    let (from, to) = (api.day(5), api.day(9));
    let shown = rows(format!("from={from}&to={to}")).await;
    let wanted: Vec<_> = types
        .iter()
        .flat_map(|room_type| {
            [(5, 0, 0), (6, 9, 9), (7, 10, 11), (8, 19, 20)].map(|(ahead, total, left)| {
                json!({"room_type_id": room_type, "night": api.day(ahead), "total": total, "held": 0, "sold": 0,
                       "left": left, "closed": false})
            })
        })
        .collect();
    assert_eq!(shown, wanted, "without the night of `to`");
    let of_one = rows(format!("from={from}&to={to}&room_type_id={}", types[1])).await;
    assert_eq!(of_one, wanted[4..]);
}

#[sqlx::test(migrations = false)]
async fn a_night_that_was_closed_is_opened_again_with_what_was_sold_of_it(pool: PgPool) {
    let api = Api::new(&pool).await;
    let (from, to) = (api.day(1), api.day(3));
    api.put(json!({"from": from, "to": to, "total": 10})).await;
    let sold = HoldId::new();
    let one = |id| hold(api.hotel, api.room_type, id, stay(from, 2), 3);
    settled(&pool, vec![one(sold)], 900).await;
    let set = async |closed: bool| api.put(json!({"from": from, "to": to, "closed": closed})).await.1;
    let left = async || {
        let shown = api.get(&format!("from={from}&to={to}")).await.1;
        let of = |at: usize| ["held", "sold", "left", "closed"].map(|name| shown["items"][at][name].clone());
        assert_eq!(of(0), of(1));
        of(0)
    };
    assert_eq!(set(true).await["nights_changed"], 2);
    assert_eq!(left().await, [json!(3), json!(0), json!(0), json!(true)]);
    assert_eq!(
        code(&settled(&pool, vec![one(HoldId::new())], 900).await[0]),
        "closed"
    );
    // What was held before is booked all the same.
    assert_eq!(
        code(&settled(&pool, vec![book(api.hotel, sold)], 900).await[0]),
        "done"
    );
    assert_eq!(left().await, [json!(0), json!(3), json!(0), json!(true)]);
    assert_eq!(set(true).await["nights_changed"], 0);
    // A total alone opens nothing.
    api.put(json!({"from": from, "to": to, "total": 20})).await;
    assert_eq!(left().await, [json!(0), json!(3), json!(0), json!(true)]);
    assert_eq!(set(false).await["nights_changed"], 2);
    assert_eq!(left().await, [json!(0), json!(3), json!(19), json!(false)]);
    assert_eq!(
        code(&settled(&pool, vec![one(HoldId::new())], 900).await[0]),
        "done"
    );
    assert_books_balance(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn a_night_that_is_taken_to_its_last_room_is_not_forced(pool: PgPool) {
    let api = Api::new(&pool).await;
    let (from, to) = (api.day(1), api.day(2));
    api.put(json!({"from": from, "to": to, "total": 20})).await;
    let ids = [HoldId::new(), HoldId::new()];
    let holds = [(ids[0], 9), (ids[1], 2)]
        .map(|(id, rooms)| hold(api.hotel, api.room_type, id, stay(from, 1), rooms));
    settled(&pool, holds.to_vec(), 900).await;
    let lowered = json!({"from": from, "to": to, "total": 10, "force": true, "reason": "Fire"});
    assert_eq!(
        api.put(lowered).await.1,
        json!({"nights_changed": 1, "nights_forced": 0})
    );
    let line = async || books(&pool, api.hotel).await.0.remove(0);
    assert!(
        line().await.ends_with("11/0/10 f f"),
        "the table still watches over it"
    );
    // One below, and it is; back at what is taken, and it is not.
    api.put(json!({"from": from, "to": to, "total": 9, "force": true, "reason": "Fire"}))
        .await;
    assert!(line().await.ends_with("11/0/9 f t"));
    settled(&pool, vec![release(api.hotel, ids[1])], 900).await;
    assert!(line().await.ends_with("9/0/9 f f"));
}
