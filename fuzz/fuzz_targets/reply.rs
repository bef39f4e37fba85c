//! Whatever stands in the replies' topic, the events' topic or the change streams is read or refused; what is
//! read is written and read again the same.

#![no_main]

use contract::Reply;
use contract::change::{Change, Hotel, Price, RatePlan, RoomNight, RoomType};
use contract::event::ReservationEvent;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    read::<Reply>(bytes);
    read::<ReservationEvent>(bytes);
    let _ = serde_json::from_slice::<Change<RoomNight>>(bytes);
    let _ = serde_json::from_slice::<Change<Hotel>>(bytes);
    let _ = serde_json::from_slice::<Change<RoomType>>(bytes);
    let _ = serde_json::from_slice::<Change<RatePlan>>(bytes);
    let _ = serde_json::from_slice::<Change<Price>>(bytes);
});

fn read<M: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<M>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&message).expect("a message is JSON");
    assert_eq!(
        serde_json::from_slice::<M>(&written).ok().as_ref(),
        Some(&message)
    );
}
