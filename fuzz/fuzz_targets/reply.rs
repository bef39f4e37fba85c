//! Whatever stands in the replies' topic, the events' topic or the change streams is read or refused; what is
//! read is written and read again the same.

#![no_main]

use contract::Reply;
use contract::change::{Change, Hotel, Price, RatePlan, RoomNight, RoomType};
use contract::event::ReservationEvent;
use fuzz::reads_again;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    reads_again::<Reply>(bytes);
    reads_again::<ReservationEvent>(bytes);
    let _ = serde_json::from_slice::<Change<RoomNight>>(bytes);
    let _ = serde_json::from_slice::<Change<Hotel>>(bytes);
    let _ = serde_json::from_slice::<Change<RoomType>>(bytes);
    let _ = serde_json::from_slice::<Change<RatePlan>>(bytes);
    let _ = serde_json::from_slice::<Change<Price>>(bytes);
});
