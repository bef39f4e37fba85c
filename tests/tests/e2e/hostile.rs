//! What a hostile or broken client may send, as one table against one running platform: each row is an input
//! and the status, code and pointer that answer it. Never a 5xx, never a word of the database's.
//!
//! Rows that wait for what does not exist yet, each to be added with its feature:
//! - auth: bearer tokens of issuers; keys, links and cookies have their rows here, and who sees what is `matrix.rs`
//! - `If-Match`: missing (428), stale (412)
//! - rate limits: a burst above the quota (429 with `Retry-After`)
//! - event streams: no auth, garbage as `Last-Event-ID`, a thousand streams, a slow reader
//! - versions: a retired one (410), an unknown `Accept` (406)
//! - `price_changed`: a quote's price is what is charged, so a price that changes since refuses nobody
//! - HTTP/2 (rapid reset): not spoken; its preface is a row of the sockets

mod bodies;
mod credentials;
mod fields;
mod impossible;
mod offers;
mod paths;
mod sentences;
mod slow;
mod sockets;
mod webhooks;
mod wire;

use tests::{Hotel, Platform};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_get_a_clear_problem_and_never_a_failure() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    let mut table = wire::Table::new(&platform).await;
    bodies::rows(&mut table, &hotel);
    fields::rows(&mut table, &platform, &hotel).await;
    offers::rows(&mut table, &platform, &hotel).await;
    paths::rows(&mut table, &hotel);
    impossible::rows(&mut table, &platform, &hotel).await;
    webhooks::rows(&mut table, &platform, &hotel).await;
    credentials::rows(&mut table, &platform);
    sockets::rows(&mut table, &hotel);
    table.finish();
    let booked = hotel.book(&platform, 50, 1, "pm_ok").await;
    assert_eq!(
        booked.status, 201,
        "after all of it, a guest books: {}",
        booked.json
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_send_or_read_slowly_are_cut_off_and_hold_nobody_up() {
    let platform = Platform::start().await;
    let hotel = Hotel::create(&platform, 2).await;
    slow::slow_clients(&platform, &hotel).await;
}
